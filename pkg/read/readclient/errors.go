package readclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ErrNoAggregator means that nobody listens where the partition's aggregator
// should, or that NATS itself cannot be reached.
var ErrNoAggregator = errors.New("the aggregator does not answer")

// ErrNoIngest means the same of ingest.
var ErrNoIngest = errors.New("the ingest does not answer")

// ErrLate means that a service has taken a request and did not answer it within
// the time there was. A request that changes something may have been carried out.
var ErrLate = errors.New("no answer in time")

// ErrBroken means that an answer came in parts and is not whole, or that it is
// not in the form of the read port.
var ErrBroken = errors.New("the answer is broken")

// ErrTooManySamples means that a selection has more samples than the request
// allows. It comes as a *Refused that is this error.
var ErrTooManySamples = errors.New("too many samples")

// Refused is a service's own answer that it cannot do what was asked.
type Refused struct {
	Code        string // as HTTP has them: "400", "422", "500"
	Description string
}

// Error returns the service's description.
func (r *Refused) Error() string { return r.Description }

// Is makes errors.Is tell ErrTooManySamples.
func (r *Refused) Is(target error) bool {
	return target == ErrTooManySamples && r.Code == tooManyCode
}

// tooManyCode is the code with which the read port refuses to read too much.
const tooManyCode = "422"

// peer is a service that is asked.
type peer struct {
	name   string
	absent error // the sentinel of its not being there
}

var (
	aggregator = peer{"aggregator", ErrNoAggregator}
	ingest     = peer{"ingest", ErrNoIngest}
)

// explain turns an error of nats.go into one of ours.
func (p peer) explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrDisconnected):
		return p.absent
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("ask the %s: %w", p.name, ErrLate)
	}
	return fmt.Errorf("ask the %s: %w", p.name, err)
}
