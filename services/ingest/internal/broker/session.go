package broker

import (
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
	"weir/services/ingest/internal/topics"
)

const (
	// topicCacheSize bounds the topics remembered a connection: devices publish
	// on a few.
	topicCacheSize = 64
	// maxLevels bounds the levels of topics and filters, as mosquitto does: the
	// broker takes a time that grows with their square.
	maxLevels = 200
)

// session is one connection of a client that was let in: what it may publish
// where, and how far its messages are.
type session struct {
	b    *Broker
	cl   *mqtt.Client
	conn *conn
	v5   bool

	before   *session      // the client's connection before this one, until that has ended
	replaced atomic.Bool   // by a newer connection of the same client
	left     atomic.Bool   // it was dealt with that the client went away
	done     chan struct{} // closed when nothing of this connection happens any more

	// The rest belongs to the client's read goroutine.
	topics     map[string]topicInfo
	origin     *mqtt.Client        // stands for cl when its messages are handed to subscribers
	recorded   bool                // something of it is in the journal: its going away matters
	unreleased map[uint16]struct{} // QoS 2 messages that were handed on, until their PUBREL
	reading    reading
}

// reading is what must be known of the packet being read when it is answered.
type reading struct {
	again    bool            // it is a QoS 2 PUBLISH that is sent again
	released bool            // it is the PUBREL of one of our unreleased messages
	hidden   *packets.Packet // a message to the client with the same packet id
}

type topicInfo struct {
	topics.Topic
	name    string
	allowed bool // for the client to publish on
}

func newSession(b *Broker, cl *mqtt.Client, c *conn) *session {
	return &session{b: b, cl: cl, conn: c, v5: cl.Properties.ProtocolVersion == 5, done: make(chan struct{}),
		topics: map[string]topicInfo{}, unreleased: map[uint16]struct{}{}}
}

// topic parses a topic, once for each that the client uses and for each change of
// the mappings.
func (s *session) topic(name string) topicInfo {
	if info, ok := s.topics[name]; ok && s.b.cfg.Topics.Current(&info.Topic) {
		return info
	}
	if len(s.topics) >= topicCacheSize {
		clear(s.topics)
	}
	info := topicInfo{name: strings.Clone(name)} // name shares the memory of its whole packet
	info.Topic = s.b.cfg.Topics.Parse(info.name)
	info.allowed = s.b.mayPublish(string(s.cl.Properties.Username), info.name, &info.Topic)
	s.topics[info.name] = info
	return info
}

// admit takes a place among the client's waiting messages. A client of MQTT 5
// knows its limit (Receive Maximum) and breaks the protocol by exceeding it. One
// of MQTT 3 cannot know and is held back. It reports false when the connection
// ends.
func (s *session) admit() bool {
	ok := s.conn.admit(schema.DuplicateWindow, !s.v5)
	if !ok {
		s.abort(packets.ErrReceiveMaximum)
	}
	return ok
}

// abort ends the connection of a client that breaks the protocol. The broker's
// own way would pass for a DISCONNECT of the client: its will would be lost.
func (s *session) abort(code packets.Code) {
	_ = s.cl.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Disconnect},
		ReasonCode:  code.Code,
		Properties:  packets.Properties{ReasonString: code.Reason},
	})
	_ = s.conn.Close()
}

// tooDeep reports whether a topic or filter has too many levels.
func tooDeep(topic string) bool { return strings.Count(topic, "/") >= maxLevels }

// valid reports whether the broker may look at a packet.
func valid(pk *packets.Packet) bool {
	for _, f := range pk.Filters {
		if tooDeep(f.Filter) {
			return false
		}
	}
	return !tooDeep(pk.TopicName)
}

// read notes what will matter about a packet.
//
// The broker keeps the ids of the messages to a client and of those from it in
// one map, though they are two sets: a client's PUBLISH would make it forget
// the message to the client that has the same id, and a SUBSCRIBE with such an
// id would fail. So that message is taken out while the packet is dealt with.
func (s *session) read(pk *packets.Packet) {
	s.reading = reading{}
	switch pk.FixedHeader.Type {
	case packets.Publish:
		if pk.FixedHeader.Qos == 0 {
			return
		}
		s.reading.again = pk.FixedHeader.Qos == 2 && pk.FixedHeader.Dup
	case packets.Pubrel:
		_, s.reading.released = s.unreleased[pk.PacketID]
		delete(s.unreleased, pk.PacketID)
	case packets.Subscribe, packets.Unsubscribe:
	default:
		return
	}
	if !s.b.subscribed.Load() {
		return
	}
	if m, ok := s.cl.State.Inflight.Get(pk.PacketID); ok && toClient(m) && s.cl.State.Inflight.Delete(pk.PacketID) {
		atomic.AddInt64(&s.b.server.Info.Inflight, -1)
		s.reading.hidden = &m
	}
}

// toClient reports whether an inflight packet is a step of a message's way to
// the client.
func toClient(m packets.Packet) bool {
	return m.FixedHeader.Type == packets.Publish || m.FixedHeader.Type == packets.Pubrel
}

// processed puts back what read took out.
func (s *session) processed() {
	m := s.reading.hidden
	s.reading.hidden = nil
	if m == nil {
		return
	}
	if _, taken := s.cl.State.Inflight.Get(m.PacketID); !taken && s.cl.State.Inflight.Set(*m) {
		atomic.AddInt64(&s.b.server.Info.Inflight, 1)
	}
}

// handedOn notes that a message goes to its subscribers, and reports false if it
// went there before. One that is answered by an error is over: no PUBREL comes.
func (s *session) handedOn(pk *packets.Packet, code byte) (first bool) {
	if pk.FixedHeader.Qos < 2 {
		return true
	}
	_, known := s.unreleased[pk.PacketID]
	if code < packets.ErrUnspecifiedError.Code {
		s.unreleased[pk.PacketID] = struct{}{}
	}
	return !known || !pk.FixedHeader.Dup
}

// inherit takes over what a client's earlier connection left. It must have
// ended.
func (s *session) inherit(old *session) {
	if old.replaced.Load() {
		s.recorded = old.recorded
	}
	if !s.cl.Properties.Clean && persistent(old.cl) {
		s.unreleased = old.unreleased
	}
}

// answer queues the acknowledgement of a stored message and returns its size in
// bytes, 0 when the client is gone.
func (s *session) answer(r *Receipt) int { return s.conn.acknowledge(r, s.v5) }

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
	properties := 0
	if r.reason != "" {
		properties = 3 + len(r.reason)
	}
	b = append(b, typ<<4, byte(4+properties), id[0], id[1], r.code, byte(properties))
	if r.reason != "" {
		b = append(b, reasonStringProperty, byte(len(r.reason)>>8), byte(len(r.reason)))
		b = append(b, r.reason...)
	}
	return b
}

const (
	reasonStringProperty = 0x1f
	// maxReason keeps an acknowledgement below 128 bytes, so that its lengths
	// take one byte each.
	maxReason = 110
	// reasonOverhead is the size of an acknowledgement without its reason string.
	reasonOverhead = 9
)

// reasonFor returns the reason string that the client wants to see, "" if none.
func (s *session) reasonFor(text string) string {
	p := s.cl.Properties.Props
	if p.RequestProblemInfoFlag && p.RequestProblemInfo == 0 {
		return ""
	}
	text = strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
	if p.MaximumPacketSize > 0 && reasonOverhead+len(text) > int(p.MaximumPacketSize) {
		return ""
	}
	return text
}
