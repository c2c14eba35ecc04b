package store

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

// settings are so small that windows and history are evicted all the time, and
// that tenants reach their limits.
func settings() fold.Settings {
	s := fold.DefaultSettings()
	s.Windows = 6
	s.Limits = fold.Limits{Retention: 9 * time.Hour, Series: 600, Sources: 30}
	s.Tenants = []fold.TenantLimits{
		{Tenant: schema.Tenant{Service: "factory", Subservice: "line2"}, Limits: fold.Limits{HistoryBytes: 6 << 10, Series: 300}},
		{Tenant: schema.Tenant{Service: "farm", Subservice: "x"}, Limits: fold.Limits{Retention: 7 * time.Hour}},
	}
	return s
}

func open1(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(Config{Dir: "store", FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openGenerator makes journals for states with an open decoder.
func openGenerator(rng *rand.Rand) *foldtest.Generator {
	g := foldtest.NewGenerator(rng)
	g.Open = true
	return g
}

func load1(t *testing.T, s *Store) *fold.State {
	t.Helper()
	state, err := s.Load(settings())
	if err != nil {
		t.Fatal(err)
	}
	state.SetDecoder(foldtest.NewOpenDecoder())
	return state
}

func commit1(t *testing.T, s *Store, state *fold.State) {
	t.Helper()
	if err := s.Commit(state); err != nil {
		t.Fatal(err)
	}
}

// foldAtOnce folds frames with one checkpoint at the end.
func foldAtOnce(t *testing.T, frames []*schema.Frame) *Store {
	t.Helper()
	s := open1(t, vfs.NewMem())
	state := load1(t, s)
	for i, f := range frames {
		state.Apply(uint64(i+1), f)
	}
	commit1(t, s, state)
	t.Cleanup(func() { s.Close() })
	return s
}

func mustEqual(t *testing.T, got, want *Store) {
	t.Helper()
	d, err := Compare(got, want)
	if err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Fatal(d)
	}
}

func TestAnyCheckpointsAndRestartsGiveTheSameStore(t *testing.T) {
	seed := foldtest.Seed(t)
	for round := range uint64(6) {
		rng := foldtest.Rand(seed + round)
		items := 300 + rng.IntN(2000)
		if round == 0 {
			items = 8000 // enough for duplicate windows to overflow
		}
		frames := foldtest.Frames(rng, openGenerator(rng).Items(items), 1+rng.IntN(200))
		want := foldAtOnce(t, frames)

		fs := vfs.NewMem()
		s := open1(t, fs)
		state := load1(t, s)
		for i, f := range frames {
			state.Apply(uint64(i+1), f)
			switch rng.IntN(10) {
			case 0, 1:
				commit1(t, s, state)
			case 2:
				commit1(t, s, state)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open1(t, fs)
				state = load1(t, s)
			}
		}
		commit1(t, s, state)
		mustEqual(t, s, want)
		s.Close()
	}
}

// contents returns all that does not tell how events were packed into frames.
func contents(t *testing.T, s *Store) map[string]string {
	t.Helper()
	iter, err := s.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	all := map[string]string{}
	for ok := iter.First(); ok; ok = iter.Next() {
		if key := iter.Key(); key[0] != keyWriter && key[0] != keyMeta {
			all[string(bytes.Clone(key))] = string(bytes.Clone(iter.Value()))
		}
	}
	return all
}

func TestAnySplitIntoFramesGivesTheSameState(t *testing.T) {
	seed := foldtest.Seed(t)
	for round := range uint64(5) {
		rng := foldtest.Rand(seed + round)
		items := openGenerator(rng).Items(2000)
		one := foldAtOnce(t, foldtest.Frames(rng, items, 1))
		want, err := one.Meta()
		if err != nil {
			t.Fatal(err)
		}
		for _, most := range []int{2, 30, 3000} {
			s := foldAtOnce(t, foldtest.Frames(rng, items, most))
			if diff := cmp.Diff(contents(t, one), contents(t, s)); diff != "" {
				t.Fatalf("frames of up to %d items (-one a frame, +so):\n%s", most, diff)
			}
			got, err := s.Meta()
			if err != nil {
				t.Fatal(err)
			}
			got.Cursor, got.Writers = want.Cursor, want.Writers
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("frames of up to %d items, head (-one a frame, +so):\n%s", most, diff)
			}
		}
	}
}
