package ingest_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/frame"
	"weir/services/ingest"
	"weir/services/ingest/internal/broker/mqtttest"
)

// TestMain fails if goroutines are left, but for one that VictoriaMetrics'
// summaries share for good.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/VictoriaMetrics/metrics.summariesSwapCron"))
}

const (
	alive = "m/d/c/c/control/proplet/alive"
	good  = `{"proplet_id":"p1","status":"alive"}`
	bad   = `{"proplet_id":`
)

var discard = slog.New(slog.DiscardHandler)

// run starts a NATS server on a directory and connects to it. end stops both;
// the test's end does too.
func run(tb testing.TB, dir string) (nc *nats.Conn, end func()) {
	tb.Helper()
	server, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: dir, Logger: discard})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Stop)
	nc, err = server.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc, func() {
		nc.Close()
		server.Stop()
	}
}

// start starts an ingest, until the test ends.
func start(tb testing.TB, nc *nats.Conn, change ...func(*ingest.Config)) *ingest.App {
	tb.Helper()
	app := begin(tb, nc, change...)
	tb.Cleanup(func() { stop(tb, app) })
	return app
}

// begin starts an ingest that the test stops itself.
func begin(tb testing.TB, nc *nats.Conn, change ...func(*ingest.Config)) *ingest.App {
	tb.Helper()
	cfg := ingest.Config{NATS: nc, MQTTAddr: "127.0.0.1:0", Version: "test", Logger: discard}
	for _, f := range change {
		f(&cfg)
	}
	app, err := ingest.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), mqtttest.Patience) // without a bound, JetStream's own is 5 s
	defer cancel()
	if err := app.Start(ctx); err != nil {
		tb.Fatal(err)
	}
	return app
}

func stop(tb testing.TB, app *ingest.App) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), mqtttest.Patience)
	defer cancel()
	if err := app.Stop(ctx); err != nil {
		tb.Errorf("stop: %v", err)
	}
}

func eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(mqtttest.Patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not so in time: %s", what)
		}
	}
}

// mapped waits until the mappings are stored that an ingest says at its start, in
// the first frame.
func mapped(tb testing.TB, app *ingest.App) {
	tb.Helper()
	eventually(tb, "the mappings are stored", func() bool { return metric(app, "weir_ingest_frames_total") == "1" })
}

// frames returns all frames of the journal that have something in the books, and
// nothing else of them.
func frames(tb testing.TB, nc *nats.Conn) (all []*schema.Frame) {
	tb.Helper()
	for _, f := range stored(tb, nc) {
		said := len(f.Events)
		f.Events = slices.DeleteFunc(f.Events, func(e schema.Event) bool { return !e.Counted() })
		if said == 0 || len(f.Events) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// everything returns all events of the journal.
func everything(tb testing.TB, nc *nats.Conn) (all []schema.Event) {
	tb.Helper()
	for _, f := range stored(tb, nc) {
		all = append(all, f.Events...)
	}
	return all
}

// stored returns all frames of the journal.
func stored(tb testing.TB, nc *nats.Conn) []*schema.Frame {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), mqtttest.Patience)
	defer cancel()
	j, err := journal.Open(ctx, nc, journal.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	bounds, err := j.Bounds(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := j.Read(ctx, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	var all []*schema.Frame
	for range bounds.Last {
		msg, err := r.Next(ctx)
		if err != nil {
			tb.Fatal(err)
		}
		f, err := frame.Decode(msg.Data)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// events returns the events in the books.
func events(tb testing.TB, nc *nats.Conn) []schema.Event {
	tb.Helper()
	var all []schema.Event
	for _, f := range frames(tb, nc) {
		all = append(all, f.Events...)
	}
	return all
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := t.TempDir() + "/users.yaml"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
