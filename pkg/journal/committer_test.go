package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/journal"
	"weir/pkg/journal/journaltest"
	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

// gate is an Appender that stores into memory when it is let.
type gate struct {
	*journaltest.Memory
	pass    chan struct{}
	waiting chan struct{}
}

func newGate() *gate {
	return &gate{journaltest.NewMemory(), make(chan struct{}), make(chan struct{}, 100)}
}

func (g *gate) Append(ctx context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error) {
	g.waiting <- struct{}{}
	select {
	case <-g.pass:
		return g.Memory.Append(ctx, id, data, received)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func entry(n int, size int) journal.Entry[int] {
	return journal.Entry[int]{Ref: n, Tenant: schema.Tenant{Service: "s", Subservice: fmt.Sprint(n % 2)},
		Event: schema.Event{Topic: "t", Client: "c", Payload: fmt.Appendf(nil, "%0*d", size, n)}}
}

func submit(t *testing.T, c *journal.Committer[int], entries ...journal.Entry[int]) {
	t.Helper()
	for _, e := range entries {
		if err := c.Submit(e); err != nil {
			t.Fatal(err)
		}
	}
}

func frames(t *testing.T, m *journaltest.Memory) []*schema.Frame {
	t.Helper()
	b, _ := m.Bounds(t.Context())
	r, _ := m.Read(t.Context(), 0)
	var fs []*schema.Frame
	for range b.Last {
		msg, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f, err := frame.Decode(msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, f)
	}
	return fs
}

func TestWhatComesDuringACommitSharesTheNextFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var stored [][]int
		c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: g, Writer: "w", Stored: func(es []journal.Entry[int], seq uint64) {
			refs := []int{int(seq)}
			for _, e := range es {
				refs = append(refs, e.Ref)
			}
			stored = append(stored, refs)
		}})
		submit(t, c, entry(1, 10))
		<-g.waiting // a lone entry leaves at once, without a timer
		submit(t, c, entry(2, 10), entry(3, 10))
		c.Disconnected(schema.Disconnect{Client: "c", At: 5})
		close(g.pass)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]int{{1, 1}, {2, 2, 3}}, stored); diff != "" {
			t.Errorf("stored differs (-want +got):\n%s", diff)
		}
		fs := frames(t, g.Memory)
		if len(fs[0].Disconnects) != 0 || len(fs[1].Disconnects) != 1 {
			t.Error("the disconnect is not in the frame of the client's last events")
		}
		want := []schema.TenantCount{{Tenant: schema.Tenant{Service: "s", Subservice: "0"}, Events: 1}, {Tenant: schema.Tenant{Service: "s", Subservice: "1"}, Events: 1}}
		if diff := cmp.Diff(want, fs[1].Received); diff != "" {
			t.Errorf("received differs (-want +got):\n%s", diff)
		}
	})
}

func TestAFullQueueHoldsTheSenderBackUntilAFrameIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: g, Writer: "w", MaxQueue: 200, Stored: func([]journal.Entry[int], uint64) {}})
		submit(t, c, entry(1, 100))
		<-g.waiting
		submit(t, c, entry(2, 100))
		blocked := true
		go func() {
			submit(t, c, entry(3, 100))
			blocked = false
		}()
		synctest.Wait()
		if !blocked {
			t.Error("the third entry was taken in spite of the bound")
		}
		g.pass <- struct{}{}
		<-g.waiting
		synctest.Wait()
		g.pass <- struct{}{}
		synctest.Wait()
		if blocked {
			t.Error("the sender is still held back")
		}
		close(g.pass)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Submit(entry(4, 1)); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("got %v after Close", err)
		}
	})
}

func TestALostJournalKeepsNothingFromEndingAndTellsNobodyThatItWasStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: g, Writer: "w", Stored: func([]journal.Entry[int], uint64) { t.Error("stored") }})
		submit(t, c, entry(1, 10))
		<-g.waiting
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestOperationsTravelWithTheNextFrameOrAloneWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.NewMemory()
		var mu sync.Mutex
		var due []schema.Operations
		c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: m, Writer: "w", Stored: func([]journal.Entry[int], uint64) {
			mu.Lock()
			defer mu.Unlock()
			due = []schema.Operations{{Tenant: schema.Tenant{Service: "s"}}}
		}, Operations: func() []schema.Operations {
			mu.Lock()
			defer mu.Unlock()
			d := due
			due = nil
			return d
		}})
		submit(t, c, entry(1, 1))
		synctest.Wait()
		r, _ := m.Read(t.Context(), 1)
		if _, err := r.Next(t.Context()); err != nil { // a second passes by synctest's clock
			t.Fatal(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		fs := frames(t, m)
		if len(fs) != 2 || len(fs[1].Operations) != 1 || len(fs[1].Events) != 0 {
			t.Errorf("got %d frames, the last %+v", len(fs), fs[len(fs)-1])
		}
	})
}

func TestAnEntryLargerThanAFrameMayHoldIsRefused(t *testing.T) {
	c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: journaltest.NewMemory(), Writer: "w"})
	defer c.Close(t.Context())
	if err := c.Submit(entry(1, journal.MaxEntryBytes+1)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestTheLargestEntryOfNoiseFitsIntoAMessage(t *testing.T) {
	j := open(t, connect(t, t.TempDir()))
	stored := make(chan uint64, 1)
	c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: j, Writer: "w", Stored: func(_ []journal.Entry[int], seq uint64) { stored <- seq }})
	noise := make([]byte, journal.MaxEntryBytes)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	if err := c.Submit(journal.Entry[int]{Event: schema.Event{Payload: noise}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seq := <-stored; seq != 1 {
		t.Errorf("stored at %d", seq)
	}
}

func TestEveryEntryIsStoredOnceInItsOrder(t *testing.T) {
	j := open(t, connect(t, t.TempDir()))
	const senders, each = 8, 500
	got := map[int]int{}
	c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: j, Writer: "w", MaxQueue: 64 << 10, Stored: func(es []journal.Entry[int], _ uint64) {
		for _, e := range es {
			sender, n := e.Ref/each, e.Ref%each
			if got[sender] != n {
				t.Errorf("sender %d: entry %d came when %d was due", sender, n, got[sender])
			}
			got[sender] = n + 1
		}
	}})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				if err := c.Submit(entry(s*each+n, 200)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for s := range senders {
		if got[s] != each {
			t.Errorf("sender %d: %d of %d stored", s, got[s], each)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	j := open(b, connect(b, b.TempDir()))
	c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: j, Writer: "w", Stored: func([]journal.Entry[int], uint64) {}})
	e := entry(1, 264)
	for b.Loop() {
		if err := c.Submit(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLoneEvents measures a frame of one event at a time, written, synced
// and read again: what low rates cost.
func BenchmarkLoneEvents(b *testing.B) {
	j := open(b, connect(b, b.TempDir()))
	r, err := j.Read(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	c := journal.NewCommitter(journal.CommitterConfig[int]{Appender: j, Writer: "w", Stored: func([]journal.Entry[int], uint64) {}})
	for b.Loop() {
		if err := c.Submit(entry(1, 264)); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
