package aggregator

import (
	"context"
	"time"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
)

const (
	// healthyFor is how long a source counts as healthy after it was heard of.
	healthyFor = 5 * time.Minute
	// boundsTimeout bounds the question to the journal: a journal that is down
	// must show within the patience of whoever asks for the health.
	boundsTimeout = 500 * time.Millisecond
)

// health says how the aggregator does.
func (a *App) health(ctx context.Context) schema.AggregatorHealth {
	var h schema.AggregatorHealth
	h.Checkpoint, h.JournalError, h.StoreError = a.consumer.status.get()
	a.guard.Share(func(s *fold.State) {
		h.Cursor = s.Cursor()
		h.Sources = s.SourceCount()
		h.HealthyPeers = s.HealthyPeers(time.Now().Add(-healthyFor).UnixNano())
		h.ServiceTimeNS = s.MeanServiceTime()
		for _, l := range nearLimits(s) {
			h.Limits = append(h.Limits, l.String())
		}
	})
	if h.StoreError == "" {
		h.StoreError = a.store.Fault()
	}
	h.StoreBytes = a.store.Size()
	ctx, cancel := context.WithTimeout(ctx, boundsTimeout)
	defer cancel()
	bounds, err := a.journal.Bounds(ctx)
	if err != nil {
		h.JournalEnd = h.Cursor
		h.JournalError = err.Error()
		return h
	}
	h.JournalEnd = bounds.Last
	h.Behind = bounds.Last - min(bounds.Last, h.Cursor)
	return h
}

// checkpointPosition returns the journal position up to which the store goes.
func (a *App) checkpointPosition() uint64 {
	if a.consumer == nil {
		return 0
	}
	position, _, _ := a.consumer.status.get()
	return position
}

func (a *App) storeBytes() uint64 {
	if a.store == nil {
		return 0
	}
	return a.store.Size()
}
