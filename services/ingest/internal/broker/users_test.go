package broker_test

import (
	"context"
	"net"
	"strings"
	"testing"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

// guarded starts a broker that knows three users, all with the key "key".
func guarded(t *testing.T, q *queue) *broker.Broker {
	t.Helper()
	u := users(t, func(hash string) string {
		return strings.ReplaceAll(`users:
- {username: one, password: 'HASH', publish: [d/c], subscribe: [d/c]}
- {username: two, password: 'HASH', publish: [e/f], subscribe: [e/f]}
- {username: all, password: 'HASH', publish: ['*'], subscribe: ['*']}
`, "HASH", hash)
	})
	return start(t, q, func(c *broker.Config) { c.Users = u })
}

// as gives a CONNECT a username and a key.
func as(name, key string) func(*packets.Packet) {
	return func(pk *packets.Packet) {
		pk.Connect.UsernameFlag, pk.Connect.Username = true, []byte(name)
		pk.Connect.PasswordFlag, pk.Connect.Password = key != "", []byte(key)
	}
}

func TestWhoIsNotLetIn(t *testing.T) {
	foreignWill := func(pk *packets.Packet) { will(pk); pk.Connect.WillTopic = "m/e/c/f/control/proplet/alive" }
	tests := []struct {
		name   string
		change []func(*packets.Packet)
		code   map[byte]byte // by version
	}{
		{"a wrong key", changes(as("one", "wrong")), map[byte]byte{4: 0x05, 5: 0x86}},
		{"a user that is not known", changes(as("nobody", "key")), map[byte]byte{4: 0x05, 5: 0x86}},
		{"no user", nil, map[byte]byte{4: 0x05, 5: 0x86}},
		{"a will outside of the user's tenants", changes(as("one", "key"), foreignWill), map[byte]byte{4: 0x05, 5: 0x87}},
		{"a will on a topic of no tenant", changes(as("one", "key"), elsewhereWill), map[byte]byte{4: 0x05, 5: 0x87}},
	}
	q := newQueue(t)
	b := guarded(t, q)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			versions(t, func(t *testing.T, version byte) {
				c := mqtttest.Dial(t, b.Addr(), version)
				c.Send(mqtttest.ConnectPacket(version, "device", tt.change...))
				expectCode(t, c, packets.Connack, 0, tt.code[version])
				c.ExpectClosed()
			})
		})
	}
	if len(q.happened()) != 0 {
		t.Errorf("the journal has %v", q.happened())
	}
}

func changes(f ...func(*packets.Packet)) []func(*packets.Packet) { return f }

func TestTheUsualClientsHearThatTheirKeyIsWrong(t *testing.T) {
	b := guarded(t, newQueue(t))
	c3 := paho3.NewClient(paho3.NewClientOptions().AddBroker("tcp://" + b.Addr()).SetUsername("one").SetPassword("wrong"))
	token := c3.Connect()
	if !token.WaitTimeout(mqtttest.Patience) || token.Error() == nil || !strings.Contains(token.Error().Error(), "not Authorized") {
		t.Errorf("MQTT 3.1.1: %v", token.Error())
	}
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), mqtttest.Patience)
	defer cancel()
	ack, err := paho5.NewClient(paho5.ClientConfig{Conn: conn, PacketTimeout: mqtttest.Patience}).Connect(ctx, &paho5.Connect{ClientID: "x", CleanStart: true, KeepAlive: 30,
		UsernameFlag: true, Username: "one", PasswordFlag: true, Password: []byte("wrong")})
	if err == nil || ack == nil || ack.ReasonCode != 0x86 {
		t.Errorf("MQTT 5: %+v, %v", ack, err)
	}
}

func TestWhatAUserMayNotPublishIsNotTaken(t *testing.T) {
	forbidden := []string{"m/e/c/f/control/proplet/alive", "spore/e/f/n/resources", "home/kitchen", "m/d/c/other/control/proplet/alive"}
	publish := func(t *testing.T, version byte, f func(c *mqtttest.Client, sub *mqtttest.Client, topic string)) {
		q := newQueue(t)
		q.auto = true
		b := guarded(t, q)
		sub, _ := mqtttest.Connect(t, b.Addr(), 4, "all", as("all", "key"))
		sub.Subscribe(packets.Subscription{Filter: "#"})
		for _, topic := range forbidden {
			c, _ := mqtttest.Connect(t, b.Addr(), version, "one", as("one", "key"))
			c.Send(mqtttest.Publish(0, 0, topic, good))
			c.ExpectNothing()
			f(c, sub, topic)
		}
		c, _ := mqtttest.Connect(t, b.Addr(), version, "one", as("one", "key"))
		c.Send(mqtttest.Publish(1, 1, alive, good))
		expectCode(t, c, packets.Puback, 1, 0)
		if pk := sub.Expect(packets.Publish); pk.TopicName != alive {
			t.Errorf("%q was handed on", pk.TopicName)
		}
		if diff := compare([]string{"one mqtt"}, q.happened()); diff != "" {
			t.Errorf("the journal differs (-want +got):\n%s", diff)
		}
	}
	t.Run("MQTT 5 is told", func(t *testing.T) {
		publish(t, 5, func(c, _ *mqtttest.Client, topic string) {
			c.Send(mqtttest.Publish(1, 1, topic, good))
			expectCode(t, c, packets.Puback, 1, 0x87)
			c.Send(mqtttest.Publish(2, 2, topic, good))
			expectCode(t, c, packets.Pubrec, 2, 0x87)
		})
	})
	t.Run("MQTT 3.1.1 is disconnected", func(t *testing.T) {
		publish(t, 4, func(c, _ *mqtttest.Client, topic string) {
			c.Send(mqtttest.Publish(1, 1, topic, good))
			c.ExpectClosed()
		})
	})
}

func TestWithATopicAliasTheResolvedTopicIsAuthorised(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := guarded(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "one", as("one", "key"))
	send := func(qos byte, alias uint16, topic string) {
		pk := mqtttest.Publish(qos, uint16(qos), topic, good)
		pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = alias, true
		c.Send(pk)
	}
	send(1, 1, alive)
	expectCode(t, c, packets.Puback, 1, 0)
	send(1, 1, "")
	expectCode(t, c, packets.Puback, 1, 0)
	// Refused, but a broker might remember the alias.
	send(1, 2, "m/e/c/f/control/proplet/alive")
	expectCode(t, c, packets.Puback, 1, 0x87)
	send(0, 2, "")
	_, err := c.Next() // it was never set: a breach of the protocol
	if err != nil {
		t.Fatal(err)
	}
	c.ExpectClosed()
	if n := len(q.events()); n != 2 {
		t.Errorf("%d messages are journaled, want 2", n)
	}
}

func TestWhatAUserMayNotSubscribeToIsRefused(t *testing.T) {
	b := guarded(t, newQueue(t))
	tests := []struct {
		filter string
		may    bool
	}{
		{"m/d/c/c/#", true}, {"m/d/c/c/control/proplet/+", true}, {"$share/g/m/d/c/c/#", true},
		{"#", false}, {"m/+/c/+/#", false}, {"m/e/c/f/#", false}, {"$share/g/m/#", false}, {"$SYS/#", false}, {"+/d/c/c/#", false},
	}
	versions(t, func(t *testing.T, version byte) {
		for _, tt := range tests {
			c, _ := mqtttest.Connect(t, b.Addr(), version, "one", as("one", "key"))
			want := byte(0)
			if !tt.may {
				want = map[byte]byte{4: 0x80, 5: 0x87}[version]
			}
			if code := c.Subscribe(packets.Subscription{Filter: tt.filter}).ReasonCodes[0]; code != want {
				t.Errorf("%s: got %#x, want %#x", tt.filter, code, want)
			}
		}
	})
}

func TestAUserDoesNotTakeOverAnothersSession(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		b := guarded(t, newQueue(t))
		c, _ := mqtttest.Connect(t, b.Addr(), version, "same id", as("one", "key"), persistentSession)
		thief := func() {
			t.Helper()
			x := mqtttest.Dial(t, b.Addr(), version)
			x.Send(mqtttest.ConnectPacket(version, "same id", as("two", "key"), persistentSession))
			expectCode(t, x, packets.Connack, 0, map[byte]byte{4: 0x02, 5: 0x85}[version])
			x.ExpectClosed()
		}
		thief()
		c.ExpectNothing() // it goes on
		c.Leave()
		thief()
		if _, ack := mqtttest.Connect(t, b.Addr(), version, "same id", as("one", "key"), persistentSession); !ack.SessionPresent {
			t.Error("the session is gone")
		}
	})
}
