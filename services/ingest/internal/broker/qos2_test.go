package broker_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

func compare(want, got any) string { return cmp.Diff(want, got) }

func TestQoS2GoesItsFourSteps(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		for _, topic := range []string{alive, "home/kitchen"} {
			t.Run(topic, func(t *testing.T) {
				q := newQueue(t)
				q.auto = true
				c, _ := mqtttest.Connect(t, start(t, q).Addr(), version, "device")
				for range 3 { // the packet id is free again
					c.Send(mqtttest.Publish(2, 5, topic, good))
					expectCode(t, c, packets.Pubrec, 5, 0)
					c.Send(mqtttest.Answer(packets.Pubrel, 5))
					expectCode(t, c, packets.Pubcomp, 5, 0)
				}
			})
		}
	})
}

func expectCode(t *testing.T, c *mqtttest.Client, typ byte, id uint16, code byte) {
	t.Helper()
	if pk := c.Expect(typ); pk.PacketID != id || pk.ReasonCode != code {
		t.Errorf("got %s, want id %d, code %#x", mqtttest.Describe(pk), id, code)
	}
}

func TestARetransmissionAtQoS2IsJournaledAndHandedOnOnce(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		for _, topic := range []string{alive, "home/kitchen"} {
			t.Run(topic, func(t *testing.T) {
				q := newQueue(t)
				b := start(t, q)
				sub, _ := mqtttest.Connect(t, b.Addr(), version, "subscriber")
				sub.Subscribe(packets.Subscription{Filter: "#", Qos: 0})
				c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
				first, last := mqtttest.Publish(2, 5, topic, good), mqtttest.Publish(0, 0, "last", "")
				c.Send(first, mqtttest.Dup(first)) // before the first is stored
				if topic == alive {
					q.answer(2)
				}
				expectCode(t, c, packets.Pubrec, 5, 0)
				expectCode(t, c, packets.Pubrec, 5, 0)
				c.Send(mqtttest.Dup(first)) // after it was acknowledged
				if topic == alive {
					q.answer(1)
					entries := q.events()
					if entries[0].Event.Dup || !entries[1].Event.Dup || !entries[2].Event.Dup {
						t.Error("DUP is not journaled as it came")
					}
				}
				expectCode(t, c, packets.Pubrec, 5, 0)
				c.Send(mqtttest.Answer(packets.Pubrel, 5))
				expectCode(t, c, packets.Pubcomp, 5, 0)
				c.Send(last)
				if pk := sub.Expect(packets.Publish); pk.TopicName != topic {
					t.Errorf("got %q", pk.TopicName)
				}
				if pk := sub.Expect(packets.Publish); pk.TopicName != "last" {
					t.Errorf("%q was handed on twice", pk.TopicName)
				}
			})
		}
	})
}

func TestAfterARetransmissionOfAnotherTopicAMessageIsHandedOn(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	sub, _ := mqtttest.Connect(t, b.Addr(), 4, "subscriber")
	sub.Subscribe(packets.Subscription{Filter: "m/#"})
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
	other := mqtttest.Publish(2, 5, "home/kitchen", "")
	c.Send(other, mqtttest.Dup(other), mqtttest.Publish(0, 0, alive, good))
	sub.Expect(packets.Publish)
}

func TestAfterAReleaseTheSamePacketIDIsANewMessage(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	sub, _ := mqtttest.Connect(t, b.Addr(), 4, "subscriber")
	sub.Subscribe(packets.Subscription{Filter: "m/#"})
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
	for range 2 {
		c.Send(mqtttest.Dup(mqtttest.Publish(2, 5, alive, good)), mqtttest.Answer(packets.Pubrel, 5))
		c.Expect(packets.Pubrec)
		c.Expect(packets.Pubcomp)
		sub.Expect(packets.Publish)
	}
}

func TestARetransmissionOnANewConnectionOfTheSessionIsHandedOnOnce(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		b := start(t, q)
		sub, _ := mqtttest.Connect(t, b.Addr(), version, "subscriber")
		sub.Subscribe(packets.Subscription{Filter: "#"})
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		pk := mqtttest.Publish(2, 5, alive, good)
		c.Send(pk)
		q.wait(1)
		c.Break()
		c, ack := mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		if !ack.SessionPresent {
			t.Error("no session present")
		}
		c.Send(mqtttest.Dup(pk))
		q.wait(2)
		c.ExpectNothing() // neither message is stored
		q.answer(2)       // the first one's connection is gone
		expectCode(t, c, packets.Pubrec, 5, 0)
		c.Send(mqtttest.Answer(packets.Pubrel, 5))
		expectCode(t, c, packets.Pubcomp, 5, 0)
		c.Send(mqtttest.Publish(0, 0, "last", ""))
		sub.Expect(packets.Publish)
		if pk := sub.Expect(packets.Publish); pk.TopicName != "last" {
			t.Errorf("%q was handed on twice", pk.TopicName)
		}
	})
}

func TestARejectionEndsTheFlowAtItsPubrec(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 5, "device")
	for range 2 { // the packet id is free again
		c.Send(mqtttest.Publish(2, 5, alive, bad))
		expectCode(t, c, packets.Pubrec, 5, 0x99)
	}
	c.Send(mqtttest.Answer(packets.Pubrel, 5)) // which is wrong
	expectCode(t, c, packets.Pubcomp, 5, 0x92)
}

func TestAReleaseAfterARestartIsCompleted(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		nc := connection(t)
		c, _ := mqtttest.Connect(t, startOn(t, nc, q).Addr(), version, "device", persistentSession)
		c.Send(mqtttest.Publish(2, 5, alive, good))
		c.Expect(packets.Pubrec)
		c, ack := mqtttest.Connect(t, startOn(t, nc, q).Addr(), version, "device", persistentSession)
		if !ack.SessionPresent {
			t.Error("no session present")
		}
		c.Send(mqtttest.Answer(packets.Pubrel, 5))
		if pk := c.Expect(packets.Pubcomp); pk.PacketID != 5 {
			t.Errorf("got id %d", pk.PacketID)
		}
	})
}

func TestAnUnreleasedMessageIsNotForgottenWithinSeconds(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	sub, _ := mqtttest.Connect(t, b.Addr(), 4, "subscriber")
	sub.Subscribe(packets.Subscription{Filter: "m/#"}, packets.Subscription{Filter: "home/#"}, packets.Subscription{Filter: "last"})
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	for i, topic := range []string{alive, "home/kitchen"} {
		c.Send(mqtttest.Publish(2, uint16(i+1), topic, good))
		expectCode(t, c, packets.Pubrec, uint16(i+1), 0)
	}
	housekeeping(t, b)
	for i, topic := range []string{alive, "home/kitchen"} {
		c.Send(mqtttest.Dup(mqtttest.Publish(2, uint16(i+1), topic, good)))
		expectCode(t, c, packets.Pubrec, uint16(i+1), 0)
		c.Send(mqtttest.Answer(packets.Pubrel, uint16(i+1)))
		expectCode(t, c, packets.Pubcomp, uint16(i+1), 0)
		sub.Expect(packets.Publish)
	}
	c.Send(mqtttest.Publish(0, 0, "last", ""))
	if pk := sub.Expect(packets.Publish); pk.TopicName != "last" {
		t.Errorf("%q was handed on twice", pk.TopicName)
	}
}

// housekeeping waits until the broker has looked for what has expired, as it
// does every second.
func housekeeping(t *testing.T, b *broker.Broker) {
	t.Helper()
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "housekeeping")
	pk := mqtttest.Retain(mqtttest.Publish(1, 1, "housekeeping", "expires"))
	pk.Properties.MessageExpiryInterval = 1
	before, sent := b.Stats().Retained, time.Now()
	c.Send(pk)
	c.Expect(packets.Puback)
	if b.Stats().Retained != before+1 && time.Since(sent) < time.Second { // on a slow machine it has expired
		t.Fatal("the message was not retained")
	}
	eventually(t, "the retained message expires", func() bool { return b.Stats().Retained == before })
}
