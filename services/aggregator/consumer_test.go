package aggregator

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
	"weir/pkg/journal/journaltest"
	"weir/pkg/schema"
)

// flaky is a journal in memory that can fail, and can begin later than at 1.
type flaky struct {
	memoryFrames
	down  atomic.Bool   // nothing answers
	first atomic.Uint64 // Bounds say that it begins here
	torn  atomic.Uint64 // reading fails behind this many frames, once
}

var errDown = errors.New("the journal is down")

func newFlaky() *flaky { return &flaky{memoryFrames: memoryFrames{journaltest.NewMemory()}} }

func (f *flaky) Bounds(ctx context.Context) (journal.Bounds, error) {
	if f.down.Load() {
		return journal.Bounds{}, errDown
	}
	b, err := f.Memory.Bounds(ctx)
	b.First = max(b.First, f.first.Load())
	return b, err
}

func (f *flaky) Read(ctx context.Context, after uint64) (reader, error) {
	if f.down.Load() {
		return nil, errDown
	}
	r, err := f.memoryFrames.Read(ctx, after)
	return &flakyReader{reader: r, journal: f}, err
}

type flakyReader struct {
	reader
	journal *flaky
	skip    bool
}

func (r *flakyReader) Next(ctx context.Context) (journal.Message, error) {
	if n := r.journal.torn.Load(); n == 1 {
		r.journal.torn.Store(0)
		return journal.Message{}, errDown
	} else if n > 1 {
		r.journal.torn.Store(n - 1)
	}
	m, err := r.reader.Next(ctx)
	if r.skip && err == nil {
		m.Seq++
	}
	return m, err
}

// running is a consumer on a store.
type running struct {
	*consumer
	cancel context.CancelFunc
	ended  chan struct{}
}

func runConsumer(t *testing.T, j frames, dir string, settings fold.Settings) *running {
	t.Helper()
	return runConsumerOn(t, j, store.Config{Dir: dir}, settings)
}

func runConsumerOn(t *testing.T, j frames, cfg store.Config, settings fold.Settings) *running {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.Load(settings)
	if err != nil {
		t.Fatal(err)
	}
	c := &consumer{
		journal: j, guard: &guard{state: state}, store: s, interval: 5 * time.Millisecond, failed: make(chan error, 1),
		observe: observer{
			folded:     func(fold.Outcome) {},
			checkpoint: func(*store.Checkpoint, time.Duration) {},
			retry:      func(error) {},
			deliver:    func(*fold.ResetOutcome) {},
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{consumer: c, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		c.run(ctx)
	}()
	return r
}

// stop ends the consumer and closes its store.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	<-r.ended
	if err := r.store.Close(); err != nil {
		t.Error(err)
	}
}

func (r *running) cursor() (cursor uint64) {
	r.guard.Share(func(s *fold.State) { cursor = s.Cursor() })
	return cursor
}

func (r *running) reaches(t *testing.T, cursor uint64) {
	t.Helper()
	eventually(t, func() error {
		if at := r.cursor(); at < cursor {
			_, journalError, storeError := r.status.get()
			return errors.New("not there yet; " + journalError + storeError)
		}
		return nil
	})
}

func TestAJournalThatDoesNotBelongToTheStoreStopsTheFold(t *testing.T) {
	for _, test := range []struct {
		name  string
		lose  func(*flaky)
		want  error
		words []string
	}{
		{"its end is lost", func(f *flaky) { f.Truncate(3) }, ErrJournalShort,
			[]string{"up to position 10", "ends at 3", "nothing was changed", "Restore the journal", "move the store's directory away"}},
		{"all of it is lost", func(f *flaky) { f.Truncate(0) }, ErrJournalShort, []string{"ends at 0"}},
		{"its beginning is lost", func(f *flaky) { put(t, f, randomFrames(2, 100)...); f.first.Store(15) }, ErrJournalGap,
			[]string{"up to position 10", "begins at 15", "4 frames are missing", "move the store's directory away"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, j := filepath.Join(t.TempDir(), "store"), newFlaky()
			put(t, j, randomFrames(1, 1000)[:10]...)
			r := runConsumer(t, j, dir, fold.DefaultSettings())
			r.reaches(t, 10)
			r.stop(t)

			test.lose(j)
			r = runConsumer(t, j, dir, fold.DefaultSettings())
			err := <-r.failed
			if !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			for _, words := range test.words {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in: %v", words, err)
				}
			}
			if _, journalError, _ := r.status.get(); r.cursor() != 10 || journalError == "" {
				t.Errorf("cursor %d, error in the status: %q", r.cursor(), journalError)
			}
			r.stop(t)
		})
	}
}

func TestANewStateBeginsWhereTheJournalDoes(t *testing.T) {
	j := newFlaky()
	frames := randomFrames(1, 200)
	put(t, j, frames...)
	j.first.Store(4)
	dir := filepath.Join(t.TempDir(), "store")
	r := runConsumer(t, j, dir, fold.DefaultSettings())
	r.reaches(t, uint64(len(frames)))
	if origin := r.guard.state.Origin(); origin != 4 {
		t.Errorf("the state goes back to %d", origin)
	}
	r.stop(t)
	if d, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); d != nil || err != nil {
		t.Errorf("difference %v, error %v", d, err)
	}
	j.first.Store(5)
	if _, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); !errors.Is(err, ErrJournalGap) {
		t.Errorf("verify without the first frame: %v", err)
	}
	if err := rebuild(t.Context(), RebuildConfig{Dir: dir}, j); !errors.Is(err, ErrJournalGap) {
		t.Errorf("rebuild without the first frame: %v", err)
	}
}

func TestAJournalThatIsDownIsTriedAgain(t *testing.T) {
	j := newFlaky()
	frames := randomFrames(1, 500)
	put(t, j, frames[:5]...)
	j.down.Store(true)
	dir := filepath.Join(t.TempDir(), "store")
	r := runConsumer(t, j, dir, fold.DefaultSettings())
	eventually(t, func() error {
		if _, journalError, _ := r.status.get(); journalError != errDown.Error() {
			return errors.New("the error does not show: " + journalError)
		}
		return nil
	})
	j.down.Store(false)
	r.reaches(t, 5)
	if _, journalError, _ := r.status.get(); journalError != "" {
		t.Errorf("still says %q", journalError)
	}
	j.torn.Store(3) // reading fails behind two more frames
	put(t, j, frames[5:]...)
	r.reaches(t, uint64(len(frames)))
	r.stop(t)
	if d, err := verify(t.Context(), VerifyConfig{Dir: dir}, j); d != nil || err != nil {
		t.Errorf("difference %v, error %v", d, err)
	}
}

func TestAFrameThatCannotBeReadStopsTheFold(t *testing.T) {
	j := newFlaky()
	frames := randomFrames(1, 100)
	put(t, j, frames[:2]...)
	if _, err := j.Append(t.Context(), "damaged", []byte("no frame"), nil); err != nil {
		t.Fatal(err)
	}
	put(t, j, frames[2:]...)
	r := runConsumer(t, j, filepath.Join(t.TempDir(), "store"), fold.DefaultSettings())
	if err := <-r.failed; !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), "frame 3") {
		t.Errorf("got %v", err)
	}
	if r.cursor() != 2 {
		t.Errorf("cursor %d", r.cursor())
	}
	r.stop(t)
}

func TestAFrameThatIsPassedOverIsNoticed(t *testing.T) {
	j := newFlaky()
	put(t, j, randomFrames(1, 100)...)
	r, err := j.Read(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.(*flakyReader).skip = true
	if d := next(t.Context(), r, 0); d.err == nil || !strings.Contains(d.err.Error(), "frame 2 after frame 0") {
		t.Errorf("got %+v", d)
	}
}

// TestCheckpointsFollowTheFold sees that what is folded reaches the store while
// the consumer runs, not only at its end.
func TestCheckpointsFollowTheFold(t *testing.T) {
	j := newFlaky()
	r := runConsumer(t, j, filepath.Join(t.TempDir(), "store"), fold.DefaultSettings())
	defer r.stop(t)
	for n := range uint64(5) {
		put(t, j, &schema.Frame{Writer: "w", Number: n + 1, Events: []schema.Event{{Topic: "elsewhere", Payload: []byte("x"), Received: foldtest.Start}}})
		eventually(t, func() error {
			if at, _, _ := r.status.get(); at != n+1 {
				return errors.New("no checkpoint")
			}
			return nil
		})
		r.guard.Share(func(s *fold.State) {
			if len(s.PendingDeadLetters()) != 0 || s.DeadLettersStored() != n+1 {
				t.Errorf("%d dead letters wait, %d are stored", len(s.PendingDeadLetters()), s.DeadLettersStored())
			}
		})
	}
}

func TestAStoreThatCannotBeWrittenStopsTheFold(t *testing.T) {
	var failing atomic.Bool
	full := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	})
	j := newFlaky()
	r := runConsumerOn(t, j, store.Config{Dir: "store", FS: errorfs.Wrap(vfs.NewMem(), full)}, fold.DefaultSettings())
	failing.Store(true)
	put(t, j, randomFrames(1, 20)...)
	if err := <-r.failed; !errors.Is(err, ErrBroken) {
		t.Errorf("got %v", err)
	}
	if _, _, storeError := r.status.get(); !strings.Contains(storeError, "no space left on device") {
		t.Errorf("the status says %q", storeError)
	}
	r.stop(t)
}
