// Package intake takes what is pushed over HTTP: FIWARE's notifications, groups
// of metrics as a Pushgateway takes them, Prometheus' remote write and InfluxDB's
// line protocol.
//
// Each request is one event, and is answered when it is stored. What cannot be
// read is stored as well, for the fold to reject it: the answer says so with a
// status of 4xx. Not stored is what tells no tenant that there can be, or comes
// without the right to speak for it.
package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/pkg/remotewrite"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/services/ingest/internal/access"
)

// ErrClosed is Submit's error when nothing is stored any more.
var ErrClosed = errors.New("the intake is closing")

// Config says what an Intake needs.
type Config struct {
	// Submit stores an event and returns when it is stored; ctx bounds the wait.
	// answer is the size of the answer's body in bytes.
	Submit  func(ctx context.Context, e schema.Event, tenant schema.Tenant, answer int) error
	Users   *access.Users // nil: anyone may push
	MaxBody int           // bytes, decompressed; of a larger body the beginning is kept as a dead letter
	MaxText int           // the same of a pushed group, which is stored compressed; 0 is MaxBody
	Keep    int           // how much of it is kept, at most MaxBody

	// WriteTenant returns whose a remote write is that names no tenant, if that is
	// configured; nil for never. It may be called concurrently.
	WriteTenant func() (schema.Tenant, bool)

	// MaxBytes is what all bodies may take that are coming or being stored; 0 is 64 MiB.
	MaxBytes int

	Version string
	// Level is what PUT /admin/log sets; nil for none.
	Level *slog.LevelVar

	Now      func() time.Time
	Observer Observer
}

// Observer is told what happens. Its functions may be called concurrently.
type Observer struct {
	// Served comes after every request. route is a path of Routes, or "unknown".
	Served func(route string, code int, took time.Duration)
	// Failed comes when a request was answered with a 5xx that is our fault.
	Failed func(route string, err error)
	// Refused comes when a notice was answered with an error of its own, which is
	// text; correlator names its transaction.
	Refused func(correlator, text string)
	// Panicked comes when a handler panicked.
	Panicked func(route string, value any, stack []byte)
}

const (
	// patience is how long a request waits for room, and again for its turn and the
	// journal.
	patience = 20 * time.Second
	// maxRequests is how many requests are decoded and stored at a time.
	maxRequests = 128
)

// Intake is the handler of all routes.
type Intake struct {
	cfg      Config
	mux      *http.ServeMux
	origins  *http.CrossOriginProtection
	bodies   *bodies
	turns    chan struct{} // one for each request whose body has come
	failures failures      // of pushed groups
	decoders sync.Pool
	remote   sync.Pool // of *remotewrite.Decoder
}

// New returns an Intake.
func New(cfg Config) *Intake {
	in := &Intake{
		cfg: cfg, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(),
		bodies: newBodies(cmp.Or(cfg.MaxBytes, maxBytes)), turns: make(chan struct{}, maxRequests),
		decoders: sync.Pool{New: func() any { return decode.New() }},
		remote:   sync.Pool{New: func() any { return remotewrite.New() }},
	}
	for path, methods := range routes() {
		in.mux.HandleFunc(path, in.serve(path, methods))
	}
	in.mux.HandleFunc("/", in.serve("unknown", nil))
	return in
}

// ServeHTTP serves a request.
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) { in.mux.ServeHTTP(w, r) }

// Bodies says how the bodies of requests do.
func (in *Intake) Bodies() BodyFigures { return in.bodies.count() }

// handler answers a request. An error is answered by explain.
type handler func(in *Intake, r *request) (answer, error)

// methods are the handlers of a path.
type methods map[string]handler

// routes returns the table of routes. Their paths are http.ServeMux's patterns.
func routes() map[string]methods {
	return map[string]methods{
		"/notices":             {http.MethodPost: notice},
		"/metrics/job/":        pushes(),
		"/metrics/job@base64/": pushes(),
		"/api/v1/write":        {http.MethodPost: remoteWrite},
		"/write":               {http.MethodPost: influxWrite},
		"/api/v2/write":        {http.MethodPost: influxWrite},
		"/check":               {http.MethodGet: check},
		"/version":             {http.MethodGet: version},
		"/admin/log":           {http.MethodGet: logLevel, http.MethodPut: setLogLevel},
	}
}

func pushes() methods {
	return methods{http.MethodPut: push, http.MethodPost: push, http.MethodDelete: push}
}

// store makes an event of a request's body and waits until it is stored. answer is
// the size of the answer.
func (in *Intake) store(r *request, e schema.Event, answer int) error {
	e.Client, e.Route = r.host(), schema.RouteHTTP
	if e.Correlator == "" {
		e.Correlator = givenCorrelator(r)
	}
	if e.Received == 0 {
		e.Received = in.cfg.Now().UnixNano()
	}
	topic, ours := decode.ParseEvent(e.Route, e.Topic)
	if !ours || topic.Kind == decode.TopicBad {
		panic(fmt.Sprintf("BUG: the topic %q of a request is none: %s", e.Topic, topic.Detail))
	}
	if err := in.turn(r); err != nil {
		return err
	}
	if err := in.cfg.Submit(r.patience, e, topic.Tenant, answer); err != nil {
		return &unavailable{err}
	}
	return nil
}

// turn waits for the turn of a request, which it has until its end. From here on
// its patience runs.
func (in *Intake) turn(r *request) error {
	if r.turns != nil {
		return nil
	}
	r.patience, r.giveUp = context.WithTimeout(r.Context(), patience)
	select {
	case in.turns <- struct{}{}:
		r.turns = in.turns
		return nil
	case <-r.patience.Done():
		return &unavailable{errNoRoom}
	}
}

// decode returns why the fold will reject an event, nil if it will not.
func (in *Intake) decode(e *schema.Event) *schema.Rejection {
	topic, _ := decode.ParseEvent(schema.RouteHTTP, e.Topic)
	d := in.decoders.Get().(*decode.Decoder)
	defer in.decoders.Put(d)
	_, rejection := d.Decode(topic, e.Payload)
	return rejection
}
