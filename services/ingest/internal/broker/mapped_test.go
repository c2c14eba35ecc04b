package broker_test

import (
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
	"weir/services/ingest/internal/topics"
)

// mappedTopics returns a table with mappings of a configuration in force.
func mappedTopics(t *testing.T, yaml string) *topics.Table {
	t.Helper()
	table := topics.New()
	changeTopics(t, table, yaml)
	return table
}

func changeTopics(t *testing.T, table *topics.Table, yaml string) {
	t.Helper()
	set, err := mapping.Parse([]byte(yaml))
	if err == nil {
		err = table.Change(set, func([]byte) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
}

const hallMapping = "[{match: 'plant/{subservice}/{device}/state', service: d, payload: number, name: temp}]"

func TestMappedTopicsAreJournaledAndAcknowledgedAfterwards(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		b := start(t, q, func(c *broker.Config) { c.Topics = mappedTopics(t, hallMapping) })
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
		c.Send(mqtttest.Publish(1, 1, "plant/c/d1/state", "21.5"))
		if e := q.wait(1)[0]; e.Event.Topic != "plant/c/d1/state" || e.Tenant != (schema.Tenant{Service: "d", Subservice: "c"}) {
			t.Errorf("the journal gets %+v", e)
		}
		c.ExpectNothing()
		q.answer(1)
		expectCode(t, c, packets.Puback, 1, 0)

		c.Send(mqtttest.Publish(1, 2, "plant/c/d1/other", "21.5")) // which nothing is for
		c.Expect(packets.Puback)
		if n := q.count(); n != 1 {
			t.Errorf("%d messages are in the journal", n)
		}
	})
}

func TestWhatCannotBeMappedIsToldByMQTT5(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	b := start(t, q, func(c *broker.Config) { c.Topics = mappedTopics(t, hallMapping) })
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	for id, tt := range []struct{ topic, payload, reason string }{
		{"plant/c/d1/state", "warm", `bad_number: the payload is "warm": expected a number`},
		{"plant/a b/d1/state", "1", "bad_topic: the subservice is"},
		{"j/d/c/d1/x", "{", "not_json"},
		{"/ul/key/d1/attrs", "t|1|h", "unknown_shape: group 1 of the payload"},
	} {
		c.Send(mqtttest.Publish(1, uint16(id+1), tt.topic, tt.payload))
		pk := c.Expect(packets.Puback)
		if pk.ReasonCode != packets.ErrPayloadFormatInvalid.Code || !strings.HasPrefix(pk.Properties.ReasonString, tt.reason) {
			t.Errorf("%s: %#x %q", tt.topic, pk.ReasonCode, pk.Properties.ReasonString)
		}
	}
	if n := q.count(); n != 4 {
		t.Errorf("%d messages are in the journal: what is malformed belongs there too", n)
	}
}

func TestAConnectionFollowsTheMappings(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	table := topics.New()
	b := start(t, q, func(c *broker.Config) { c.Topics = table })
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
	publish := func(id uint16, want int) {
		t.Helper()
		c.Send(mqtttest.Publish(1, id, "plant/c/d1/state", "1"))
		expectCode(t, c, packets.Puback, id, 0)
		if n := q.count(); n != want {
			t.Errorf("message %d: %d are in the journal, want %d", id, n, want)
		}
	}
	publish(1, 0)
	changeTopics(t, table, hallMapping)
	publish(2, 1)
	changeTopics(t, table, "")
	publish(3, 1)
}

func TestWhoMayUseAMappedTopicIsDecidedByItsTenant(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		u := users(t, func(hash string) string {
			return strings.ReplaceAll(`users:
- {username: one, password: 'HASH', publish: [d/c], subscribe: [d/c]}
- {username: two, password: 'HASH', publish: [e/f], subscribe: [e/f]}
`, "HASH", hash)
		})
		b := start(t, q, func(c *broker.Config) {
			c.Users = u
			c.Topics = mappedTopics(t, hallMapping[:len(hallMapping)-1]+", {match: 'spore/e/f/{device}/state', service: d, subservice: c, payload: text}]")
		})
		sub, _ := mqtttest.Connect(t, b.Addr(), version, "reader", as("one", "key"))
		sub.Subscribe(packets.Subscription{Filter: "plant/c/+/state"}, packets.Subscription{Filter: "spore/e/f/+/state"})
		c, _ := mqtttest.Connect(t, b.Addr(), version, "one", as("one", "key"))
		for id, topic := range []string{"plant/c/d1/state", "spore/e/f/d1/state"} {
			c.Send(mqtttest.Publish(1, uint16(id+1), topic, "1"))
			expectCode(t, c, packets.Puback, uint16(id+1), 0)
			if pk := sub.Expect(packets.Publish); pk.TopicName != topic {
				t.Errorf("%q was handed on", pk.TopicName)
			}
		}
		for id, topic := range []string{"plant/c/d1/state", "spore/e/f/d1/state", "plant/x/d1/state"} {
			c, _ := mqtttest.Connect(t, b.Addr(), 5, "two", as("two", "key"))
			c.Send(mqtttest.Publish(1, uint16(id+1), topic, "1"))
			expectCode(t, c, packets.Puback, uint16(id+1), packets.ErrNotAuthorized.Code)
		}
		sub.ExpectNothing()
		if n := q.count(); n != 2 {
			t.Errorf("%d messages are in the journal", n)
		}
	})
}

func TestAWillOnAMappedTopicIsJournaled(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	b := start(t, q, func(c *broker.Config) { c.Topics = mappedTopics(t, hallMapping) })
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device", func(pk *packets.Packet) {
		will(pk)
		pk.Connect.WillTopic, pk.Connect.WillPayload = "plant/c/d1/state", []byte("0")
	})
	_ = c.Conn.Close()
	if e := q.wait(1)[0]; e.Event.Route != schema.RouteWill || e.Tenant.Subservice != "c" {
		t.Errorf("the journal gets %+v", e)
	}
}
