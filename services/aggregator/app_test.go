package aggregator

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

func randomFrames(seed uint64, items int) []*schema.Frame {
	rng := foldtest.Rand(seed)
	return foldtest.Frames(rng, foldtest.NewGenerator(rng).Items(items), 40)
}

// TestNoEventIsLostOrSeenTwiceBetweenResets resets again and again while events
// come in: what the resets got and what is left is what was sent.
func TestNoEventIsLostOrSeenTwiceBetweenResets(t *testing.T) {
	c := newCluster(t)
	a := c.start(t)
	const frames, perFrame = 200, 5
	var sending sync.WaitGroup
	sending.Go(func() {
		for _, f := range (foldtest.Fleet{Tasks: 10, Clients: 3, Events: perFrame}).Frames(1, frames) {
			put(t, c.journal, f)
		}
	})
	sum, last := uint64(0), uint64(0)
	count := func(answer []byte) {
		cursor, tenants := records[schema.TenantState](t, answer, true)
		if cursor <= last {
			t.Errorf("a reset at %d follows one at %d", cursor, last)
		}
		last = cursor
		for _, tn := range tenants {
			sum += tn.Counters[schema.IncomingTransactions]
		}
	}
	for range 50 {
		answer, _ := c.ask(t, schema.ReadReset, nil)
		count(answer)
	}
	sending.Wait()
	c.folded(t, a)
	answer, _ := c.ask(t, schema.ReadReset, nil)
	count(answer)
	if sum != frames*perFrame {
		t.Errorf("the resets saw %d events of %d", sum, frames*perFrame)
	}
	if account := c.accounting(t); account.Sum.Applied != frames*perFrame {
		t.Errorf("resets changed the account: %+v", account.Sum)
	}
}

func TestTheAccountBalancesAtEveryMoment(t *testing.T) {
	c := newCluster(t)
	c.start(t)
	frames := randomFrames(foldtest.Seed(t), 3000)
	var sending sync.WaitGroup
	sending.Go(func() { put(t, c.journal, frames...) })
	done := make(chan struct{})
	go func() { sending.Wait(); close(done) }()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		account := c.accounting(t)
		for _, a := range append(account.Tenants, schema.TenantAccount{AccountNumbers: account.Sum}) {
			if a.Received != a.Applied+a.Duplicate+a.Rejected+a.Pending {
				t.Fatalf("the account does not balance: %+v", a)
			}
		}
	}
}

// TestRestartsChangeNothing stops and starts the App at random moments while
// frames come in; at the end the store is what the journal gives.
func TestRestartsChangeNothing(t *testing.T) {
	c := newCluster(t)
	seed := foldtest.Seed(t)
	frames := randomFrames(seed, 4000)
	rng := rand.New(rand.NewPCG(seed, 1))
	for len(frames) > 0 {
		a := c.start(t)
		n := min(len(frames), 1+rng.IntN(40))
		put(t, c.journal, frames[:n]...)
		frames = frames[n:]
		if rng.IntN(2) == 0 {
			c.folded(t, a)
		}
		stopApp(t, a)
	}
	a := c.start(t)
	c.folded(t, a)
	stopApp(t, a)
	verified := func() {
		t.Helper()
		if d, err := Verify(soon(t), VerifyConfig{NATS: c.conn, Dir: c.dir}); d != nil || err != nil {
			t.Errorf("difference %v, error %v", d, err)
		}
	}
	verified()
	if err := Rebuild(soon(t), RebuildConfig{NATS: c.conn, Dir: c.dir}); err != nil {
		t.Fatal(err)
	}
	verified()
}

func TestAnAppOnAnotherJournalDoesNotStart(t *testing.T) {
	c, other := newCluster(t), newCluster(t)
	put(t, c.journal, randomFrames(1, 300)...)
	a := c.start(t)
	c.folded(t, a)
	stopApp(t, a)

	other.dir = c.dir
	startFails := func(want error) {
		t.Helper()
		a, err := New(Config{NATS: other.conn, Dir: other.dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(soon(t)); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	startFails(ErrJournalShort)
	// The other journal outgrows the store: only its id tells now.
	put(t, other.journal, randomFrames(2, 2000)...)
	startFails(ErrJournalOther)
	// Nothing was changed: with its own journal the store goes on.
	a = c.start(t)
	c.folded(t, a)
}

func TestAStoppedAppAnswersNoMore(t *testing.T) {
	c := newCluster(t)
	a := c.start(t)
	stopApp(t, a)
	stopApp(t, a)
	if _, _, err := c.tryAsk(t, schema.ReadHealth, nil); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v", err)
	}
	if text := metricsText(a); !strings.Contains(text, "weir_aggregator_cursor 0\n") {
		t.Errorf("metrics after the stop:\n%s", text)
	}
}

func TestAStoreIsUsedByOneApp(t *testing.T) {
	c := newCluster(t)
	c.start(t)
	second, err := New(Config{NATS: c.conn, Dir: c.dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(soon(t)); !errors.Is(err, ErrInUse) {
		t.Errorf("second start: %v", err)
	}
}

func TestAllFaultsOfAConfigAreListed(t *testing.T) {
	_, err := New(Config{Partition: -1, CheckpointInterval: -1, Settings: Settings{ClockAhead: -1, DuplicateWindows: -1, Tenants: []TenantLimits{{Service: "a"}, {Service: "a"}}}})
	for _, fault := range []string{"the NATS connection", "the directory", "the partition", "the checkpoint interval", "ClockAhead", "DuplicateWindows", "Tenants"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s is not in %v", fault, err)
		}
	}
}

func TestAJournalMadeAnewUnderARunningAppStopsIt(t *testing.T) {
	c := newCluster(t)
	put(t, c.journal, randomFrames(1, 100)...)
	a := c.start(t)
	c.folded(t, a)
	js, err := c.conn.JetStream(nats.MaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(journal.StreamName(0)); err != nil {
		t.Fatal(err)
	}
	again, err := journal.Open(soon(t), c.conn, journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, again, randomFrames(2, 2000)...)
	select {
	case err := <-a.Failed():
		if !errors.Is(err, ErrJournalOther) && !errors.Is(err, ErrJournalShort) {
			t.Errorf("got %v", err)
		}
	case <-t.Context().Done():
		t.Error("the app goes on")
	}
}
