// Package session is the client's side of an MQTT session that outlives
// connections: what was sent and not yet settled. It does no I/O.
package session

import (
	"fmt"
	"iter"
	"slices"

	"weir/devices/internal/packet"
)

// Session is a session of messages, each with what the caller knows it by.
//
// The standard's rules that it keeps (3.1.1, 4.3, 4.4 and 4.6): what is
// unacknowledged is sent again after a reconnection and at no other time, with
// DUP set, the same packet id and the same bytes, in the order in which it was
// first sent; a QoS 2 message that has its PUBREC is never published again, but
// its PUBREL is; a packet id is not used for something new before its message
// is settled.
type Session[T any] struct {
	version, qos byte
	flights      []flight[T] // unacknowledged, in the order of sending
	released     []uint16    // QoS 2: ids that wait for PUBCOMP, in the order of their PUBRECs
	lastID       uint16
}

// flight is a message that is not acknowledged.
type flight[T any] struct {
	what   T
	id     uint16
	packet []byte // as it was sent
}

// New returns an empty session of a version of MQTT, in which everything is
// published at one QoS.
func New[T any](version, qos byte) *Session[T] { return &Session[T]{version: version, qos: qos} }

// InFlight is how many packet ids are in use.
func (s *Session[T]) InFlight() int { return len(s.flights) + len(s.released) }

// Publish appends a PUBLISH. At QoS 0 that settles it.
func (s *Session[T]) Publish(out []byte, topic string, payload []byte, what T) []byte {
	if s.qos == 0 {
		out, _ = packet.AppendPublish(out, s.version, packet.Publish{Topic: topic, Payload: payload})
		return out
	}
	id := s.freeID()
	p, _ := packet.AppendPublish(nil, s.version, packet.Publish{Topic: topic, Payload: payload, QoS: s.qos, ID: id})
	s.flights = append(s.flights, flight[T]{what, id, p})
	return append(out, p...)
}

// freeID returns the next packet id that is not in use; ids go round, so that
// one comes again as late as can be.
func (s *Session[T]) freeID() uint16 {
	for {
		if s.lastID++; s.lastID == 0 {
			s.lastID = 1
		}
		if s.flight(s.lastID) < 0 && !slices.Contains(s.released, s.lastID) {
			return s.lastID
		}
	}
}

func (s *Session[T]) flight(id uint16) int {
	return slices.IndexFunc(s.flights, func(f flight[T]) bool { return f.id == id })
}

// Ack takes in a PUBACK, PUBREC or PUBCOMP and appends the answer where there is
// one. It returns the message that it acknowledges or refuses, nil if it is none.
// The error says that the server acknowledged what it may not.
func (s *Session[T]) Ack(out []byte, t packet.Type, a packet.Ack) ([]byte, *T, error) {
	if t == packet.PUBCOMP {
		i := slices.Index(s.released, a.ID)
		if i < 0 {
			return out, nil, fmt.Errorf("%v for packet id %d, which was not released", t, a.ID)
		}
		s.released = slices.Delete(s.released, i, i+1)
		return out, nil, nil
	}
	if t == packet.PUBREC && slices.Contains(s.released, a.ID) && !a.Refused() {
		return packet.AppendAck(out, packet.PUBREL, a.ID), nil, nil // the server asks again
	}
	i := s.flight(a.ID)
	if i < 0 || (t == packet.PUBREC) != (s.qos == 2) {
		return out, nil, fmt.Errorf("%v for packet id %d, which does not wait for one", t, a.ID)
	}
	what := s.flights[i].what
	s.flights = slices.Delete(s.flights, i, i+1)
	if t == packet.PUBREC && !a.Refused() {
		s.released = append(s.released, a.ID)
		out = packet.AppendAck(out, packet.PUBREL, a.ID)
	}
	return out, &what, nil
}

// Resume appends what has to be sent again after a reconnection.
func (s *Session[T]) Resume(out []byte) []byte {
	for _, id := range s.released {
		out = packet.AppendAck(out, packet.PUBREL, id)
	}
	for _, f := range s.flights {
		packet.SetDup(f.packet)
		out = append(out, f.packet...)
	}
	return out
}

// Unacknowledged goes through the messages that were sent and not acknowledged,
// in the order of sending.
func (s *Session[T]) Unacknowledged() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, f := range s.flights {
			if !yield(f.what) {
				return
			}
		}
	}
}

// VoidReleases forgets the QoS 2 messages that were acknowledged and wait for
// their PUBCOMP: where the server begins a new session, it knows nothing of them.
func (s *Session[T]) VoidReleases() { s.released = nil }

// Abandon gives up everything that is in flight, since the server has forgotten
// the session.
func (s *Session[T]) Abandon() { s.flights, s.released = nil, nil }
