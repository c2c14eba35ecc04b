package aggregator

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/store"

	"weir/pkg/schema"
)

// foldedStore returns a journal and the directory of a store that is folded from it.
func foldedStore(t *testing.T, items int) (*flaky, []*schema.Frame, string) {
	t.Helper()
	j, dir := newFlaky(), filepath.Join(t.TempDir(), "store")
	frames := randomFrames(foldtest.Seed(t), items)
	put(t, j, frames...)
	r := runConsumer(t, j, dir, fold.DefaultSettings())
	r.reaches(t, uint64(len(frames)))
	r.stop(t)
	return j, frames, dir
}

func mustVerify(t *testing.T, j frames, dir string) {
	t.Helper()
	if d, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); d != nil || err != nil {
		t.Errorf("difference: %v, error: %v", d, err)
	}
}

func TestRebuildGivesTheSameStore(t *testing.T) {
	j, frames, dir := foldedStore(t, 3000)
	old := dir + ".kept"
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	calls, done, total, events := 0, uint64(0), uint64(0), uint64(0)
	err := rebuild(t.Context(), RebuildConfig{Dir: dir, Progress: func(d, n, e uint64) { calls++; done, total, events = d, n, e }}, j)
	if err != nil {
		t.Fatal(err)
	}
	if n := uint64(len(frames)); done != n || total != n || calls != len(frames) || events == 0 {
		t.Errorf("progress: %d calls, last %d of %d, %d events", calls, done, total, events)
	}
	mustVerify(t, j, dir)
	equalStores(t, dir, old)
	if left, _ := filepath.Glob(dir + ".[nrov]*"); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func equalStores(t *testing.T, a, b string) {
	t.Helper()
	open := func(dir string) *store.Store {
		s, err := store.Open(store.Config{Dir: dir, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sa, sb := open(a), open(b)
	defer sa.Close()
	defer sb.Close()
	if d, err := store.Compare(sa, sb); d != nil || err != nil {
		t.Errorf("difference: %v, error: %v", d, err)
	}
}

func TestRebuildMendsADamagedStore(t *testing.T) {
	j, _, dir := foldedStore(t, 500)
	manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST*"))
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	for _, path := range manifests {
		if err := os.WriteFile(path, []byte("damaged by a failing disk"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); !errors.Is(err, ErrDamaged) {
		t.Errorf("verify: %v", err)
	}
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir}, j); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, j, dir)
}

func TestARebuildThatFailsLeavesTheOldStore(t *testing.T) {
	j, frames, dir := foldedStore(t, 500)
	ctx, cancel := context.WithCancel(t.Context())
	err := rebuild(ctx, RebuildConfig{Dir: dir, Progress: func(done, _, _ uint64) {
		if done == uint64(len(frames)/2) {
			cancel()
		}
	}}, j)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustVerify(t, j, dir)
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir}, j); err != nil {
		t.Fatal("a second try:", err)
	}
	mustVerify(t, j, dir)
}

func TestToolsRefuseAStoreInUse(t *testing.T) {
	j, _, dir := foldedStore(t, 50)
	r := runConsumer(t, j, dir, fold.DefaultSettings())
	defer r.stop(t)
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir}, j); !errors.Is(err, ErrInUse) {
		t.Errorf("rebuild: %v", err)
	}
	if _, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); !errors.Is(err, ErrInUse) {
		t.Errorf("verify: %v", err)
	}
}

func TestRebuildChangesTheSettings(t *testing.T) {
	j, _, dir := foldedStore(t, 500)
	few := Settings{Limits: Limits{Retention: time.Hour}}
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(few.fold()); !errors.Is(err, ErrSettings) {
		t.Errorf("loading under other settings: %v", err)
	}
	s.Close()
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir, Settings: few}, j); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, j, dir)
	runConsumer(t, j, dir, few.fold()).stop(t)
}

func TestVerifyNamesTheFirstDifference(t *testing.T) {
	j, frames, dir := foldedStore(t, 500)
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.Load(fold.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	// An event of no journal; the frame stands in for one that is there.
	tenant := schema.Tenant{Service: "nowhere", Subservice: "x"}
	extra := schema.Frame{Writer: "w", Number: 1, Received: []schema.TenantCount{{Tenant: tenant, Events: 1}}}
	put(t, j, &schema.Frame{Writer: "w", Number: 1})
	state.Apply(uint64(len(frames)+1), &extra)
	if err := errors.Join(s.Commit(state), s.Close()); err != nil {
		t.Fatal(err)
	}
	d, err := verify(t.Context(), VerifyConfig{Dir: dir}, j)
	if err != nil || d == nil || !strings.Contains(d.String(), "head: tenants is") {
		t.Errorf("difference %v, error %v", d, err)
	}
}

func TestToolsOnAnEmptyJournal(t *testing.T) {
	j, dir := newFlaky(), filepath.Join(t.TempDir(), "store")
	if _, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); !errors.Is(err, ErrNoStore) {
		t.Errorf("verify without a store: %v", err)
	}
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir}, j); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, j, dir)
	put(t, j, randomFrames(1, 50)...)
	r := runConsumer(t, j, dir, fold.DefaultSettings())
	r.reaches(t, 1)
	r.stop(t)
	mustVerify(t, j, dir)
}
