// Package publish sends a spool's messages to an MQTT broker as a proplet does:
// it registers, says that it is alive, has a will, and loses nothing that the
// broker did not acknowledge.
package publish

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"weir/devices/agent/dialect"
	"weir/devices/agent/spool"
)

// Config says where and what to publish.
type Config struct {
	Broker   string // tcp://host:port; also ssl, mqtts, ws and wss
	ClientID string // MQTT's; the same as long as the spool has the same messages
	Username string // "" for none
	Password string
	TLS      *tls.Config // nil for the defaults
	QoS      byte        // of everything but the will

	Create     dialect.Message // sent first on each connection
	Alive      dialect.Message // sent then, and every AliveEvery
	Offline    dialect.Message // the will, and the last word of a stop
	AliveEvery time.Duration

	// WriteTimeout bounds how long a message may take to leave; 0 is 10 seconds.
	WriteTimeout time.Duration

	Spool spool.Spool
	Watch Watch
}

// Watch is told what happens. Its functions may be nil.
type Watch struct {
	Connected    func()
	Disconnected func(err error) // also when a connection could not be made
}

// The times and sizes of the protocol.
const (
	keepAlive      = 30 * time.Second // as proplets have it
	connectTimeout = 10 * time.Second
	ackTimeout     = 30 * time.Second // a broker that is silent for longer is left
	firstPause     = 500 * time.Millisecond
	longestPause   = 15 * time.Second
	writeTimeout   = 10 * time.Second
	lookEvery      = 5 * time.Second
	goodbyeTimeout = 250 * time.Millisecond
	window         = 32 // messages in flight
)

// Publisher sends what is in a spool.
type Publisher struct {
	c         Config
	connected atomic.Bool
	sent      atomic.Uint64
	handed    uint64 // up to this number, messages may have been handed to the broker before
}

// New returns a publisher that does nothing yet. What the spool has already is an
// earlier publisher's, which may have had as much of it in flight as it could.
func New(c Config) *Publisher {
	c.WriteTimeout = cmp.Or(c.WriteTimeout, writeTimeout)
	p := &Publisher{c: c}
	if items, err := c.Spool.Peek(0, window); err == nil && len(items) > 0 { // it fails again when it matters
		p.handed = items[len(items)-1].Number
	}
	return p
}

// Connected reports whether there is a connection.
func (p *Publisher) Connected() bool { return p.connected.Load() }

// Sent is the number of the spool's messages that the broker acknowledged.
func (p *Publisher) Sent() uint64 { return p.sent.Load() }

// Run connects and sends until ctx ends; a connection that breaks is made
// again. When ctx has ended, it sends what is in the spool until the grace
// context ends too, then says that the proplet is offline. Without a connection,
// it tries once more to get one if there is something to send.
func (p *Publisher) Run(ctx, grace context.Context) {
	for pause := firstPause; ; {
		began, last := time.Now(), ctx.Err() != nil
		if last && p.c.Spool.State().Messages == 0 {
			return
		}
		err := p.session(ctx, grace)
		p.connected.Store(false)
		if err != nil {
			call(p.c.Watch.Disconnected, err)
		}
		if last || ctx.Err() != nil && err == nil {
			return
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		wait(ctx, pause/2+rand.N(pause))
		pause = min(2*pause, longestPause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func call(f func(error), err error) {
	if f != nil {
		f(err)
	}
}

// session is one connection. It returns nil when it was stopped.
func (p *Publisher) session(ctx, grace context.Context) error {
	c, err := connect(grace, &p.c)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", p.c.Broker, err)
	}
	defer c.close()
	// A write may wait for a broker that does not read.
	stop := context.AfterFunc(grace, func() { _ = c.conn.Close() })
	defer stop()
	now := time.Now()
	s := session{p: p, c: c, heard: now, asked: now}
	if err := s.serve(ctx, grace); err != nil {
		return err
	}
	return c.goodbye()
}
