package broker_test

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/services/ingest/internal/access"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/broker/mqtttest"
	"weir/services/ingest/internal/sessions"
)

// TestMain lets all parallel tests run at once: they only wait for the broker's
// housekeeping, which takes seconds.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "20"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// alive is a topic that is journaled, and good its payload that is accepted.
const (
	alive = "m/d/c/c/control/proplet/alive"
	good  = `{"proplet_id":"p1","status":"alive"}`
	bad   = `{"proplet_id":`
)

var discard = slog.New(slog.DiscardHandler)

// queue stands for the journal: it holds what is submitted until the test
// answers.
type queue struct {
	tb testing.TB

	mu       sync.Mutex
	changed  sync.Cond
	entries  []journal.Entry[broker.Receipt] // all there were
	answered int
	auto     bool // answer at once
	full     bool // Submit blocks
	blocked  int  // how many do
	closed   bool
	gone     []schema.Disconnect
	order    []string // "client kind" of entries and disconnects as they came
}

func newQueue(tb testing.TB) *queue {
	q := &queue{tb: tb}
	q.changed.L = &q.mu
	return q
}

func (q *queue) submit(e journal.Entry[broker.Receipt]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocked++
	for q.full && !q.closed {
		q.changed.Wait()
	}
	q.blocked--
	if q.closed {
		return journal.ErrClosed
	}
	q.entries = append(q.entries, e)
	q.order = append(q.order, e.Event.Client+" "+e.Event.Route.String())
	if q.auto {
		q.next(1)
	}
	q.changed.Broadcast()
	return nil
}

func (q *queue) disconnected(d schema.Disconnect) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gone = append(q.gone, d)
	q.order = append(q.order, d.Client+" gone")
	q.changed.Broadcast()
}

func (q *queue) set(f func(*queue)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f(q)
	q.changed.Broadcast()
}

// next answers the next n entries; it needs mu.
func (q *queue) next(n int) {
	for range n {
		q.answered++
		q.entries[q.answered-1].Ref.Answer(uint64(q.answered))
	}
}

// answer answers the next n entries, once they are there.
func (q *queue) answer(n int) {
	q.tb.Helper()
	eventually(q.tb, "the message is submitted", func() bool { return q.count() >= q.answered+n })
	q.set(func(q *queue) { q.next(n) })
}

// wait waits until n entries were submitted, and returns all there are.
func (q *queue) wait(n int) []journal.Entry[broker.Receipt] {
	q.tb.Helper()
	eventually(q.tb, "the message is submitted", func() bool { return q.count() >= n })
	return q.events()
}

func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}

// holds returns how many messages wait for room. The broker counts a message as
// received before that, when it may still be thrown away.
func (q *queue) holds() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.blocked
}

func (q *queue) events() []journal.Entry[broker.Receipt] {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.entries)
}

func (q *queue) disconnects() []schema.Disconnect {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.gone)
}

func (q *queue) happened() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.order)
}

func eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(mqtttest.Patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not so in time: %s", what)
		}
	}
}

// connection returns a connection to a JetStream of the test's own.
func connection(tb testing.TB) *nats.Conn {
	tb.Helper()
	e, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: tb.TempDir(), Logger: discard})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.Stop)
	nc, err := e.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// start starts a broker over a queue, until the test ends.
func start(tb testing.TB, q *queue, change ...func(*broker.Config)) *broker.Broker {
	tb.Helper()
	return startOn(tb, connection(tb), q, change...)
}

// startOn does so with the memory that nc reaches.
func startOn(tb testing.TB, nc *nats.Conn, q *queue, change ...func(*broker.Config)) *broker.Broker {
	tb.Helper()
	memory := openMemory(tb, nc)
	cfg := broker.Config{
		Addr: "127.0.0.1:0", MaxPayload: 1000, Sessions: memory, Submit: q.submit, Disconnected: q.disconnected,
		Now: time.Now, Logger: slog.New(slog.NewTextHandler(logs{tb}, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), mqtttest.Patience)
	defer cancel()
	b, err := broker.Start(ctx, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	running.Store(b, memory)
	tb.Cleanup(func() {
		q.set(func(q *queue) { q.closed = true })
		stop(tb, b)
	})
	return b
}

func openMemory(tb testing.TB, nc *nats.Conn) *sessions.Store {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), mqtttest.Patience)
	defer cancel()
	memory, err := sessions.Open(ctx, nc, 1, func(err error) { tb.Errorf("sessions: %v", err) })
	if err != nil {
		tb.Fatal(err)
	}
	memory.WriteTimeout = mqtttest.Patience
	return memory
}

// running holds the memory of each broker that was not stopped.
var running sync.Map

// stop stops a broker, as the test's end does otherwise.
func stop(tb testing.TB, b *broker.Broker) {
	tb.Helper()
	memory, ok := running.LoadAndDelete(b)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), mqtttest.Patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		tb.Errorf("stop: %v", err)
	}
	memory.(*sessions.Store).Close()
}

// logs fails the test: nothing that a client does is an error of ours.
type logs struct{ tb testing.TB }

func (l logs) Write(p []byte) (int, error) {
	l.tb.Errorf("logged: %s", p)
	return len(p), nil
}

// users returns the users of a file's content, in which %s is the hash of "key".
func users(tb testing.TB, content func(hash string) string) *access.Users {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("key"), bcrypt.MinCost)
	if err != nil {
		tb.Fatal(err)
	}
	path := tb.TempDir() + "/users.yaml"
	if err := os.WriteFile(path, []byte(content(string(hash))), 0o600); err != nil {
		tb.Fatal(err)
	}
	u, err := access.Load(path)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// versions runs a test for MQTT 3.1.1 and 5.
func versions(t *testing.T, f func(t *testing.T, version byte)) {
	t.Run("MQTT 3.1.1", func(t *testing.T) { f(t, 4) })
	t.Run("MQTT 5", func(t *testing.T) { f(t, 5) })
}

func persistentSession(pk *packets.Packet) {
	pk.Connect.Clean = false
	pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
}
