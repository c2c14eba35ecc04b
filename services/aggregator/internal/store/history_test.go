package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// everything selects all tracks.
func everything(state *fold.State) []fold.TrackMatch {
	return state.SelectTracks([]*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+")}, math.MinInt64, math.MaxInt64)
}

// partsOf puts together what a view and the store have of a track.
func partsOf(t *testing.T, h *History, v *fold.TrackView, from, to int64) history.Parts {
	t.Helper()
	parts := history.Parts{MainLog: v.Main, LateLog: v.Late}
	main, late, err := h.Chunks(v.Tenant, v.Number, from, to)
	if err != nil {
		t.Fatal(err)
	}
	pending := func(seq uint64) bool {
		return slices.ContainsFunc(v.Pending, func(c *fold.SealedChunk) bool { return c.Seq == seq })
	}
	for _, c := range main {
		if c.Seq <= v.Chunks && !pending(c.Seq) {
			parts.Main = append(parts.Main, c.Chunk)
		}
	}
	for _, c := range late {
		if c.Seq <= v.Chunks && !pending(c.Seq) {
			parts.Late = append(parts.Late, c.Chunk)
		}
	}
	for _, c := range v.Pending {
		opened, err := history.OpenChunk(c.Data)
		switch {
		case err != nil:
			t.Fatal(err)
		case c.Late:
			parts.Late = append(parts.Late, opened)
		default:
			parts.Main = append(parts.Main, opened)
		}
	}
	return parts
}

// samplesOf returns all rows of all tracks, in words.
func samplesOf(t *testing.T, s *Store, state *fold.State) map[string][]string {
	t.Helper()
	views := everything(state)
	h, err := s.History()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	all := map[string][]string{}
	var decoder history.Decoder
	for i := range views {
		v := &views[i].TrackView
		parts := partsOf(t, h, v, math.MinInt64, math.MaxInt64)
		name := fmt.Sprint(v.Number, v.Labels, v.Fields, v.Current)
		all[name] = []string{}
		if err := decoder.RowsDescending(&parts, func(r *history.Row) bool {
			if r.Time >= v.First {
				all[name] = append(all[name], fmt.Sprintf("%+v", *r))
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestReplayGivesTheSameSamples reads the history of a live state, which has
// been through checkpoints and restarts, and that of one folded in one go.
func TestReplayGivesTheSameSamples(t *testing.T) {
	seed := foldtest.Seed(t)
	for round := range uint64(4) {
		rng := foldtest.Rand(seed + round)
		frames := foldtest.Frames(rng, openGenerator(rng).Items(3000), 50)
		fs := vfs.NewMem()
		s := open1(t, fs)
		state := load1(t, s)
		expired := false // and the store has it still
		for i, f := range frames {
			if state.Apply(uint64(i+1), f).History.Expired > 0 {
				expired = true
			}
			switch rng.IntN(15) {
			case 0, 1, 2:
				commit1(t, s, state)
				expired = false
			case 3:
				commit1(t, s, state)
				expired = false
				s.Close()
				s = open1(t, fs)
				state = load1(t, s)
			}
		}
		if expired { // a row as old as that which came since would bring it to light
			commit1(t, s, state)
		}
		empty := open1(t, vfs.NewMem())
		replayed := load1(t, empty)
		for i, f := range frames {
			replayed.Apply(uint64(i+1), f)
		}
		want, got := samplesOf(t, empty, replayed), samplesOf(t, s, state)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("samples (-replayed +live):\n%s", diff)
		}
		if m := state.Meta(); m.Chunks < 100 || m.TracksEver == m.Tracks || len(want) < 20 {
			t.Errorf("the journal is too tame: %+v", m)
		}
		state.Tenants(func(tn *schema.TenantState) {
			if tn.Tenant.Service == "factory" && tn.Rejected[schema.ReasonSeriesLimit]+tn.Rejected[schema.ReasonSourceLimit] == 0 {
				t.Errorf("%s has not reached a limit", tn.Tenant)
			}
		})
		empty.Close()
		s.Close()
	}
}

// TestChunksOfARange compares what the store finds by its keys with what is
// found by looking at all chunks.
func TestChunksOfARange(t *testing.T) {
	rng := foldtest.Rand(foldtest.Seed(t))
	s := open1(t, vfs.NewMem())
	defer s.Close()
	state := load1(t, s)
	for i, f := range foldtest.Frames(rng, openGenerator(rng).Items(4000), 50) {
		state.Apply(uint64(i+1), f)
	}
	commit1(t, s, state)
	h, err := s.History()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	views := everything(state)
	for range 500 {
		v := &views[rng.IntN(len(views))].TrackView
		allMain, allLate, err := h.Chunks(v.Tenant, v.Number, math.MinInt64, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		from, to := randomRange(rng, v, allMain)
		main, late, err := h.Chunks(v.Tenant, v.Number, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := seqs(main), seqs(overlapping(allMain, from, to)); !slices.Equal(got, want) {
			t.Fatalf("track %d from %d to %d: main chunks %v, want %v of %v", v.Number, from, to, got, want, seqs(allMain))
		}
		if got, want := seqs(late), seqs(overlapping(allLate, from, to)); !slices.Equal(got, want) {
			t.Fatalf("track %d from %d to %d: late chunks %v, want %v", v.Number, from, to, got, want)
		}
	}
}

func randomRange(rng *rand.Rand, v *fold.TrackView, chunks []Chunk) (from, to int64) {
	moment := func() int64 {
		if len(chunks) > 0 && rng.IntN(3) == 0 { // just at the end of a chunk
			c := chunks[rng.IntN(len(chunks))]
			return []int64{c.Min(), c.Max()}[rng.IntN(2)] + rng.Int64N(3) - 1
		}
		return v.First - int64(time.Hour) + rng.Int64N(v.Newest-v.First+int64(2*time.Hour))
	}
	a, b := moment(), moment()
	return min(a, b), max(a, b)
}

func overlapping(chunks []Chunk, from, to int64) (found []Chunk) {
	for _, c := range chunks {
		if c.Min() <= to && c.Max() >= from {
			found = append(found, c)
		}
	}
	return found
}

func seqs(chunks []Chunk) []uint64 {
	all := []uint64{}
	for _, c := range chunks {
		all = append(all, c.Seq)
	}
	return all
}

// TestExpiredBucketsGiveTheirSpaceBack writes buckets of a tenant on a real
// disk and expires most of them.
func TestExpiredBucketsGiveTheirSpaceBack(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const buckets, kept = 40, 4
	rng := foldtest.Rand(1)
	for bucket := range uint32(buckets) {
		w := &batchWriter{batch: s.db.NewBatch()}
		for track := range uint64(200) {
			data := make([]byte, 1000)
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			for tenant := range uint64(2) {
				w.Chunk(&fold.SealedChunk{Tenant: tenant + 1, Bucket: 100 + bucket, Track: track + 1, Seq: uint64(bucket) + 1, Data: data})
			}
		}
		for tenant := range uint64(2) {
			w.Bucket(tenant+1, fold.Bucket{Number: 100 + bucket, Chunks: 200, Bytes: 200_000})
		}
		if err := s.commitBatch(w); err != nil {
			t.Fatal(err)
		}
	}
	full := s.flushed(t)
	w := &batchWriter{batch: s.db.NewBatch()}
	w.Expired(1, 100+buckets-kept)
	w.Expired(2, 100+buckets-kept)
	if err := s.commitBatch(w); err != nil {
		t.Fatal(err)
	}
	left := s.flushed(t)
	if left > full/4 {
		t.Errorf("the store takes %d bytes after %d of %d buckets went, %d before", left, buckets-kept, buckets, full)
	}
	h, err := s.History()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got, err := h.bucketsOf(2); err != nil || len(got) != kept || got[0] != 100+buckets-kept {
		t.Errorf("buckets %v are left, error %v", got, err)
	}
	if ok := h.first.SeekGE([]byte{keyChunk}); !ok {
		t.Fatal("no chunk is left")
	}
	if c, _ := chunkOf(h.first.Key()); c.Tenant != 1 || c.Bucket != 100+buckets-kept {
		t.Errorf("the first chunk that is left is %+v", c)
	}
}

func (s *Store) commitBatch(w *batchWriter) error {
	c := Checkpoint{store: s, batch: w.batch}
	return c.Commit()
}

// flushed compacts the store and returns how much its tables take when what is
// obsolete is gone. Old logs stay: Pebble writes new ones over them.
func (s *Store) flushed(t *testing.T) uint64 {
	t.Helper()
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(t.Context(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if m := s.db.Metrics(); m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 {
			return m.DiskSpaceUsage() - m.WAL.PhysicalSize - m.WAL.ObsoletePhysicalSize // of one moment: logs may be deleted just now
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("obsolete tables stay")
	return 0
}
