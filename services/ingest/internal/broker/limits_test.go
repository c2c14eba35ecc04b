package broker_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

func TestAClientOfMQTT5ThatExceedsItsReceiveMaximumIsDisconnected(t *testing.T) {
	q := newQueue(t)
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 5, "device", will)
	for id := range uint16(schema.DuplicateWindow + 1) {
		c.Send(mqtttest.Publish(1+byte(id%2), id+1, alive, good))
	}
	expectCode(t, c, packets.Disconnect, 0, packets.ErrReceiveMaximum.Code)
	c.ExpectClosed()
	eventually(t, "the client is gone", func() bool { return len(q.disconnects()) == 1 })
	events := q.events()
	if n := len(events); n != schema.DuplicateWindow+1 || events[n-1].Event.Route != schema.RouteWill {
		t.Errorf("%d events, want %d and the will", n, schema.DuplicateWindow)
	}
}

func TestAClientOfMQTT5ThatKeepsToItsReceiveMaximumGoesOn(t *testing.T) {
	q := newQueue(t)
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 5, "device")
	sent, acked := 0, 0
	send := func(n int) {
		var b []byte
		for range n {
			b = append(b, c.Encode(mqtttest.Publish(1, uint16(sent%schema.DuplicateWindow+1), alive, good))...)
			sent++
		}
		c.SendRaw(b)
	}
	send(schema.DuplicateWindow)
	for acked < 5*schema.DuplicateWindow {
		q.answer(1)
		expectCode(t, c, packets.Puback, uint16(acked%schema.DuplicateWindow+1), 0)
		acked++
		send(1) // as soon as it may
	}
	c.ExpectNothing()
}

func TestAClientOfMQTT3WithTooManyMessagesInFlightIsHeldBack(t *testing.T) {
	q := newQueue(t)
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
	const n = schema.DuplicateWindow + 500
	for i := range n {
		c.Send(mqtttest.Publish(1, uint16(i+1), alive, fmt.Sprint(i)))
	}
	q.wait(schema.DuplicateWindow)
	for i := range 10 { // another client's messages come in, but none of this one
		other, _ := mqtttest.Connect(t, b.Addr(), 4, "other")
		other.Send(mqtttest.Publish(0, 0, alive, good))
		if got := len(q.wait(schema.DuplicateWindow + i + 1)); got != schema.DuplicateWindow+i+1 {
			t.Fatalf("%d messages are in flight, want %d", got-i-1, schema.DuplicateWindow)
		}
		other.Leave()
	}
	for answered := 0; answered < n+10; answered++ {
		q.answer(1)
	}
	for i := range n {
		expectCode(t, c, packets.Puback, uint16(i+1), 0)
	}
	i := 0
	for _, e := range q.events() {
		if e.Event.Client == "device" {
			if string(e.Event.Payload) != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, e.Event.Payload)
			}
			i++
		}
	}
	if i != n {
		t.Errorf("%d messages, want %d", i, n)
	}
}

func TestAClientThatIsHeldBackCanBeTakenOverAndStopped(t *testing.T) {
	q := newQueue(t)
	b := start(t, q)
	flood := func() {
		t.Helper()
		before := len(q.events())
		c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
		for id := range uint16(schema.DuplicateWindow + 1) {
			c.Send(mqtttest.Publish(1, id+1, alive, good))
		}
		q.wait(before + schema.DuplicateWindow)
	}
	flood()
	flood() // as the same client
	stop(t, b)
	if n := len(q.events()); n != 2*schema.DuplicateWindow {
		t.Errorf("%d events", n)
	}
}

// While the journal's queue is full a device gives up and connects again. What
// it sent first must not come behind what it sends again: that would count
// twice.
func TestAMessageIsNotOvertakenByItsRetransmissionOnANewConnection(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.full = true
		b := start(t, q)
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device", persistentSession)
		pk := mqtttest.Publish(1, 5, alive, good)
		c.Send(pk)
		eventually(t, "the message waits for room", func() bool { return q.holds() == 1 })
		again := mqtttest.Dial(t, b.Addr(), version)
		again.Send(mqtttest.ConnectPacket(version, "device", persistentSession), mqtttest.Dup(pk))
		if version == 5 {
			expectCode(t, c, packets.Disconnect, 0, packets.ErrSessionTakenOver.Code)
		}
		c.ExpectClosed() // it is being taken over, and its message still waits
		q.set(func(q *queue) { q.full = false })
		again.Expect(packets.Connack)
		events := q.wait(2)
		if events[0].Event.Dup || !events[1].Event.Dup {
			t.Error("the retransmission came first")
		}
		q.answer(2)
		expectCode(t, again, packets.Puback, 5, 0)
		again.ExpectNothing()
	})
}

func TestATakeoverThatTakesTooLongIsRefused(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.full = true
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	c.Send(mqtttest.Publish(1, 5, alive, good))
	eventually(t, "the message waits for room", func() bool { return q.holds() == 1 })
	var refused []*mqtttest.Client
	for range 3 {
		x := mqtttest.Dial(t, b.Addr(), 5)
		x.Send(mqtttest.ConnectPacket(5, "device"))
		refused = append(refused, x)
	}
	for _, x := range refused {
		pk, err := x.Next() // the newest one ends those before it that still wait
		if err == nil && (pk.FixedHeader.Type != packets.Connack || pk.ReasonCode != packets.ErrServerUnavailable.Code) {
			t.Errorf("got %s", mqtttest.Describe(pk))
		}
	}
	q.set(func(q *queue) { q.full = false })
	next, _ := mqtttest.Connect(t, b.Addr(), 5, "device")
	next.Send(mqtttest.Publish(0, 0, alive, good))
	q.wait(2)
	if diff := compare([]string{"device mqtt", "device mqtt"}, q.happened()); diff != "" {
		t.Errorf("the journal differs (-want +got):\n%s", diff)
	}
}

// The broker writes while it holds the subscriber's lock, which it also takes
// for each publisher whose message goes there.
func TestAClientThatDoesNotReadDelaysNobody(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		b := start(t, q, func(c *broker.Config) { c.MaxPayload = 1 << 20 })
		deaf, _ := mqtttest.Connect(t, b.Addr(), version, "deaf")
		deaf.Subscribe(packets.Subscription{Filter: "m/#", Qos: 1})
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
		payload := strings.Repeat("x", 64<<10)
		for id := uint16(1); b.Stats().Dropped < 10; id++ {
			if id > 5000 {
				t.Fatal("the subscriber's queue never fills")
			}
			c.Send(mqtttest.Publish(1, id, alive, payload))
			if pk := c.Expect(packets.Puback); pk.PacketID != id {
				t.Fatalf("got id %d, want %d", pk.PacketID, id)
			}
		}
		deaf.Send(mqtttest.Publish(1, 1, alive, good)) // it is heard, though it does not hear
		eventually(t, "its message is journaled", func() bool {
			events := q.events()
			return events[len(events)-1].Event.Client == "deaf"
		})
		mqtttest.Connect(t, b.Addr(), version, "deaf") // takes over at once
		start := time.Now()
		stop(t, b)
		if took := time.Since(start); took > mqtttest.Patience/2 {
			t.Errorf("the stop took %s", took)
		}
	})
}

func TestAConnectionThatSaysNothingDoesNotHoldUpTheStop(t *testing.T) {
	b := start(t, newQueue(t))
	c := mqtttest.Dial(t, b.Addr(), 4)
	first := mqtttest.ConnectPacket(4, "device")
	c.SendRaw(c.Encode(first)[:5])
	other, _ := mqtttest.Connect(t, b.Addr(), 4, "other") // accepted later
	stop(t, b)
	c.ExpectClosed()
	other.ExpectClosed()
	if conn, err := net.Dial("tcp", b.Addr()); err == nil {
		t.Error("it still accepts connections")
		conn.Close()
	}
}

func TestAnAcknowledgementInTheLastMomentArrives(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		b := start(t, q)
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device")
		const n = 500
		for id := range uint16(n) {
			c.Send(mqtttest.Publish(1, id+1, alive, good))
		}
		q.wait(n)
		b.StopAccepting()
		q.answer(n)
		stop(t, b)
		for id := range uint16(n) {
			expectCode(t, c, packets.Puback, id+1, 0)
		}
		if version == 5 {
			c.Expect(packets.Disconnect)
		}
		c.ExpectClosed()
	})
}

func TestAPortInUseIsAClearError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	memory := openMemory(t, connection(t))
	defer memory.Close()
	_, err = broker.Start(t.Context(), broker.Config{Addr: l.Addr().String(), Sessions: memory, Logger: discard})
	if err == nil || !strings.Contains(err.Error(), "listen for MQTT") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestManyClientsComeAndGo(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	const clients, rounds = 8, 20
	failed := make(chan error, clients)
	for i := range clients {
		go func() { failed <- comeAndGo(b.Addr(), fmt.Sprintf("c%d", i%3), rounds) }()
	}
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	eventually(t, "all are gone", func() bool { return b.Stats().Clients == 0 && b.Stats().Subscriptions == 0 })
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "c0")
	c.Subscribe(packets.Subscription{Filter: "#"})
	c.Send(mqtttest.Publish(0, 0, alive, good))
	c.Expect(packets.Publish)
}

// comeAndGo connects again and again as one of a few clients, so that
// connections take each other over at any moment.
func comeAndGo(addr, id string, rounds int) error {
	for i := range rounds {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		connect := []byte{0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0}
		connect = append(binary.BigEndian.AppendUint16(connect, uint16(len(id))), id...)
		connect[1] = byte(len(connect) - 2)
		subscribe := []byte{0x82, 6, 0, 1, 0, 1, '#', 0}
		publish := append([]byte{0x32, byte(4 + len(alive)), 0, byte(len(alive))}, alive...)
		publish = append(publish, 0, 7)
		_, _ = conn.Write(append(append(connect, subscribe...), publish...))
		if i%2 == 0 {
			_, _ = conn.Write([]byte{0xe0, 0})
			_, _ = io.Copy(io.Discard, conn)
		} else {
			_, _ = conn.Read(make([]byte, 4))
		}
		conn.Close()
	}
	return nil
}
