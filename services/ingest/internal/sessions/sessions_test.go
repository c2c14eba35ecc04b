package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"weir/pkg/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what should happen at once.
const patience = time.Minute

type faults struct {
	mu   sync.Mutex
	errs []error
}

func (f *faults) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *faults) all() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

func embedded(t *testing.T) *journal.Embedded {
	t.Helper()
	e, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}

func connect(t *testing.T, e *journal.Embedded) *nats.Conn {
	t.Helper()
	nc, err := e.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func open(t *testing.T, nc *nats.Conn) (*Store, *faults) {
	t.Helper()
	f := &faults{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := Open(ctx, nc, 0, f.add)
	if err != nil {
		t.Fatal(err)
	}
	s.WriteTimeout = patience
	return s, f
}

// content returns what a Store that is opened now loads, sorted.
func content(t *testing.T, nc *nats.Conn) (sessions, retained []string) {
	t.Helper()
	s, _ := open(t, nc)
	defer s.Close()
	a, b, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sorted(a), sorted(b)
}

func sorted(values [][]byte) []string {
	texts := []string{}
	for _, v := range values {
		texts = append(texts, string(v))
	}
	slices.Sort(texts)
	return texts
}

func TestWhatIsStoredIsLoaded(t *testing.T) {
	nc := connect(t, embedded(t))
	s, f := open(t, nc)
	names := []string{"", "device", "a b.c*>", "ünïcödé/#", string(make([]byte, 60000))}
	for i, name := range names {
		s.PutSession(name, fmt.Appendf(nil, "session %d", i))
		s.PutRetained(name, fmt.Appendf(nil, "old %d", i))
		s.PutRetained(name, fmt.Appendf(nil, "retained %d", i))
	}
	s.PutSession("device", []byte("session 1 again"))
	s.PutSession("ünïcödé/#", nil)
	s.PutSession("never stored", nil)
	s.PutRetained("device", nil)
	s.PutRetained("never stored", nil)
	s.Close()
	sessions, retained := content(t, nc)
	if want := []string{"session 0", "session 1 again", "session 2", "session 4"}; !slices.Equal(sessions, want) {
		t.Errorf("sessions %q, want %q", sessions, want)
	}
	if want := []string{"retained 0", "retained 2", "retained 3", "retained 4"}; !slices.Equal(retained, want) {
		t.Errorf("retained %q, want %q", retained, want)
	}
	if errs := f.all(); len(errs) != 0 {
		t.Error(errs)
	}
}

func TestASessionIsStoredWhenPutSessionReturns(t *testing.T) {
	nc := connect(t, embedded(t))
	s, _ := open(t, nc)
	defer s.Close()
	s.PutSession("device", []byte("x"))
	if sessions, _ := content(t, nc); !slices.Equal(sessions, []string{"x"}) {
		t.Errorf("stored: %q", sessions)
	}
}

func TestAnUnchangedSessionIsNotWrittenAgain(t *testing.T) {
	nc := connect(t, embedded(t))
	s, _ := open(t, nc)
	s.PutSession("device", []byte("x"))
	s.Close()
	s, _ = open(t, nc)
	defer s.Close()
	if _, _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.PutSession("device", []byte("x"))
		s.PutSession("other", nil)
	}
	status, err := s.kv.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info, ok := status.(interface{ StreamInfo() *jetstream.StreamInfo }); !ok || info.StreamInfo().State.LastSeq != 1 {
		t.Errorf("written more than once: %+v", status)
	}
}

func TestAValueThatIsTooLargeReplacesNothingByAnOldOne(t *testing.T) {
	nc := connect(t, embedded(t))
	s, f := open(t, nc)
	s.PutRetained("topic", []byte("old"))
	s.PutRetained("another topic", []byte("another"))
	s.PutSession("device", []byte("old"))
	s.flush()
	s.PutRetained("topic", make([]byte, 2<<20))
	s.PutSession("device", make([]byte, 2<<20))
	s.Close()
	sessions, retained := content(t, nc)
	if len(sessions) != 0 || !slices.Equal(retained, []string{"another"}) {
		t.Errorf("stored: %q, %q", sessions, retained)
	}
	if errs := f.all(); len(errs) != 2 || !errors.Is(errs[0], errTooLarge) || !errors.Is(errs[1], errTooLarge) {
		t.Errorf("errors: %v", errs)
	}
}

func TestARetainedMessageThatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	e := embedded(t)
	cut := connect(t, e)
	s, f := open(t, cut)
	whole, _ := open(t, connect(t, e))
	defer whole.Close()
	cut.Close()
	s.PutRetained("a", []byte("old"))
	s.PutRetained("b", []byte("b"))
	for deadline := time.Now().Add(patience); len(f.all()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no error is reported")
		}
	}
	s.PutRetained("a", []byte("new"))
	s.Close()
	if len(s.later) != 2 || string(s.later[key(retainedPrefix, "a")]) != "new" {
		t.Fatalf("%d messages are left to be written", len(s.later))
	}
	again := &Store{WriteTimeout: patience, kv: whole.kv, onError: f.add, later: s.later}
	again.flush()
	if _, retained := content(t, connect(t, e)); !slices.Equal(retained, []string{"b", "new"}) {
		t.Errorf("stored: %q", retained)
	}
}

func TestAStoreThatCannotBeReachedIsAnError(t *testing.T) {
	nc := connect(t, embedded(t))
	nc.Close()
	if _, err := Open(t.Context(), nc, 1, nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v", err)
	}
}
