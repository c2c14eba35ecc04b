package broker_test

import (
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker/mqtttest"
)

func TestClearingARetainedMessageIsNoEvent(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		b := start(t, q)
		sub, _ := mqtttest.Connect(t, b.Addr(), version, "subscriber")
		sub.Subscribe(packets.Subscription{Filter: "#", Qos: 0})
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
		c.Send(mqtttest.Retain(mqtttest.Publish(1, 1, alive, good)))
		expectCode(t, c, packets.Puback, 1, 0)
		eventually(t, "it is retained", func() bool { return b.Stats().Retained == 1 })

		c.Send(mqtttest.Retain(mqtttest.Publish(0, 0, alive, "")), mqtttest.Retain(mqtttest.Publish(1, 2, alive, "")))
		expectCode(t, c, packets.Puback, 2, 0)
		c.Send(mqtttest.Retain(mqtttest.Publish(2, 3, "m/d!/c/c/control/proplet/alive", "")))
		expectCode(t, c, packets.Pubrec, 3, 0)
		c.Send(mqtttest.Answer(packets.Pubrel, 3))
		expectCode(t, c, packets.Pubcomp, 3, 0)
		if n := b.Stats().Retained; n != 0 {
			t.Errorf("%d retained messages, want none", n)
		}
		for _, want := range []string{good, "", "", ""} {
			if pk := sub.Expect(packets.Publish); string(pk.Payload) != want {
				t.Errorf("a subscriber gets %q, want %q", pk.Payload, want)
			}
		}

		c.Send(mqtttest.Publish(1, 4, alive, "")) // which clears nothing
		expect := q.wait(2)
		if len(expect[1].Event.Payload) != 0 || expect[1].Event.Retain || q.count() != 2 {
			t.Errorf("%d events, the last one %+v", q.count(), expect[1].Event)
		}
	})
}
