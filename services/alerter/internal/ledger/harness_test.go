package ledger_test

import (
	"context"
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/ledger"
)

// open opens a ledger that is closed at the test's end, its stream being there
// or not.
func open(t *testing.T, s ledger.Stream, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.OpenStream(t.Context(), s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(ended()) })
	return l
}

// ended returns a context that is over.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func appendAll(t *testing.T, l *ledger.Ledger, events ...alert.Event) {
	t.Helper()
	for _, e := range events {
		if err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// state returns a ledger's state as it is now.
func state(l *ledger.Ledger) (s *alert.State) {
	l.Read(func(now *alert.State) { s = now.Clone() })
	return s
}

func closed(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}
