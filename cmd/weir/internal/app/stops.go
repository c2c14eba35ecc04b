package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// stopList is what has been started, by name: it is stopped in the opposite
// order, within one bound for all of it.
type stopList struct {
	log   *slog.Logger
	items []stopItem
}

type stopItem struct {
	name string
	stop func(context.Context) error
}

func (l *stopList) push(name string, stop func(context.Context) error) {
	l.items = append(l.items, stopItem{name, stop})
}

// stop stops everything, the last started first, and empties the list. A stop
// that does not end before ctx does is left behind, named in the error, and the
// others still get their turn: each knows from ctx that there is no time left.
func (l *stopList) stop(ctx context.Context) error {
	var errs []error
	for len(l.items) > 0 {
		item := l.items[len(l.items)-1]
		l.items = l.items[:len(l.items)-1]
		began := time.Now()
		if err := bounded(ctx, item.stop); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", item.name, err))
		}
		l.log.Debug("stopped", "part", item.name, "after", time.Since(began))
	}
	return errors.Join(errs...)
}

// grace is what a stop gets when the bound is over already: most need no time.
const grace = 100 * time.Millisecond

var errStopTimeout = errors.New("not done in time")

func bounded(ctx context.Context, stop func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- stop(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return errStopTimeout
	}
}
