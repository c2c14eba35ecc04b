package natshttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"time"

	"github.com/nats-io/nats.go"
)

// Proxy returns a handler that passes requests on to whoever serves a subject.
// service is how the service is called where it does not answer:
//
//	503 {"error": "the alerter does not answer"}           nobody listens
//	504 {"error": "the alerter did not answer in time"}    within timeout
//	502 {"error": "the alerter's answer is broken"}
//	503 {"error": "the request's body did not come whole: send it again"}
//	413, 431                                               the request is too large
//
// An answer that breaks off, or takes longer than timeout, breaks off for the
// client too.
func Proxy(nc *nats.Conn, subject, service string, timeout time.Duration) http.Handler {
	proxy := &httputil.ReverseProxy{
		Transport: NewTransport(nc, subject),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.RawQuery = r.In.URL.RawQuery // what cannot be understood is the service's to say
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			code, text := failure(service, err)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			w.Write(errorBody(text)) // an error here means that nobody reads any more
		},
		ErrorLog: log.New(io.Discard, "", 0), // of answers that break off: whoever asked sees it
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		proxy.ServeHTTP(w, r.WithContext(ctx))
	})
}

// failure returns what a request is answered with that got no answer.
func failure(service string, err error) (code int, text string) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit)
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestHeaderFieldsTooLarge, ErrTooLarge.Error()
	case errors.Is(err, ErrBody): // it was slow, or we are stopping
		return http.StatusServiceUnavailable, ErrBody.Error() + ": send it again"
	case errors.Is(err, ErrNobody), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, fmt.Sprintf("the %s does not answer", service)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, fmt.Sprintf("the %s did not answer in time", service)
	}
	return http.StatusBadGateway, fmt.Sprintf("the %s's answer is broken: %v", service, err)
}

// errorBody returns `{"error": …}`.
func errorBody(text string) []byte {
	b, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		panic(fmt.Sprintf("BUG: a text does not become JSON: %v", err))
	}
	return append(b, '\n')
}
