package broker

import (
	"strings"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// topicCacheSize bounds the topics remembered a connection: devices publish on
// a few.
const topicCacheSize = 64

// session is one connection of a client: what it may publish where, how many of
// its messages wait for the journal, and its acknowledgements. Its fields up to
// mu belong to the client's read goroutine.
type session struct {
	b        *Broker
	cl       *mqtt.Client
	topics   map[string]topicInfo
	origin   *mqtt.Client // stands for cl when its messages are handed to subscribers
	v5       bool
	recorded bool // something of it is in the journal: its going away matters
	again    bool // the packet being read is a QoS 2 retransmission that was handed on before

	mu       sync.Mutex
	room     sync.Cond // signalled when waiting shrinks or gone is set
	waiting  int       // QoS > 0 messages that are not acknowledged
	gone     bool
	acks     []byte // encoded, to be written
	ackCount int
	wake     chan struct{} // holds a token when acks has something
}

type topicInfo struct {
	topic decode.Topic
	ours  bool
}

func newSession(b *Broker, cl *mqtt.Client) *session {
	s := &session{b: b, cl: cl, topics: map[string]topicInfo{}, v5: cl.Properties.ProtocolVersion == 5, wake: make(chan struct{}, 1)}
	s.room.L = &s.mu
	go s.writeAcks()
	return s
}

// topic parses a topic, once for each that the client uses.
func (s *session) topic(name string) topicInfo {
	if info, ok := s.topics[name]; ok {
		return info
	}
	if len(s.topics) >= topicCacheSize {
		clear(s.topics)
	}
	topic, ours := decode.ParseTopic(name)
	info := topicInfo{topic, ours}
	s.topics[name] = info
	return info
}

// admit takes a place among the client's waiting messages. A client of MQTT 5
// knows its limit (Receive Maximum) and breaks the protocol by exceeding it:
// admit reports false. One of MQTT 3 cannot know and is held back.
func (s *session) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting >= schema.DuplicateWindow && !s.gone {
		if s.v5 {
			return false
		}
		s.room.Wait()
	}
	s.waiting++
	return true
}

// answer queues the acknowledgement of a stored message and returns its size in
// bytes, 0 when the client is gone.
func (s *session) answer(r *Receipt) int {
	if r.qos == 2 && r.code < packets.ErrUnspecifiedError.Code {
		// PUBREL must find the packet id, to be answered by PUBCOMP.
		if s.cl.State.Inflight.Set(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrec}, PacketID: r.packetID, Created: s.b.cfg.Now().Unix()}) {
			atomic.AddInt64(&s.b.server.Info.Inflight, 1)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0
	}
	before := len(s.acks)
	s.acks = appendAck(s.acks, r, s.v5)
	s.ackCount++
	if s.ackCount == 1 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return len(s.acks) - before
}

// writeAcks writes acknowledgements as they come, all that wait in one write:
// the system call is most of what QoS 1 costs a broker. Each connection has its
// own goroutine, so that a client which does not read delays nobody else.
func (s *session) writeAcks() {
	var buf []byte
	for range s.wake {
		s.mu.Lock()
		buf, s.acks = s.acks, buf[:0]
		count := s.ackCount
		s.ackCount = 0
		s.waiting -= count
		s.mu.Unlock()
		s.room.Broadcast()
		// The broker's own writes hold the client's lock: whole packets only
		// ever stand side by side.
		s.cl.Lock()
		_, err := s.cl.Net.Conn.Write(buf)
		s.cl.Unlock()
		if err != nil {
			s.cl.Stop(err)
		}
	}
}

// end lets the session's goroutines go.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone {
		s.gone = true
		close(s.wake)
	}
	s.room.Broadcast()
}

// appendAck appends a PUBACK or PUBREC. MQTT 3 has no reason codes: what is
// rejected is acknowledged all the same, since the device could do nothing but
// send it again for ever.
//
// Source: MQTT 5.0, 3.4 and 3.5.
func appendAck(b []byte, r *Receipt, v5 bool) []byte {
	typ := packets.Puback
	if r.qos == 2 {
		typ = packets.Pubrec
	}
	id := []byte{byte(r.packetID >> 8), byte(r.packetID)}
	if !v5 || r.code == packets.CodeSuccess.Code {
		return append(b, typ<<4, 2, id[0], id[1])
	}
	reason := r.reason
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	properties := 0
	if reason != "" {
		properties = 3 + len(reason)
	}
	b = append(b, typ<<4, byte(4+properties), id[0], id[1], r.code, byte(properties))
	if reason != "" {
		b = append(b, reasonStringProperty, byte(len(reason)>>8), byte(len(reason)))
		b = append(b, reason...)
	}
	return b
}

const (
	reasonStringProperty = 0x1f
	// maxReason keeps an acknowledgement below 128 bytes, so that its lengths
	// take one byte each.
	maxReason = 110
)
