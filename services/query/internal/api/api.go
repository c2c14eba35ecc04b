// Package api serves weir's HTTP APIs: thin handlers between the services that
// are asked and the packages that write the documents.
package api

import (
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/services/query/internal/promapi"
)

// Listener says on which side requests come in.
type Listener string

// The listeners. The external one is read-only.
const (
	Internal Listener = "internal"
	External Listener = "external"
)

// Config is what the APIs need.
type Config struct {
	Client    Client
	Now       func() time.Time
	Started   time.Time // for the uptime
	Version   string
	Heartbeat time.Duration     // the interval at which proplets say that they are alive
	Metrics   func(w io.Writer) // writes the process' own metrics, which stand before the tenants'
	Observer  Observer

	Alerter    Alerter      // nil for none
	Intake     http.Handler // passes requests on to ingest; nil for none
	Prometheus *promapi.API // Prometheus' HTTP API, the same for both listeners; nil for none
}

// Observer is told what happens; its functions may be called concurrently, and
// must not be nil.
type Observer struct {
	// Served comes after every request. route is the route's path with its
	// placeholders, or "unknown"; took is until the answer's last byte.
	Served func(route string, code int, took time.Duration)
	// Failed comes when a request was answered with a 5xx.
	Failed func(route string, err error)
	// Panicked comes when a handler panicked; the client got a 500 if nothing
	// had been sent yet.
	Panicked func(route string, value any, stack []byte)
}

// API serves the requests of one listener.
type API struct {
	Config
	listener Listener
	mux      *http.ServeMux
	origins  *http.CrossOriginProtection
	buffers  sync.Pool // of *[]byte

	comparing chan struct{} // holds one while rollouts are compared
}

// New returns the handler of a listener.
func New(c Config, l Listener) *API {
	a := &API{Config: c, listener: l, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), comparing: make(chan struct{}, 1)}
	a.buffers.New = func() any { return new([]byte) }
	paths := map[string][]*route{}
	for i := range routes {
		paths[routes[i].path] = append(paths[routes[i].path], &routes[i])
	}
	for path, rows := range paths {
		pattern := path
		if path == "/" {
			pattern = "/{$}" // "/" alone would match every path
		}
		a.mux.HandleFunc(pattern, a.serve(path, dispatch(rows)))
	}
	a.mountAlerter()
	a.mountIntake()
	a.mountPrometheus()
	a.mux.HandleFunc("/", a.serve("unknown", noSuchRoute))
	return a
}

// ServeHTTP serves a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// reply is an answer. Its body is appended to the buffer that the handler got.
type reply struct {
	code        int    // 0 is 200
	contentType string // "" is application/json
	header      http.Header
	body        []byte
}

// handler answers a request, appending the body to b. An error is answered with
// the status that explain gives it.
type handler func(a *API, r *http.Request, b []byte) (reply, error)

// maxBuffer is the largest body whose memory is kept for the next one.
const maxBuffer = 32 << 20

// serve runs a handler: errors and panics become JSON, the observer is told.
func (a *API) serve(route string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begin := a.Now()
		buffer := a.buffers.Get().(*[]byte)
		answer := a.run(route, h, r, (*buffer)[:0])
		answer.write(w)
		if cap(answer.body) <= maxBuffer {
			*buffer = answer.body
		}
		a.buffers.Put(buffer)
		a.Observer.Served(route, answer.code, a.Now().Sub(begin))
	}
}

func (a *API) run(route string, h handler, r *http.Request, b []byte) (answer reply) {
	defer func() {
		if v := recover(); v != nil {
			a.Observer.Panicked(route, v, debug.Stack())
			answer = (&problem{http.StatusInternalServerError, "internal error"}).reply(nil)
		}
	}()
	answer, err := h(a, r, b)
	if err != nil {
		p := explain(err)
		if p.code >= 500 {
			a.Observer.Failed(route, err)
		}
		header := answer.header
		answer = p.reply(b)
		answer.header = header
	}
	if answer.code == 0 {
		answer.code = http.StatusOK
	}
	return answer
}

func (r *reply) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	if len(r.body) > 0 {
		if r.contentType == "" {
			r.contentType = "application/json"
		}
		h.Set("Content-Type", r.contentType)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.code)
	w.Write(r.body) // an error here means that nobody reads any more
}

func noSuchRoute(_ *API, r *http.Request, _ []byte) (reply, error) {
	return reply{}, &problem{http.StatusNotFound, fmt.Sprintf("no such route: %s %s", r.Method, r.URL.Path)}
}

// dispatch chooses among the routes of one path.
func dispatch(rows []*route) handler {
	return func(a *API, r *http.Request, b []byte) (reply, error) {
		i := slices.IndexFunc(rows, func(row *route) bool { return row.matches(r) })
		if i < 0 {
			return a.wrongMethod(rows, r)
		}
		row := rows[i]
		if err := a.mayUse(row, r); err != nil {
			return reply{}, err
		}
		return row.serve(a, r, b)
	}
}

// mayUse returns why a request may not use a route, nil if it may.
func (a *API) mayUse(row *route, r *http.Request) error {
	switch {
	case row.who == InternalOnly && a.listener == External:
		return &problem{http.StatusForbidden, fmt.Sprintf("%s is for the internal listener only", row)}
	case row.changes && a.fromElsewhere(r):
		return &problem{http.StatusForbidden, fmt.Sprintf("%s does not answer pages of other sites", row)}
	}
	return nil
}

// wrongMethod says which methods a path has on this listener.
func (a *API) wrongMethod(rows []*route, r *http.Request) (reply, error) {
	var allow []string
	for _, row := range rows {
		if row.who == InternalOnly && a.listener == External || slices.Contains(allow, row.method) {
			continue
		}
		if allow = append(allow, row.method); row.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	text := fmt.Sprintf("%s does not take %s", r.URL.Path, r.Method)
	return reply{header: http.Header{"Allow": {strings.Join(allow, ", ")}}}, &problem{http.StatusMethodNotAllowed, text}
}

// fromElsewhere reports whether a browser sent the request for a page of another
// origin. Without it any page that an operator opens could reset the numbers of
// a weir on the operator's machine. What a request changes does not depend on
// its method here: a GET can reset.
func (a *API) fromElsewhere(r *http.Request) bool {
	as := *r
	as.Method = http.MethodPost
	return a.origins.Check(&as) != nil
}
