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

func (h *hook) Provides(b byte) bool {
	return bytes.Contains([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablish, mqtt.OnDisconnect,
		mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnPublish, mqtt.OnWillSent,
		mqtt.OnSubscribed, mqtt.OnUnsubscribed, mqtt.OnClientExpired,
		mqtt.OnRetainMessage, mqtt.OnRetainedExpired,
		mqtt.StoredClients, mqtt.StoredSubscriptions, mqtt.StoredRetainedMessages,
	}, []byte{b})
}

// OnConnectAuthenticate lets a client in. Its will is checked here: nothing
// else asks whether it may be published.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	u := h.b.cfg.Users
	if u == nil {
		return true
	}
	name := string(pk.Connect.Username)
	return u.Authenticate(name, pk.Connect.Password) &&
		(!pk.Connect.WillFlag || u.MayPublish(name, pk.Connect.WillTopic))
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
		return u.MayPublish(string(cl.Properties.Username), topic)
	}
	return u.MaySubscribe(string(cl.Properties.Username), topic)
}

func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	h.b.live.Store(cl, newSession(h.b, cl))
	h.saveSession(cl, nil)
}

func (h *hook) OnDisconnect(cl *mqtt.Client, err error, expire bool) {
	if s := h.b.session(cl); s != nil {
		h.b.gone(cl, s, errors.Is(cl.StopCause(), packets.CodeDisconnect))
	}
	if expire && !takenOver(cl) {
		h.dropSession(cl)
	}
}

// takenOver reports whether a newer connection of the same client ended this
// one. The broker's own flag is set too late to be relied on.
func takenOver(cl *mqtt.Client) bool {
	return cl.IsTakenOver() || errors.Is(cl.StopCause(), packets.ErrSessionTakenOver)
}

// OnPacketRead makes room for a retransmission at QoS 2: mochi would answer it
// by "packet identifier in use", which a client takes for a failure. It goes
// into the journal again, where the fold sees that it is a duplicate.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos == 2 && pk.FixedHeader.Dup {
		if old, ok := cl.State.Inflight.Get(pk.PacketID); ok && old.FixedHeader.Type == packets.Pubrec {
			cl.State.Inflight.Delete(pk.PacketID)
			atomic.AddInt64(&h.b.server.Info.Inflight, -1)
			if s := h.b.session(cl); s != nil {
				s.again = true
			}
		}
	}
	return pk, nil
}

// OnPacketEncode mends the reason code of mochi's own PUBACKs: it sends the
// granted QoS, 0x01, where MQTT 5 has success, 0x00.
func (h *hook) OnPacketEncode(_ *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Puback && pk.ReasonCode == packets.CodeGrantedQos1.Code {
		pk.ReasonCode = packets.CodeSuccess.Code
	}
	return pk
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
	if s == nil {
		return pk, packets.ErrRejectPacket
	}
	info := s.topic(pk.TopicName)
	aliased := pk.Properties.TopicAliasFlag
	if aliased && h.b.cfg.Users != nil && !h.b.cfg.Users.MayPublish(string(cl.Properties.Username), pk.TopicName) {
		return pk, h.refuse(s, pk, packets.ErrNotAuthorized)
	}
	if !info.ours {
		return pk, nil
	}
	if pk.FixedHeader.Qos > 0 && !s.admit() {
		_ = h.b.server.DisconnectClient(cl, packets.ErrReceiveMaximum)
		return pk, packets.ErrRejectPacket
	}
	entry := h.entry(cl.ID, schema.RouteMQTT, info.topic, pk)
	if pk.FixedHeader.Qos > 0 {
		entry.Ref = h.receipt(s, info.topic, pk, entry.Event.Refused)
	}
	if err := h.b.cfg.Submit(entry); err != nil {
		// The journal is closing: no acknowledgement, so the device keeps it.
		cl.Stop(err)
		return pk, packets.ErrRejectPacket
	}
	s.recorded = true
	if !s.again {
		h.handOn(s, pk)
	}
	s.again = false
	return pk, packets.ErrRejectPacket
}

// refuse answers a message that never enters the journal.
func (h *hook) refuse(s *session, pk packets.Packet, code packets.Code) error {
	if pk.FixedHeader.Qos > 0 {
		s.admit()
		s.answer(&Receipt{session: s, packetID: pk.PacketID, qos: pk.FixedHeader.Qos, code: code.Code, reason: code.Reason})
	}
	return packets.ErrRejectPacket
}

// entry makes an event of a message. A payload above the limit is kept in part.
func (h *hook) entry(client string, route schema.Route, topic decode.Topic, pk packets.Packet) journal.Entry[Receipt] {
	e := journal.Entry[Receipt]{Tenant: topic.Tenant, Event: schema.Event{
		Topic: pk.TopicName, Client: client, Received: h.b.cfg.Now().UnixNano(), Payload: pk.Payload,
		PacketID: pk.PacketID, QoS: pk.FixedHeader.Qos, Dup: pk.FixedHeader.Dup, Retain: pk.FixedHeader.Retain, Route: route,
	}}
	if limit := h.b.cfg.MaxPayload; len(pk.Payload) > limit {
		e.Event.Payload = pk.Payload[:limit]
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
	if p := s.cl.Properties.Props; !p.RequestProblemInfoFlag || p.RequestProblemInfo != 0 {
		r.reason = rejection.Error()
	}
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
	}
}

// OnWillSent puts a will on our topics into the journal, unless the client
// is still there on a newer connection, or it is the broker that goes away.
func (h *hook) OnWillSent(cl *mqtt.Client, pk packets.Packet) {
	cl.Stop(nil) // waits for whoever is stopping the client: takenOver is certain then
	topic, ours := decode.ParseTopic(pk.TopicName)
	if !ours || h.b.stopping.Load() || takenOver(cl) {
		return
	}
	if err := h.b.cfg.Submit(h.entry(cl.ID, schema.RouteWill, topic, pk)); err != nil {
		h.b.cfg.Logger.Warn("a will was not stored", "client", cl.ID, "error", err)
		return
	}
	if s := h.b.session(cl); s != nil {
		s.recorded = true
	}
}
