package journal_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/journal"
	"weir/pkg/journal/journaltest"
)

// connect starts a server on dir and connects to it, until the test ends.
func connect(t testing.TB, dir string) *nats.Conn {
	t.Helper()
	e, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: dir, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	nc, err := e.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// soon returns a context that ends when what must happen soon has not. Where a
// context has no end, nats.go gives up after 5 s, for which a busy machine may
// stand still.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, nc *nats.Conn) *journal.Journal {
	t.Helper()
	j, err := journal.Open(soon(t), nc, journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestTheJournalInMemoryKeepsTheContract(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journaltest.Journal[*journaltest.MemoryReader] { return journaltest.NewMemory() })
}

func TestTheEmbeddedJournalKeepsTheContract(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Journal[*journal.Reader] { return open(t, connect(t, t.TempDir())) })
}

func TestAnExistingStreamThatCouldLoseFramesIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*jetstream.StreamConfig)
	}{
		{"kept in memory", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{"written asynchronously", func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }},
		{"without acknowledgements", func(c *jetstream.StreamConfig) { c.NoAck = true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc := connect(t, t.TempDir())
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			cfg := jetstream.StreamConfig{Name: journal.StreamName(0), Subjects: []string{journal.Subject(0)}, Storage: jetstream.FileStorage}
			tt.change(&cfg)
			if _, err := js.CreateStream(soon(t), cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := journal.Open(soon(t), nc, journal.Config{}); !errors.Is(err, journal.ErrUnsafe) {
				t.Errorf("got error %v, want %v", err, journal.ErrUnsafe)
			}
		})
	}
}

func TestFramesAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	t.Run("first run", func(t *testing.T) {
		if _, err := open(t, connect(t, dir)).Append(t.Context(), "w-1", []byte("a"), nil); err != nil {
			t.Fatal(err)
		}
	})
	b, err := open(t, connect(t, dir)).Bounds(soon(t))
	if err != nil || b.First != 1 || b.Last != 1 {
		t.Errorf("got %+v, %v", b, err)
	}
}
