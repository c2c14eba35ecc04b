package broker_test

import (
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

func TestNoAcknowledgementLeavesBeforeTheEventIsStored(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		c, _ := mqtttest.Connect(t, start(t, q).Addr(), version, "device")
		c.Send(mqtttest.Publish(1, 7, alive, good), mqtttest.Publish(2, 8, alive, good), mqtttest.Publish(1, 9, alive, bad))
		q.wait(3)
		c.ExpectNothing()
		q.answer(3)
		for _, want := range []struct {
			typ byte
			id  uint16
		}{{packets.Puback, 7}, {packets.Pubrec, 8}, {packets.Puback, 9}} {
			if pk := c.Expect(want.typ); pk.PacketID != want.id {
				t.Errorf("got id %d, want %d: not in the order of receipt", pk.PacketID, want.id)
			}
		}
	})
}

func TestAMessageEntersTheJournalAsItCame(t *testing.T) {
	q := newQueue(t)
	q.auto = true
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 4, "device")
	c.Send(mqtttest.Publish(0, 0, alive, good), mqtttest.Dup(mqtttest.Publish(1, 5, alive, bad)),
		mqtttest.Retain(mqtttest.Publish(2, 6, "spore/s/u/n1/resources", `{}`)), mqtttest.Publish(1, 7, "m/d!/c/c/control/proplet/alive", ""))
	entries := q.wait(4)
	want := []schema.Event{
		{Topic: alive, Payload: []byte(good)},
		{Topic: alive, Payload: []byte(bad), QoS: 1, PacketID: 5, Dup: true},
		{Topic: "spore/s/u/n1/resources", Payload: []byte(`{}`), QoS: 2, PacketID: 6, Retain: true},
		{Topic: "m/d!/c/c/control/proplet/alive", Payload: []byte{}, QoS: 1, PacketID: 7},
	}
	tenants := []schema.Tenant{{Service: "d", Subservice: "c"}, {Service: "d", Subservice: "c"}, {Service: "s", Subservice: "u"}, {}}
	for i := range want {
		got := entries[i].Event
		want[i].Client, want[i].Received = "device", got.Received
		if diff := compare(want[i], got); diff != "" {
			t.Errorf("event %d differs (-want +got):\n%s", i, diff)
		}
		if entries[i].Tenant != tenants[i] {
			t.Errorf("event %d is of tenant %s, want %s", i, entries[i].Tenant, tenants[i])
		}
	}
}

func TestADeviceHearsWhatBecameOfItsMessage(t *testing.T) {
	noProblemInfo := func(pk *packets.Packet) { pk.Properties.RequestProblemInfoFlag = true }
	small := func(pk *packets.Packet) { pk.Properties.MaximumPacketSize = 30 }
	tests := []struct {
		name    string
		version byte
		connect func(*packets.Packet)
		topic   string
		payload string
		code    byte
		reason  string // the beginning of the reason string
	}{
		{"MQTT 5: a good message is a success", 5, nil, alive, good, 0x00, ""},
		{"MQTT 5: a malformed message is an invalid payload, and why", 5, nil, alive, bad, 0x99, "not_json: "},
		{"MQTT 5: a bad topic is an invalid payload, and why", 5, nil, "m/d!/c/c/control/proplet/alive", good, 0x99, "bad_topic: "},
		{"MQTT 5: a message that is too large exceeds the quota", 5, nil, alive, strings.Repeat(" ", 1001), 0x97, "too_large: 1001 bytes, at most 1000"},
		{"MQTT 5: a client that wants no problem information gets the code alone", 5, noProblemInfo, alive, bad, 0x99, ""},
		{"MQTT 5: a reason string that does not fit into the client's packets is left out", 5, small, alive, bad, 0x99, ""},
		{"MQTT 5: a message that is not journaled is a success", 5, nil, "home/kitchen", "21", 0x00, ""},
		{"MQTT 3.1.1: a good message is acknowledged", 4, nil, alive, good, 0x00, ""},
		{"MQTT 3.1.1: a malformed message is acknowledged", 4, nil, alive, bad, 0x00, ""},
		{"MQTT 3.1.1: a message that is too large is acknowledged", 4, nil, alive, strings.Repeat(" ", 1001), 0x00, ""},
		{"MQTT 3.1.1: a message that is not journaled is acknowledged", 4, nil, "home/kitchen", "21", 0x00, ""},
	}
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := mqtttest.Connect(t, b.Addr(), tt.version, t.Name(), func(pk *packets.Packet) {
				if tt.connect != nil {
					tt.connect(pk)
				}
			})
			for qos, ack := range map[byte]byte{1: packets.Puback, 2: packets.Pubrec} {
				c.Send(mqtttest.Publish(qos, 1, tt.topic, tt.payload))
				pk := c.Expect(ack)
				if pk.PacketID != 1 || pk.ReasonCode != tt.code {
					t.Errorf("QoS %d: got id %d, code %#x, want 1, %#x", qos, pk.PacketID, pk.ReasonCode, tt.code)
				}
				if got := pk.Properties.ReasonString; !strings.HasPrefix(got, tt.reason) || (got == "") != (tt.reason == "") {
					t.Errorf("QoS %d: got reason %q, want %q", qos, got, tt.reason)
				}
				if tt.version == 4 && pk.FixedHeader.Remaining != 2 {
					t.Errorf("QoS %d: an acknowledgement of MQTT 3.1.1 has %d bytes, want 2", qos, pk.FixedHeader.Remaining)
				}
				if qos == 2 && tt.code == 0 {
					c.Send(mqtttest.Answer(packets.Pubrel, 1))
					c.Expect(packets.Pubcomp)
				}
			}
			c.Leave()
		})
	}
}

func TestOfAMessageThatIsTooLargeTheBeginningIsKept(t *testing.T) {
	q := newQueue(t)
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 4, "device")
	c.Send(mqtttest.Publish(0, 0, alive, strings.Repeat("x", 5000)))
	e := q.wait(1)[0].Event
	if len(e.Payload) != 1000 || cap(e.Payload) > 2000 {
		t.Errorf("kept %d bytes in %d bytes of memory", len(e.Payload), cap(e.Payload))
	}
	if e.Refused == nil || e.Refused.Reason != schema.ReasonTooLarge {
		t.Errorf("refused as %+v", e.Refused)
	}
}

func TestTheClientIsToldTheLimits(t *testing.T) {
	_, ack := mqtttest.Connect(t, start(t, newQueue(t)).Addr(), 5, "device")
	p := ack.Properties
	if p.ReceiveMaximum != schema.DuplicateWindow || p.MaximumPacketSize != 16<<20 || p.TopicAliasMaximum == 0 {
		t.Errorf("got receive maximum %d, packet size %d, aliases %d", p.ReceiveMaximum, p.MaximumPacketSize, p.TopicAliasMaximum)
	}
}

func TestAReceiptOfNobodyIsAnsweredToItsChannel(t *testing.T) {
	done := make(chan uint64, 1)
	r := broker.NewReceipt(done, 7)
	if size := r.Answer(42); size != 7 || <-done != 42 {
		t.Errorf("size %d", size)
	}
}
