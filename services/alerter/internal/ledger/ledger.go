package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/alerter/internal/alert"
)

// The defaults of a Config.
const (
	DefaultPatience         = 5 * time.Second
	DefaultSnapshotMessages = 4096
	DefaultSnapshotBytes    = 16 << 20
	DefaultMaxQueue         = 64 << 20
)

// Config says how a ledger is kept. What is 0 has its default.
type Config struct {
	Replicas int    // of the stream, when it is made
	Writer   string // unique to this run; "" makes one up

	// Patience is how long the stream may not be writable before the ledger goes
	// on without it: see Append.
	Patience time.Duration
	// A snapshot is written, and what it covers removed, when there are so many
	// messages or bytes since the last.
	SnapshotMessages int
	SnapshotBytes    int
	// MaxQueue bounds the bytes that wait for the stream. Beyond them it is
	// written a snapshot when it is back, not each of the events.
	MaxQueue int

	// Applied is told of the events that were applied since the start, in order.
	// It must neither block nor call the ledger. Optional.
	Applied func([]alert.Event)
	// Degraded is told when the ledger goes on without its stream, and why, and
	// with nil when the stream is up to date again. Optional, as above.
	Degraded func(error)
}

// Ledger is the alerter's state and the events that made it. Its methods may be
// called concurrently.
type Ledger struct {
	cfg    Config
	stream Stream
	ctx    context.Context // ends when Close gives up
	cancel context.CancelFunc
	wake   chan struct{} // holds a token when there may be something to write
	done   chan struct{} // closed when the writer has ended
	failed chan error

	mu          sync.RWMutex
	state       *alert.State
	queue       []*entry // accepted and not stored, in order
	flying      int      // so many of them are being written
	waiting     map[alert.ID]alert.Status
	bytes       int  // of queue
	overflowed  bool // queued events were dropped: a snapshot has to make up for them
	covering    bool // that snapshot is being written
	degraded    bool
	trouble     error // why the last attempt to write failed; nil after a success
	since       time.Time
	failure     error
	closing     bool
	subscribers map[chan struct{}]struct{}
	position    uint64 // of the last message stored

	// Of the writer alone.
	number   uint64 // of the last message written by this writer
	last     uint64 // position of the stream's last message
	messages int    // since the last snapshot
	size     int    // their bytes
}

// entry is what one Append has accepted.
type entry struct {
	raw     []json.RawMessage
	events  []alert.Event
	size    int
	applied bool
	done    chan error // gets one value
}

// Open opens the ledger in a NATS server's JetStream and makes the stream if
// there is none. Whoever had opened it before is shut out.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Ledger, error) {
	stream, err := openStream(ctx, nc, cfg.Replicas)
	if err != nil {
		return nil, err
	}
	return OpenStream(ctx, stream, cfg)
}

// OpenStream opens the ledger in a stream.
func OpenStream(ctx context.Context, stream Stream, cfg Config) (*Ledger, error) {
	l := &Ledger{cfg: withDefaults(cfg), stream: stream, wake: make(chan struct{}, 1), done: make(chan struct{}),
		failed: make(chan error, 1), waiting: map[alert.ID]alert.Status{}, subscribers: map[chan struct{}]struct{}{}}
	if err := l.open(ctx); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.run()
	return l, nil
}

func withDefaults(c Config) Config {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	if c.Writer == "" {
		c.Writer = "alerter-" + rand.Text()
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	set(&c.SnapshotMessages, DefaultSnapshotMessages)
	set(&c.SnapshotBytes, DefaultSnapshotBytes)
	set(&c.MaxQueue, DefaultMaxQueue)
	if c.Applied == nil {
		c.Applied = func([]alert.Event) {}
	}
	if c.Degraded == nil {
		c.Degraded = func(error) {}
	}
	return c
}

// Read shows the state to f, which must neither keep nor change it. What is in
// it may be kept, and does not change.
func (l *Ledger) Read(f func(*alert.State)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	f(l.state)
}

// Refresh takes over active alerts' present values and annotations, which are not
// stored.
func (l *Ledger) Refresh(all []alert.Refresh) {
	if len(all) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range all {
		l.state.Refresh(r.ID, r.Value, alert.BoundAnnotations(r.Annotations))
	}
}

// Subscribe returns a channel that holds a token whenever the state may have
// changed since it was last read; cancel ends that.
func (l *Ledger) Subscribe() (changed <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers[c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.subscribers, c)
	}
}

// Failed gets the error after which the ledger takes nothing more: ErrFenced,
// ErrLost.
func (l *Ledger) Failed() <-chan error { return l.failed }

// Health says how a ledger does.
type Health struct {
	Position uint64    // of the stream's last message
	Events   uint64    // that made the state
	Queued   int       // bytes of events that are not stored yet
	Degraded bool      // the ledger goes on without its stream
	Since    time.Time // when the stream could be written last, if it cannot be now
	Error    error     // why it cannot be written, nil if it can
}

// Health returns how the ledger does.
func (l *Ledger) Health() Health {
	l.mu.RLock()
	defer l.mu.RUnlock()
	h := Health{Position: l.position, Events: l.state.Number, Queued: l.bytes, Degraded: l.degraded, Since: l.since, Error: l.trouble}
	if l.failure != nil {
		h.Error = l.failure
	}
	return h
}

// Close takes nothing more, stores what was accepted and ends. If ctx ends first,
// the error says how many events are not stored.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	signal(l.wake)
	defer l.cancel()
	select {
	case <-l.done:
	case <-ctx.Done():
		l.cancel()
		<-l.done
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.abandon(ErrClosed)
}

// abandon gives up what is not stored and returns an error if there is any.
func (l *Ledger) abandon(why error) error {
	lost := 0
	for _, e := range l.queue {
		lost += len(e.raw)
		if !e.applied {
			e.applied = true
			e.done <- why
		}
	}
	l.queue, l.bytes, l.flying = nil, 0, 0
	clear(l.waiting)
	if lost == 0 && !l.overflowed && !l.covering {
		return nil
	}
	return fmt.Errorf("%d events are not stored: %w", lost, why)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
