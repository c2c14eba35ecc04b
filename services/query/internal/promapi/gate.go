package promapi

import (
	"context"
	"fmt"

	"github.com/prometheus/prometheus/promql"
)

// gate lets a bounded number of queries run at a time. It is what the engine
// calls a tracker; where a query waits too long, the engine says so.
type gate chan struct{}

var _ promql.QueryTracker = gate(nil)

// GetMaxConcurrent returns how many may run at a time.
func (g gate) GetMaxConcurrent() int { return cap(g) }

// Insert waits for a turn.
func (g gate) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case g <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// turn waits for a turn of one that is no query of the engine's, and runs it. It
// is for reading only: who writes while it has the turn gives it to whoever reads
// the answer, for as long as that takes.
func (g gate) turn(ctx context.Context, read func() error) error {
	if _, err := g.Insert(ctx, ""); err != nil {
		return fmt.Errorf("wait for the queries before: %w", err)
	}
	defer g.Delete(0)
	return read()
}

// Delete gives a turn back.
func (g gate) Delete(int) { <-g }

// Close does nothing.
func (g gate) Close() error { return nil }
