package broker_test

import (
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

// stored returns the keys of the broker's memory, by their kind.
func stored(t *testing.T, nc *nats.Conn) map[string]int {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "WEIR_BROKER")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.ListKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for k := range keys.Keys() {
		kind, _, _ := strings.Cut(k, ".")
		kinds[kind]++
	}
	return kinds
}

func expires(seconds uint32) func(*packets.Packet) {
	return func(pk *packets.Packet) {
		pk.Connect.Clean = false
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = seconds, true
	}
}

func TestAPersistentSessionOutlivesAKill(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		nc := connection(t)
		q := newQueue(t)
		q.auto = true
		b := startOn(t, nc, q)
		c, ack := mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		if ack.SessionPresent {
			t.Error("a first connection has a session")
		}
		c.Subscribe(packets.Subscription{Filter: "m/#", Qos: 1}, packets.Subscription{Filter: "home/#", Qos: 2}, packets.Subscription{Filter: "x"})
		c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe}, PacketID: 1, Filters: packets.Subscriptions{{Filter: "x"}}})
		c.Expect(packets.Unsuback)

		// The first broker is left as a crash leaves it: it writes nothing more.
		b = startOn(t, nc, q)
		if n := b.Stats().Subscriptions; n != 2 {
			t.Errorf("%d subscriptions after the restart, want 2", n)
		}
		other, _ := mqtttest.Connect(t, b.Addr(), version, "other")
		// A message that is only carried is acknowledged before it is handed on:
		// the second acknowledgement says that the first message was.
		other.Send(mqtttest.Publish(1, 1, "home/kitchen", "while it was away"), mqtttest.Publish(1, 2, "nobody/listens", "x"))
		other.Expect(packets.Puback)
		other.Expect(packets.Puback)
		c, ack = mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		if !ack.SessionPresent {
			t.Error("the session is not present after the restart")
		}
		if pk := c.Expect(packets.Publish); string(pk.Payload) != "while it was away" || pk.FixedHeader.Qos != 1 {
			t.Errorf("got %q at QoS %d", pk.Payload, pk.FixedHeader.Qos)
		}
		other.Send(mqtttest.Publish(0, 0, "x", "not subscribed any more"), mqtttest.Publish(2, 2, alive, good))
		if pk := c.Expect(packets.Publish); pk.TopicName != alive || pk.FixedHeader.Qos != 1 {
			t.Errorf("got %q at QoS %d", pk.TopicName, pk.FixedHeader.Qos)
		}
	})
}

func TestACleanStartForgetsTheSession(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		nc := connection(t)
		b := startOn(t, nc, newQueue(t))
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		c.Subscribe(packets.Subscription{Filter: "#"})
		c.Leave()
		if n := stored(t, nc)["session"]; n != 1 {
			t.Errorf("%d sessions are stored, want 1", n)
		}
		c, ack := mqtttest.Connect(t, b.Addr(), version, "device")
		if ack.SessionPresent {
			t.Error("the session is present")
		}
		c.Leave()
		if n := stored(t, nc)["session"]; n != 0 {
			t.Errorf("%d sessions are stored, want none", n)
		}
		_, ack = mqtttest.Connect(t, startOn(t, nc, newQueue(t)).Addr(), version, "device", persistentSession)
		if ack.SessionPresent {
			t.Error("the session is present after a restart")
		}
	})
}

func TestACleanStartKeepsTheSessionButNotWhatWasInIt(t *testing.T) {
	nc := connection(t)
	b := startOn(t, nc, newQueue(t))
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device", expires(3600))
	c.Subscribe(packets.Subscription{Filter: "#"})
	c, ack := mqtttest.Connect(t, b.Addr(), 5, "device", expires(3600), func(pk *packets.Packet) { pk.Connect.Clean = true })
	if ack.SessionPresent {
		t.Error("the session is present")
	}
	c.Subscribe(packets.Subscription{Filter: "y"})
	b = startOn(t, nc, newQueue(t))
	if n := b.Stats().Subscriptions; n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
	if _, ack = mqtttest.Connect(t, b.Addr(), 5, "device", expires(3600)); !ack.SessionPresent {
		t.Error("the session is not present after a restart")
	}
}

func TestAPassingSessionIsNotStored(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		nc := connection(t)
		b := startOn(t, nc, newQueue(t))
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
		c.Subscribe(packets.Subscription{Filter: "#"})
		if kinds := stored(t, nc); len(kinds) != 0 {
			t.Errorf("stored: %v", kinds)
		}
		c.Break()
		eventually(t, "its subscription is gone", func() bool { return b.Stats().Subscriptions == 0 })
	})
}

func TestAnExpiredSessionIsRemoved(t *testing.T) {
	t.Parallel()
	nc := connection(t)
	b := startOn(t, nc, newQueue(t))
	var clients []*mqtttest.Client
	for id, seconds := range map[string]uint32{"expires": 1, "stays": 3600} {
		c, _ := mqtttest.Connect(t, b.Addr(), 5, id, expires(seconds))
		c.Subscribe(packets.Subscription{Filter: "#"})
		clients = append(clients, c)
	}
	if n := stored(t, nc)["session"]; n != 2 {
		t.Errorf("%d sessions are stored, want 2", n)
	}
	for _, c := range clients { // only from here on, a session may expire
		c.Leave()
	}
	eventually(t, "one session is removed", func() bool { return stored(t, nc)["session"] == 1 })
	if n := b.Stats().Subscriptions; n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
	if _, ack := mqtttest.Connect(t, b.Addr(), 5, "expires", expires(1)); ack.SessionPresent {
		t.Error("the expired session is present")
	}
	if _, ack := mqtttest.Connect(t, b.Addr(), 5, "stays", expires(1)); !ack.SessionPresent {
		t.Error("the other session is not present")
	}
}

func TestADisconnectMayChangeHowLongTheSessionIsKept(t *testing.T) {
	t.Parallel()
	nc := connection(t)
	b := startOn(t, nc, newQueue(t))
	leave := func(id string, seconds uint32) {
		c, _ := mqtttest.Connect(t, b.Addr(), 5, id, expires(3600))
		c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect},
			Properties: packets.Properties{SessionExpiryInterval: seconds, SessionExpiryIntervalFlag: true}})
		c.ExpectClosed()
	}
	leave("ends", 0)
	eventually(t, "the session ends", func() bool { return stored(t, nc)["session"] == 0 })
	leave("stays", 2)
	stop(t, b)
	b = startOn(t, nc, newQueue(t))
	if _, ack := mqtttest.Connect(t, b.Addr(), 5, "ends", expires(1)); ack.SessionPresent {
		t.Error("the ended session is present")
	}
	eventually(t, "the other expires", func() bool { return stored(t, nc)["session"] == 1 })
}

func TestALongClientIDAndTopicAreStored(t *testing.T) {
	nc := connection(t)
	b := startOn(t, nc, newQueue(t))
	long := strings.Repeat("long", 16000)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, long, persistentSession)
	c.Send(mqtttest.Retain(mqtttest.Publish(1, 1, long+"x", "21")))
	c.Expect(packets.Puback)
	c.Leave()
	stop(t, b)
	b = startOn(t, nc, newQueue(t))
	if n := b.Stats().Retained; n != 1 {
		t.Errorf("%d retained messages, want 1", n)
	}
	if _, ack := mqtttest.Connect(t, b.Addr(), 5, long, persistentSession); !ack.SessionPresent {
		t.Error("the session is not present")
	}
}

func TestABrokenMemoryIsAnError(t *testing.T) {
	for _, key := range []string{"session.x", "retained.x"} {
		nc := connection(t)
		stop(t, startOn(t, nc, newQueue(t)))
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.KeyValue(t.Context(), "WEIR_BROKER")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.PutString(t.Context(), key, "{"); err != nil {
			t.Fatal(err)
		}
		memory := openMemory(t, nc)
		_, err = broker.Start(t.Context(), broker.Config{Addr: "127.0.0.1:0", Sessions: memory, Logger: discard})
		memory.Close()
		if err == nil || !strings.Contains(err.Error(), "read a stored") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
