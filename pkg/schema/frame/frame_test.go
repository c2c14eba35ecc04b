package frame_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

// compare sees summaries by their bytes: their buckets are not exported.
var compare = cmp.Comparer(func(a, b schema.Summary) bool {
	return bytes.Equal(a.AppendBinary(nil), b.AppendBinary(nil))
})

func summary(values ...uint64) (s schema.Summary) {
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// fixtures are frozen: version 1 must read them for ever.
func fixtures() map[string]*schema.Frame {
	const t0 = 1767323045_000006789
	return map[string]*schema.Frame{
		"empty":      {Writer: "w1", Number: 1},
		"reset":      {Writer: "aggregator-1", Number: 7, Reset: &schema.Reset{ID: "r-1", At: t0}},
		"disconnect": {Writer: "w1", Number: 2, Disconnects: []schema.Disconnect{{Client: "b1a2", At: t0, Clean: true}, {Client: "b1a3", At: t0 + 1}}},
		"correlators": {Writer: "w1", Number: 4, Events: []schema.Event{
			{Topic: "/write?service=d&subservice=c", Client: "10.0.0.7", Received: t0, Route: schema.RouteHTTP, Payload: []byte("m v=1")},
			{Topic: "/notices?path=%2F&service=d", Client: "10.0.0.8", Received: t0, Route: schema.RouteHTTP, Correlator: "5a1c; cbnotif=1", Payload: []byte(`{"data":[]}`)},
		}},
		"events": {Writer: "w1", Number: 3,
			Events: []schema.Event{
				{Topic: "m/d/c/c/control/proplet/task_metrics", Client: "b1a2", Received: t0, PacketID: 1, QoS: 1, Payload: []byte(`{"task_id":"t","metrics":{"cpu_percent":12.25}}`)},
				{Topic: "m/d/c/c/control/proplet/task_metrics", Client: "b1a2", Received: t0 + 1000, PacketID: 65535, QoS: 2, Dup: true, Payload: []byte(`{"task_id":"t","metrics":{"cpu_percent":13}}`)},
				{Topic: "m/d/c/c/control/proplet/alive", Client: "b1a3", Received: t0 - 5000, Retain: true, Route: schema.RouteWill, Payload: []byte(`{"status":"offline","proplet_id":"b1a3"}`)},
				{Topic: "spore/s/ss/h/resources", Client: "", Received: t0 + 2, PacketID: 9, QoS: 1, Route: schema.RouteReplay, Payload: []byte{},
					Refused: &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: "300000 bytes, at most 262144"}},
			},
			Received: []schema.TenantCount{{Tenant: schema.Tenant{Service: "d", Subservice: "c"}, Events: 3}, {Tenant: schema.Tenant{Service: "s", Subservice: "ss"}, Events: 1}},
			Operations: []schema.Operations{{Tenant: schema.Tenant{Service: "d", Subservice: "c"},
				Counters:    []schema.CounterDelta{{Counter: schema.IncomingResponseSize, Delta: 12}},
				ServiceTime: summary(1000, 250_000, 1_000_000, 1_000_001)}},
		},
	}
}

func TestVersion1FixturesAreReadAndWrittenTheSame(t *testing.T) {
	for name, want := range fixtures() {
		t.Run(name, func(t *testing.T) {
			data, err := frame.Encode(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			// Read only: another version of the compressor may write other bytes.
			got, err := frame.Decode(golden.Want(t, "v1/"+name+".frame", data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("fixture reads differently (-want +got):\n%s", diff)
			}
		})
	}
}

func randomFrame(r *rand.Rand) *schema.Frame {
	f := &schema.Frame{Writer: fmt.Sprint("w", r.IntN(3)), Number: r.Uint64N(1 << 40)}
	for range r.IntN(200) {
		payload := make([]byte, r.IntN(100))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		f.Events = append(f.Events, schema.Event{
			Topic: fmt.Sprint("topic/", r.IntN(5)), Client: fmt.Sprint("client-", r.IntN(5)),
			Received: r.Int64(), PacketID: uint16(r.Uint32()), QoS: uint8(r.IntN(3)), Dup: r.IntN(2) == 0,
			Retain: r.IntN(2) == 0, Route: schema.Route(r.IntN(5)), Payload: payload,
		})
		if r.IntN(4) == 0 {
			f.Events[len(f.Events)-1].Correlator = fmt.Sprint("correlator ", r.IntN(3))
		}
	}
	return f
}

func TestAnyFrameReadsAsWritten(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		want := randomFrame(r)
		data, err := frame.Encode([]byte("prefix"), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := frame.Decode(data[len("prefix"):])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, compare); diff != "" {
			t.Fatalf("frame reads differently (-want +got):\n%s", diff)
		}
	}
}

func TestAMessageWithoutAPayloadReadsTheSameInAnyCompany(t *testing.T) {
	silent, loud := schema.Event{Topic: "a", Payload: []byte{}}, schema.Event{Topic: "b", Payload: []byte("1")}
	for name, events := range map[string][]schema.Event{
		"alone": {silent}, "among its like": {silent, silent}, "before others": {silent, loud}, "after others": {loud, silent},
	} {
		t.Run(name, func(t *testing.T) {
			want := &schema.Frame{Writer: "w", Number: 1, Events: events}
			data, err := frame.Encode(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := frame.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("frame reads differently (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	good, err := frame.Encode(nil, fixtures()["events"])
	if err != nil {
		t.Fatal(err)
	}
	damage := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing at all", nil, frame.ErrCorrupt},
		{"a header cut short", good[:10], frame.ErrCorrupt},
		{"a body cut short", good[:len(good)-1], frame.ErrCorrupt},
		{"another magic", damage(func(b []byte) []byte { b[0] = 'w'; return b }), frame.ErrCorrupt},
		{"a newer version", damage(func(b []byte) []byte { b[4] = 2; return b }), frame.ErrVersion},
		{"an unknown compression", damage(func(b []byte) []byte { b[5] = 9; return b }), frame.ErrVersion},
		{"a flipped bit in the body", damage(func(b []byte) []byte { b[40] ^= 1; return b }), frame.ErrCorrupt},
		{"a wrong size", damage(func(b []byte) []byte { b[12]++; return b }), frame.ErrCorrupt},
		{"a size beyond all bounds", damage(func(b []byte) []byte { b[15] = 0xff; return b }), frame.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := frame.Decode(tt.data); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNamesThatAreNotUTF8DoNotKeepAFrameFromBeingWritten(t *testing.T) {
	f := &schema.Frame{Writer: "w", Number: 1, Events: []schema.Event{{Topic: "a\xff", Client: "c\xfe"}}}
	data, err := frame.Encode(nil, f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := frame.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Events[0].Topic != "a\uFFFD" || got.Events[0].Client != "c\uFFFD" {
		t.Errorf("got topic %q and client %q", got.Events[0].Topic, got.Events[0].Client)
	}
}

func FuzzDecode(f *testing.F) {
	for _, fr := range fixtures() {
		data, err := frame.Encode(nil, fr)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := frame.Decode(data)
		if err != nil {
			return
		}
		again, err := frame.Encode(nil, fr)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := frame.Decode(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(fr, back, compare); diff != "" {
			t.Fatalf("frame changed on its way (-want +got):\n%s", diff)
		}
	})
}

func taskFrame(n int) *schema.Frame {
	f := &schema.Frame{Writer: "bench", Number: 1}
	for i := range n {
		payload, _ := json.Marshal(map[string]any{"task_id": fmt.Sprintf("6f0c%04d", i%50), "proplet_id": "b1a2",
			"metrics": map[string]any{"cpu_percent": float64(i%100) / 4, "memory_bytes": 7340032 + i, "memory_percent": 0.4,
				"disk_read_bytes": 4096 * i, "disk_write_bytes": 0, "network_rx_bytes": 10, "network_tx_bytes": 20,
				"uptime_seconds": i, "thread_count": 3, "file_descriptor_count": 11, "timestamp": "2026-01-02T03:04:05.000006789Z"}})
		f.Events = append(f.Events, schema.Event{Topic: "m/d/c/c/control/proplet/task_metrics", Client: fmt.Sprint("client-", i%50),
			Received: 1767323045_000000000 + int64(i)*4000, PacketID: uint16(i), QoS: 1, Payload: payload})
	}
	return f
}

func BenchmarkEncode(b *testing.B) {
	f := taskFrame(1500)
	var buf []byte
	for b.Loop() {
		buf, _ = frame.Encode(buf[:0], f)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(f.Events)), "ns/event")
	b.ReportMetric(float64(len(buf))/float64(len(f.Events)), "B/event")
}

func BenchmarkEncodeOneEvent(b *testing.B) {
	f := taskFrame(1)
	var buf []byte
	for b.Loop() {
		buf, _ = frame.Encode(buf[:0], f)
	}
	b.ReportMetric(float64(len(buf)), "B/frame")
}

func BenchmarkDecode(b *testing.B) {
	f := taskFrame(1500)
	data, _ := frame.Encode(nil, f)
	for b.Loop() {
		if _, err := frame.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(f.Events)), "ns/event")
}
