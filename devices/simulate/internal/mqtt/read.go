package mqtt

import (
	"errors"
	"fmt"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// errClosedHere ends the reader of a connection that was given up.
var errClosedHere = errors.New("the connection was closed here")

// read handles what a connection brings until it breaks.
func (c *Client) read(w *wire.Wire, done chan struct{}) {
	defer close(done)
	for {
		p, err := w.Next()
		if err == nil {
			err = c.receive(w, p)
		}
		if err != nil {
			c.mu.Lock()
			if c.conn == w.Conn {
				c.drop()
			}
			c.mu.Unlock()
			w.Conn.Close()
			return
		}
	}
}

// receive handles a packet and all that came with it.
func (c *Client) receive(w *wire.Wire, p packet.Packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != w.Conn {
		return errClosedHere
	}
	for {
		if err := c.packet(p); err != nil {
			return err
		}
		var ok bool
		var err error
		if p, ok, err = w.Cut(); err != nil {
			return err
		} else if !ok {
			c.flush()
			return nil
		}
	}
}

func (c *Client) packet(p packet.Packet) error {
	switch p.Type {
	case packet.PUBACK, packet.PUBREC, packet.PUBCOMP:
		a, err := p.Ack()
		if err != nil {
			return err
		}
		var settled *Message
		c.out, settled, err = c.session.Ack(c.out, p.Type, a)
		if settled != nil {
			c.o.Observer.Settled(settled, a.Reason)
		}
		return err
	case packet.PINGRESP:
		return nil
	}
	return fmt.Errorf("the broker said %v", p.Type)
}
