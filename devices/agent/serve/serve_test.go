package serve

import (
	"encoding/json"
	"testing"
	"time"

	"weir/devices/agent/dialect"
	"weir/devices/agent/profile"
	"weir/devices/agent/ring"
	"weir/pkg/golden"
)

// view has a task with everything, and one whose platform gives little.
func view() View {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := ring.Sample{
		Time: moment, CPUPercent: 12.25, MemoryBytes: 7340032, MemoryPercent: 0.4, DiskReadBytes: 4096, DiskWriteBytes: 1,
		NetworkRxBytes: 10, NetworkTxBytes: 20, UptimeSeconds: 7, ThreadCount: 3, FileDescriptorCount: 11,
	}
	poor := ring.Sample{Time: moment, Missing: ring.All &^ ring.CPU, CPUPercent: 1, UptimeSeconds: 9}
	heap := uint64(4)
	p, _ := profile.ByName(profile.Standard)
	r := ring.New(5)
	r.Add(s)
	s.Time, s.DiskReadBytes = moment.Add(10*time.Second), 5000
	r.Add(s)
	over, _ := r.Aggregates()
	return View{
		PropletID: "p1", Host: &dialect.Host{Time: moment, UserSeconds: 1.5, SystemSeconds: 0.5, CPUPercent: 2, RSSBytes: 100, HeapAllocBytes: &heap},
		Tasks: []Task{
			{ID: "t1", Profile: p, Latest: &s, History: r.Latest(nil, 10), Total: 2, Over: &over},
			{ID: "t2", Profile: p, Latest: &poor},
			{ID: "t3", Profile: p},
		},
		Agent: Agent{Connected: true, Samples: 12, Sent: 10, Waiting: 2, Lost: 1},
	}
}

func TestMetrics(t *testing.T) { golden.Check(t, "metrics.txt", string(Metrics(view()))) }

func TestHistory(t *testing.T) {
	var v any
	text := History(view())
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "history.json", string(text))
}
