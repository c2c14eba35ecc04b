package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	line1  = alert.Tenant{Service: "factory", Subservice: "line1"}
	line2  = alert.Tenant{Service: "factory", Subservice: "line2"}
	labels = model.LabelSet{"alertname": "too_hot", "device": "sensor:7", "type": "Room", "service": "factory", "subservice": "line1"}
)

// memory is a ledger without a stream. It tells of changes.
type memory struct {
	mu      sync.Mutex
	state   *alert.State
	broken  bool
	changed chan struct{}
}

func newMemory() *memory {
	return &memory{state: alert.NewState(), changed: make(chan struct{}, 1)}
}

func (m *memory) Append(_ context.Context, events ...alert.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("the stream is away")
	}
	for _, e := range events {
		m.state.Apply(e)
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) Read(f func(*alert.State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.state)
}

// outcomes returns the actions so far: "email sent", "post failed: why".
func (m *memory) outcomes() (all []string) {
	m.Read(func(s *alert.State) {
		for _, e := range s.Latest() {
			if a := e.Action; a != nil {
				line := fmt.Sprintf("%s#%d %s", a.Type, a.Attempt, a.Outcome)
				if a.Error != "" {
					line += ": " + a.Error
				}
				all = append(all, line)
			}
		}
	})
	return all
}

// counted sums up what was counted for line1.
type counted struct {
	mu  sync.Mutex
	all map[string]uint64
}

func (c *counted) Count(o schema.Operations) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch o.Tenant {
	case schema.Tenant(line1):
	case schema.Tenant(line2):
		return
	default:
		panic(fmt.Sprintf("counted for %v", o.Tenant))
	}
	for _, d := range o.Counters {
		c.all[schema.Counters[d.Counter].PerseoName] += d.Delta
	}
}

func (c *counted) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, info := range schema.Counters {
		if n := c.all[info.PerseoName]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", info.PerseoName, n))
		}
	}
	return strings.Join(parts, " ")
}

// sink is whom actions speak to. It answers with the statuses that it was given,
// then with 200, and "thanks".
type sink struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
	statuses []int
	hang     chan struct{} // if not nil: closed to let requests end
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var headers []string
		for _, name := range []string{"Content-Type", "Fiware-Correlator", "Fiware-Service", "Fiware-Servicepath", "Api_key", "Api_secret", "X-Own"} {
			if v := r.Header.Get(name); v != "" {
				headers = append(headers, name+"="+v)
			}
		}
		s.mu.Lock()
		s.requests = append(s.requests, fmt.Sprintf("%s %s %s\n%s", r.Method, r.URL, strings.Join(headers, " "), body))
		status, hang := http.StatusOK, s.hang
		if len(s.statuses) > 0 {
			status, s.statuses = s.statuses[0], s.statuses[1:]
		}
		s.mu.Unlock()
		if hang != nil {
			<-hang
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "thanks")
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// post is where mail goes to in tests.
type post struct {
	mu   sync.Mutex
	mail []Mail
	err  error
}

func (p *post) Mail(_ context.Context, m Mail) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.mail = append(p.mail, m)
	return 100, nil
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(b)
}

// bench is a runner and what it works with.
type bench struct {
	*memory
	*Runner
	t       *testing.T
	counted *counted
	sink    *sink
	post    *post
	log     *lines
}

// newBench has a rule of line1 with the given actions. now is the runner's
// clock.
func newBench(t *testing.T, now func() time.Time, actions string) *bench {
	t.Helper()
	return newBenchWith(t, newSink(t), now, actions)
}

func newBenchWith(t *testing.T, s *sink, now func() time.Time, actions string) *bench {
	t.Helper()
	if s == nil {
		s = &sink{Server: &httptest.Server{}}
	}
	b := &bench{memory: newMemory(), t: t, counted: &counted{all: map[string]uint64{}}, sink: s, post: &post{}, log: &lines{}}
	b.Runner = New(Config{
		Ledger: b.memory, Counters: b.counted, Mailer: b.post, ParseRule: rule.FromAPI, Client: b.sink.Client(), Now: now,
		Settings: Settings{
			SMSURL: b.sink.URL + "/sms", SMSFrom: "tel:22012", SMSAPIKey: "key", SMSAPISecret: "secret",
			ContextBrokerURL: b.sink.URL, TwitterURL: b.sink.URL + "/tweet",
			Twitter: OAuth1{"a", "b", "c", "d"},
		},
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	b.setRule(now(), actions)
	return b
}

func (b *bench) setRule(at time.Time, actions string) {
	b.t.Helper()
	b.setRuleOf(line1, "too_hot", at, actions)
}

func (b *bench) setRuleOf(tenant alert.Tenant, name string, at time.Time, actions string) {
	b.t.Helper()
	body := strings.ReplaceAll(`{"name":"`+name+`","text":"select *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30","action":ACTIONS}`,
		"ACTIONS", strings.ReplaceAll(actions, "SINK", b.sink.URL))
	if err := b.Append(b.t.Context(), alert.Event{At: at, Rule: &alert.RuleChange{Tenant: tenant, Name: name, ID: "1", Body: json.RawMessage(body), UpdatedAt: at}}); err != nil {
		b.t.Fatal(err)
	}
}

// key is that of the bench's rule.
func (b *bench) key() string { return b.keyOf(line1, "too_hot") }

func (b *bench) keyOf(tenant alert.Tenant, name string) (key string) {
	b.Read(func(s *alert.State) {
		change := s.Rules[alert.RuleName{Tenant: tenant, Name: name}]
		group, err := rule.FromAPI(tenant, change.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		key = group.Rules[0].Key
	})
	return key
}

// fire makes the rule's alert fire.
func (b *bench) fire(at time.Time) alert.Alert {
	a := alert.Alert{
		ID: alert.NewID(b.key(), labels, at), Rule: b.key(), Labels: labels, Status: alert.Firing, Value: 31.5, ActiveAt: at, FiredAt: at,
	}
	b.move(alert.Inactive, a, at)
	return a
}

func (b *bench) resolve(a alert.Alert, at time.Time) {
	a.Status, a.ResolvedAt = alert.Resolved, at
	b.move(alert.Firing, a, at)
}

func (b *bench) move(from alert.Status, a alert.Alert, at time.Time) {
	b.t.Helper()
	if err := b.Append(context.Background(), alert.Event{At: at, Transition: &alert.Transition{From: from, Alert: a}}); err != nil {
		b.t.Fatal(err)
	}
}

// run runs the runner until the returned function is called.
func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		b.Run(ctx, b.changed)
		close(ended)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
