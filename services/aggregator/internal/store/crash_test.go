package store

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

// TestAStoreSurvivesCrashesAtAnyMoment crashes the machine while checkpoints are
// written: what was not synced is lost, or part of it is. The next run goes on
// from the cursor that it finds, which is never behind one that was committed.
func TestAStoreSurvivesCrashesAtAnyMoment(t *testing.T) {
	seed := foldtest.Seed(t)
	for round := range uint64(4) {
		rng := foldtest.Rand(seed + round)
		frames := foldtest.Frames(rng, openGenerator(rng).Items(2000), 1+rng.IntN(60))
		run := crashing{rng: rng, frames: frames, fs: vfs.NewCrashableMem()}
		for !run.round(t) {
		}
		s := open1(t, run.fs)
		mustEqual(t, s, foldAtOnce(t, frames))
		s.Close()
	}
}

type crashing struct {
	rng       *rand.Rand
	frames    []*schema.Frame
	fs        *vfs.MemFS
	committed uint64
}

// round runs a process until it crashes, and reports whether it came to the
// journal's end.
func (c *crashing) round(t *testing.T) (ended bool) {
	s := open1(t, c.fs)
	state := load1(t, s)
	if state.Cursor() < c.committed {
		t.Fatalf("cursor is %d, %d was committed", state.Cursor(), c.committed)
	}
	last := min(uint64(len(c.frames)), state.Cursor()+1+c.rng.Uint64N(uint64(len(c.frames)/3)+1))
	for seq := state.Cursor() + 1; seq <= last; seq++ {
		state.Apply(seq, c.frames[seq-1])
		if c.rng.IntN(6) == 0 {
			commit1(t, s, state)
			c.committed = seq
		}
	}
	if last == uint64(len(c.frames)) {
		commit1(t, s, state)
		return s.Close() == nil
	}
	c.crashDuringCommit(t, s, state)
	return false
}

// crashDuringCommit takes the disk as a crash would leave it while a commit is
// under way, at whichever moment the scheduler gives.
func (c *crashing) crashDuringCommit(t *testing.T, s *Store, state *fold.State) {
	done := make(chan error)
	go func() { done <- s.Commit(state) }()
	lost := vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(101), RNG: c.rng}
	for range c.rng.IntN(3) {
		c.fs.CrashClone(lost) // takes a while
	}
	crashed := c.fs.CrashClone(lost)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.fs = crashed
}

// TestAnAdoptionSurvivesCrashesAtAnyStep crashes after each step of putting a
// new store in the place of an old one.
func TestAnAdoptionSurvivesCrashesAtAnyStep(t *testing.T) {
	fill := func(t *testing.T, fs vfs.FS, dir string, events int) {
		t.Helper()
		s, err := Open(Config{Dir: dir, FS: fs, Bulk: true})
		if err != nil {
			t.Fatal(err)
		}
		state := load1(t, s)
		state.Apply(1, &schema.Frame{Writer: "w", Number: 1, Received: []schema.TenantCount{{Events: uint64(events)}}})
		commit1(t, s, state)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for crashAt := range 12 {
		fs := &stepFS{MemFS: vfs.NewMem(), left: 1 << 30}
		fill(t, fs, "store", 1)
		build, err := BuildDir(fs, "store")
		if err != nil {
			t.Fatal(err)
		}
		fill(t, fs, build, 2)
		fs.left = crashAt
		adopted := Adopt(fs, "store") == nil
		after := fs.crash()
		if err := Settle(after, "store"); err != nil {
			t.Fatal(err)
		}
		s := open1(t, after)
		state, events := load1(t, s), uint64(0)
		state.Tenants(func(t *schema.TenantState) { events = t.Received })
		if events == 0 || (adopted && events != 2) {
			t.Errorf("after a crash at step %d the store holds %d events; adopted: %t", crashAt, events, adopted)
		}
		if s.Close(); adopted && exist(after, "store.old") {
			t.Errorf("crash at step %d: the old store is still there", crashAt)
		}
		if crashAt == 11 && !adopted {
			t.Error("adoption takes more steps than are tried")
		}
	}
}

func exist(fs vfs.FS, path string) bool {
	_, err := fs.Stat(path)
	return err == nil
}
