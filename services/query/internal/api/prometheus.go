package api

import (
	"net/http"
	"runtime/debug"

	"weir/services/query/internal/jsonappend"
	"weir/services/query/internal/promapi"
)

// mountPrometheus serves Prometheus' API beside the routes of the table. What
// it says of paths below /api/v1/ that it does not have is in its own form.
func (a *API) mountPrometheus() {
	if a.Prometheus == nil {
		return
	}
	for _, route := range promapi.Routes() {
		a.mux.Handle(route.Path, a.watch(route.Path, a.Prometheus))
	}
	a.mux.Handle("/api/v1/", a.watch("unknown", a.Prometheus))
}

// appendPrometheus appends the routes of Prometheus' API to the index.
func (a *API) appendPrometheus(b []byte) []byte {
	if a.Prometheus == nil {
		return b
	}
	for _, route := range promapi.Routes() {
		b = jsonappend.Field(append(jsonappend.Comma(b), '{'), "method", route.Method)
		b = jsonappend.Field(b, "path", route.Path)
		b = append(jsonappend.Field(b, "about", route.About), '}')
	}
	return b
}

// watch tells the observer of a handler that writes its answers itself.
func (a *API) watch(route string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, seen := a.Now(), &watcher{ResponseWriter: w}
		defer func() {
			v := recover()
			if v != nil && v != http.ErrAbortHandler {
				a.Observer.Panicked(route, v, debug.Stack())
				if seen.code == 0 {
					answer := (&problem{http.StatusInternalServerError, "internal error"}).reply(nil)
					answer.write(seen)
				}
			}
			a.Observer.Served(route, seen.status(), a.Now().Sub(begin))
			if v == http.ErrAbortHandler {
				panic(v) // the server breaks the connection off: the answer is not whole
			}
		}()
		h.ServeHTTP(seen, r)
	})
}

// watcher remembers the status of an answer.
type watcher struct {
	http.ResponseWriter
	code int // 0 until it is written
}

// WriteHeader writes the status.
func (w *watcher) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write writes a part of the body.
func (w *watcher) Write(b []byte) (int, error) {
	w.code = w.status()
	return w.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the connection.
func (w *watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// status returns the status that was or will be written.
func (w *watcher) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
