package loadgen

import (
	"fmt"
	"slices"

	"weir/devices/internal/packet"
)

// session is the client's side of an MQTT session that outlives connections:
// what was sent and not yet settled. It does no I/O.
//
// The standard's rules that it keeps (3.1.1, 4.3, 4.4 and 4.6): what is
// unacknowledged is sent again after a reconnection and at no other time, with
// DUP set, the same packet id and the same bytes, in the order in which it was
// first sent; a QoS 2 message that has its PUBREC is never published again, but
// its PUBREL is; a packet id is not used for something new before its message
// is settled.
type session struct {
	version, qos byte
	flights      []numberFlight // unacknowledged, in the order of sending
	released     []uint16       // QoS 2: ids that wait for PUBCOMP, in the order of their PUBRECs
	lastID       uint16
	number       uint64 // the latest that was sent
}

// numberFlight is a number that is not acknowledged.
type numberFlight struct {
	number uint64
	id     uint16
	packet []byte // as it was sent
}

// inFlight is how many packet ids are in use.
func (s *session) inFlight() int { return len(s.flights) + len(s.released) }

// publish appends a PUBLISH of the next number, whose payload is made from it.
func (s *session) publish(out []byte, topic string, payload func(number uint64) []byte) []byte {
	s.number++
	id := s.freeID()
	p, _ := packet.AppendPublish(nil, s.version, packet.Publish{Topic: topic, Payload: payload(s.number), QoS: s.qos, ID: id})
	s.flights = append(s.flights, numberFlight{s.number, id, p})
	return append(out, p...)
}

// freeID returns the next packet id that is not in use; ids go round, so that
// one comes again as late as can be.
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
	return slices.IndexFunc(s.flights, func(f numberFlight) bool { return f.id == id })
}

// outcome is what an acknowledgement says of a number.
type outcome struct {
	number   uint64 // 0: it settles none
	rejected bool   // by a reason code of failure
}

// ack takes in a PUBACK, PUBREC or PUBCOMP and appends the answer where there
// is one. The error says that the server acknowledged what it may not.
func (s *session) ack(out []byte, t packet.Type, a packet.Ack) ([]byte, outcome, error) {
	if t == packet.PUBCOMP {
		i := slices.Index(s.released, a.ID)
		if i < 0 {
			return out, outcome{}, fmt.Errorf("%v for packet id %d, which was not released", t, a.ID)
		}
		s.released = slices.Delete(s.released, i, i+1)
		return out, outcome{}, nil
	}
	if t == packet.PUBREC && s.qos == 2 && slices.Contains(s.released, a.ID) && !a.Refused() {
		return packet.AppendAck(out, packet.PUBREL, a.ID), outcome{}, nil // the server asks again
	}
	i := s.flight(a.ID)
	if i < 0 || (t == packet.PUBREC) != (s.qos == 2) {
		return out, outcome{}, fmt.Errorf("%v for packet id %d, which does not wait for one", t, a.ID)
	}
	o := outcome{s.flights[i].number, a.Refused()}
	s.flights = slices.Delete(s.flights, i, i+1)
	if t == packet.PUBREC && !a.Refused() {
		s.released = append(s.released, a.ID)
		out = packet.AppendAck(out, packet.PUBREL, a.ID)
	}
	return out, o, nil
}

// resume appends what has to be sent again after a reconnection.
func (s *session) resume(out []byte) []byte {
	for _, id := range s.released {
		out = packet.AppendAck(out, packet.PUBREL, id)
	}
	for _, f := range s.flights {
		packet.SetDup(f.packet)
		out = append(out, f.packet...)
	}
	return out
}

// abandon gives up what is in flight, since the server has forgotten the
// session, and returns the numbers that were not acknowledged.
func (s *session) abandon() []uint64 {
	numbers := s.unsettled()
	s.flights, s.released = nil, nil
	return numbers
}

// unsettled returns the numbers that were sent and not acknowledged.
func (s *session) unsettled() []uint64 {
	var numbers []uint64
	for _, f := range s.flights {
		numbers = append(numbers, f.number)
	}
	return numbers
}
