package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"weir/pkg/read/readclient"
	"weir/services/query/internal/jsonappend"
	"weir/services/query/internal/params"
)

// problem is an error with the HTTP status that it is answered with.
type problem struct {
	code int
	text string
}

func (p *problem) Error() string { return p.text }

// explain returns the status and the text that an error is answered with.
func explain(err error) *problem {
	var (
		own     *problem
		param   *params.Error
		refused *readclient.Refused
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &param):
		return &problem{http.StatusBadRequest, param.Error()}
	case errors.As(err, &refused):
		return &problem{refusedCode(refused), refused.Description}
	case errors.Is(err, readclient.ErrNoAggregator), errors.Is(err, readclient.ErrNoIngest),
		errors.Is(err, context.Canceled):
		return &problem{http.StatusServiceUnavailable, err.Error()}
	case errors.Is(err, readclient.ErrLate), errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusGatewayTimeout, err.Error()}
	case errors.Is(err, readclient.ErrBroken):
		return &problem{http.StatusBadGateway, err.Error()}
	}
	return &problem{http.StatusInternalServerError, err.Error()}
}

// refusedCode passes on what a service says of the request (4xx); where the
// service itself failed, we are its gateway.
func refusedCode(r *readclient.Refused) int {
	if code, err := strconv.Atoi(r.Code); err == nil && code >= 400 && code < 500 {
		return code
	}
	return http.StatusBadGateway
}

// reply returns `{"error": "…"}` with its status.
func (p *problem) reply(b []byte) reply {
	b = jsonappend.Field(append(b, '{'), "error", p.text)
	return reply{code: p.code, body: append(b, '}', '\n')}
}
