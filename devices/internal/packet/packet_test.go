package packet

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2/packets"

	"github.com/google/go-cmp/cmp"
)

// bytesOf joins parts, strings and bytes, into one slice.
func bytesOf(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		default:
			panic(fmt.Sprintf("BUG: part %T", p))
		}
	}
	return b
}

func TestAppend(t *testing.T) {
	publish := func(version byte, p Publish) []byte {
		b, _ := AppendPublish(nil, version, p)
		return b
	}
	dup := publish(V311, Publish{Topic: "a", QoS: 2, ID: 1})
	SetDup(dup)
	tests := []struct {
		name      string
		got, want []byte
	}{
		{"a 3.1.1 client keeps its session", AppendConnect(nil, Connect{Version: V311, ClientID: "c1"}),
			bytesOf(0x10, 14, 0, 4, "MQTT", 4, 0, 0, 0, 0, 2, "c1")},
		{"a 3.1.1 client with a key starts clean and keeps alive", AppendConnect(nil, Connect{Version: V311, ClientID: "c", Username: "me", Password: "key", Clean: true, KeepAlive: 300}),
			bytesOf(0x10, 22, 0, 4, "MQTT", 4, 0xc2, 1, 44, 0, 1, "c", 0, 2, "me", 0, 3, "key")},
		{"a password without a name has an empty name", AppendConnect(nil, Connect{Version: V311, ClientID: "c", Password: "k"}),
			bytesOf(0x10, 18, 0, 4, "MQTT", 4, 0xc0, 0, 0, 0, 1, "c", 0, 0, 0, 1, "k")},
		{"a will stands before the key", AppendConnect(nil, Connect{Version: V311, ClientID: "c", Username: "me", Password: "k", Clean: true, Will: &Will{"w", []byte("bye")}}),
			bytesOf(0x10, 28, 0, 4, "MQTT", 4, 0xc6, 0, 0, 0, 1, "c", 0, 1, "w", 0, 3, "bye", 0, 2, "me", 0, 1, "k")},
		{"a will has properties in MQTT 5", AppendConnect(nil, Connect{Version: V5, ClientID: "c", Username: "me", Password: "k", Clean: true, Will: &Will{"w", []byte("bye")}}),
			bytesOf(0x10, 30, 0, 4, "MQTT", 5, 0xc6, 0, 0, 0, 0, 1, "c", 0, 0, 1, "w", 0, 3, "bye", 0, 2, "me", 0, 1, "k")},
		{"an MQTT 5 client has properties", AppendConnect(nil, Connect{Version: V5, ClientID: "c", Clean: true}),
			bytesOf(0x10, 14, 0, 4, "MQTT", 5, 2, 0, 0, 0, 0, 1, "c")},
		{"an MQTT 5 session outlives the connection", AppendConnect(nil, Connect{Version: V5, ClientID: "c", SessionExpiry: 0x01020304}),
			bytesOf(0x10, 19, 0, 4, "MQTT", 5, 0, 0, 0, 5, 0x11, 1, 2, 3, 4, 0, 1, "c")},
		{"QoS 0 has no packet id", publish(V311, Publish{Topic: "a/b", Payload: []byte("x")}),
			bytesOf(0x30, 6, 0, 3, "a/b", "x")},
		{"QoS 1 has one", publish(V311, Publish{Topic: "a/b", Payload: []byte("x"), QoS: 1, ID: 0x0102}),
			bytesOf(0x32, 8, 0, 3, "a/b", 1, 2, "x")},
		{"QoS 2 in MQTT 5 has empty properties", publish(V5, Publish{Topic: "a/b", Payload: []byte("x"), QoS: 2, ID: 3}),
			bytesOf(0x34, 9, 0, 3, "a/b", 0, 3, 0, "x")},
		{"a long packet's length takes two bytes", publish(V311, Publish{Topic: "a", Payload: []byte(strings.Repeat("x", 200))}),
			bytesOf(0x30, 0xcb, 1, 0, 1, "a", strings.Repeat("x", 200))},
		{"a retransmission is marked", dup, bytesOf(0x3c, 5, 0, 1, "a", 0, 1)},
		{"PUBACK", AppendAck(nil, PUBACK, 258), bytesOf(0x40, 2, 1, 2)},
		{"PUBREL has its reserved flags", AppendAck(nil, PUBREL, 258), bytesOf(0x62, 2, 1, 2)},
		{"PINGREQ", AppendPingreq(nil), bytesOf(0xc0, 0)},
		{"DISCONNECT", AppendDisconnect(nil), bytesOf(0xe0, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("bytes differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMarksSayWhereIDAndPayloadStand(t *testing.T) {
	for _, version := range []byte{V311, V5} {
		for qos := range byte(3) {
			p := Publish{Topic: "some/topic", Payload: []byte("payload"), QoS: qos, ID: uint16(qos) * 0x0101}
			b, m := AppendPublish([]byte("before"), version, p)
			b = b[len("before"):]
			if got := string(b[m.Payload:]); got != "payload" {
				t.Errorf("version %d, QoS %d: %q stands at the payload's place", version, qos, got)
			}
			if qos > 0 && (b[m.ID] != qos || b[m.ID+1] != qos) {
				t.Errorf("version %d, QoS %d: % x stands at the id's place", version, qos, b[m.ID:m.ID+2])
			}
			if qos == 0 && m.ID != 0 {
				t.Errorf("version %d: QoS 0 has an id at %d", version, m.ID)
			}
		}
	}
}

// TestAnotherCodecReadsOurs has another implementation decode what we encode.
func TestAnotherCodecReadsOurs(t *testing.T) {
	for _, version := range []byte{V311, V5} {
		decoder := func(b []byte) (*mochi.Packet, []byte) {
			p, n, err := Cut(b)
			if err != nil || n != len(b) {
				t.Fatalf("version %d: cut %d of %d bytes: %v", version, n, len(b), err)
			}
			m := &mochi.Packet{ProtocolVersion: version, FixedHeader: mochi.FixedHeader{Remaining: len(p.Body)}}
			if err := m.FixedHeader.Decode(b[0]); err != nil {
				t.Fatal(err)
			}
			return m, p.Body
		}
		m, body := decoder(AppendConnect(nil, Connect{Version: version, ClientID: "c", Username: "u", Password: "p", KeepAlive: 7, SessionExpiry: 60}))
		if err := m.ConnectDecode(body); err != nil {
			t.Fatal(err)
		}
		c := m.Connect
		if c.ClientIdentifier != "c" || string(c.Username) != "u" || string(c.Password) != "p" || c.Keepalive != 7 || c.Clean {
			t.Errorf("version %d: CONNECT reads as %+v", version, c)
		}
		if version == V5 && m.Properties.SessionExpiryInterval != 60 {
			t.Errorf("session expiry reads as %d", m.Properties.SessionExpiryInterval)
		}
		b, _ := AppendPublish(nil, version, Publish{Topic: "a/b", Payload: []byte("x"), QoS: 2, ID: 7})
		SetDup(b)
		m, body = decoder(b)
		if err := m.PublishDecode(body); err != nil {
			t.Fatal(err)
		}
		if m.TopicName != "a/b" || string(m.Payload) != "x" || m.PacketID != 7 || m.FixedHeader.Qos != 2 || !m.FixedHeader.Dup {
			t.Errorf("version %d: PUBLISH reads as %+v", version, m)
		}
	}
}

func TestCut(t *testing.T) {
	long := bytesOf(0x30, 0x80, 1, strings.Repeat("x", 128))
	tests := []struct {
		name string
		in   []byte
		want Packet
		n    int
		err  error
	}{
		{"nothing yet", nil, Packet{}, 0, nil},
		{"the first byte only", bytesOf(0x40), Packet{}, 0, nil},
		{"a body that is not complete", bytesOf(0x40, 2, 1), Packet{}, 0, nil},
		{"a length that is not complete", bytesOf(0x30, 0x80), Packet{}, 0, nil},
		{"a PUBACK", bytesOf(0x40, 2, 1, 2), Packet{PUBACK, 0, bytesOf(1, 2)}, 4, nil},
		{"the first of two", bytesOf(0x40, 2, 1, 2, 0x40, 2, 1, 3), Packet{PUBACK, 0, bytesOf(1, 2)}, 4, nil},
		{"an empty body", bytesOf(0xd0, 0), Packet{PINGRESP, 0, []byte{}}, 2, nil},
		{"flags", bytesOf(0x62, 2, 0, 1), Packet{PUBREL, 2, bytesOf(0, 1)}, 4, nil},
		{"a length of two bytes", long, Packet{PUBLISH, 0, long[3:]}, 131, nil},
		{"a length of five bytes", bytesOf(0x30, 0x80, 0x80, 0x80, 0x80, 1), Packet{}, 0, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, n, err := Cut(tt.in)
			if !errors.Is(err, tt.err) || n != tt.n {
				t.Fatalf("got %d bytes, error %v; want %d bytes, error %v", n, err, tt.n, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("packet differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAck(t *testing.T) {
	tests := []struct {
		name    string
		body    []byte
		want    Ack
		refused bool
		err     error
	}{
		{"3.1.1 says the id only", bytesOf(1, 2), Ack{258, 0}, false, nil},
		{"MQTT 5 may say a reason", bytesOf(1, 2, 0x10), Ack{258, 0x10}, false, nil},
		{"a reason may be a failure", bytesOf(1, 2, 0x99), Ack{258, 0x99}, true, nil},
		{"properties are passed over", bytesOf(1, 2, 0x97, 4, 0x1f, 0, 1, "x"), Ack{258, 0x97}, true, nil},
		{"half an id", bytesOf(1), Ack{}, false, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Packet{Type: PUBACK, Body: tt.body}.Ack()
			if got != tt.want || !errors.Is(err, tt.err) || got.Refused() != tt.refused {
				t.Errorf("got %+v, refused %v, error %v", got, got.Refused(), err)
			}
		})
	}
}

func TestConnack(t *testing.T) {
	plain := Connack{ReceiveMaximum: 65535, MaximumQoS: 2}
	with := func(change func(*Connack)) Connack {
		c := plain
		change(&c)
		return c
	}
	tests := []struct {
		name    string
		version byte
		body    []byte
		want    Connack
		err     error
	}{
		{"3.1.1 accepts", V311, bytesOf(0, 0), plain, nil},
		{"3.1.1 knows the session", V311, bytesOf(1, 0), with(func(c *Connack) { c.SessionPresent = true }), nil},
		{"3.1.1 refuses", V311, bytesOf(0, 5), with(func(c *Connack) { c.Code, c.Reason = 5, "not authorized" }), nil},
		{"MQTT 5 without properties", V5, bytesOf(0, 0, 0), plain, nil},
		{"MQTT 5 with limits among what is passed over", V5,
			bytesOf(0, 0, 27, 0x27, 0, 1, 0, 0, 0x21, 4, 0, 0x26, 0, 1, "k", 0, 1, "v", 0x12, 0, 2, "id", 0x24, 1, 0x2a, 1, 0x13, 0, 9),
			with(func(c *Connack) { c.ReceiveMaximum, c.MaximumQoS = 1024, 1 }), nil},
		{"MQTT 5 refuses with a reason", V5, bytesOf(0, 0x86, 6, 0x1f, 0, 3, "why"), with(func(c *Connack) { c.Code, c.Reason = 0x86, "why" }), nil},
		{"too short", V5, bytesOf(0), plain, ErrMalformed},
		{"properties longer than the packet", V5, bytesOf(0, 0, 2, 0x24), plain, ErrMalformed},
		{"a number that is cut off", V5, bytesOf(0, 0, 2, 0x21, 1), plain, ErrMalformed},
		{"a string that is cut off", V5, bytesOf(0, 0, 4, 0x1f, 0, 3, "w"), plain, ErrMalformed},
		{"a string without a length", V5, bytesOf(0, 0, 2, 0x1f, 0), plain, ErrMalformed},
		{"a property that a CONNACK may not have", V5, bytesOf(0, 0, 2, 0x01, 0), plain, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Packet{Type: CONNACK, Body: tt.body}.Connack(tt.version)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("CONNACK differs (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := (Packet{Type: PUBACK, Body: bytesOf(0, 0)}).Connack(V311); !errors.Is(err, ErrMalformed) {
		t.Errorf("a PUBACK as CONNACK: error %v", err)
	}
}

// FuzzCut feeds anything to the reading side: it must neither panic nor cut
// more than there is.
func FuzzCut(f *testing.F) {
	f.Add(bytesOf(0x20, 3, 0, 0, 0))
	f.Add(bytesOf(0x20, 8, 0, 0x86, 6, 0x1f, 0, 3, "w"))
	f.Add(bytesOf(0x40, 3, 1, 2, 0x99, 0x30, 0x80, 0x80))
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			p, n, err := Cut(b)
			if err != nil || n == 0 {
				return
			}
			if n > len(b) || !bytes.Contains(b[:n], p.Body) {
				t.Fatalf("cut %d of %d bytes", n, len(b))
			}
			_, _ = p.Ack()
			_, _ = p.Connack(V5)
			_, _ = p.Connack(V311)
			b = b[n:]
		}
	})
}
