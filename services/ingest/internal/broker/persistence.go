package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/storage"
	"github.com/mochi-mqtt/server/v2/packets"
)

// stored is what an earlier run left, until the broker has taken it.
type stored struct {
	clients       []storage.Client
	subscriptions []storage.Subscription
}

// sessionRecord is a persistent session in the bucket.
type sessionRecord struct {
	Client        storage.Client         `json:"client"`
	Subscriptions []storage.Subscription `json:"subscriptions"`
}

func (h *hook) load(ctx context.Context) error {
	sessions, retained, err := h.b.cfg.Sessions.Load(ctx)
	if err != nil {
		return err
	}
	for _, data := range sessions {
		var r sessionRecord
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("read a stored MQTT session: %w", err)
		}
		h.stored.clients = append(h.stored.clients, r.Client)
		h.stored.subscriptions = append(h.stored.subscriptions, r.Subscriptions...)
	}
	for _, data := range retained {
		var m storage.Message
		if err := json.Unmarshal(data, &m); err != nil {
			return fmt.Errorf("read a stored retained message: %w", err)
		}
		h.b.server.Topics.RetainMessage(retainedPacket(m))
	}
	return nil
}

// retainedPacket makes the packet that was stored, with its time of expiry,
// which the broker's own way of loading forgets.
func retainedPacket(m storage.Message) packets.Packet {
	pk := m.ToPacket()
	if expiry := m.Properties.MessageExpiryInterval; expiry > 0 {
		pk.ProtocolVersion = 5
		pk.Expiry = m.Created + int64(expiry)
	}
	return pk
}

func (h *hook) StoredClients() ([]storage.Client, error) { return h.stored.clients, nil }
func (h *hook) StoredSubscriptions() ([]storage.Subscription, error) {
	return h.stored.subscriptions, nil
}

// loaded is called when the broker serves. The broker does not count what it
// loads, and counts its own messages as retained ones.
func (h *hook) loaded() {
	if n := len(h.stored.subscriptions); n > 0 {
		h.b.subscribed.Store(true)
		atomic.AddInt64(&h.b.server.Info.Subscriptions, int64(n))
	}
	for topic := range h.b.server.Topics.Retained.GetAll() {
		if strings.HasPrefix(topic, mqtt.SysPrefix) {
			h.b.sysInfo++
		}
	}
	h.stored = stored{}
}

// persistent reports whether a client's session outlives its connection.
func persistent(cl *mqtt.Client) bool {
	if cl.Properties.ProtocolVersion == 5 {
		return cl.Properties.Props.SessionExpiryInterval > 0
	}
	return !cl.Properties.Clean
}

// saveSession stores a persistent session, before the client hears that its
// connection or subscription succeeded: after a crash "session present" tells
// it to send again what was not acknowledged.
func (h *hook) saveSession(cl *mqtt.Client) {
	if !persistent(cl) {
		h.dropSession(cl)
		return
	}
	p := cl.Properties.Props
	r := sessionRecord{Client: storage.Client{
		ID: cl.ID, T: storage.ClientKey, Listener: cl.Net.Listener, Username: cl.Properties.Username,
		ProtocolVersion: cl.Properties.ProtocolVersion,
		Clean:           cl.Properties.Clean && cl.Properties.ProtocolVersion < 5,
		Properties: storage.ClientProperties{
			SessionExpiryInterval: p.SessionExpiryInterval, SessionExpiryIntervalFlag: p.SessionExpiryIntervalFlag,
			ReceiveMaximum: p.ReceiveMaximum, TopicAliasMaximum: p.TopicAliasMaximum, MaximumPacketSize: p.MaximumPacketSize,
		},
	}}
	subs := h.subscriptions(cl)
	for _, filter := range slices.Sorted(maps.Keys(subs)) {
		s := subs[filter]
		r.Subscriptions = append(r.Subscriptions, storage.Subscription{
			ID: cl.ID + ":" + filter, T: storage.SubscriptionKey, Client: cl.ID, Filter: filter, Qos: s.Qos,
			Identifier: s.Identifier, NoLocal: s.NoLocal, RetainHandling: s.RetainHandling, RetainAsPublished: s.RetainAsPublished,
		})
	}
	data, err := json.Marshal(r)
	if err != nil {
		panic("BUG: a session cannot be encoded: " + err.Error())
	}
	h.b.cfg.Sessions.PutSession(cl.ID, data)
}

// subscriptions returns what the client has subscribed to, or is about to
// inherit from its earlier connection.
func (h *hook) subscriptions(cl *mqtt.Client) map[string]packets.Subscription {
	subs := cl.State.Subscriptions.GetAll()
	if existing, ok := h.b.server.Clients.Get(cl.ID); ok && existing != cl && !cl.Properties.Clean {
		maps.Copy(subs, existing.State.Subscriptions.GetAll())
	}
	return subs
}

func (h *hook) dropSession(cl *mqtt.Client) { h.b.cfg.Sessions.PutSession(cl.ID, nil) }

// OnSubscribed is called before the client hears that it has subscribed.
func (h *hook) OnSubscribed(cl *mqtt.Client, _ packets.Packet, _ []byte) {
	h.b.subscribed.Store(true)
	h.saveSession(cl)
}

// OnUnsubscribed is called when a client has unsubscribed, and when the broker
// does so for one that is gone.
func (h *hook) OnUnsubscribed(cl *mqtt.Client, _ packets.Packet) {
	if s := h.b.session(cl); s != nil && !s.left.Load() {
		h.saveSession(cl)
	}
}

func (h *hook) OnClientExpired(cl *mqtt.Client) {
	h.lastWill(cl)
	h.b.server.UnsubscribeClient(cl)
	h.b.expired(cl)
	h.dropSession(cl)
}

// OnRetainMessage stores a retained message soon; r is -1 when it was cleared.
func (h *hook) OnRetainMessage(_ *mqtt.Client, pk packets.Packet, r int64) {
	if r == -1 || len(pk.Payload) == 0 {
		h.b.cfg.Sessions.PutRetained(pk.TopicName, nil)
		return
	}
	p := pk.Properties
	data, err := json.Marshal(storage.Message{
		ID: pk.TopicName, T: storage.RetainedKey, FixedHeader: pk.FixedHeader, TopicName: pk.TopicName,
		Payload: pk.Payload, Created: pk.Created, Origin: pk.Origin,
		Properties: storage.MessageProperties{
			PayloadFormat: p.PayloadFormat, PayloadFormatFlag: p.PayloadFormatFlag, MessageExpiryInterval: p.MessageExpiryInterval,
			ContentType: p.ContentType, ResponseTopic: p.ResponseTopic, CorrelationData: p.CorrelationData, User: p.User,
		},
	})
	if err != nil {
		panic("BUG: a retained message cannot be encoded: " + err.Error())
	}
	h.b.cfg.Sessions.PutRetained(pk.TopicName, data)
}

func (h *hook) OnRetainedExpired(topic string) { h.b.cfg.Sessions.PutRetained(topic, nil) }
