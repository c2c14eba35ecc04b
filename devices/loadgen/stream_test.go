package loadgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/devices/internal/packet"
	"weir/pkg/golden"
)

// decode reads a PUBLISH with another codec than ours.
func decode(t *testing.T, version byte, b []byte) packets.Packet {
	t.Helper()
	p, n, err := packet.Cut(b)
	if err != nil || n != len(b) {
		t.Fatalf("cut %d of %d bytes: %v", n, len(b), err)
	}
	m := packets.Packet{ProtocolVersion: version, FixedHeader: packets.FixedHeader{Type: byte(p.Type), Remaining: len(p.Body), Qos: p.Flags >> 1 & 3}}
	if err := m.PublishDecode(p.Body); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestStreamGolden(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	for _, kind := range []Kind{Task, Proplet, Spore, Bad} {
		t.Run(string(kind), func(t *testing.T) {
			config, err := Config{Addr: "-", Events: 1, QoS: 1, Payload: kind, Sources: 13, Clients: 3, Service: "svc", Subservice: "sub"}.complete()
			if err != nil {
				t.Fatal(err)
			}
			s := newStream(config, 1)
			var got []byte
			for i := range 6 { // sources 1, 4, 7, 10, then 1 again
				at := now.Add(time.Duration(i) * 400 * time.Millisecond)
				m := decode(t, 4, s.append(nil, uint16(i+1), at.UnixNano()))
				if m.PacketID != uint16(i+1) {
					t.Errorf("packet id %d", m.PacketID)
				}
				if json.Valid(m.Payload) == (kind == Bad) {
					t.Errorf("a %s payload: %s", kind, m.Payload)
				}
				got = fmt.Appendf(got, "%s %d\n%s\n", m.TopicName, len(m.Payload), m.Payload)
			}
			golden.Check(t, string(kind)+".golden", got)
		})
	}
}

func TestStream(t *testing.T) {
	tests := []struct {
		name    string
		config  Config
		client  int
		sources string // of the first five events
		bad     string
	}{
		{"clients deal the sources among them", Config{Clients: 2, Sources: 5}, 0, "[t00000 t00002 t00004 t00000 t00002]", "[]"},
		{"the second client has the others", Config{Clients: 2, Sources: 5}, 1, "[t00001 t00003 t00001 t00003 t00001]", "[]"},
		{"clients share sources where there are few", Config{Clients: 5, Sources: 2}, 3, "[t00001 t00001 t00001 t00001 t00001]", "[]"},
		{"every third event is malformed", Config{Clients: 2, Sources: 5, MalformedEvery: 3}, 0, "[t00000 t00002 t00004 t00000 t00002]", "[3]"},
		{"MQTT 5 at QoS 0", Config{Version: 5}, 0, "[t00000 t00000 t00000 t00000 t00000]", "[]"},
		{"MQTT 5 at QoS 2", Config{Version: 5, QoS: 2}, 0, "[t00000 t00000 t00000 t00000 t00000]", "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Addr, tt.config.Events = "-", 1
			config, err := tt.config.complete()
			if err != nil {
				t.Fatal(err)
			}
			s := newStream(config, tt.client)
			sources, bad := []string{}, []int{}
			for i := range 5 {
				m := decode(t, config.Version, s.append(nil, 1, 1e18))
				sources = append(sources, string(m.Payload[len(`{"task_id":"`):][:6]))
				if !json.Valid(m.Payload) {
					bad = append(bad, i+1)
				}
			}
			if got := fmt.Sprint(sources); got != tt.sources {
				t.Errorf("sources %s, want %s", got, tt.sources)
			}
			if got := fmt.Sprint(bad); got != tt.bad {
				t.Errorf("malformed %s, want %s", got, tt.bad)
			}
		})
	}
}

func TestStreamIsTheSameForTheSameSeed(t *testing.T) {
	make := func(seed uint64) []byte {
		config, err := Config{Addr: "-", Events: 1, Seed: seed}.complete()
		if err != nil {
			t.Fatal(err)
		}
		s := newStream(config, 0)
		return s.append(s.append(nil, 1, 1e18), 2, 1e18)
	}
	if !bytes.Equal(make(1), make(1)) || bytes.Equal(make(1), make(2)) {
		t.Error("the seed does not decide the values")
	}
}

func TestStreamDoesNotAllocate(t *testing.T) {
	for _, kind := range []Kind{Task, Proplet, Spore, Bad} {
		config, err := Config{Addr: "-", Events: 1, QoS: 1, Payload: kind, Sources: 10}.complete()
		if err != nil {
			t.Fatal(err)
		}
		s := newStream(config, 0)
		out, now := make([]byte, 0, s.largest()), int64(1e18)
		allocs := testing.AllocsPerRun(1000, func() {
			now += int64(time.Second)
			out = s.append(out[:0], 1, now)
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations an event", kind, allocs)
		}
	}
}
