package mqtt

import (
	"fmt"
	"slices"

	"weir/devices/internal/packet"
)

// session is what is sent and not settled. It does no I/O.
//
// What is unacknowledged is sent again after a reconnection, with DUP set, the
// same packet id and the same bytes, in the order in which it was sent first. A
// QoS 2 message that has its PUBREC is settled: with the session its PUBREL is
// void too.
type session struct {
	version, qos byte
	flights      []flight // in the order of sending
	released     []uint16 // QoS 2: ids that wait for PUBCOMP
	lastID       uint16
}

// flight is a message that is not acknowledged.
type flight struct {
	message Message
	id      uint16
	packet  []byte
}

func (s *session) inFlight() int { return len(s.flights) + len(s.released) }

// publish appends a PUBLISH. At QoS 0 that settles it.
func (s *session) publish(out []byte, m *Message) []byte {
	if s.qos == 0 {
		out, _ = packet.AppendPublish(out, s.version, packet.Publish{Topic: m.Topic, Payload: m.Payload})
		return out
	}
	id := s.freeID()
	p, _ := packet.AppendPublish(nil, s.version, packet.Publish{Topic: m.Topic, Payload: m.Payload, QoS: s.qos, ID: id})
	kept := *m
	kept.Payload = nil // the packet has it
	s.flights = append(s.flights, flight{kept, id, p})
	return append(out, p...)
}

// freeID returns the next packet id that is not in use.
func (s *session) freeID() uint16 {
	for {
		if s.lastID++; s.lastID == 0 {
			s.lastID = 1
		}
		if s.flight(s.lastID) < 0 && !slices.Contains(s.released, s.lastID) {
			return s.lastID
		}
	}
}

func (s *session) flight(id uint16) int {
	return slices.IndexFunc(s.flights, func(f flight) bool { return f.id == id })
}

// ack takes in a PUBACK, PUBREC or PUBCOMP, appends the answer where there is
// one, and returns the message that is settled by it, if one is.
func (s *session) ack(out []byte, t packet.Type, a packet.Ack) ([]byte, *Message, error) {
	if t == packet.PUBCOMP {
		i := slices.Index(s.released, a.ID)
		if i < 0 {
			return out, nil, fmt.Errorf("%v for packet id %d, which was not released", t, a.ID)
		}
		s.released = slices.Delete(s.released, i, i+1)
		return out, nil, nil
	}
	if t == packet.PUBREC && slices.Contains(s.released, a.ID) {
		return packet.AppendAck(out, packet.PUBREL, a.ID), nil, nil // the broker asks again
	}
	i := s.flight(a.ID)
	if i < 0 || (t == packet.PUBREC) != (s.qos == 2) {
		return out, nil, fmt.Errorf("%v for packet id %d, which does not wait for one", t, a.ID)
	}
	m := s.flights[i].message
	s.flights = slices.Delete(s.flights, i, i+1)
	if t == packet.PUBREC && !a.Refused() {
		s.released = append(s.released, a.ID)
		out = packet.AppendAck(out, packet.PUBREL, a.ID)
	}
	return out, &m, nil
}

// resume appends what has to be sent again on a new connection.
func (s *session) resume(out []byte, sent func(*Message)) []byte {
	s.released = nil
	for i := range s.flights {
		f := &s.flights[i]
		packet.SetDup(f.packet)
		out = append(out, f.packet...)
		sent(&f.message)
	}
	return out
}
