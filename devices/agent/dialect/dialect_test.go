package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/agent/ring"
	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

var (
	moment = time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	boot   = moment.Add(-123456 * time.Millisecond)
)

func proplet(d Dialect) Proplet {
	return Proplet{Dialect: d, Domain: "home", Channel: "lab", ID: `b1a2"é`, Namespace: "default"}
}

func aSample() *ring.Sample {
	return &ring.Sample{
		Time: moment, CPUPercent: 12.25, MemoryBytes: 7340032, MemoryPercent: 0.4, DiskReadBytes: 4096, DiskWriteBytes: 1,
		NetworkRxBytes: 10, NetworkTxBytes: 20, UptimeSeconds: 7, ThreadCount: 3, FileDescriptorCount: 11,
	}
}

func someAggregates() *ring.Aggregates {
	return &ring.Aggregates{
		AvgCPUUsage: 12.25, MaxCPUUsage: 13, AvgMemoryUsage: 7340032, MaxMemoryUsage: 7340033, TotalDiskRead: 1, TotalDiskWrite: 2,
		TotalNetworkRx: 3, TotalNetworkTx: 4, SampleCount: 2,
	}
}

func aHost() *Host {
	n := func(v uint64) *uint64 { return &v }
	return &Host{
		Time: moment, UserSeconds: 0.21, SystemSeconds: 0.05, CPUPercent: 1.5, RSSBytes: 20971520,
		HeapAllocBytes: n(3145728), HeapSysBytes: n(8388608), HeapInuseBytes: n(4194304), HeapFreeBytes: n(1000),
		ContainerUsageBytes: n(30000000), ContainerLimitBytes: n(536870912),
	}
}

// messages are what a proplet of a dialect sends, by name.
func messages(d Dialect) []struct {
	name string
	m    Message
} {
	p := proplet(d)
	allMissing := *aSample()
	allMissing.Missing = ring.All &^ ring.CPU
	none := ring.Aggregates{Missing: ring.All &^ ring.CPU, AvgCPUUsage: 1, MaxCPUUsage: 2, SampleCount: 1}
	windows := *aSample()
	windows.FileDescriptorCount = 0
	return []struct {
		name string
		m    Message
	}{
		{"a sample with its history", p.Task("t1", aSample(), someAggregates(), boot)},
		{"a sample without a history", p.Task("t1", aSample(), nil, boot)},
		{"a sample of which only the CPU is there", p.Task("t1", &allMissing, &none, boot)},
		{"a sample with no descriptors", p.Task("t1", &windows, nil, boot)},
		{"the proplet itself", p.Metrics(aHost(), boot)},
		{"the proplet without a heap or container", p.Metrics(&Host{Time: moment, RSSBytes: 5}, boot)},
		{"its registration", p.Create(Metadata{Tags: []string{"edge"}, OS: "linux", Hostname: "h1", TotalMemoryBytes: 8000000000})},
		{"its heartbeat", p.Alive()},
		{"its will", p.Offline()},
	}
}

func TestMessages(t *testing.T) {
	for _, d := range []Dialect{D0, D1, D1r, D2, D3} {
		t.Run(d.String(), func(t *testing.T) {
			var b strings.Builder
			for _, m := range messages(d) {
				fmt.Fprintf(&b, "%s\n%s\n%s\n\n", m.name, m.m.Topic, m.m.Payload)
				if !json.Valid(m.m.Payload) {
					t.Errorf("%s is no JSON", m.name)
				}
			}
			golden.Check(t, d.String()+".txt", b.String())
		})
	}
}

// TestWeirDecodesThem has weir's decoder read every message: it must know the
// dialect and the time, and have every value that was written.
func TestWeirDecodesThem(t *testing.T) {
	dialects := map[Dialect]schema.Dialect{D0: schema.DialectD0, D1: schema.DialectD1, D1r: schema.DialectD1r, D2: schema.DialectD2, D3: schema.DialectD3}
	for d, want := range dialects {
		for _, m := range messages(d) {
			t.Run(d.String()+" "+m.name, func(t *testing.T) {
				topic, ok := decode.ParseTopic(m.m.Topic)
				if !ok || topic.Kind == decode.TopicBad || topic.Tenant != (schema.Tenant{Service: "home", Subservice: "lab"}) {
					t.Fatalf("topic %+v, %t", topic, ok)
				}
				readings, rejection := decode.New().Decode(topic, m.m.Payload)
				if rejection != nil || len(readings) != 1 {
					t.Fatalf("%d readings, rejected: %+v", len(readings), rejection)
				}
				r := readings[0]
				if !r.HasValues() {
					return
				}
				// D0 has no form of its own for the proplet itself: it is D1's.
				if want := want; r.Dialect != want && (r.Kind != schema.KindProplet || d != D0 && d != D1r) {
					t.Errorf("dialect %s, want %s", r.Dialect, want)
				}
				switch {
				case d == D3:
					if r.Clock != schema.ClockUptime {
						t.Errorf("clock %d", r.Clock)
					}
				case d == D0 && r.Kind == schema.KindTask:
					if r.Time != moment.Truncate(time.Microsecond).UnixNano() {
						t.Errorf("time %d", r.Time)
					}
				case r.Time != moment.UnixNano():
					t.Errorf("time %d", r.Time)
				}
				if numbers := bytes.Count(m.m.Payload, []byte(`":`)); len(r.Fields) < numbers/2-4 {
					t.Errorf("%d fields of %s", len(r.Fields), m.m.Payload)
				}
			})
		}
	}
}

func TestWeirReadsTheValues(t *testing.T) {
	want := map[schema.Field]float64{
		schema.TaskCPUPercent: 12.25, schema.TaskMemoryBytes: 7340032, schema.TaskMemoryPercent: 0.4, schema.TaskDiskReadBytes: 4096,
		schema.TaskDiskWriteBytes: 1, schema.TaskNetworkRxBytes: 10, schema.TaskNetworkTxBytes: 20, schema.TaskUptimeSeconds: 7,
		schema.TaskThreadCount: 3, schema.TaskFileDescriptorCount: 11, schema.TaskAggregatedAvgCPU: 12.25, schema.TaskAggregatedMaxCPU: 13,
		schema.TaskAggregatedAvgMemory: 7340032, schema.TaskAggregatedMaxMemory: 7340033, schema.TaskAggregatedDiskRead: 1,
		schema.TaskAggregatedDiskWrite: 2, schema.TaskAggregatedNetworkRx: 3, schema.TaskAggregatedNetworkTx: 4, schema.TaskAggregatedSampleCount: 2,
	}
	for _, d := range []Dialect{D0, D1, D1r} {
		p := proplet(d)
		m := p.Task("t1", aSample(), someAggregates(), boot)
		topic, _ := decode.ParseTopic(m.Topic)
		readings, rejection := decode.New().Decode(topic, m.Payload)
		if rejection != nil {
			t.Fatal(rejection)
		}
		got := map[schema.Field]float64{}
		for _, f := range readings[0].Fields {
			got[f.Field] = f.Value
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: fields (-want +got):\n%s", d, diff)
		}
		if readings[0].ID != "t1" || readings[0].Parent != p.ID {
			t.Errorf("%s: id %q, parent %q", d, readings[0].ID, readings[0].Parent)
		}
	}
}

func TestParse(t *testing.T) {
	for _, d := range []Dialect{D0, D1, D1r, D2, D3} {
		if got, err := Parse(strings.ToUpper(d.String())); err != nil || got != d {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
	if _, err := Parse("d4"); err == nil || err.Error() != `there is no dialect "d4": expected d0, d1, d1r, d2 or d3` {
		t.Errorf("error %v", err)
	}
}

func TestResults(t *testing.T) {
	p := proplet(D1)
	m := p.Results("t1", "3", "exit status 3")
	if want := `{"task_id":"t1","proplet_id":"b1a2\"é","results":"3","error":"exit status 3"}`; string(m.Payload) != want || m.Topic != "m/home/c/lab/control/proplet/results" {
		t.Errorf("%s %s", m.Topic, m.Payload)
	}
}
