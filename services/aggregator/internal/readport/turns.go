package readport

import (
	"context"
	"errors"
	"fmt"

	"weir/pkg/schema"
)

// DefaultReaders is how many requests for series read history at once.
const DefaultReaders = 8

// lane is what requests wait for their turn in. Each has readers of its own, so
// that nobody waits for what others ask: a few queries that take minutes would
// otherwise stop all alerts.
//
// Fair turns by tenant were rejected: of a query without a service in its
// matchers nobody can tell whose it is, and it costs most.
type lane int

const (
	forSeries lane = iota // whatever anybody asks in PromQL
	forPages              // a source's readings, and the sources at a moment: a person waits
	forRules              // what the evaluation of rules asks
	lanes
)

// newTurns returns the readers of the lanes; the pages and the rules, which ask
// for little at a time, have half as many as the series.
func newTurns(readers int) (all [lanes]chan struct{}) {
	for l := range all {
		n := readers
		if lane(l) != forSeries {
			n = (readers + 1) / 2
		}
		all[l] = make(chan struct{}, n)
	}
	return all
}

// take waits until the request is one of few in its lane.
func (p *Port) take(ctx context.Context, l lane) error {
	select {
	case p.turns[l] <- struct{}{}:
	case <-ctx.Done():
		return outOfTime(ctx)
	}
	if ctx.Err() != nil {
		p.giveBack(l)
		return outOfTime(ctx)
	}
	return nil
}

func (p *Port) giveBack(l lane) { <-p.turns[l] }

// laneOf returns the lane of a request to an endpoint.
func laneOf(e *endpoint, header func(string) string) lane {
	if header(schema.RulesHeader) != "" {
		return forRules
	}
	return e.lane
}

// outOfTime says why ctx ended; nil while it has not.
func outOfTime(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), errGone):
		return errGone
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: the request's time is over", ErrUnavailable)
	}
	return fmt.Errorf("%w: it is stopping", ErrUnavailable)
}
