package aggregator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/readport"

	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

// resetTimeout bounds how long a get-and-reset may take to be stored and folded.
const resetTimeout = 10 * time.Second

// resets turns each get-and-reset into an event in the journal, and waits until
// the fold has passed it: its position says exactly what is before and after it,
// whatever else is appended at the same time.
type resets struct {
	journal frames
	now     func() time.Time

	// appending is held while a frame is appended. Invariant: a writer's frames
	// lie in the journal in the order of their numbers, or the fold would take
	// the one that was overtaken for a frame stored twice.
	appending sync.Mutex
	writer    string
	number    uint64

	mu      sync.Mutex
	waiting map[string]chan *fold.ResetOutcome // by Reset.ID
}

var _ readport.Resetter = (*resets)(nil)

func newResets(journal frames) *resets {
	return &resets{
		journal: journal, now: time.Now,
		writer:  "aggregator-" + nuid.Next(),
		waiting: map[string]chan *fold.ResetOutcome{},
	}
}

// Reset is the get-and-reset of the read port.
func (r *resets) Reset(ctx context.Context) (*fold.ResetOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, resetTimeout)
	defer cancel()
	id := nuid.Next()
	answer := r.await(id)
	defer r.forget(id)
	if err := r.append(ctx, id); err != nil {
		return nil, fmt.Errorf("%w: store the reset: %w", readport.ErrUnavailable, err)
	}
	select {
	case out := <-answer:
		return out, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: the reset is stored, and not folded yet: %w", readport.ErrUnavailable, ctx.Err())
	}
}

func (r *resets) append(ctx context.Context, id string) error {
	r.appending.Lock()
	defer r.appending.Unlock()
	r.number++
	f := &schema.Frame{Writer: r.writer, Number: r.number, Reset: &schema.Reset{ID: id, At: r.now().UnixNano()}}
	data, err := frame.Encode(nil, f)
	if err != nil {
		return err
	}
	_, err = r.journal.Append(ctx, frame.ID(f), data, nil)
	return err
}

func (r *resets) await(id string) <-chan *fold.ResetOutcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := make(chan *fold.ResetOutcome, 1)
	r.waiting[id] = answer
	return answer
}

func (r *resets) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// deliver hands the outcome of a reset to whoever waits for it: nobody, if it is
// another aggregator's, or was folded before in an earlier run.
func (r *resets) deliver(out *fold.ResetOutcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer := r.waiting[out.ID]; answer != nil {
		select {
		case answer <- out:
		default: // the journal holds the same reset twice
		}
	}
}
