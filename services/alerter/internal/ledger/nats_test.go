package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/journal/natstest"
	"weir/services/alerter/internal/alert/alerttest"
	"weir/services/alerter/internal/ledger"
)

func openNATS(t *testing.T, nc *nats.Conn, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // without a bound, JetStream's own is 5 s
	defer cancel()
	l, err := ledger.Open(ctx, nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(ended()) })
	return l
}

func TestOverNATSAllIsKeptThroughRestartsAndSnapshots(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t))
	source := alerttest.NewSource(21)
	for range 4 {
		l := openNATS(t, nc, ledger.Config{SnapshotMessages: 30})
		if diff := alerttest.Diff(source.State, state(l)); diff != "" {
			t.Fatal(diff)
		}
		appendAll(t, l, source.Events(50)...)
		closed(t, l)
	}
}

func TestOverNATSTheLedgerOutlivesItsServer(t *testing.T) {
	o := natstest.NewOutlet(t)
	source := alerttest.NewSource(22)
	l := openNATS(t, o.Connect(), ledger.Config{Patience: 100 * time.Millisecond})
	appendAll(t, l, source.Events(20)...)
	o.Off()
	appendAll(t, l, source.Events(20)...)
	if h := l.Health(); !h.Degraded || h.Error == nil {
		t.Errorf("health %+v", h)
	}
	o.On()
	eventually(t, "all is stored", func() bool { h := l.Health(); return !h.Degraded && h.Queued == 0 })
	appendAll(t, l, source.Events(20)...)
	closed(t, l)
	if diff := alerttest.Diff(source.State, state(openNATS(t, o.Connect(), ledger.Config{}))); diff != "" {
		t.Error(diff)
	}
}

func TestOverNATSANewerLedgerShutsOutTheOlder(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t))
	older := openNATS(t, nc, ledger.Config{})
	newer := openNATS(t, nc, ledger.Config{})
	if err := older.Append(t.Context(), silence("a")); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("error %v", err)
	}
	appendAll(t, newer, silence("b"))
}

func TestOverNATSAStreamMadeAnewIsNoticed(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t))
	l := openNATS(t, nc, ledger.Config{})
	appendAll(t, l, silence("a"))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), ledger.StreamName); err != nil {
		t.Fatal(err)
	}
	createAgain(t, js)
	if err := l.Append(t.Context(), silence("b")); !errors.Is(err, ledger.ErrLost) {
		t.Errorf("error %v", err)
	}
}

// createAgain makes a stream that was deleted. The server removes its files only
// after it has answered: until then it may refuse.
func createAgain(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: ledger.StreamName, Subjects: []string{ledger.Subject}})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestUnsafeStreamsAreRefused(t *testing.T) {
	for name, cfg := range map[string]jetstream.StreamConfig{
		"kept in memory":        {Storage: jetstream.MemoryStorage},
		"without answers":       {NoAck: true},
		"with an age":           {MaxAge: time.Hour},
		"that drops the old":    {MaxMsgs: 10, Discard: jetstream.DiscardOld},
		"that cannot be purged": {DenyPurge: true},
	} {
		t.Run(name, func(t *testing.T) {
			nc := natstest.Connect(t, natstest.Run(t))
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Name, cfg.Subjects = ledger.StreamName, []string{ledger.Subject}
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.Open(t.Context(), nc, ledger.Config{}); !errors.Is(err, ledger.ErrUnsafe) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	o := natstest.NewOutlet(t)
	nc := o.Connect()
	o.Off()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ledger.Open(ctx, nc, ledger.Config{}); err == nil {
		t.Error("opened without a server")
	}
}
