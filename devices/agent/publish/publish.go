// Package publish sends a spool's messages to an MQTT broker as a proplet does:
// it registers, says that it is alive, has a will, and loses nothing that the
// broker did not acknowledge. It adapts paho.mqtt.golang.
package publish

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"weir/devices/agent/dialect"
	"weir/devices/agent/spool"
)

// Config says where and what to publish.
type Config struct {
	Broker   string // tcp://host:port; also ssl, mqtts, ws and wss
	ClientID string // MQTT's
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
	window         = 32 // messages in flight
)

// Publisher sends what is in a spool.
type Publisher struct {
	c         Config
	connected atomic.Bool
	sent      atomic.Uint64
	handing   sync.WaitGroup // goroutines that hand messages to a client
}

// New returns a publisher that does nothing yet.
func New(c Config) *Publisher {
	c.WriteTimeout = cmp.Or(c.WriteTimeout, writeTimeout)
	return &Publisher{c: c}
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
	defer p.awaitHanding(grace)
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
	lost := make(chan error, 1)
	client := mqtt.NewClient(p.options(lost))
	// The work of a session ends with the connection, or with the stop.
	work, cancel := context.WithCancelCause(grace)
	defer cancel(nil)
	if err := await(grace, client.Connect(), connectTimeout+time.Second); err != nil {
		client.Disconnect(0)
		return fmt.Errorf("connect to %s: %w", p.c.Broker, err)
	}
	defer client.Disconnect(250)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case err := <-lost:
			cancel(err)
		case <-work.Done():
		}
	}()
	err := p.serve(ctx, work, client)
	if cause := context.Cause(work); err != nil && cause != nil && grace.Err() == nil {
		err = cause // why the connection broke says more than what broke by it
	}
	cancel(nil)
	<-ended
	return err
}

func (p *Publisher) options(lost chan<- error) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().
		AddBroker(p.c.Broker).SetClientID(p.c.ClientID).SetUsername(p.c.Username).SetPassword(p.c.Password).
		SetCleanSession(true).SetProtocolVersion(4).SetKeepAlive(keepAlive).SetConnectTimeout(connectTimeout).SetWriteTimeout(p.c.WriteTimeout).
		SetAutoReconnect(false).SetConnectRetry(false). // the spool knows what was not acknowledged, not the client
		SetBinaryWill(p.c.Offline.Topic, p.c.Offline.Payload, 0, false).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	if p.c.TLS != nil {
		o.SetTLSConfig(p.c.TLS)
	}
	return o
}

// serve registers, then sends until the work ends. When ctx has ended, it
// returns once the spool is empty.
func (p *Publisher) serve(ctx, work context.Context, client mqtt.Client) error {
	for _, m := range []dialect.Message{p.c.Create, p.c.Alive} {
		if err := p.publish(work, client, m); err != nil {
			return fmt.Errorf("register: %w", err)
		}
	}
	p.connected.Store(true)
	if p.c.Watch.Connected != nil {
		p.c.Watch.Connected()
	}
	alive := time.NewTicker(p.c.AliveEvery)
	defer alive.Stop()
	var after uint64
	for {
		n, err := p.sendSome(work, client, &after)
		switch {
		case err != nil:
			return err
		case n > 0:
			p.beat(client, alive.C)
			continue
		case ctx.Err() != nil:
			return p.publish(work, client, p.c.Offline)
		}
		select {
		case <-p.c.Spool.Changed():
		case <-alive.C:
			p.hand(client, p.c.Alive) // if it does not arrive, the next one or the connection tells
		case <-ctx.Done():
		case <-work.Done():
			return context.Cause(work)
		}
	}
}

// beat says that the proplet is alive if it is time to.
func (p *Publisher) beat(client mqtt.Client, due <-chan time.Time) {
	select {
	case <-due:
		p.hand(client, p.c.Alive)
	default:
	}
}

// sendSome sends a windowful of messages in their order and forgets those that
// are acknowledged. It returns how many there were.
func (p *Publisher) sendSome(work context.Context, client mqtt.Client, after *uint64) (int, error) {
	items, err := p.c.Spool.Peek(*after, window)
	if err != nil || len(items) == 0 {
		return 0, err
	}
	messages := make([]dialect.Message, len(items))
	for i, item := range items {
		messages[i] = item.Message
	}
	tokens := p.hand(client, messages...)
	for i, item := range items {
		if err := acknowledged(work, tokens); err != nil {
			return i, fmt.Errorf("publish: %w", err)
		}
		if err := p.c.Spool.Drop(item.Number); err != nil {
			return i, err
		}
		*after = item.Number
		p.sent.Add(1)
	}
	return len(items), nil
}

// publish sends a message and waits until it is acknowledged.
func (p *Publisher) publish(work context.Context, client mqtt.Client, m dialect.Message) error {
	return acknowledged(work, p.hand(client, m))
}

// hand gives messages to the client, in their order, and returns a token for
// each. It is done beside: a connection that breaks just then may hold the
// client's Publish up for the whole write timeout.
func (p *Publisher) hand(client mqtt.Client, messages ...dialect.Message) <-chan mqtt.Token {
	tokens := make(chan mqtt.Token, len(messages))
	p.handing.Go(func() {
		for _, m := range messages {
			tokens <- client.Publish(m.Topic, p.c.QoS, false, m.Payload)
		}
	})
	return tokens
}

// awaitHanding waits until no message is being handed to a client any more.
func (p *Publisher) awaitHanding(grace context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.handing.Wait()
	}()
	select {
	case <-done:
	case <-grace.Done():
	}
}

// acknowledged waits for the next token and until it is complete.
func acknowledged(work context.Context, tokens <-chan mqtt.Token) error {
	select {
	case t := <-tokens:
		return await(work, t, ackTimeout)
	case <-work.Done():
		return context.Cause(work)
	}
}

// await waits until a token is complete, the context ends, or a time is over.
func await(ctx context.Context, t mqtt.Token, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("no answer within %s", limit)
	}
}
