package broker_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

// next returns the next message, want those that must come.
func next(t *testing.T, c client) message {
	t.Helper()
	select {
	case m := <-c.messages():
		return m
	case <-time.After(mqtttest.Patience):
		t.Fatal("no message")
		return message{}
	}
}

func expect(t *testing.T, c client, want ...message) {
	t.Helper()
	for _, w := range want {
		if diff := compare(w, next(t, c)); diff != "" {
			t.Errorf("the message differs (-want +got):\n%s", diff)
		}
	}
}

func TestSubscribersSeeTheDevicesMessages(t *testing.T) {
	versions(t, func(t *testing.T, subscribers byte) {
		versions(t, func(t *testing.T, devices byte) {
			q := newQueue(t)
			q.auto = true
			b := start(t, q)
			subs := map[byte]client{}
			for qos := range byte(3) {
				subs[qos] = connect(t, b.Addr(), subscribers, fmt.Sprintf("subscriber-%d", qos))
				subs[qos].subscribe("m/+/c/+/#", qos)
			}
			device := connect(t, b.Addr(), devices, "device")
			published := []message{
				{alive, good, 0, false}, {alive, bad, 1, false}, {alive, good, 2, false}, {alive, bad, 2, false},
				{"m/d/c/c/control/manager/start", "anything", 1, false}, {"m/d/c/c/control/manager/stop", "", 2, false},
				{alive, good, 1, true},
			}
			for _, m := range published {
				device.publish(m.Topic, m.Payload, m.QoS, m.Retained)
			}
			for qos, c := range subs {
				for _, m := range published {
					m.QoS, m.Retained = min(m.QoS, qos), false // it is no retained message to a subscriber that is there
					expect(t, c, m)
				}
			}
			if n := len(q.events()); n != 5 {
				t.Errorf("%d messages are journaled, want 5", n)
			}
		})
	})
}

func TestOtherTopicsAreCarriedAndNotJournaled(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		b := start(t, q)
		c := connect(t, b.Addr(), version, "device")
		c.subscribe("#", 2)
		for _, topic := range []string{"home/kitchen", "m/d/c/c/registry/proplet", "m/d/c", "spore/s/u/n/other", "/", "m"} {
			for qos := range byte(3) {
				c.publish(topic, "x", qos, false)
				expect(t, c, message{topic, "x", qos, false})
			}
		}
		if len(q.events()) != 0 {
			t.Errorf("journaled: %v", q.happened())
		}
	})
}

func TestRetainedMessages(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		nc := connection(t)
		b := startOn(t, nc, q)
		device := connect(t, b.Addr(), version, "device")
		device.publish(alive, "first", 1, true)
		device.publish(alive, good, 2, true)
		device.publish("home/kitchen", "21", 1, true)
		device.publish("home/attic", "9", 0, true)
		retained := func(t *testing.T, b *broker.Broker, id string, want map[string]string) {
			t.Helper()
			if n := b.Stats().Retained; n != int64(len(want)) {
				t.Errorf("%d retained messages, want %d", n, len(want))
			}
			c := connect(t, b.Addr(), version, id)
			c.subscribe("#", 0)
			got := map[string]string{}
			for range want {
				m := next(t, c)
				got[m.Topic] = m.Payload
				if !m.Retained {
					t.Errorf("%s comes without the retain flag", m.Topic)
				}
			}
			if diff := compare(want, got); diff != "" {
				t.Errorf("the retained messages differ (-want +got):\n%s", diff)
			}
		}
		eventually(t, "all are retained", func() bool { return b.Stats().Retained == 3 })
		all := map[string]string{alive: good, "home/kitchen": "21", "home/attic": "9"}
		retained(t, b, "a late subscriber gets them", all)

		device.leave()
		stop(t, b)
		b = startOn(t, nc, q)
		retained(t, b, "a subscriber after a restart gets them", all)

		device = connect(t, b.Addr(), version, "device")
		device.publish(alive, "", 1, true)
		device.publish("home/attic", "", 1, true)
		retained(t, b, "an empty payload clears them", map[string]string{"home/kitchen": "21"})
		device.leave()
		stop(t, b)
		retained(t, startOn(t, nc, q), "they stay cleared after a restart", map[string]string{"home/kitchen": "21"})
	})
}

func TestARetainedMessageExpiresAfterARestartToo(t *testing.T) {
	t.Parallel()
	nc := connection(t)
	b := startOn(t, nc, newQueue(t))
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	pk := mqtttest.Retain(mqtttest.Publish(1, 1, "home/kitchen", "21"))
	pk.Properties.MessageExpiryInterval = 2
	sent := time.Now()
	c.Send(pk)
	c.Expect(packets.Puback)
	stop(t, b)
	b = startOn(t, nc, newQueue(t))
	if n := b.Stats().Retained; n != 1 && time.Since(sent) < 2*time.Second { // on a slow machine it has expired
		t.Errorf("%d retained messages after the restart, want 1", n)
	}
	eventually(t, "it expires", func() bool { return b.Stats().Retained == 0 })
}

func TestNoLocalHolds(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	c.Subscribe(packets.Subscription{Filter: "m/#", NoLocal: true}, packets.Subscription{Filter: "home/#", NoLocal: true})
	c.Send(mqtttest.Publish(1, 1, alive, good), mqtttest.Publish(1, 2, "home/kitchen", "21"))
	c.Expect(packets.Puback)
	c.Expect(packets.Puback)
	other, _ := mqtttest.Connect(t, b.Addr(), 5, "other")
	other.Send(mqtttest.Publish(0, 0, alive, "of another"))
	if pk := c.Expect(packets.Publish); string(pk.Payload) != "of another" {
		t.Errorf("got %q", pk.Payload)
	}
}

func TestASharedSubscriptionGetsEachMessageOnce(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	var workers []client
	came := make(chan message, 100)
	for i := range 3 {
		c := connect(t, b.Addr(), byte(4+i%2), fmt.Sprintf("worker-%d", i))
		c.subscribe("$share/workers/m/#", 1)
		workers = append(workers, c)
		go func() {
			for m := range c.messages() {
				came <- m
			}
		}()
	}
	t.Cleanup(func() {
		for _, c := range workers {
			c.leave()
			switch c := c.(type) {
			case *client3:
				close(c.came)
			case *client5:
				close(c.came)
			}
		}
	})
	device := connect(t, b.Addr(), 4, "device")
	const n = 30
	for i := range n {
		device.publish(alive, fmt.Sprint(i), 1, false)
	}
	got := map[string]int{}
	for range n {
		select {
		case m := <-came:
			got[m.Payload]++
		case <-time.After(mqtttest.Patience):
			t.Fatalf("%d messages, want %d", len(got), n)
		}
	}
	if len(got) != n || len(came) != 0 {
		t.Errorf("%d different messages and %d more, want %d and none", len(got), len(came), n)
	}
}

// The broker keeps the packet ids of both directions in one map; neither way
// may disturb the other.
func TestPacketIDsOfBothDirectionsAreApart(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "both", persistentSession, func(pk *packets.Packet) { pk.Properties.ReceiveMaximum = 1 })
	c.Subscribe(packets.Subscription{Filter: "to/both", Qos: 1})
	other, _ := mqtttest.Connect(t, b.Addr(), 5, "other")
	send := func(payload string) {
		other.Send(mqtttest.Publish(1, 1, "to/both", payload))
		other.Expect(packets.Puback)
	}
	send("first")
	first := c.Expect(packets.Publish) // and is not acknowledged yet
	id := first.PacketID
	for _, topic := range []string{alive, "home/kitchen"} {
		c.Send(mqtttest.Publish(1, id, topic, good))
		expectCode(t, c, packets.Puback, id, 0)
	}
	c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: id, Filters: packets.Subscriptions{{Filter: "x"}}})
	if pk := c.Expect(packets.Suback); pk.ReasonCodes[0] != 0 {
		t.Errorf("SUBSCRIBE is answered by %#x", pk.ReasonCodes)
	}
	c.Break()
	c, _ = mqtttest.Connect(t, b.Addr(), 5, "both", persistentSession, func(pk *packets.Packet) { pk.Properties.ReceiveMaximum = 1 })
	again := c.Expect(packets.Publish)
	if !again.FixedHeader.Dup || again.PacketID != id || string(again.Payload) != "first" {
		t.Errorf("sent again is %+v %q", again.FixedHeader, again.Payload)
	}
	c.Send(mqtttest.Answer(packets.Puback, id))
	c.ExpectNothing()
	send("second")
	if pk := c.Expect(packets.Publish); string(pk.Payload) != "second" {
		t.Errorf("got %q", pk.Payload)
	}
}

func TestAMessageToAClientWithTopicAliasesNamesItsTopic(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	sub, _ := mqtttest.Connect(t, b.Addr(), 5, "subscriber", func(pk *packets.Packet) { pk.Properties.TopicAliasMaximum = 10 })
	sub.Subscribe(packets.Subscription{Filter: "#"})
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	for range 2 {
		c.Send(mqtttest.Publish(0, 0, alive, good))
		if pk := sub.Expect(packets.Publish); pk.TopicName != alive {
			t.Errorf("the topic is %q", pk.TopicName)
		}
	}
}

func TestATopicAliasOfADeviceIsResolved(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	sub, _ := mqtttest.Connect(t, b.Addr(), 5, "subscriber")
	sub.Subscribe(packets.Subscription{Filter: "#"})
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	for _, topic := range []string{alive, ""} {
		pk := mqtttest.Publish(1, 1, topic, good)
		pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 3, true
		c.Send(pk)
		expectCode(t, c, packets.Puback, 1, 0)
		if got := sub.Expect(packets.Publish); got.TopicName != alive || got.Properties.TopicAliasFlag {
			t.Errorf("handed on is %q with alias %v", got.TopicName, got.Properties.TopicAliasFlag)
		}
	}
	for _, e := range q.wait(2) {
		if e.Event.Topic != alive {
			t.Errorf("journaled is %q", e.Event.Topic)
		}
	}
}

func TestConnackComesBeforeAnyMessage(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "subscriber", persistentSession)
	c.Subscribe(packets.Subscription{Filter: "m/#"})
	publisher, _ := mqtttest.Connect(t, b.Addr(), 4, "publisher")
	stream := publisher.Encode(mqtttest.Publish(0, 0, alive, good))
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			if _, err := publisher.Conn.Write(stream); err != nil {
				return
			}
		}
	})
	for range 50 {
		mqtttest.Connect(t, b.Addr(), 4, "subscriber", persistentSession)
	}
	publisher.Break()
	ended.Wait()
}
