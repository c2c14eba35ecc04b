// Package mqtt is a simulated device's MQTT client: one connection that may
// break at any time, and what was not acknowledged is sent again on the next
// one, marked as a retransmission. It is made so that thousands of them are
// cheap: one goroutine and two kilobytes each while connected.
//
// Each connection begins a new session (clean session, clean start), as
// Propeller's proplets do.
package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/session"
	"weir/devices/internal/wire"
)

// Message is what is to be published.
type Message struct {
	Topic   string
	Payload []byte
	Tag     int // whatever tells the caller which message it was
}

// Options describe a client.
type Options struct {
	Addr     string // host:port
	TLS      *tls.Config
	ClientID string
	Username string
	Password string
	V5       bool // else 3.1.1
	QoS      byte
	Will     *packet.Will // nil for none
	Window   int          // messages in flight
	Keep     int          // messages that wait for a connection at the most; the oldest goes first
	Observer Observer
}

// Observer hears what becomes of the messages. Its functions are called with the
// client locked: they must be quick and must not call it.
type Observer struct {
	Sent    func(m *Message, again bool)  // it was written to the connection
	Settled func(m *Message, reason byte) // it was acknowledged; from 0x80 on refused
	Dropped func(m *Message)              // it waited too long and was given up
}

// ErrRefused means that the broker does not let the client in.
var ErrRefused = wire.ErrRefused

const (
	// readBuffer is the bytes of a connection's read buffer to begin with.
	readBuffer   = 1 << 10
	writeTimeout = 10 * time.Second
)

// Client is a device's client.
type Client struct {
	o Options

	mu      sync.Mutex
	conn    net.Conn      // nil while there is none
	reading chan struct{} // closed when the connection's reader has ended
	window  int
	session *session.Session[Message] // without the payloads: its packets have them
	pending []Message
	out     []byte
	idle    chan struct{} // closed when nothing waits any more; nil while nobody wants to know
}

// New returns a client that is not connected.
func New(o Options) *Client {
	return &Client{o: o, session: session.New[Message](version(o.V5), o.QoS)}
}

func version(v5 bool) byte {
	if v5 {
		return packet.V5
	}
	return packet.V311
}

// Connect connects, if there is no connection, and sends what waited. The error
// is ErrRefused, or says what broke.
func (c *Client) Connect(ctx context.Context) error {
	if c.Connected() {
		return nil
	}
	w, window, err := c.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect %s to %s: %w", c.o.ClientID, c.o.Addr, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.window, c.reading = w.Conn, min(c.o.Window, window), make(chan struct{})
	go c.read(w, c.reading)
	c.session.VoidReleases()
	c.out = c.session.Resume(c.out)
	for m := range c.session.Unacknowledged() {
		c.o.Observer.Sent(&m, true)
	}
	c.flush()
	return nil
}

// dial returns, besides the connection, how many messages the broker takes at a
// time.
func (c *Client) dial(ctx context.Context) (w *wire.Wire, window int, err error) {
	var d wire.Dialer = new(net.Dialer)
	if c.o.TLS != nil {
		d = &tls.Dialer{Config: c.o.TLS}
	}
	w, answer, err := wire.Dial(ctx, d, c.o.Addr, packet.Connect{
		Version: version(c.o.V5), ClientID: c.o.ClientID, Username: c.o.Username, Password: c.o.Password, Clean: true, Will: c.o.Will,
	}, readBuffer)
	if err == nil && c.o.QoS > answer.MaximumQoS {
		w.Conn.Close()
		err = fmt.Errorf("%w: it takes no QoS %d", ErrRefused, c.o.QoS)
	}
	return w, int(answer.ReceiveMaximum), err
}

// Connected reports whether there is a connection, as far as is known.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn != nil
}

// Publish sends messages, or keeps them for the next connection.
func (c *Client) Publish(messages ...Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, messages...)
	c.flush()
	if over := len(c.pending) - c.o.Keep; over > 0 {
		for i := range c.pending[:over] {
			c.o.Observer.Dropped(&c.pending[i])
		}
		c.pending = append(c.pending[:0], c.pending[over:]...)
	}
}

// flush writes what may be sent. The client is locked.
func (c *Client) flush() {
	if c.conn == nil {
		return
	}
	n := min(len(c.pending), c.window-c.session.InFlight())
	for i := range max(n, 0) {
		m := &c.pending[i]
		c.out = c.session.Publish(c.out, m.Topic, m.Payload, Message{Topic: m.Topic, Tag: m.Tag})
		c.o.Observer.Sent(m, false)
	}
	if n > 0 {
		c.pending = append(c.pending[:0], c.pending[n:]...)
	}
	c.write()
	c.checkIdle()
}

func (c *Client) write() {
	if len(c.out) == 0 {
		return
	}
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.conn.Write(c.out)
	if c.out = c.out[:0]; cap(c.out) > 4*readBuffer {
		c.out = nil
	}
	if err != nil {
		c.drop()
	}
}

// drop forgets the connection. The client is locked.
func (c *Client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
		c.out = c.out[:0]
	}
}

// Break closes the connection without a word, as when the way to the broker is
// gone: the broker publishes the will. It reports whether there was one.
func (c *Client) Break() bool {
	c.mu.Lock()
	was, reading := c.conn != nil, c.reading
	c.drop()
	c.mu.Unlock()
	if was {
		<-reading
	}
	return was
}

// Waiting is how many messages are not settled.
func (c *Client) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending) + c.session.InFlight()
}

func (c *Client) checkIdle() {
	if c.idle != nil && len(c.pending)+c.session.InFlight() == 0 {
		close(c.idle)
		c.idle = nil
	}
}

// Finish waits until everything is settled, connecting for it where there is no
// connection, and says goodbye. When ctx ends before, it leaves at once; the
// error says how much was not settled.
func (c *Client) Finish(ctx context.Context) error {
	err := c.settle(ctx)
	c.mu.Lock()
	if c.conn != nil {
		c.out = packet.AppendDisconnect(c.out)
		c.write()
	}
	reading := c.reading
	c.drop()
	c.mu.Unlock()
	if reading != nil {
		<-reading
	}
	return err
}

func (c *Client) settle(ctx context.Context) error {
	for c.Waiting() > 0 {
		if err := c.Connect(ctx); err != nil {
			return fmt.Errorf("%d messages of %s are not settled: %w", c.Waiting(), c.o.ClientID, err)
		}
		c.mu.Lock()
		idle := make(chan struct{})
		c.idle = idle
		reading := c.reading
		c.checkIdle()
		c.mu.Unlock()
		select {
		case <-idle:
			return nil
		case <-reading: // the connection broke
		case <-ctx.Done():
			return fmt.Errorf("%d messages of %s are not settled: %w", c.Waiting(), c.o.ClientID, ctx.Err())
		}
	}
	return nil
}
