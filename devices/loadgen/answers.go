package loadgen

import (
	"fmt"

	"weir/devices/internal/packet"
)

// receive handles all packets that are buffered.
func (c *client) receive(now int64) error {
	for {
		p, ok, err := c.Cut()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		if !ok {
			return nil
		}
		if err := c.packet(p, now); err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
}

func (c *client) packet(p packet.Packet, now int64) error {
	switch p.Type {
	case packet.PUBACK, packet.PUBREC, packet.PUBCOMP:
		ack, err := p.Ack()
		if err != nil {
			return err
		}
		return c.ack(p.Type, ack, now)
	case packet.PINGRESP:
		return c.fence(now)
	case packet.DISCONNECT:
		reason := byte(0)
		if len(p.Body) > 0 {
			reason = p.Body[0]
		}
		return fmt.Errorf("the server said DISCONNECT, reason code 0x%02x", reason)
	}
	return fmt.Errorf("unexpected %v", p.Type)
}

// ack takes an event one stage on.
//
//	QoS 1: published -PUBACK-> idle
//	QoS 2: published -PUBREC-> released -PUBCOMP-> idle; published -PUBREC, refused-> idle
func (c *client) ack(t packet.Type, a packet.Ack, now int64) error {
	if int(a.ID) >= len(c.flights) || c.flights[a.ID].stage == idle {
		return fmt.Errorf("%v for packet id %d, which is not in flight", t, a.ID)
	}
	f := &c.flights[a.ID]
	switch {
	case t == packet.PUBACK && c.config.QoS == 1,
		t == packet.PUBCOMP && f.stage == released,
		t == packet.PUBREC && c.config.QoS == 2 && f.stage == published && a.Refused():
		c.settle(a.ID, a.Refused(), now)
	case t == packet.PUBREC && c.config.QoS == 2 && f.stage == published:
		f.stage = released
		c.out = packet.AppendAck(c.out, packet.PUBREL, a.ID)
	default:
		return fmt.Errorf("unexpected %v for packet id %d", t, a.ID)
	}
	return nil
}

// fence settles, at QoS 0, the events that stood before the oldest unanswered
// PINGREQ.
func (c *client) fence(now int64) error {
	if c.fences.len() == 0 {
		return fmt.Errorf("unexpected %v", packet.PINGRESP)
	}
	// At QoS 0 ids are given out and freed in turn, 1, 2 … Window, 1 …
	for range c.fences.pop() {
		c.settled = c.settled%uint16(c.config.Window) + 1
		c.settle(c.settled, false, now)
	}
	return nil
}

// settle counts an event's answer and frees its packet id.
func (c *client) settle(id uint16, refused bool, now int64) {
	f := &c.flights[id]
	if f.at >= c.clock.warmup {
		c.latency.add(now - f.at)
	}
	if now >= c.clock.warmup && now <= c.clock.end {
		c.answered++
	}
	if refused {
		c.rejected++
	} else {
		c.acknowledged++
	}
	c.lastAnswer = now
	f.stage = idle
	c.ids.push(id)
}
