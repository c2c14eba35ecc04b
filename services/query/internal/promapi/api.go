// Package promapi serves Prometheus' HTTP API over the stored history, with
// Prometheus' own PromQL engine. Its shapes, texts and status codes are those
// of Prometheus 3 (https://prometheus.io/docs/prometheus/latest/querying/api/).
//
// Every request may be restricted to a tenant: by the parameters service and
// subservice or the headers Fiware-Service and Fiware-ServicePath.
package promapi

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread"
)

// API serves Prometheus' HTTP API.
type API struct {
	Config
	parser  parser.Parser
	engine  *promread.Engine
	gate    gate
	mux     *http.ServeMux
	handler http.Handler
}

// New returns the API. The error lists all faults of the configuration.
func New(c Config) (*API, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &API{Config: c, mux: http.NewServeMux(), gate: make(gate, c.MaxConcurrency)}
	a.parser = promread.NewParser(c.ExperimentalFunctions)
	a.engine = promread.NewEngine(promread.EngineConfig{
		MaxSamples: c.MaxSamples, Timeout: c.Timeout, LookbackDelta: c.LookbackDelta,
		ExperimentalFunctions: c.ExperimentalFunctions, Tracker: a.gate,
	})
	for i := range routes {
		a.mux.HandleFunc(routes[i].path, a.serve(&routes[i]))
	}
	a.mux.HandleFunc("/", a.serve(&unknown))
	compress, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, fmt.Errorf("promapi: set up compression: %w", err)
	}
	a.handler = compress(a.mux)
	return a, nil
}

// answerTime is how long an answer may take to be sent once it is made.
const answerTime = 30 * time.Second

// ServeHTTP serves a request. A server's write timeout that is shorter than a
// query may take is put off.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Where the writer cannot do it there is no such timeout to put off.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.Timeout + answerTime))
	a.handler.ServeHTTP(w, r)
}

// request is a request with what it may read.
type request struct {
	*http.Request
	scope  []*labels.Matcher
	reader promread.Reader // restricted to scope
}

// handler answers a request, with JSON in Prometheus' envelope or by itself.
type handler func(a *API, w http.ResponseWriter, r *request) error

// serve checks a request, restricts it to its tenant and runs the handler:
// there is no other way to a reader.
func (a *API) serve(row *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.cors(w, r); r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err := a.run(row, w, r); err != nil {
			a.fail(w, r, classify(err))
		}
	}
}

func (a *API) run(row *route, w http.ResponseWriter, r *http.Request) error {
	if !row.takes(r.Method) {
		w.Header().Set("Allow", row.methods+", OPTIONS")
		return &apiError{typ: errBadData, code: http.StatusMethodNotAllowed, err: fmt.Errorf("%s does not take %s", r.URL.Path, r.Method)}
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	scope, err := promread.RequestScope(r)
	if err != nil {
		return err
	}
	return row.serve(a, w, &request{Request: r, scope: scope, reader: promread.Restrict(a.Reader, scope...)})
}

func badForm(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &apiError{typ: errBadData, code: http.StatusRequestEntityTooLarge, err: fmt.Errorf("error parsing form values: %w", err)}
	}
	return badData("error parsing form values: %w", err)
}

// cors lets pages of the sites that the configuration names read the answer.
func (a *API) cors(w http.ResponseWriter, r *http.Request) {
	if a.CORSOrigin == nil {
		return
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !a.CORSOrigin.MatchString(origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	h.Set("Access-Control-Expose-Headers", "Date")
}

// takes reports whether a route takes a method; HEAD is like GET.
func (row *route) takes(method string) bool {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, m := range strings.Split(row.methods, ", ") {
		if m == method || m == "*" {
			return true
		}
	}
	return false
}
