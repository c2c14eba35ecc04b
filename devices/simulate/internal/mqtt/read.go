package mqtt

import (
	"fmt"

	"weir/devices/internal/packet"
)

// read handles what a connection brings until it breaks.
func (c *Client) read(w *wire, done chan struct{}) {
	defer close(done)
	for {
		p, err := w.next()
		if err == nil {
			err = c.receive(w, p)
		}
		if err != nil {
			c.mu.Lock()
			if c.conn == w.conn {
				c.drop()
			}
			c.mu.Unlock()
			w.conn.Close()
			return
		}
	}
}

// receive handles a packet and all that came with it.
func (c *Client) receive(w *wire, p packet.Packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != w.conn {
		return errClosedHere
	}
	for {
		if err := c.packet(p); err != nil {
			return err
		}
		var ok bool
		var err error
		if p, ok, err = w.cut(); err != nil {
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
		c.out, settled, err = c.session.ack(c.out, p.Type, a)
		if settled != nil {
			c.o.Observer.Settled(settled, a.Reason)
		}
		return err
	case packet.PINGRESP:
		return nil
	}
	return fmt.Errorf("the broker said %v", p.Type)
}
