package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	publishTimeout = 2 * time.Second
	firstRetryWait = 20 * time.Millisecond
	longestWait    = 2 * time.Second
)

// run writes what was accepted until the ledger is closed or has failed. A
// message holds whatever was accepted while the one before was being written.
func (l *Ledger) run() {
	defer close(l.done)
	for {
		entries, overflowed, closing := l.take()
		var err error
		switch {
		case len(entries) > 0:
			err = l.store(entries)
		case overflowed:
			err = l.snapshot()
		case closing:
			return
		default:
			select {
			case <-l.wake:
			case <-l.ctx.Done():
				return
			}
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// take returns what is to be written next.
func (l *Ledger) take() (entries []*entry, overflowed, closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying = len(l.queue)
	return l.queue[:l.flying:l.flying], l.overflowed, l.closing
}

// store writes entries, and a snapshot if it is time for one. It fails only when
// the ledger has to.
func (l *Ledger) store(entries []*entry) error {
	var raw []json.RawMessage
	for _, e := range entries {
		raw = append(raw, e.raw...)
	}
	for _, message := range sealEvents(raw) {
		if err := l.publish(message); err != nil {
			return err
		}
	}
	if l.stored(len(entries)) {
		return l.snapshot()
	}
	return nil
}

// stored removes the first n entries from the queue and reports whether it is
// time for a snapshot.
func (l *Ledger) stored(n int) (due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.queue[:n] {
		l.apply(e)
		l.bytes -= e.size
	}
	l.queue, l.flying = l.queue[n:], 0
	l.waitAgain()
	if len(l.queue) == 0 && !l.overflowed {
		l.recovered()
	}
	// The state of a degraded ledger is ahead of the stream: a snapshot of it
	// would be followed by events that it has already. After an overflow there is
	// one anyhow.
	return !l.overflowed && !l.degraded && (l.messages >= l.cfg.SnapshotMessages || l.size >= l.cfg.SnapshotBytes)
}

// recovered notes that all that was accepted is stored.
func (l *Ledger) recovered() {
	if l.degraded {
		l.degraded = false
		l.cfg.Degraded(nil)
	}
}

// bound drops what waits for the stream if it is too much. It is applied, and a
// snapshot will have it.
func (l *Ledger) bound() {
	if l.bytes <= l.cfg.MaxQueue {
		return
	}
	l.overflowed = true
	l.drop()
}

// drop drops the entries that are not being written; all of them are applied.
func (l *Ledger) drop() {
	for _, e := range l.queue[l.flying:] {
		l.bytes -= e.size
	}
	l.queue = l.queue[:l.flying]
}

// snapshot writes the state and removes what came before it. Events that are
// accepted meanwhile are written behind it.
func (l *Ledger) snapshot() error {
	l.mu.Lock()
	state := l.state.Clone()
	if l.overflowed {
		l.drop()
		l.overflowed, l.covering = false, true
	}
	l.mu.Unlock()
	begin := l.last + 1
	messages := sealSnapshot(fmt.Sprintf("%s-%d", l.cfg.Writer, begin), state)
	for _, message := range messages {
		if err := l.publish(message); err != nil {
			return err
		}
	}
	l.messages, l.size = 0, 0
	ctx, cancel := context.WithTimeout(l.ctx, publishTimeout)
	defer cancel()
	_ = l.stream.Purge(ctx, begin) // what was not removed now is removed with the next
	l.mu.Lock()
	defer l.mu.Unlock()
	l.covering = false
	if len(l.queue) == 0 && !l.overflowed {
		l.recovered()
	}
	return nil
}

// publish stores a message, however long it takes. It fails if the ledger is
// closed meanwhile, or must not go on.
func (l *Ledger) publish(message []byte) error {
	l.number++
	id := messageID(l.cfg.Writer, l.number)
	began, wait := time.Now(), firstRetryWait
	for {
		try, cancel := context.WithTimeout(l.ctx, l.timeout(began))
		seq, err := publishOnce(try, l.stream, id, message, l.last)
		cancel()
		if err == nil {
			l.wrote(seq, len(message))
			return nil
		}
		if fatal(err) {
			return err
		}
		l.failing(err, began)
		select {
		case <-time.After(wait):
		case <-l.ctx.Done():
			return ErrClosed
		}
		wait = min(2*wait, longestWait)
	}
}

func messageID(writer string, number uint64) string { return fmt.Sprintf("%s-%d", writer, number) }

// timeout lets the try in which patience ends end with it.
func (l *Ledger) timeout(began time.Time) time.Duration {
	if left := l.cfg.Patience - time.Since(began); left > 0 {
		return min(left, publishTimeout)
	}
	return publishTimeout
}

func fatal(err error) bool { return errors.Is(err, ErrFenced) || errors.Is(err, ErrLost) }

// publishOnce stores a message behind the position last. A message whose answer
// was lost is found again: by the server, which knows its id for a while, or else
// at the place where it would be.
func publishOnce(ctx context.Context, s Stream, id string, message []byte, last uint64) (uint64, error) {
	seq, err := s.Publish(ctx, id, message, last)
	switch {
	case err == nil && seq != last+1:
		return 0, fmt.Errorf("%w: the message behind %d is at %d", ErrLost, last, seq)
	case !errors.Is(err, ErrWrongSequence):
		return seq, err
	}
	there, err := s.ID(ctx, last+1)
	switch {
	case err == nil && there == id:
		return last + 1, nil
	case err == nil:
		return 0, fmt.Errorf("%w: position %d is taken", ErrFenced, last+1)
	case !errors.Is(err, ErrNotFound):
		return 0, err
	}
	_, end, err := s.Bounds(ctx)
	switch {
	case err != nil:
		return 0, err
	case end < last:
		return 0, fmt.Errorf("%w: it ends at %d, %d was stored", ErrLost, end, last)
	case end == last:
		return 0, errors.New("the stream has not found its end yet") // a leader's change: try again
	}
	return 0, fmt.Errorf("%w: position %d is taken", ErrFenced, last+1)
}

// wrote notes that a message is stored.
func (l *Ledger) wrote(seq uint64, size int) {
	l.last = seq
	l.messages++
	l.size += size
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position, l.trouble, l.since = seq, nil, time.Time{}
}

// failing notes that a message could not be stored since some time. When that is
// too long, the ledger goes on without the stream.
func (l *Ledger) failing(err error, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble, l.since = err, began
	if l.degraded || time.Since(began) < l.cfg.Patience {
		return
	}
	l.degraded = true
	l.cfg.Degraded(err)
	for _, e := range l.queue {
		l.apply(e)
	}
	clear(l.waiting)
	l.bound()
}

// fail ends the ledger.
func (l *Ledger) fail(err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
	_ = l.abandon(err)
	l.failed <- err
}
