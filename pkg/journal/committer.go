package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

const (
	// MaxFrameBytes bounds the payloads gathered into one frame. At some 2,000
	// events of a few hundred bytes the cost of a sync is already shared well.
	MaxFrameBytes = 512 << 10
	// MaxEntryBytes bounds one entry's payload: it must fit into a frame alone
	// and, not compressible, into a NATS message.
	MaxEntryBytes = 768 << 10
	// DefaultMaxQueueBytes bounds what waits for the journal.
	DefaultMaxQueueBytes = 32 << 20

	entryOverhead  = 64 // bytes that an entry costs beside its payload, about
	operationsTick = time.Second
)

// Appender stores frames. Append returns when the frame is stored, and fails
// only when ctx ends.
type Appender interface {
	Append(ctx context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error)
}

var _ Appender = (*Journal)(nil)

// Entry is an event on its way into the journal. Ref is the submitter's own:
// what it needs to answer whoever sent the event.
type Entry[T any] struct {
	Event  schema.Event
	Tenant schema.Tenant
	Ref    T
}

func (e *Entry[T]) size() int { return len(e.Event.Payload) + entryOverhead }

// CommitterConfig says where a Committer writes and whom it tells.
type CommitterConfig[T any] struct {
	Appender Appender
	Writer   string // unique to this run of this writer
	MaxQueue int    // bytes; 0 is DefaultMaxQueueBytes

	// Stored is told of each stored frame's entries, in the journal's order, by
	// one goroutine. The entries are valid until it returns. It must not block.
	Stored func(entries []Entry[T], seq uint64)
	// Operations drains what is to be reported beside the events. Optional.
	Operations func() []schema.Operations
}

// Committer gathers entries into frames. A frame holds whatever came while the
// frame before was being written, so there is no timer: one lone entry leaves at
// once, and under load many share one sync. A second frame in flight gains
// nothing, since the server writes one after the other.
type Committer[T any] struct {
	cfg  CommitterConfig[T]
	wake chan struct{} // holds a token when there may be something to write
	done chan struct{} // closed when the loop has ended

	ctx    context.Context // ends when Close gives up
	cancel context.CancelFunc

	mu          sync.Mutex
	room        sync.Cond // signalled when queued shrinks or closing is set
	queue       []Entry[T]
	disconnects []schema.Disconnect
	queued      int // bytes not stored yet, in queue and in the frame being written
	closing     bool

	// Owned by the loop.
	taken     []Entry[T] // taken from queue; [next:] is not written yet
	next      int
	takenGone []schema.Disconnect // noted until the same moment
	number    uint64
	events    []schema.Event
	buf       []byte
	counts    map[schema.Tenant]uint64
}

// NewCommitter starts a Committer; end it with Close.
func NewCommitter[T any](cfg CommitterConfig[T]) *Committer[T] {
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = DefaultMaxQueueBytes
	}
	if cfg.Operations == nil {
		cfg.Operations = func() []schema.Operations { return nil }
	}
	c := &Committer[T]{cfg: cfg, wake: make(chan struct{}, 1), done: make(chan struct{}), counts: map[schema.Tenant]uint64{}}
	c.room.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

// Submit queues an entry. It blocks while too much waits for the journal, which
// holds the sender back. It fails with ErrClosed or ErrTooLarge.
func (c *Committer[T]) Submit(e Entry[T]) error {
	if len(e.Event.Payload) > MaxEntryBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(e.Event.Payload), MaxEntryBytes)
	}
	c.mu.Lock()
	for c.queued >= c.cfg.MaxQueue && !c.closing {
		c.room.Wait()
	}
	if c.closing {
		c.mu.Unlock()
		return ErrClosed
	}
	c.queued += e.size()
	c.queue = append(c.queue, e)
	c.mu.Unlock()
	c.signal()
	return nil
}

// Disconnected notes that a client went away, in order with the entries
// submitted before; it never blocks.
func (c *Committer[T]) Disconnected(d schema.Disconnect) {
	c.mu.Lock()
	c.disconnects = append(c.disconnects, d)
	c.mu.Unlock()
	c.signal()
}

// Queued returns the bytes that wait for the journal.
func (c *Committer[T]) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}

// Close takes no more entries, writes those there are and ends. When ctx ends
// first, what is not stored is given up; nobody was told that it was.
func (c *Committer[T]) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.room.Broadcast()
	c.signal()
	defer c.cancel()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.cancel()
		<-c.done
		return fmt.Errorf("write the last frames: %w", ctx.Err())
	}
}

func (c *Committer[T]) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Committer[T]) run() {
	defer close(c.done)
	tick := time.NewTicker(operationsTick)
	defer tick.Stop()
	for {
		operations := false
		select {
		case <-c.wake:
		case <-tick.C:
			operations = true
		}
		for c.take() {
			if !c.commit() {
				return
			}
		}
		closing := c.isClosing()
		if operations || closing {
			if !c.commitOperations() || closing {
				return
			}
		}
	}
}

// isClosing is asked after take found nothing: as nothing is accepted once
// closing is set, everything is written then, unless it came in between.
func (c *Committer[T]) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing && len(c.queue) == 0 && len(c.disconnects) == 0
}

// take makes sure that something is taken, and reports false if there is
// nothing. Entries and disconnects are taken in one moment, so that what a
// client sent before it went away is written before, or in the same frame.
func (c *Committer[T]) take() bool {
	if c.next < len(c.taken) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.taken)
	c.taken, c.queue, c.next = c.queue, c.taken[:0], 0
	c.takenGone, c.disconnects = c.disconnects, nil
	return len(c.taken) > 0 || len(c.takenGone) > 0
}

// commit writes one frame of what was taken. It reports false when the
// Committer gave up.
func (c *Committer[T]) commit() bool {
	entries, size := c.cut()
	c.events = c.events[:0]
	for i := range entries {
		c.events = append(c.events, entries[i].Event)
		if entries[i].Event.Counted() {
			c.counts[entries[i].Tenant]++
		}
	}
	f := &schema.Frame{Events: c.events, Received: sorted(c.counts), Operations: c.cfg.Operations()}
	clear(c.counts)
	if c.next == len(c.taken) {
		f.Disconnects, c.takenGone = c.takenGone, nil
	}
	seq, ok := c.write(f)
	if !ok {
		return false
	}
	c.cfg.Stored(entries, seq)
	c.mu.Lock()
	c.queued -= size
	c.mu.Unlock()
	c.room.Broadcast()
	return true
}

// cut returns the next entries that fit into one frame, and their size.
func (c *Committer[T]) cut() ([]Entry[T], int) {
	start, size := c.next, 0
	for c.next < len(c.taken) {
		s := c.taken[c.next].size()
		if size > 0 && size+s > MaxFrameBytes {
			break
		}
		size += s
		c.next++
	}
	return c.taken[start:c.next], size
}

func (c *Committer[T]) commitOperations() bool {
	operations := c.cfg.Operations()
	if len(operations) == 0 {
		return true
	}
	_, ok := c.write(&schema.Frame{Operations: operations})
	return ok
}

func (c *Committer[T]) write(f *schema.Frame) (uint64, bool) {
	c.number++
	f.Writer, f.Number = c.cfg.Writer, c.number
	var err error
	if c.buf, err = frame.Encode(c.buf[:0], f); err != nil {
		panic("BUG: a frame within bounds cannot be encoded: " + err.Error())
	}
	seq, err := c.cfg.Appender.Append(c.ctx, frame.ID(f), c.buf, f.Received)
	return seq, err == nil
}
