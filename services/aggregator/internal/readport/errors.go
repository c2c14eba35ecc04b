package readport

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrBadRequest means that a request could not be understood: code 400.
var ErrBadRequest = errors.New("bad request")

// ErrUnavailable means that an answer cannot be given now: the aggregator is
// stopping, or the journal does not answer. Code 503.
var ErrUnavailable = errors.New("aggregator is not available")

// ErrTooManySamples means that a selection has more samples than its request
// allows: code 422.
var ErrTooManySamples = errors.New("too many samples")

// errGone means that nobody listens for an answer any more.
var errGone = errors.New("who asked is gone")

// code returns the code of an error for the micro service's error header.
func code(err error) string {
	switch {
	case errors.Is(err, ErrBadRequest):
		return "400"
	case errors.Is(err, ErrTooManySamples):
		return "422"
	case errors.Is(err, ErrUnavailable):
		return "503"
	}
	return "500"
}

// parse reads a request. No bytes at all are a request that leaves all open.
func parse(request []byte, into any) error {
	if len(request) == 0 {
		return nil
	}
	if err := json.Unmarshal(request, into); err != nil {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	return nil
}
