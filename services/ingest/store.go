package ingest

import (
	"context"
	"errors"
	"fmt"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/services/ingest/internal/broker"
)

var (
	errStopped = errors.New("the ingest is stopping")
	errBusy    = errors.New("too much waits for the journal")
)

// store puts an event into the journal and waits until it is stored, at the
// position that it returns. answer is the size of the answer that whoever sent it
// will get. Where ctx ends before, the event may be stored all the same.
func (a *App) store(ctx context.Context, e schema.Event, tenant schema.Tenant, answer int) (seq uint64, err error) {
	if a.committer.Queued() >= journal.DefaultMaxQueueBytes {
		return 0, errBusy // it would wait for room, whatever ctx says
	}
	done := make(chan uint64, 1)
	if err := a.submit(journal.Entry[broker.Receipt]{Event: e, Tenant: tenant, Ref: broker.NewReceipt(done, answer)}); err != nil {
		return 0, errStopped
	}
	select {
	case seq := <-done:
		return seq, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("the event waits for the journal: %w", ctx.Err())
	}
}
