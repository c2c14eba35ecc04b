package store

import (
	"testing"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"
)

// BenchmarkCheckpoint takes checkpoints of 10,000 tasks that each sent one
// reading since the last one; an op is a checkpoint, synced.
func BenchmarkCheckpoint(b *testing.B) {
	s, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	state, err := s.Load(fold.DefaultSettings())
	if err != nil {
		b.Fatal(err)
	}
	fleet := foldtest.Fleet{Tasks: 10_000, Clients: 50, Events: 10_000}
	seq, keys, bytes := 0, 0, 0
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
		bytes += c.Bytes
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(keys), "µs/key")
	b.ReportMetric(float64(keys)/float64(b.N), "keys")
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes")
}

// BenchmarkLoad loads a store of 10,000 tasks with 10 series each, whose logs
// are half full; an op is a load.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	state, err := s.Load(fold.DefaultSettings())
	if err != nil {
		b.Fatal(err)
	}
	fleet := foldtest.Fleet{Tasks: 10_000, Clients: 50, Events: 10_000}
	const rows = history.ChunkRows + history.ChunkRows/2
	for i := range rows {
		state.Apply(uint64(i+1), fleet.Frames(i+1, 1)[0])
		if i%10 == 0 || i == rows-1 {
			if err := s.Commit(state); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if state, err = s.Load(fold.DefaultSettings()); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(state.Index().Series()), "series")
}
