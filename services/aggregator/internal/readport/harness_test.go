package readport

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// patience bounds what must happen soon.
const patience = 30 * time.Second

// eventually waits until f holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

// bench is a state with its store and its port, and who asks it.
type bench struct {
	mu     sync.RWMutex
	state  *fold.State
	store  *store.Store
	port   *Port
	asker  *nats.Conn
	header nats.Header // of its requests
	seq    uint64
	seen   chan error // of each request answered
}

var (
	farm  = schema.Tenant{Service: "farm", Subservice: "yard"}
	plant = schema.Tenant{Service: "plant", Subservice: "hall"}
)

func newBench(t testing.TB, configure func(*Config)) *bench {
	t.Helper()
	server, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	connect := func() *nats.Conn {
		nc, err := server.Connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	b := &bench{asker: connect(), seen: make(chan error, 10_000)}
	if b.store, err = store.Open(store.Config{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	if b.state, err = b.store.Load(fold.DefaultSettings()); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		NATS: connect(), State: b, DeadLetters: b.store, Chunks: b.store, Logger: slog.New(slog.DiscardHandler),
		Observe: func(_ string, _ time.Duration, err error) {
			select {
			case b.seen <- err:
			default:
			}
		},
	}
	if configure != nil {
		configure(&cfg)
	}
	if b.port, err = Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.port.Stop() })
	return b
}

// Read implements State.
func (b *bench) Read(f func(*fold.State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Order()
	f(b.state)
}

// fold folds a frame of events.
func (b *bench) fold(events ...schema.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	b.state.Apply(b.seq, &schema.Frame{Writer: "w", Number: b.seq, Events: events})
}

// checkpoint commits the state to the store.
func (b *bench) checkpoint(t testing.TB) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.store.Commit(b.state); err != nil {
		t.Fatal(err)
	}
}

// reload makes the state what the store has.
func (b *bench) reload(t testing.TB) {
	t.Helper()
	b.checkpoint(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.state, err = b.store.Load(fold.DefaultSettings()); err != nil {
		t.Fatal(err)
	}
}

// node is an event of a SPORE node, received when it was sent.
func node(t schema.Tenant, host, zone string, cpu float64, at int64) schema.Event {
	return schema.Event{Topic: foldtest.SporeTopic(t, host), Client: host, Received: at, Payload: foldtest.SporeNode(host, zone, cpu, at)}
}

// at returns a moment of the test's journal.
func at(seconds int) int64 { return foldtest.Start + int64(seconds)*int64(time.Second) }

// ms is the same in milliseconds.
func ms(seconds int) int64 { return at(seconds) / int64(time.Millisecond) }

// refused is an error of the read port.
type refused struct{ code, text string }

func (r *refused) Error() string { return r.code + " " + r.text }

// open sends a request.
func (b *bench) open(t testing.TB, endpoint string, request any) *nats.Subscription {
	t.Helper()
	data, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := request.(string); ok {
		data = []byte(text)
	}
	sub, err := b.asker.SubscribeSync(b.asker.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Unsubscribe() })
	sub.SetPendingLimits(-1, -1)
	m := &nats.Msg{Subject: schema.ReadPortSubject(0, endpoint), Reply: sub.Subject, Header: b.header, Data: data}
	if err := b.asker.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	return sub
}

// ask sends a request and gives read each message of the answer.
func (b *bench) ask(t testing.TB, endpoint string, request any, read func([]byte) error) error {
	t.Helper()
	sub := b.open(t, endpoint, request)
	defer sub.Unsubscribe()
	for {
		m, err := sub.NextMsg(patience)
		if err != nil {
			return err
		}
		if code := m.Header.Get("Nats-Service-Error-Code"); code != "" {
			return &refused{code, m.Header.Get("Nats-Service-Error")}
		}
		if err := read(m.Data); err != nil {
			return err
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return err
			}
		}
		if m.Header.Get(schema.MoreHeader) == "" {
			return nil
		}
	}
}

// series is a series of an answer, labels as Prometheus writes them.
type series struct {
	Labels string
	T      []int64
	V      []float64
}

func (b *bench) selectSeries(t testing.TB, q schema.SelectRequest) (all []series, err error) {
	t.Helper()
	var part schema.SeriesPart
	next := uint64(0)
	err = b.ask(t, schema.ReadSelect, q, func(data []byte) error {
		for r := wire.NewSharingReader(data); len(r.Rest()) > 0; {
			part.ReadBinary(r)
			if r.Err() != nil || part.Series != next || len(part.T) > schema.MaxPartSamples && part.First {
				return fmt.Errorf("part of series %d, want %d: %w", part.Series, next, errors.Join(r.Err()))
			}
			if part.Last {
				all = append(all, series{text(part.Labels), part.T, part.V})
				part.T, part.V = nil, nil
				next++
			}
		}
		return nil
	})
	return all, err
}

func text(labels []schema.Label) (s string) {
	for _, l := range labels {
		s += "," + l.Name + "=" + l.Value
	}
	return "{" + s[1:] + "}"
}

func (b *bench) mustSelect(t testing.TB, q schema.SelectRequest) []series {
	t.Helper()
	all, err := b.selectSeries(t, q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (b *bench) texts(t testing.TB, endpoint string, q any) (all []string) {
	t.Helper()
	err := b.ask(t, endpoint, q, func(data []byte) error {
		r := wire.NewReader(data)
		for len(r.Rest()) > 0 && r.Err() == nil {
			all = append(all, r.String())
		}
		return r.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (b *bench) rowsOf(t testing.TB, q schema.RowsRequest) (head schema.RowsHead, rows []schema.StoredReading) {
	t.Helper()
	first := true
	err := b.ask(t, schema.ReadRows, q, func(data []byte) error {
		r := wire.NewReader(data)
		if first {
			head.ReadBinary(r)
			first = false
		}
		for len(r.Rest()) > 0 && r.Err() == nil {
			rows = append(rows, schema.StoredReading{})
			rows[len(rows)-1].ReadBinary(r)
		}
		return r.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return head, rows
}

func (b *bench) sourcesAt(t testing.TB, q schema.SourcesRequest) (all []schema.Source) {
	t.Helper()
	err := b.ask(t, schema.ReadSourcesAt, q, func(data []byte) error {
		r := wire.NewReader(data)
		for len(r.Rest()) > 0 && r.Err() == nil {
			all = append(all, schema.Source{})
			all[len(all)-1].ReadBinary(r)
		}
		return r.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func name(metric string) schema.Matcher {
	return schema.Matcher{Type: schema.MatchEqual, Name: "__name__", Value: metric}
}

func equal(label, value string) schema.Matcher {
	return schema.Matcher{Type: schema.MatchEqual, Name: label, Value: value}
}

const cpuMetric = "spore_node_cpu_usage_percent"

var _ State = (*bench)(nil)
