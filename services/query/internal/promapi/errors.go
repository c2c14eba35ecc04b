package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
)

// errorType is what Prometheus' API calls the kind of an error.
type errorType string

// The types, as Prometheus names them.
const (
	errBadData     errorType = "bad_data"
	errExecution   errorType = "execution"
	errTimeout     errorType = "timeout"
	errCanceled    errorType = "canceled"
	errInternal    errorType = "internal"
	errUnavailable errorType = "unavailable"
	errNotFound    errorType = "not_found"
)

// statusClientClosed is what nginx and Prometheus say, for their logs, of a
// request whose client did not wait for the answer.
const statusClientClosed = 499

// codes are the statuses of the types.
var codes = map[errorType]int{
	errBadData:     http.StatusBadRequest,
	errExecution:   http.StatusUnprocessableEntity,
	errTimeout:     http.StatusServiceUnavailable,
	errCanceled:    statusClientClosed,
	errInternal:    http.StatusInternalServerError,
	errUnavailable: http.StatusServiceUnavailable,
	errNotFound:    http.StatusNotFound,
}

// apiError is an error with its type.
type apiError struct {
	typ  errorType
	err  error
	code int // 0: the type's own
}

func (e *apiError) Error() string { return e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

// status returns the HTTP status that the error is answered with.
func (e *apiError) status() int {
	if e.code != 0 {
		return e.code
	}
	return codes[e.typ]
}

// badData says that a request cannot be understood.
func badData(format string, args ...any) error {
	return &apiError{typ: errBadData, err: fmt.Errorf(format, args...)}
}

// invalid says which parameter cannot be understood, in Prometheus' words.
func invalid(parameter string, err error) error {
	return badData("invalid parameter %q: %w", parameter, err)
}

// classify gives an error the type that Prometheus gives it.
func classify(err error) *apiError {
	var (
		own      *apiError
		canceled promql.ErrQueryCanceled
		timeout  promql.ErrQueryTimeout
		storage  promql.ErrStorage
		scope    *promread.BadScope
		steps    *bounds.TooManySteps
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &scope):
		return &apiError{typ: errBadData, err: err}
	case errors.As(err, &steps):
		return &apiError{typ: errExecution, err: err}
	case errors.Is(err, promread.ErrUnavailable):
		return &apiError{typ: errUnavailable, err: err}
	case errors.As(err, &timeout), errors.Is(err, promread.ErrLate), errors.Is(err, context.DeadlineExceeded):
		return &apiError{typ: errTimeout, err: err}
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &apiError{typ: errCanceled, err: err}
	case errors.As(err, &storage), errors.Is(err, promread.ErrFailed):
		return &apiError{typ: errInternal, err: err}
	}
	return &apiError{typ: errExecution, err: err}
}
