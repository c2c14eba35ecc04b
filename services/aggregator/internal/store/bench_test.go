package store

import (
	"testing"

	"weir/services/aggregator/internal/foldtest"
)

// BenchmarkCheckpoint takes checkpoints of 10,000 tasks that each sent one
// reading since the last one; an op is a checkpoint, synced.
func BenchmarkCheckpoint(b *testing.B) {
	s, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	state, err := s.Load(settings())
	if err != nil {
		b.Fatal(err)
	}
	fleet := foldtest.Fleet{Tasks: 10_000, Clients: 50, Events: 10_000}
	seq, keys := 0, 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		seq++
		state.Apply(uint64(seq), fleet.Frames(seq, 1)[0])
		b.StartTimer()
		c, err := s.Prepare(state)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Commit(); err != nil {
			b.Fatal(err)
		}
		state.Committed(c.Meta)
		keys += c.Keys
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(keys), "µs/key")
	b.ReportMetric(float64(keys)/float64(b.N), "keys")
}
