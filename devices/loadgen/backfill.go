package loadgen

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

const (
	// backfillWrite is how many bytes of packets are gathered for one write.
	backfillWrite = 32 << 10
	// backfillPatience is how long the server may leave everything
	// unacknowledged.
	backfillPatience = 30 * time.Second
)

// Message is a message to be published.
type Message struct {
	Topic   string
	Payload []byte
}

// BackfillConfig says what Backfill publishes. Only Addr has no default.
type BackfillConfig struct {
	Addr     string // host:port of the broker
	Version  byte   // 4 is MQTT 3.1.1, the default; 5 is MQTT 5
	Username string
	Password string
	ClientID string // what the clients' ids begin with; "backfill" by default
	Window   int    // messages in flight of each connection; 256 by default

	// Lanes are what is published, each in its order and on a connection of its
	// own. A message is used up before the next one is asked for. Each sequence
	// is called in a goroutine of its own.
	Lanes []iter.Seq[Message]
}

func (c BackfillConfig) complete() (BackfillConfig, error) {
	setDefault(&c.Version, packet.V311)
	setDefault(&c.ClientID, "backfill")
	setDefault(&c.Window, 256)
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
		}
	}
	check(c.Addr != "", "no address")
	check(c.Version == packet.V311 || c.Version == packet.V5, "version %d is neither 4 nor 5", c.Version)
	check(c.Window > 0 && c.Window <= MaxWindow, "a window of %d is not between 1 and %d", c.Window, MaxWindow)
	return c, errors.Join(faults...)
}

// Backfill publishes given messages at QoS 1, as fast as the windows allow, and
// returns when all were answered, or ctx has ended. progress, which may be nil,
// is told about it every quarter of a second, and at the end.
//
// The error is an ErrConfig, an ErrRefused, an ErrBroken, an ErrUnanswered or
// ctx's; the first broken connection ends it.
func Backfill(ctx context.Context, config BackfillConfig, progress func(Progress)) (Progress, error) {
	config, err := config.complete()
	if err != nil {
		return Progress{}, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	b := &backfill{config: config, start: time.Now()}
	done, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		b.tell(done, progress)
	}()
	var wg sync.WaitGroup
	for i, messages := range config.Lanes {
		wg.Go(func() {
			if err := b.lane(ctx, i, messages); err != nil {
				fail(fmt.Errorf("%s-%d: %w", config.ClientID, i, err))
			}
		})
	}
	wg.Wait()
	close(done)
	<-told
	return b.progress(), context.Cause(ctx)
}

// backfill is a running Backfill: what its lanes count together.
type backfill struct {
	config                       BackfillConfig
	start                        time.Time
	sent, acknowledged, rejected atomic.Uint64
}

func (b *backfill) progress() Progress {
	return Progress{time.Since(b.start), b.sent.Load(), b.acknowledged.Load(), b.rejected.Load()}
}

// tell tells the progress until done is closed.
func (b *backfill) tell(done <-chan struct{}, progress func(Progress)) {
	if progress == nil {
		return
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			progress(b.progress())
		case <-done:
			progress(b.progress())
			return
		}
	}
}

// lane publishes one sequence on a connection.
func (b *backfill) lane(ctx context.Context, i int, messages iter.Seq[Message]) error {
	c := &b.config
	w, answer, err := dial(ctx, c.Addr, packet.Connect{
		Version: c.Version, ClientID: fmt.Sprintf("%s-%d", c.ClientID, i), Username: c.Username, Password: c.Password, Clean: true,
	})
	if err != nil {
		return err
	}
	defer w.Conn.Close()
	defer context.AfterFunc(ctx, func() { w.Conn.Close() })()
	if answer.MaximumQoS < 1 {
		return fmt.Errorf("%w: it takes QoS 0 only", ErrRefused)
	}
	l := newLane(b, w, min(c.Window, int(answer.ReceiveMaximum)))
	if err := l.publish(messages); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx) // it closed the connection
		}
		return err
	}
	_, _ = w.Conn.Write(packet.AppendDisconnect(nil)) // all is settled, whatever comes of it
	return nil
}

// lane is one connection's half-way state.
type lane struct {
	*wire.Wire
	all      *backfill
	free     ring[uint16] // packet ids
	inFlight []bool       // by packet id, from 1
	out      []byte
}

func newLane(all *backfill, w *wire.Wire, window int) *lane {
	l := &lane{Wire: w, all: all, free: newRing[uint16](window), inFlight: make([]bool, window+1)}
	for id := 1; id <= window; id++ {
		l.free.push(uint16(id))
	}
	return l
}

// publish sends everything and waits until all is answered.
func (l *lane) publish(messages iter.Seq[Message]) error {
	for m := range messages {
		if l.free.len() == 0 || len(l.out) >= backfillWrite {
			if err := l.turn(l.free.len() == 0); err != nil {
				return err
			}
		}
		id := l.free.pop()
		l.inFlight[id] = true
		l.out, _ = packet.AppendPublish(l.out, l.all.config.Version, packet.Publish{Topic: m.Topic, Payload: m.Payload, QoS: 1, ID: id})
		l.all.sent.Add(1)
	}
	for window := len(l.inFlight) - 1; l.free.len() < window; {
		if err := l.turn(true); err != nil {
			return err
		}
	}
	return nil
}

// turn writes what was gathered, and then, to have free packet ids, waits for
// acknowledgements.
func (l *lane) turn(wait bool) error {
	if _, err := l.Conn.Write(l.out); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	l.out = l.out[:0]
	if !wait {
		return nil
	}
	l.Conn.SetReadDeadline(time.Now().Add(backfillPatience))
	err := l.ReadMore()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: nothing came for %v", ErrUnanswered, backfillPatience)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return l.receive()
}

// receive takes in the acknowledgements that are buffered.
func (l *lane) receive() error {
	for {
		p, ok, err := l.Cut()
		if err != nil || !ok {
			return err
		}
		if p.Type != packet.PUBACK {
			return fmt.Errorf("%w: the server sent an unexpected %v", ErrBroken, p.Type)
		}
		a, err := p.Ack()
		if err != nil {
			return err
		}
		if int(a.ID) >= len(l.inFlight) || !l.inFlight[a.ID] {
			return fmt.Errorf("%w: the server acknowledged packet id %d, which is not in flight", ErrBroken, a.ID)
		}
		l.inFlight[a.ID] = false
		l.free.push(a.ID)
		if a.Refused() {
			l.all.rejected.Add(1)
		} else {
			l.all.acknowledged.Add(1)
		}
	}
}
