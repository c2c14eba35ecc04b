package broker_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
)

// publishBytes is a PUBLISH of MQTT 5 to a topic that is journaled.
func publishBytes(c *mqtttest.Client) []byte { return c.Encode(mqtttest.Publish(1, 1, alive, good)) }

func quietly(c *broker.Config) { c.Logger = discard }

func TestAMalformedPacketEndsOnlyItsOwnConnection(t *testing.T) {
	tests := []struct{ name, hex string }{
		{"SUBSCRIBE without its options byte", "82 07 0001 00 0002 612f"},
		{"SUBSCRIBE without a filter", "82 03 0001 00"},
		{"SUBSCRIBE with wrong flags", "80 08 0001 00 0002 612f 00"},
		{"SUBSCRIBE of QoS 3", "82 08 0001 00 0002 612f 03"},
		{"SUBSCRIBE whose filter is longer than it", "82 07 0001 00 00ff 6100"},
		{"SUBSCRIBE whose properties are longer than it", "82 04 0001 ff7f"},
		{"UNSUBSCRIBE without a filter", "a2 03 0001 00"},
		{"UNSUBSCRIBE that is empty", "a2 00"},
		{"PUBLISH of QoS 3", "36 05 0001 61 0001 00"},
		{"PUBLISH without a packet id", "32 03 0001 61"},
		{"PUBLISH of packet id 0", "32 06 0001 61 0000 00"},
		{"PUBLISH with a wildcard", "30 04 0001 23 00"},
		{"PUBLISH on a topic that is not UTF-8", "30 05 0002 c328 00"},
		{"PUBLISH on no topic and without an alias", "30 03 0000 00"},
		{"PUBLISH with an alias that was never set", "30 06 0000 03 23 0001"},
		{"PUBLISH with alias 0", "30 07 0001 61 03 23 0000"},
		{"PUBLISH with an alias beyond the maximum", "30 07 0001 61 03 23 ffff"},
		{"PUBLISH with a property of another packet", "30 09 0001 61 05 11 00000001"},
		{"PUBLISH whose topic is longer than it", "30 03 ffff 61"},
		{"PUBLISH that is empty", "30 00"},
		{"a second CONNECT", "10 0f 0004 4d515454 05 02 0000 00 0002 6464"},
		{"CONNECT that is empty", "10 00"},
		{"CONNACK", "20 03 00 00 00"},
		{"SUBACK that is empty", "90 00"},
		{"UNSUBACK with broken properties", "b0 04 0001 05 1f"},
		{"PUBACK that is empty", "40 00"},
		{"PUBREC without its property", "50 05 0001 00 05 1f"},
		{"PUBREL with wrong flags", "60 02 0001"},
		{"AUTH that is empty", "f0 00"},
		{"AUTH of an unknown reason", "f0 02 55 00"},
		{"DISCONNECT with broken properties", "e0 04 00 7f 11 00"},
		{"a packet of no type", "00 00"},
		{"a remaining length without end", "30 ff ff ff ff ff"},
		{"a packet that is too large", "30 ff ff ff 7f"},
	}
	deep := hex.EncodeToString([]byte(strings.Repeat("/", 300)))
	tests = append(tests, []struct{ name, hex string }{
		{"PUBLISH on a topic of too many levels", "30 af02 012c" + deep + "00"},
		{"SUBSCRIBE to a filter of too many levels", "82 b202 0001 00 012c" + deep + "00"},
	}...)
	q := newQueue(t)
	q.auto = true
	b := start(t, q, quietly)
	other, _ := mqtttest.Connect(t, b.Addr(), 5, "other")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := hex.DecodeString(strings.ReplaceAll(tt.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			c, _ := mqtttest.Connect(t, b.Addr(), 5, "malformed")
			c.SendRaw(raw)
			if err := untilClosed(c); err != nil {
				t.Errorf("the connection goes on: %v", err)
			}
			other.SendRaw(publishBytes(other))
			other.Expect(packets.Puback)
		})
	}
	eventually(t, "only the other client is left", func() bool { return b.Stats().Clients == 1 })
}

// untilClosed reads until the broker closes the connection, as it should.
func untilClosed(c *mqtttest.Client) error {
	for {
		pk, err := c.Next()
		if err != nil && pk.FixedHeader.Type == 0 {
			var timeout net.Error
			if asTimeout(err, &timeout) {
				return err
			}
			return nil
		}
	}
}

func asTimeout(err error, to *net.Error) bool {
	n, ok := err.(net.Error)
	*to = n
	return ok && n.Timeout()
}

func TestWhatComesBeforeConnectEndsOnlyItsOwnConnection(t *testing.T) {
	q := newQueue(t)
	b := start(t, q, quietly)
	for name, raw := range map[string]string{
		"PUBLISH":                     "30 04 0001 61 00",
		"another protocol":            "474554202f20485454502f312e310d0a",
		"CONNECT of no protocol":      "10 0c 0004 51515454 04 02 0000 0000",
		"CONNECT of MQTT 9":           "10 0c 0004 4d515454 09 02 0000 0000",
		"CONNECT of a reserved flag":  "10 0c 0004 4d515454 04 03 0000 0000",
		"CONNECT with a will of none": "10 10 0004 4d515454 04 06 0000 0000 0000 0000",
		"CONNECT cut short":           "10 04 0004 4d51",
	} {
		t.Run(name, func(t *testing.T) {
			bytes, err := hex.DecodeString(strings.ReplaceAll(raw, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			c := mqtttest.Dial(t, b.Addr(), 4)
			c.SendRaw(bytes)
			if err := untilClosed(c); err != nil {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
	c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
	c.ExpectNothing()
	if n := b.Stats().Clients; n != 1 {
		t.Errorf("%d clients", n)
	}
}

// The panic's way out must do what the broker's own does: publish the will,
// note that the client went away, and forget it or keep its session.
func TestAPacketThatTheDecoderPanicsAtEndsASessionAsABrokenConnectionDoes(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		b := start(t, q, quietly)
		sub, _ := mqtttest.Connect(t, b.Addr(), version, "subscriber")
		sub.Subscribe(packets.Subscription{Filter: "#"})
		panics := func(id string, change ...func(*packets.Packet)) {
			c, _ := mqtttest.Connect(t, b.Addr(), 5, id, change...)
			c.Subscribe(packets.Subscription{Filter: "x/" + id})
			c.Send(mqtttest.Publish(1, 1, alive, good))
			c.Expect(packets.Puback)
			sub.Expect(packets.Publish)
			c.SendRaw([]byte{0x82, 0x07, 0, 1, 0, 0, 2, 'a', '/'})
			c.ExpectClosed()
		}
		panics("passing", will)
		if pk := sub.Expect(packets.Publish); string(pk.Payload) != offline {
			t.Errorf("the subscriber got %q, want the will", pk.Payload)
		}
		panics("staying", persistentSession)
		eventually(t, "both are gone", func() bool { return len(q.disconnects()) == 2 })
		want := []string{"passing mqtt", "passing will", "passing gone", "staying mqtt", "staying gone"}
		if diff := compare(want, q.happened()); diff != "" {
			t.Errorf("the journal differs (-want +got):\n%s", diff)
		}
		_, ack := mqtttest.Connect(t, b.Addr(), 5, "staying", persistentSession)
		if !ack.SessionPresent {
			t.Error("the persistent session is gone")
		}
		_, ack = mqtttest.Connect(t, b.Addr(), 5, "passing", persistentSession)
		if ack.SessionPresent {
			t.Error("the other session is still there")
		}
		if n := b.Stats().Subscriptions; n != 2 {
			t.Errorf("%d subscriptions are left, want 2", n)
		}
	})
}

func TestGarbageLeavesNothingBehind(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := goleak.IgnoreCurrent()
	t.Run("", func(t *testing.T) {
		q := newQueue(t)
		q.auto = true
		b := start(t, q, quietly)
		for i := range 300 {
			version := byte(4 + i%2)
			c, _ := mqtttest.Connect(t, b.Addr(), version, fmt.Sprintf("c%d", i%7))
			_, _ = c.Conn.Write(garbage(random, c)) // may be closed meanwhile
			c.Break()
		}
		eventually(t, "no client is left", func() bool { return b.Stats().Clients == 0 })
		c, _ := mqtttest.Connect(t, b.Addr(), 4, "device")
		c.Send(mqtttest.Publish(1, 1, alive, good))
		c.Expect(packets.Puback)
	})
	goleak.VerifyNone(t, before)
}

// garbage returns valid packets of which some bytes were changed.
func garbage(random *rand.Rand, c *mqtttest.Client) []byte {
	pk := mqtttest.Publish(byte(random.IntN(3)), 1, alive, good)
	pk.Properties.User = []packets.UserProperty{{Key: "a", Val: "b"}}
	if pk.FixedHeader.Qos == 0 {
		pk.PacketID = 0
	}
	b := c.Encode(pk,
		packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 3, Filters: packets.Subscriptions{{Filter: "m/+/c/#", Qos: 1}}},
		mqtttest.Answer(packets.Pubrel, 1), mqtttest.Answer(packets.Puback, 2), mqtttest.Answer(packets.Pubrec, 2),
		packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe}, PacketID: 4, Filters: packets.Subscriptions{{Filter: "m/+/c/#"}}})
	b = bytes.Clone(b)
	for range 1 + random.IntN(4) {
		b[random.IntN(len(b))] = byte(random.Uint32())
	}
	return b[:1+random.IntN(len(b))]
}
