package promapi

import (
	"context"

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

// Delete gives a turn back.
func (g gate) Delete(int) { <-g }

// Close does nothing.
func (g gate) Close() error { return nil }
