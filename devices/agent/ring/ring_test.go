package ring

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sampleAt is the nth sample of a task that works harder and harder.
func sampleAt(n int) Sample {
	u := uint64(n)
	return Sample{
		Time: begin.Add(time.Duration(n) * time.Second), CPUPercent: float64(n) * 1.5, MemoryBytes: 1000 + 10*u, MemoryPercent: 0.5,
		DiskReadBytes: 100 * u, DiskWriteBytes: 50 * u, NetworkRxBytes: 7 * u, NetworkTxBytes: 3 * u, UptimeSeconds: int64(n), ThreadCount: 2, FileDescriptorCount: 5,
	}
}

// TestAggregates shows the aggregates after each sample, of rings of several
// sizes, through a restart of the counters.
func TestAggregates(t *testing.T) {
	var b strings.Builder
	for _, size := range []int{0, 1, 3, 10} {
		r := New(size)
		fmt.Fprintf(&b, "a ring of %d\n", size)
		for n := range 6 {
			s := sampleAt(n)
			if n == 4 { // another process under the same name: its counters begin anew
				s.DiskReadBytes, s.NetworkRxBytes = 1, 0
			}
			r.Add(s)
			a, ok := r.Aggregates()
			fmt.Fprintf(&b, "%d: %t %+v\n", n, ok, a)
		}
	}
	golden.Check(t, "aggregates.txt", b.String())
}

func TestMissingFieldsAreLeftOutOfAggregates(t *testing.T) {
	r := New(3)
	for n := range 3 {
		s := sampleAt(n + 1)
		s.Missing = NetworkIO
		if n == 1 {
			s.Missing |= CPU | Memory | DiskIO
			s.CPUPercent, s.MemoryBytes, s.DiskReadBytes, s.DiskWriteBytes = 0, 0, 0, 0
		}
		r.Add(s)
	}
	got, ok := r.Aggregates()
	want := Aggregates{
		Missing: NetworkIO, AvgCPUUsage: 3, MaxCPUUsage: 4.5, AvgMemoryUsage: 1020, MaxMemoryUsage: 1030,
		TotalDiskRead: 200, TotalDiskWrite: 100, SampleCount: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("%t, aggregates (-want +got):\n%s", ok, diff)
	}
}

func TestLatest(t *testing.T) {
	tests := []struct {
		name           string
		size, added, n int
		want           []int
	}{
		{"an empty ring has none", 3, 0, 5, nil},
		{"a ring without room has none", 0, 4, 5, nil},
		{"a ring that is not full has what came", 3, 2, 5, []int{0, 1}},
		{"a full ring has dropped the oldest", 3, 5, 5, []int{2, 3, 4}},
		{"fewer may be wanted", 3, 5, 2, []int{3, 4}},
		{"none may be wanted", 3, 5, 0, nil},
		{"a ring that went round once is in order", 3, 6, 3, []int{3, 4, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New(tt.size)
			for n := range tt.added {
				r.Add(sampleAt(n))
			}
			var got []int
			for _, s := range r.Latest(nil, tt.n) {
				got = append(got, int(s.UptimeSeconds))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			if r.Len() != min(tt.size, tt.added) {
				t.Errorf("length %d", r.Len())
			}
		})
	}
}
