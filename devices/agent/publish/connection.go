package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// connection is a connection to the broker. One goroutine of its own reads from
// it; all else is for one other goroutine.
type connection struct {
	conn    net.Conn
	limit   time.Duration // that a write may take
	out     []byte        // what is to be written
	answers chan answer   // closed when the connection has broken
	fault   error         // why it did, once answers is closed
	left    chan struct{} // closed by close
}

// answer is what the broker says of a message, or PINGRESP.
type answer struct {
	kind packet.Type
	id   uint16
}

const (
	readBuffer = 512
	// What may be unread while a write waits for the broker: more than it answers
	// to all that may be in flight.
	unread = 8 * window
)

var errLeft = errors.New("the connection was given up")

// connect says CONNECT, always for a new session, as proplets do.
func connect(ctx context.Context, c *Config) (*connection, error) {
	u, err := parseBroker(c.Broker)
	if err != nil {
		return nil, err
	}
	w, _, err := wire.Dial(ctx, dialer{u, c.TLS}, u.Host, packet.Connect{
		Version: packet.V311, ClientID: c.ClientID, Username: c.Username, Password: c.Password, Clean: true,
		KeepAlive: uint16(keepAlive / time.Second), Will: &packet.Will{Topic: c.Offline.Topic, Payload: c.Offline.Payload},
	}, readBuffer)
	if err != nil {
		return nil, err
	}
	n := &connection{conn: w.Conn, limit: c.WriteTimeout, answers: make(chan answer, unread), left: make(chan struct{})}
	go n.read(w)
	return n, nil
}

func (c *connection) read(w *wire.Wire) {
	defer close(c.answers)
	for {
		a, err := next(w)
		if err != nil {
			c.fault = fmt.Errorf("the connection broke: %w", err)
			return
		}
		select {
		case c.answers <- a:
		case <-c.left:
			c.fault = errLeft
			return
		}
	}
}

func next(w *wire.Wire) (answer, error) {
	p, err := w.Next()
	if err != nil {
		return answer{}, err
	}
	switch p.Type {
	case packet.PUBACK, packet.PUBREC, packet.PUBCOMP:
		ack, err := p.Ack()
		return answer{p.Type, ack.ID}, err
	case packet.PINGRESP:
		return answer{kind: p.Type}, nil
	}
	return answer{}, fmt.Errorf("the broker said %v", p.Type)
}

// flush writes what is to be written.
func (c *connection) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return fmt.Errorf("bound a write: %w", err)
	}
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("write to the broker: %w", err)
	}
	return nil
}

// goodbye says DISCONNECT and lets the broker close the connection: one that is
// closed here while an answer comes may be reset, and the broker then takes the
// end for an abrupt one.
func (c *connection) goodbye() error {
	c.out = packet.AppendDisconnect(c.out)
	if err := c.flush(); err != nil {
		return err
	}
	late := time.NewTimer(goodbyeTimeout)
	defer late.Stop()
	for {
		select {
		case _, ok := <-c.answers:
			if !ok {
				return nil
			}
		case <-late.C:
			return nil
		}
	}
}

// close ends the connection and waits until nobody reads from it.
func (c *connection) close() {
	close(c.left)
	_ = c.conn.Close() // it may be closed already
	for range c.answers {
	}
}
