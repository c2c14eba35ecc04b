package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"weir/pkg/httpserver"
)

// answer is an answer. Without a content type it is JSON.
type answer struct {
	code        int // 0 is 200
	contentType string
	header      http.Header
	body        []byte
}

// problem is an error that is answered with a status.
type problem struct {
	code    int
	text    string
	wrapped bool // Perseo's form, with "data": null
	header  http.Header
}

// Error returns the text.
func (p *problem) Error() string { return p.text }

func bad(format string, args ...any) error {
	return &problem{code: http.StatusBadRequest, text: fmt.Sprintf(format, args...)}
}

// unavailable is the error of an event that could not be stored.
type unavailable struct{ err error }

// Error says what clients are told.
func (u *unavailable) Error() string {
	switch {
	case errors.Is(u.err, ErrClosed):
		return "weir is stopping: send it again"
	case isCrowded(u.err), errors.Is(u.err, httpserver.ErrSlow):
		return u.err.Error() + ": send it again"
	}
	return "the journal did not store it in time: send it again"
}

// Unwrap returns why.
func (u *unavailable) Unwrap() error { return u.err }

// isCrowded reports whether an error says that there was no room.
func isCrowded(err error) bool { return errors.Is(err, errNoRoom) || errors.Is(err, errSlowest) }

// isOurs reports whether an answer with a 5xx is worth a line in the log: one for
// each slow sender is not, nor when we stop.
func isOurs(err error) bool {
	return !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) && !isCrowded(err) && !errors.Is(err, httpserver.ErrSlow)
}

func explain(err error) answer {
	p := &problem{code: http.StatusInternalServerError, text: "internal error"}
	var u *unavailable
	switch {
	case errors.As(err, &u):
		p = &problem{code: http.StatusServiceUnavailable, text: u.Error(), header: http.Header{"Retry-After": {"1"}}}
	case errors.As(err, &p):
	}
	a := answer{code: p.code, header: p.header}
	if p.wrapped {
		a.body = wrapped(p.text)
	} else {
		a.body = inJSON(map[string]string{"error": p.text})
	}
	return a
}

// wrapped returns Perseo's form of an error.
func wrapped(e any) []byte {
	return inJSON(struct {
		Error any `json:"error"`
		Data  any `json:"data"`
	}{Error: e})
}

func inJSON(v any) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("BUG: an answer cannot be encoded: %v", err))
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

// serve returns what serves a route.
func (in *Intake) serve(route string, m methods) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		begin := in.cfg.Now()
		r := &request{Request: hr, query: hr.URL.Query()}
		a := in.run(route, m, r)
		r.end()
		a.write(w)
		in.cfg.Observer.Served(route, a.code, in.cfg.Now().Sub(begin))
	}
}

// run runs a handler: errors and panics become answers.
func (in *Intake) run(route string, m methods, r *request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			in.cfg.Observer.Panicked(route, v, debug.Stack())
			a = explain(errors.New("internal error"))
		}
	}()
	a, err := in.dispatch(m, r)
	if err != nil {
		header := a.header
		a = explain(err)
		if a.code >= 500 && isOurs(err) {
			in.cfg.Observer.Failed(route, err)
		}
		a.header = joined(a.header, header)
	}
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return a
}

func joined(header, more http.Header) http.Header {
	if header == nil {
		return more
	}
	for name, values := range more {
		header[name] = values
	}
	return header
}

func (in *Intake) dispatch(m methods, r *request) (answer, error) {
	if m == nil {
		return answer{}, &problem{code: http.StatusNotFound, text: fmt.Sprintf("no such route: %s %s", r.Method, shown(r.URL.Path))}
	}
	method := r.Method
	if method == http.MethodHead && m[http.MethodHead] == nil {
		method = http.MethodGet
	}
	h := m[method]
	if h == nil {
		return answer{}, &problem{code: http.StatusMethodNotAllowed, header: http.Header{"Allow": {allowed(m)}},
			text: fmt.Sprintf("%s does not take %s", shown(r.URL.Path), r.Method)}
	}
	if err := in.origins.Check(r.Request); err != nil {
		return answer{}, &problem{code: http.StatusForbidden, text: "pages of other sites are not answered"}
	}
	return h(in, r)
}

func allowed(m methods) string {
	var all []string
	for method := range m {
		if all = append(all, method); method == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if len(a.body) > 0 {
		if a.contentType == "" {
			a.contentType = "application/json; charset=utf-8"
		}
		h.Set("Content-Type", a.contentType)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	if a.code != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.code)
	w.Write(a.body) // an error here means that nobody reads any more
}
