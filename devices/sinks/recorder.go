// Package sinks stands in for those whom alerts are sent to: Slack, PagerDuty,
// OpsGenie, webhooks and mail servers, which record what they get and fail when
// they are told to. They refuse what the vendors would refuse.
package sinks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is a request that a sink got.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Query  string
	Header http.Header
	Body   []byte
	Status int // of the answer; 0 if there was none
}

// Taken reports whether the sink acknowledged the request.
func (r Request) Taken() bool { return r.Status/100 == 2 }

// JSON reads the body.
func (r Request) JSON(into any) error {
	if err := json.Unmarshal(r.Body, into); err != nil {
		return fmt.Errorf("read what %s %s sent: %w", r.Method, r.Path, err)
	}
	return nil
}

// Failure is what a sink does instead of taking a request.
type Failure struct {
	Status     int    // of the answer; 0 together with neither Hang nor Drop means 500
	RetryAfter string // the header, "" for none
	Body       string
	Hang       bool // no answer until the client gives up
	Drop       bool // the connection is closed without an answer
	Lost       bool // with Hang or Drop: the request is taken before
}

// Recorder is a sink for HTTP. It is an http.Handler and safe for concurrent use.
type Recorder struct {
	vendor func(Request) answer

	mu       sync.Mutex
	requests []Request
	changed  chan struct{}
	planned  []Failure
	decide   func(Request) *Failure
}

// answer is what a vendor says to a request.
type answer struct {
	status int
	kind   string // Content-Type
	body   string
}

func newRecorder(vendor func(Request) answer) *Recorder {
	return &Recorder{vendor: vendor, changed: make(chan struct{})}
}

// FailNext makes the next requests fail, one for each failure.
func (r *Recorder) FailNext(failures ...Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned = append(r.planned, failures...)
}

// FailWhen decides for each request for which no failure is planned; nil means
// never. The function may be called concurrently.
func (r *Recorder) FailWhen(decide func(Request) *Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decide = decide
}

// Requests returns all requests so far, also those that failed.
func (r *Recorder) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Taken returns the requests so far that were acknowledged.
func (r *Recorder) Taken() []Request {
	return slices.DeleteFunc(r.Requests(), func(q Request) bool { return !q.Taken() })
}

// Reset forgets all requests and failures.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.planned, r.decide = nil, nil, nil
}

// Wait waits until enough says so of the requests that were acknowledged, and
// returns them.
func (r *Recorder) Wait(ctx context.Context, enough func([]Request) bool) ([]Request, error) {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		taken := r.Taken()
		if enough(taken) {
			return taken, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return taken, fmt.Errorf("wait for requests: %w; there are %d of which %d were taken", context.Cause(ctx), len(r.Requests()), len(taken))
		}
	}
}

// AtLeast says that n requests are enough.
func AtLeast(n int) func([]Request) bool { return func(all []Request) bool { return len(all) >= n } }

// ServeHTTP takes a request, or does not.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	got := Request{At: time.Now(), Method: request.Method, Path: request.URL.Path, Query: request.URL.RawQuery, Header: request.Header.Clone(), Body: bytes.Clone(body)}
	f := r.failure(got)
	if f == nil {
		a := r.vendor(got)
		got.Status = a.status
		r.record(got)
		reply(w, a, "")
		return
	}
	r.fail(w, request, got, *f)
}

func (r *Recorder) failure(got Request) *Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.planned) > 0 {
		f := r.planned[0]
		r.planned = r.planned[1:]
		return &f
	}
	if r.decide != nil {
		return r.decide(got)
	}
	return nil
}

func (r *Recorder) fail(w http.ResponseWriter, request *http.Request, got Request, f Failure) {
	if f.Lost {
		got.Status = r.vendor(got).status
	}
	switch {
	case f.Hang:
		r.record(got)
		<-request.Context().Done()
	case f.Drop:
		r.record(got)
		panic(http.ErrAbortHandler)
	default:
		if f.Status == 0 {
			f.Status = http.StatusInternalServerError
		}
		got.Status = f.Status
		r.record(got)
		reply(w, answer{f.Status, "text/plain", f.Body}, f.RetryAfter)
	}
}

func (r *Recorder) record(got Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, got)
	close(r.changed)
	r.changed = make(chan struct{})
}

func reply(w http.ResponseWriter, a answer, retryAfter string) {
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// Server serves a sink at an address of its own.
type Server struct {
	URL    string // without a slash at its end
	server *http.Server
}

// Serve serves a handler at a free port of this machine.
func Serve(h http.Handler) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a sink: %w", err)
	}
	return ServeOn(listener, h), nil
}

// ServeOn serves a handler on a listener, which Close closes.
func ServeOn(listener net.Listener, h http.Handler) *Server {
	s := &Server{URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(listener) }()
	return s
}

// Close ends the server and all its connections.
func (s *Server) Close() error {
	if err := s.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close a sink: %w", err)
	}
	return nil
}
