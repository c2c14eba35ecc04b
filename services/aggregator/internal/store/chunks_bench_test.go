package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// The history that BenchmarkChunks reads: nodes that sent 12 fields once a
// minute, so that a chunk is two hours and a bucket has three.
const (
	benchTracks  = 10_000
	benchChunks  = 7
	benchCadence = time.Minute
)

// BenchmarkChunks reads chunks of 10,000 tracks, each op in a view of its own,
// from a store of more than its block cache holds.
func BenchmarkChunks(b *testing.B) {
	s, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	start := history.BucketStart(history.Bucket(foldtest.Start))
	writeHistory(b, s, start)
	moment := func(d time.Duration) int64 { return start + int64(d) }
	inOrder, inNone := rand.New(rand.NewPCG(3, 4)).Perm(benchTracks), rand.New(rand.NewPCG(3, 4)).Perm(benchTracks)
	slices.Sort(inOrder)
	for _, test := range []struct {
		name     string
		tracks   []int
		from, to int64
	}{
		{"a moment at a chunk's end", inOrder, moment(3*time.Hour + 50*time.Minute), moment(3*time.Hour + 52*time.Minute)},
		{"a moment at a chunk's end, tracks in no order", inNone, moment(3*time.Hour + 50*time.Minute), moment(3*time.Hour + 52*time.Minute)},
		{"an hour", inOrder, moment(4*time.Hour + 30*time.Minute), moment(5*time.Hour + 30*time.Minute)},
		{"half a day of 1000 tracks", inOrder[:1000], moment(time.Hour), moment(13 * time.Hour)},
		{"half a day of 1 track", inOrder[:1], moment(time.Hour), moment(13 * time.Hour)},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			found := 0
			for b.Loop() {
				found = 0
				h, err := s.History()
				if err != nil {
					b.Fatal(err)
				}
				for _, track := range test.tracks {
					main, late, err := h.Chunks(1, uint64(track)+1, test.from, test.to)
					if err != nil {
						b.Fatal(err)
					}
					found += len(main) + len(late)
				}
				h.Close()
			}
			b.ReportMetric(float64(found), "chunks")
		})
	}
}

// writeHistory writes the chunks in the order in which a fleet fills them, in
// batches of some seconds' size.
func writeHistory(b *testing.B, s *Store, start int64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range benchChunks {
		first := start + int64(i*history.ChunkRows)*int64(benchCadence)
		made := make([]fold.SealedChunk, 50) // tracks share theirs with others that are not near
		for n := range made {
			made[n] = sealedRows(b, rng, first)
			made[n].Seq = uint64(i) + 1
		}
		for batch := range benchTracks / 500 {
			w := &batchWriter{batch: s.db.NewBatch()}
			for n := range 500 {
				c := made[n%len(made)]
				c.Track = uint64(batch*500 + n + 1)
				w.Chunk(&c)
			}
			w.Bucket(1, fold.Bucket{Number: history.Bucket(first), Chunks: 1})
			if err := s.commitBatch(w); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := s.db.Flush(); err != nil {
		b.Fatal(err)
	}
	for s.db.Metrics().Compact.NumInProgress > 0 {
		<-time.After(time.Millisecond)
	}
}

// sealedRows makes a chunk of rows from a moment on.
func sealedRows(b *testing.B, rng *rand.Rand, first int64) fold.SealedChunk {
	rows := make([]history.Row, history.ChunkRows)
	for i := range rows {
		rows[i] = history.Row{Time: first + int64(i)*int64(benchCadence) + rng.Int64N(1e9), Arrival: uint64(i + 1)}
		for _, f := range schema.Fields[:12] {
			rows[i].Fields = append(rows[i].Fields, schema.FieldValue{Field: f.Field, Value: float64(rng.IntN(10_000)) / 100})
		}
	}
	return fold.SealedChunk{
		Tenant: 1, Bucket: history.Bucket(first), Min: rows[0].Time, Max: rows[len(rows)-1].Time,
		Data: new(history.Encoder).Chunk(nil, rows),
	}
}
