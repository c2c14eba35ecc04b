package publish

import (
	"context"
	"fmt"
	"time"

	"weir/devices/agent/dialect"
	"weir/devices/internal/packet"
)

// session is what goes over one connection.
//
// The spool knows what was not acknowledged; a session hands it over from its
// oldest message on. What an earlier session handed over already is sent as the
// standard has it for a retransmission: by the same client id, with the same
// packet id and the same bytes, and DUP. So a broker that keeps its books beyond
// a connection, as weir does, sees that it is none. The packet id follows from
// the message's number in the spool, so it is the same after a restart, too.
//
// A message is settled, at QoS 2, by its PUBCOMP and not by its PUBREC: a broker
// may pass on at PUBREL only, and forgets with the session what it has not.
type session struct {
	p       *Publisher
	c       *connection
	flights []flight // handed over and not yet dropped from the spool, ascending
	after   uint64   // the last number that was handed over
	control uint16   // the last packet id of a message that is not the spool's
	waiting uint16   // the control message that is waited for, 0 for none

	heard    time.Time // when the broker said anything
	asked    time.Time // when it was asked for a sign of life
	progress time.Time // when a message was settled, or the first one handed over
}

type flight struct {
	number  uint64
	settled bool
}

// Packet ids below firstControl are those of the spool's messages, by their
// numbers; the others are those of control messages, in turn.
const firstControl = 1 << 15

func packetID(number uint64) uint16 { return uint16(1 + (number-1)%(firstControl-1)) }

// serve registers, then sends until the grace context ends. When ctx has ended,
// it returns once the spool is empty and the proplet's last word is said.
func (s *session) serve(ctx, grace context.Context) error {
	for _, m := range []dialect.Message{s.p.c.Create, s.p.c.Alive} {
		if err := s.say(grace, m); err != nil {
			return fmt.Errorf("register: %w", err)
		}
	}
	s.p.connected.Store(true)
	if s.p.c.Watch.Connected != nil {
		s.p.c.Watch.Connected()
	}
	alive, look := time.NewTicker(s.p.c.AliveEvery), time.NewTicker(lookEvery)
	defer alive.Stop()
	defer look.Stop()
	stop := ctx.Done()
	for {
		if err := s.fill(); err != nil {
			return err
		}
		if stop == nil && len(s.flights) == 0 {
			return s.say(grace, s.p.c.Offline)
		}
		var err error
		select {
		case a, ok := <-s.c.answers:
			err = s.hear(a, ok)
		case <-s.p.c.Spool.Changed():
		case <-alive.C: // if it does not arrive, the next one or the connection tells
			s.append(s.p.c.Alive, s.nextControl(), false)
		case <-look.C:
			err = s.look(time.Now())
		case <-stop:
			stop = nil
		case <-grace.Done():
			err = context.Cause(grace)
		}
		if err != nil {
			return err
		}
	}
}

// fill hands over as many of the spool's messages as the window allows.
func (s *session) fill() error {
	items, err := s.p.c.Spool.Peek(s.after, window-len(s.flights))
	if err != nil {
		return err
	}
	for _, item := range items {
		if len(s.flights) > 0 && item.Number-s.flights[0].number >= firstControl-1 {
			break // its packet id may be in use
		}
		if len(s.flights) == 0 {
			s.progress = time.Now()
		}
		s.append(item.Message, packetID(item.Number), item.Number <= s.p.handed)
		s.flights = append(s.flights, flight{item.Number, s.p.c.QoS == 0})
		s.after, s.p.handed = item.Number, max(s.p.handed, item.Number)
	}
	if err := s.c.flush(); err != nil {
		return err
	}
	return s.drop()
}

// append adds a PUBLISH to what is to be written.
func (s *session) append(m dialect.Message, id uint16, again bool) {
	if s.p.c.QoS == 0 {
		id, again = 0, false
	}
	at := len(s.c.out)
	s.c.out, _ = packet.AppendPublish(s.c.out, packet.V311, packet.Publish{Topic: m.Topic, Payload: m.Payload, QoS: s.p.c.QoS, ID: id})
	if again {
		packet.SetDup(s.c.out[at:])
	}
}

func (s *session) nextControl() uint16 {
	if s.control++; s.control < firstControl { // the first, or it went round
		s.control = firstControl
	}
	return s.control
}

// say publishes a message that is not the spool's, and waits until the broker has
// acknowledged it.
func (s *session) say(grace context.Context, m dialect.Message) error {
	id := s.nextControl()
	s.append(m, id, false)
	if s.p.c.QoS == 0 {
		return s.c.flush()
	}
	s.waiting = id
	late := time.NewTimer(ackTimeout)
	defer late.Stop()
	for s.waiting != 0 {
		if err := s.c.flush(); err != nil {
			return err
		}
		select {
		case a, ok := <-s.c.answers:
			if err := s.hear(a, ok); err != nil {
				return err
			}
		case <-late.C:
			return fmt.Errorf("no answer within %s", ackTimeout)
		case <-grace.Done():
			return context.Cause(grace)
		}
	}
	return nil
}

// hear takes in what the broker says; not ok, the connection has broken.
func (s *session) hear(a answer, ok bool) error {
	if !ok {
		return s.c.fault
	}
	s.heard = time.Now()
	switch {
	case a.kind == packet.PINGRESP:
		return nil
	case a.kind == packet.PUBREC:
		s.c.out = packet.AppendAck(s.c.out, packet.PUBREL, a.id)
		return nil
	case a.id >= firstControl:
		if a.id == s.waiting {
			s.waiting = 0
		}
		return nil
	}
	for i := range s.flights {
		if packetID(s.flights[i].number) == a.id {
			s.flights[i].settled, s.progress = true, s.heard
		}
	}
	return s.drop()
}

// drop has the spool forget what is settled, up to the first message that is not.
func (s *session) drop() error {
	n := 0
	for n < len(s.flights) && s.flights[n].settled {
		n++
	}
	if n == 0 {
		return nil
	}
	through := s.flights[n-1].number
	s.flights = s.flights[n:]
	s.p.sent.Add(uint64(n))
	return s.p.c.Spool.Drop(through)
}

// look leaves a broker that is silent, and asks it for a sign of life.
func (s *session) look(now time.Time) error {
	switch {
	case len(s.flights) > 0 && now.Sub(s.progress) > ackTimeout:
		return fmt.Errorf("no answer within %s", ackTimeout)
	case now.Sub(s.heard) > keepAlive+connectTimeout:
		return fmt.Errorf("not a word within %s", keepAlive+connectTimeout)
	case now.Sub(s.asked) >= keepAlive/2:
		s.asked = now
		s.c.out = packet.AppendPingreq(s.c.out)
	}
	return nil
}
