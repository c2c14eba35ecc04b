package journaltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

// Journal is what a journal offers, with its kind of reader.
type Journal[R Reader] interface {
	Append(ctx context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error)
	Bounds(ctx context.Context) (journal.Bounds, error)
	Read(ctx context.Context, after uint64) (R, error)
	ReceivedAfter(ctx context.Context, after uint64) ([]schema.TenantCount, uint64, error)
}

// Reader is what a journal's reader offers.
type Reader interface {
	Next(ctx context.Context) (journal.Message, error)
	Close()
}

var (
	_ Journal[*MemoryReader]   = (*Memory)(nil)
	_ Journal[*journal.Reader] = (*journal.Journal)(nil)
)

// waiting bounds all of it, the starts of real journals too, which must happen
// soon, but may take its time on a busy machine.
const waiting = 2 * time.Minute

// Run checks that journals which open makes keep the contract.
func Run[R Reader](t *testing.T, open func(t *testing.T) Journal[R]) {
	ctx, cancel := context.WithTimeout(t.Context(), waiting)
	defer cancel()
	count := func(service string, n uint64) schema.TenantCount {
		return schema.TenantCount{Tenant: schema.Tenant{Service: service, Subservice: "s"}, Events: n}
	}
	appended := func(t *testing.T, j Journal[R], id, data string, counts ...schema.TenantCount) uint64 {
		t.Helper()
		seq, err := j.Append(ctx, id, []byte(data), counts)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}

	t.Run("an empty journal ends before it begins", func(t *testing.T) {
		b, err := open(t).Bounds(ctx)
		if err != nil || b.Last != b.First-1 {
			t.Errorf("got %+v, %v", b, err)
		}
	})
	t.Run("frames get the positions 1, 2, 3", func(t *testing.T) {
		j := open(t)
		for i, id := range []string{"w-1", "w-2", "w-3"} {
			if seq := appended(t, j, id, id); seq != uint64(i+1) {
				t.Errorf("frame %s is at %d", id, seq)
			}
		}
		if b, err := j.Bounds(ctx); err != nil || b.First != 1 || b.Last != 3 || b.ID == "" {
			t.Errorf("got %+v, %v", b, err)
		}
	})
	t.Run("a frame appended twice is stored once", func(t *testing.T) {
		j := open(t)
		first := appended(t, j, "w-1", "a")
		if again := appended(t, j, "w-1", "a"); again != first {
			t.Errorf("stored at %d, then at %d", first, again)
		}
		if b, _ := j.Bounds(ctx); b.Last != first {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("a reader reads what lies behind its position and waits for more", func(t *testing.T) {
		j := open(t)
		appended(t, j, "w-1", "a")
		appended(t, j, "w-2", "b")
		r, err := j.Read(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		next := func(seq uint64, data string) {
			t.Helper()
			m, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(journal.Message{Seq: seq, Data: []byte(data)}, m); diff != "" {
				t.Errorf("message differs (-want +got):\n%s", diff)
			}
		}
		next(2, "b")
		done := make(chan struct{})
		go func() { defer close(done); next(3, "c") }()
		appended(t, j, "w-3", "c")
		<-done
	})
	t.Run("a closed reader says so", func(t *testing.T) {
		r, err := open(t).Read(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if _, err := r.Next(ctx); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what was received behind a position is summed by tenant", func(t *testing.T) {
		j := open(t)
		appended(t, j, "w-1", "a", count("x", 100))
		appended(t, j, "w-2", "b", count("b", 2), count("x", 1))
		appended(t, j, "w-3", "c", count("a", 4), count("b", 3))
		appended(t, j, "w-4", "d")
		got, last, err := j.ReceivedAfter(ctx, 1)
		if err != nil || last != 4 {
			t.Fatalf("last %d, error %v", last, err)
		}
		if diff := cmp.Diff([]schema.TenantCount{count("a", 4), count("b", 5), count("x", 1)}, got); diff != "" {
			t.Errorf("counts differ (-want +got):\n%s", diff)
		}
		if got, last, err := j.ReceivedAfter(ctx, 4); err != nil || last != 4 || len(got) != 0 {
			t.Errorf("behind the end: %v, %d, %v", got, last, err)
		}
	})
}
