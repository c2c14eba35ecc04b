package aggregator

import (
	"context"
	"errors"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/store"

	"weir/pkg/schema"
)

// Waits between tries of a journal that cannot be read.
const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 5 * time.Second
)

// identityCheck is how often the consumer looks whether its journal is still the
// same: a stream that is deleted and made anew under its name goes on where the
// reader was, so reading alone does not show it.
const identityCheck = 2 * time.Second

// observer is told what the consumer does.
type observer struct {
	folded     func(fold.Outcome)
	checkpoint func(c *store.Checkpoint, took time.Duration)
	retry      func(error)
	deliver    func(*fold.ResetOutcome)
}

// consumer folds the journal. It is a state machine, each state a method that
// returns the next one:
//
//	check -> read -> fold <-> checkpoint
//	  ^       |        |
//	  +-wait<-+--------+    the journal cannot be read
//	any -> finish -> end    ctx ended: a last checkpoint
//	any -> end              a fault that no retry mends: failed tells
//
// Only its goroutine changes the guarded state and uses the store's commits.
type consumer struct {
	journal  frames
	guard    *guard
	store    *store.Store
	interval time.Duration
	observe  observer
	failed   chan error // gets at most one
	strange  chan error // gets one when the journal is another one all at once

	ahead   *ahead
	ticker  *time.Ticker
	retryIn time.Duration
	status  consumerStatus

	unsaved       int // frames folded since the last checkpoint was prepared
	unsavedEvents int
	saving        *store.Checkpoint // the checkpoint being committed
	committing    chan error        // gets its result; nil for none
}

type consumerState func(context.Context) consumerState

// run folds until ctx ends or a fault.
func (c *consumer) run(ctx context.Context) {
	c.ticker = time.NewTicker(c.interval)
	defer c.ticker.Stop()
	c.retryIn = firstRetry
	c.strange = make(chan error, 1)
	watching, end := context.WithCancel(ctx)
	defer end()
	go c.watchIdentity(watching)
	for state := c.check; state != nil; {
		state = state(ctx)
	}
	if c.ahead != nil {
		c.ahead.stop()
	}
	if c.committing != nil {
		<-c.committing // after a fault; the store must not be closed under it
	}
}

// check compares the cursor with the journal's bounds.
func (c *consumer) check(ctx context.Context) consumerState {
	bounds, err := c.journal.Bounds(ctx)
	if err != nil {
		return c.retry(ctx, err)
	}
	state := c.guard.state
	if err := checkPosition(state.Origin(), state.Cursor(), state.Journal(), bounds); err != nil {
		return c.fail(err)
	}
	if state.Origin() == 0 {
		c.guard.Write(func(s *fold.State) { s.StartAfter(bounds.First-1, bounds.ID) })
	}
	return c.read
}

func (c *consumer) read(ctx context.Context) consumerState {
	ahead, err := readAhead(ctx, c.journal, c.guard.state.Cursor())
	if err != nil {
		return c.retry(ctx, err)
	}
	c.ahead = ahead
	c.status.set(func(s *consumerStatus) { s.journalError = "" })
	return c.fold
}

// fold applies frames until it is time for something else.
func (c *consumer) fold(ctx context.Context) consumerState {
	for {
		select {
		case <-ctx.Done():
			return c.finish
		case err := <-c.strange:
			return c.fail(err)
		case err := <-c.committing:
			if err := c.committed(err); err != nil {
				return c.failStore(err)
			}
		case <-c.ticker.C:
			if c.unsaved > 0 && c.committing == nil {
				return c.checkpoint
			}
		case d, ok := <-c.ahead.frames:
			if next := c.take(ctx, d, ok); next != nil {
				return next
			}
		}
	}
}

// take folds one frame. It returns a state to change to, if any.
func (c *consumer) take(ctx context.Context, d decoded, ok bool) consumerState {
	switch {
	case !ok || (d.err != nil && ctx.Err() != nil):
		return c.finish
	case errors.Is(d.err, ErrFrame):
		return c.fail(d.err)
	case d.err != nil:
		return c.retry(ctx, d.err)
	}
	c.retryIn = firstRetry
	c.apply(d.seq, d.frame)
	if c.unsavedEvents >= eventsPerCheckpoint || c.guard.state.PendingBytes() >= pendingPerCheckpoint {
		return c.checkpoint
	}
	return nil
}

func (c *consumer) apply(seq uint64, f *schema.Frame) {
	var out fold.Outcome
	c.guard.Write(func(s *fold.State) { out = s.Apply(seq, f) })
	c.unsaved++
	c.unsavedEvents += out.Events
	c.observe.folded(out)
	if out.Reset != nil {
		c.observe.deliver(out.Reset)
	}
}

// checkpoint has what changed written while the fold goes on.
func (c *consumer) checkpoint(context.Context) consumerState {
	if err := c.save(); err != nil {
		return c.failStore(err)
	}
	return c.fold
}

// save prepares a checkpoint and begins its commit. One at a time: if the last
// one is still under way, the fold waits for it.
func (c *consumer) save() error {
	if err := c.awaitCommit(); err != nil {
		return err
	}
	start := time.Now()
	var saving *store.Checkpoint
	var err error
	c.guard.Share(func(s *fold.State) { saving, err = c.store.Prepare(s) })
	if err != nil {
		return err
	}
	c.unsaved, c.unsavedEvents = 0, 0
	c.saving, c.committing = saving, make(chan error, 1)
	go func(done chan<- error) {
		err := saving.Commit()
		if err == nil {
			c.observe.checkpoint(saving, time.Since(start))
		}
		done <- err
	}(c.committing)
	return nil
}

// awaitCommit waits for the commit under way, if any.
func (c *consumer) awaitCommit() error {
	if c.committing == nil {
		return nil
	}
	return c.committed(<-c.committing)
}

// committed notes the end of a commit.
func (c *consumer) committed(err error) error {
	saved := c.saving
	c.saving, c.committing = nil, nil
	if err != nil {
		return err
	}
	c.guard.Write(func(s *fold.State) { s.Committed(saved.Meta) })
	c.status.set(func(s *consumerStatus) { s.checkpoint = saved.Meta.Cursor })
	return nil
}

// flush saves what is not saved yet, and waits until it is on disk.
func (c *consumer) flush() error {
	if c.unsaved > 0 {
		if err := c.save(); err != nil {
			return err
		}
	}
	return c.awaitCommit()
}

// finish takes the last checkpoint.
func (c *consumer) finish(context.Context) consumerState {
	if err := c.flush(); err != nil {
		return c.failStore(err)
	}
	return nil
}

// retry notes that the journal cannot be read, waits, and starts over.
func (c *consumer) retry(ctx context.Context, err error) consumerState {
	if c.ahead != nil {
		c.ahead.stop()
		c.ahead = nil
	}
	if ctx.Err() != nil {
		return c.finish
	}
	c.status.set(func(s *consumerStatus) { s.journalError = err.Error() })
	c.observe.retry(err)
	return c.wait
}

// wait lets some time pass. What is folded is saved meanwhile, and what is being
// saved ends meanwhile: the journal's trouble is not the store's.
func (c *consumer) wait(ctx context.Context) consumerState {
	if err := c.flush(); err != nil {
		return c.failStore(err)
	}
	timer := time.NewTimer(c.retryIn)
	defer timer.Stop()
	c.retryIn = min(2*c.retryIn, longestRetry)
	select {
	case <-ctx.Done():
		return c.finish
	case <-timer.C:
		return c.check
	}
}

// watchIdentity tells strange when the journal is not the one that the state was
// folded from. A journal that cannot be asked tells nothing.
func (c *consumer) watchIdentity(ctx context.Context) {
	ticker := time.NewTicker(identityCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		bounds, err := c.journal.Bounds(ctx)
		if err != nil {
			continue
		}
		id := ""
		c.guard.Share(func(s *fold.State) { id = s.Journal() })
		if id != "" && id != bounds.ID {
			c.strange <- otherJournal(id, bounds)
			return
		}
	}
}

// fail ends the consumer for a fault of the journal.
func (c *consumer) fail(err error) consumerState {
	c.status.set(func(s *consumerStatus) { s.journalError = err.Error() })
	c.failed <- err
	return nil
}

// failStore ends the consumer for a fault of the store.
func (c *consumer) failStore(err error) consumerState {
	c.status.set(func(s *consumerStatus) { s.storeError = err.Error() })
	c.failed <- err
	return nil
}
