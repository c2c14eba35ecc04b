package fold

import (
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"
)

// BenchmarkSelectTracks selects one series of each of 10,000 tasks, whose logs
// are half full: what a query does while it keeps the fold waiting.
func BenchmarkSelectTracks(b *testing.B) {
	s := New(DefaultSettings())
	fleet := foldtest.Fleet{Tasks: 10_000, Clients: 50, Events: 10_000}
	for i := range history.ChunkRows / 2 {
		s.Apply(uint64(i+1), fleet.Frames(i+1, 1)[0])
	}
	ms := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "__name__", "proplet_task_cpu_usage_percent")}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(s.SelectTracks(ms, foldtest.Start, foldtest.Start+int64(1e15))); n != fleet.Tasks {
			b.Fatal(n)
		}
	}
}
