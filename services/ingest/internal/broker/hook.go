package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// hook is what mochi calls. Its storage part is in persistence.go.
type hook struct {
	mqtt.HookBase
	b        *Broker
	decoders sync.Pool
	stored   stored
}

func newHook(ctx context.Context, b *Broker) (*hook, error) {
	h := &hook{b: b, decoders: sync.Pool{New: func() any { return decode.New() }}}
	if err := h.load(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *hook) ID() string { return "weir" }

// Provides is asked several times for each packet.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablish, mqtt.OnDisconnect,
		mqtt.OnPacketRead, mqtt.OnPacketProcessed, mqtt.OnPacketEncode, mqtt.OnPacketSent,
		mqtt.OnPublish, mqtt.OnWillSent, mqtt.OnSubscribed, mqtt.OnUnsubscribed, mqtt.OnClientExpired,
		mqtt.OnRetainMessage, mqtt.OnRetainedExpired, mqtt.StoredClients, mqtt.StoredSubscriptions:
		return true
	}
	return false
}

// OnConnectAuthenticate lets a client in. Its will is checked here: nothing
// else asks whether it may be published. Of the same client's connections the
// newest stays, and no user takes over another one's session.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	c, ours := cl.Net.Conn.(*conn)
	if !ours {
		return false
	}
	if tooDeep(pk.Connect.WillTopic) {
		return h.turnAway(cl, packets.ErrTopicNameInvalid)
	}
	if u := h.b.cfg.Users; u != nil {
		name := string(pk.Connect.Username)
		if !u.Authenticate(name, pk.Connect.Password) {
			return false
		}
		will := h.b.cfg.Topics.Parse(pk.Connect.WillTopic)
		if pk.Connect.WillFlag && !h.b.mayPublish(name, pk.Connect.WillTopic, &will) {
			return h.turnAway(cl, packets.ErrNotAuthorized)
		}
		if known, ok := h.b.server.Clients.Get(cl.ID); ok && string(known.Properties.Username) != name {
			return h.turnAway(cl, packets.ErrClientIdentifierNotValid)
		}
	}
	c.session = newSession(h.b, cl, c)
	if !h.b.claim(c.session) {
		return h.turnAway(cl, packets.ErrServerUnavailable)
	}
	return true
}

// turnAway tells a client why it is not let in.
func (h *hook) turnAway(cl *mqtt.Client, code packets.Code) bool {
	if _, known := packets.V5CodesToV3[code]; cl.Properties.ProtocolVersion < 5 && !known {
		code = packets.ErrBadUsernameOrPassword // which becomes MQTT 3's "not authorized"
	}
	_ = h.b.server.SendConnack(cl, code, false, nil)
	cl.Stop(code)
	return false
}

// OnACLCheck allows publishing on a topic, or subscribing to a filter and
// receiving from a topic. With a topic alias the topic is empty here:
// OnPublish asks again when it is known.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	u := h.b.cfg.Users
	switch {
	case u == nil, write && topic == "":
		return true
	case write:
		return h.b.session(cl).topic(topic).allowed
	}
	return h.b.maySubscribe(string(cl.Properties.Username), topic)
}

// OnSessionEstablish is called before a client hears that it is connected.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	p := &cl.Properties.Props
	// The broker would use an alias for a topic even if the message that set it
	// was dropped, or was sent on an earlier connection.
	p.TopicAliasMaximum = 0
	// A will is due when the session ends, if not before. The broker would have
	// forgotten the client by then, so it is due a second earlier.
	will := &cl.Properties.Will
	will.WillDelayInterval = min(will.WillDelayInterval, max(p.SessionExpiryInterval, 1)-1)
	h.saveSession(cl)
}

func (h *hook) OnDisconnect(cl *mqtt.Client, err error, expire bool) {
	s := h.b.session(cl)
	if s != nil {
		s.processed()
		h.b.gone(s, errors.Is(cl.StopCause(), packets.CodeDisconnect))
		s.left.Store(true)
	}
	switch {
	case s != nil && s.replaced.Load():
	case expire:
		h.dropSession(cl)
	case s != nil: // DISCONNECT may have changed how long the session is kept
		h.saveSession(cl)
	}
}

// OnPacketRead is called before a packet is looked at. An error ends the
// connection: nothing more of one that is being closed counts.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := h.b.session(cl)
	if s == nil {
		return pk, nil
	}
	if s.conn.isClosing() {
		return pk, packets.ErrRejectPacket
	}
	if !valid(&pk) {
		s.abort(packets.ErrTopicNameInvalid)
		return pk, packets.ErrRejectPacket
	}
	s.read(&pk)
	return pk, nil
}

func (h *hook) OnPacketProcessed(cl *mqtt.Client, _ packets.Packet, _ error) {
	if s := h.b.session(cl); s != nil {
		s.processed()
	}
}

// OnPacketEncode mends what the broker is about to send, and waits until the
// client's connection has room for it. It may wait since only goroutines that
// serve this client come here, but for those that end its connection.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk
	}
	if pk.FixedHeader.Type == packets.Disconnect {
		if cl.Properties.ProtocolVersion < 5 {
			pk.Mods.MaxSize = 1 // too large, so not sent: brokers of MQTT 3 just close
		}
		return pk
	}
	mend(&pk, c.session)
	c.ready(pk.FixedHeader.Type == packets.Publish)
	return pk
}

func mend(pk *packets.Packet, s *session) {
	switch pk.FixedHeader.Type {
	case packets.Connack: // which must name the limits that there are
		pk.Properties.MaximumPacketSize = maxPacket
		pk.Properties.TopicAliasMaximum = maxAliases
	case packets.Puback: // the broker sends the granted QoS, 0x01
		if pk.ReasonCode == packets.CodeGrantedQos1.Code {
			pk.ReasonCode = packets.CodeSuccess.Code
		}
	case packets.Pubrec: // "packet identifier in use", which a client takes for a failure
		if s.reading.again {
			pk.ReasonCode, pk.Properties.ReasonString = packets.CodeSuccess.Code, ""
		}
	case packets.Pubcomp: // "not found": the broker does not know our QoS 2 messages
		if s.reading.released {
			pk.ReasonCode, pk.Properties.ReasonString = packets.CodeSuccess.Code, ""
		}
	}
}

// OnPacketSent opens the way for messages once CONNACK stands before them.
func (h *hook) OnPacketSent(cl *mqtt.Client, pk packets.Packet, _ []byte) {
	if c, ok := cl.Net.Conn.(*conn); ok && pk.FixedHeader.Type == packets.Connack {
		c.greet()
	}
}

// OnPublish takes the messages on our topics. It runs on the client's read
// goroutine, so blocking in it holds the sender back. ErrRejectPacket keeps
// mochi from acknowledging; it also skips what else mochi does with a message,
// which handOn makes up for.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil
	}
	s := h.b.session(cl)
	if pk.TopicName == "" {
		s.abort(packets.ErrProtocolViolationNoTopic) // an alias that was never set
		return pk, packets.ErrRejectPacket
	}
	info := s.topic(pk.TopicName)
	for !h.b.cfg.Topics.Enter(&info.Topic) {
		info = s.topic(pk.TopicName)
	}
	defer h.b.cfg.Topics.Leave(&info.Topic)
	switch {
	case !info.allowed: // it came under an alias, or is another tenant's since a moment ago
		h.refuse(s, pk, packets.ErrNotAuthorized)
	case !info.Ours, clears(&pk):
		return pk, nil // the broker's own business, which it acknowledges
	default:
		h.take(s, info, pk)
	}
	return pk, packets.ErrRejectPacket
}

// clears reports whether a message says nothing but that its topic's retained one
// is to be forgotten. It is handed on and no event. A will cannot say that: the
// broker lets nobody in whose will is empty.
//
// Source: MQTT 3.1.1, 3.3.1.3; MQTT 5.0, 3.3.1.3.
func clears(pk *packets.Packet) bool { return pk.FixedHeader.Retain && len(pk.Payload) == 0 }

// take puts a message into the journal's queue and hands it on.
func (h *hook) take(s *session, info topicInfo, pk packets.Packet) {
	if pk.FixedHeader.Qos > 0 && !s.admit() {
		return
	}
	pk.TopicName = info.name
	entry := h.entry(s.cl.ID, schema.RouteMQTT, info.Topic.Topic, pk)
	if pk.FixedHeader.Qos > 0 {
		entry.Ref = h.receipt(s, info.Topic.Topic, pk, entry.Event.Refused)
	}
	if err := h.b.cfg.Submit(entry); err != nil {
		// The journal is closing: no acknowledgement, so the device keeps it.
		_ = s.conn.Close()
		return
	}
	s.recorded = true
	if s.handedOn(&pk, entry.Ref.code) {
		h.handOn(s, pk)
	}
}

// refuse answers a message that never enters the journal.
func (h *hook) refuse(s *session, pk packets.Packet, code packets.Code) {
	if pk.FixedHeader.Qos > 0 && s.admit() {
		s.answer(&Receipt{packetID: pk.PacketID, qos: pk.FixedHeader.Qos, code: code.Code, reason: s.reasonFor(code.Reason)})
	}
}

// entry makes an event of a message. A payload above the limit is kept in part,
// without the memory of the whole.
func (h *hook) entry(client string, route schema.Route, topic decode.Topic, pk packets.Packet) journal.Entry[Receipt] {
	e := journal.Entry[Receipt]{Tenant: topic.Tenant, Event: schema.Event{
		Topic: pk.TopicName, Client: client, Received: h.b.cfg.Now().UnixNano(), Payload: pk.Payload,
		PacketID: pk.PacketID, QoS: pk.FixedHeader.Qos, Dup: pk.FixedHeader.Dup, Retain: pk.FixedHeader.Retain, Route: route,
	}}
	if limit := h.b.cfg.MaxPayload; len(pk.Payload) > limit {
		e.Event.Payload = bytes.Clone(pk.Payload[:limit])
		e.Event.Refused = &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: fmt.Sprintf("%d bytes, at most %d", len(pk.Payload), limit)}
	}
	return e
}

// receipt decides how the device will be answered. MQTT 5 tells it what was
// wrong; whether the event counts is the fold's decision, by the same decoder.
func (h *hook) receipt(s *session, topic decode.Topic, pk packets.Packet, refused *schema.Refusal) Receipt {
	r := Receipt{session: s, packetID: pk.PacketID, qos: pk.FixedHeader.Qos}
	if !s.v5 {
		return r
	}
	var rejection *schema.Rejection
	if refused != nil {
		rejection = &schema.Rejection{Reason: refused.Reason, Detail: refused.Detail, Offset: -1}
	} else {
		d := h.decoders.Get().(*decode.Decoder)
		_, rejection = d.Decode(topic, pk.Payload)
		h.decoders.Put(d)
	}
	if rejection == nil {
		return r
	}
	r.code = packets.ErrPayloadFormatInvalid.Code
	if rejection.Reason == schema.ReasonTooLarge {
		r.code = packets.ErrQuotaExceeded.Code
	}
	r.reason = s.reasonFor(rejection.Error())
	return r
}

// handOn gives a message to its subscribers and keeps it if it is to be
// retained, as mochi does with the messages that it acknowledges itself.
func (h *hook) handOn(s *session, pk packets.Packet) {
	if !pk.FixedHeader.Retain && !h.b.subscribed.Load() {
		return
	}
	if s.origin == nil { // of the same id, so that "no local" holds
		s.origin = h.b.server.NewClient(nil, mqtt.LocalListener, s.cl.ID, true)
		s.origin.Properties.ProtocolVersion = s.cl.Properties.ProtocolVersion
	}
	pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 0, false
	if err := h.b.server.InjectPacket(s.origin, pk); err != nil {
		h.b.cfg.Logger.Warn("hand a message to its subscribers", "topic", pk.TopicName, "error", err)
		return
	}
	atomic.AddInt64(&h.b.server.Info.PacketsReceived, -1) // it was counted when it came
	atomic.AddInt64(&h.b.server.Info.MessagesReceived, -1)
}

// sendWill publishes a will that the broker did not come to publish.
func (h *hook) sendWill(s *session) {
	pk := publication(&s.cl.Properties.Will)
	pk.PacketID = uint16(pk.FixedHeader.Qos) // injected, it needs some id
	h.handOn(s, pk)
	pk.PacketID = 0
	h.OnWillSent(s.cl, pk)
}

// lastWill journals a delayed will whose session ends before it was sent, as on a
// machine that stands still when both are due. The broker hands it to its
// subscribers, but has forgotten by then whose it was.
func (h *hook) lastWill(cl *mqtt.Client) {
	w := cl.Properties.Will
	if w.Flag == 0 || w.WillDelayInterval == 0 {
		return
	}
	cl.Properties.Will = mqtt.Will{}
	pk := publication(&w)
	pk.Connect.WillProperties.WillDelayInterval = w.WillDelayInterval
	h.OnWillSent(cl, pk)
}

// publication returns a will as the message that it is.
func publication(w *mqtt.Will) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: w.Qos, Retain: w.Retain},
		TopicName:   w.TopicName, Payload: w.Payload, Properties: packets.Properties{User: w.User},
	}
}

// OnWillSent puts a will on our topics into the journal, unless the client
// is still there on a newer connection, or it is the broker that goes away.
func (h *hook) OnWillSent(cl *mqtt.Client, pk packets.Packet) {
	topic := h.b.cfg.Topics.Parse(pk.TopicName)
	for !h.b.cfg.Topics.Enter(&topic) {
		topic = h.b.cfg.Topics.Parse(pk.TopicName)
	}
	defer h.b.cfg.Topics.Leave(&topic)
	s := h.b.session(cl)
	// A delayed will comes when the session is over; cl may be a newer connection.
	delayed := pk.Connect.WillProperties.WillDelayInterval > 0
	if !topic.Ours || s == nil || h.b.stopping.Load() || s.replaced.Load() || delayed && !cl.Closed() {
		return
	}
	if err := h.b.cfg.Submit(h.entry(cl.ID, schema.RouteWill, topic.Topic, pk)); err != nil {
		h.b.cfg.Logger.Warn("a will was not stored", "client", cl.ID, "error", err)
		return
	}
	if !delayed {
		s.recorded = true
	}
}
