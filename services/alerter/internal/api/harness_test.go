package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/schema"
	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// memory is a ledger without a stream.
type memory struct {
	mu     sync.Mutex
	state  *alert.State
	events []alert.Event
	broken bool
	stale  int // how many appends of transitions come too late
}

func (m *memory) Append(_ context.Context, events ...alert.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("the stream is away")
	}
	if m.stale > 0 && events[0].Transition != nil {
		m.stale--
		return fmt.Errorf("somebody was faster: %w", alert.ErrStale)
	}
	for _, e := range events {
		m.state.Apply(e)
		m.events = append(m.events, e)
	}
	return nil
}

func (m *memory) Read(f func(*alert.State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.state)
}

// routes sends what is severe to pager and everything to team, in one group a
// receiver. What has a silence is suppressed.
type routes struct{}

func (routes) Receivers(ls model.LabelSet) []string {
	if ls["severity"] == "critical" {
		return []string{"pager", "team"}
	}
	return []string{"team"}
}

func (r routes) Status(a *alert.Alert, s *alert.State, now time.Time) route.Status {
	status := route.Status{State: route.Active, Receivers: r.Receivers(a.Labels)}
	for id, silence := range s.Silences {
		matches := silenceState(silence, now) == silenceActive
		for _, m := range silence.Matchers {
			compiled, err := compile(m)
			if err != nil {
				panic(err)
			}
			matches = matches && compiled.Matches(string(a.Labels[model.LabelName(m.Name)]))
		}
		if matches {
			status.SilencedBy = append(status.SilencedBy, id)
		}
	}
	if a.Labels["alertname"] == "Inhibited" {
		status.InhibitedBy = []model.Fingerprint{1}
	}
	if len(status.SilencedBy)+len(status.InhibitedBy) > 0 {
		status.State = route.Suppressed
	}
	return status
}

func (r routes) Groups(s *alert.State, _ time.Time) (groups []route.Group) {
	for _, receiver := range []string{"pager", "team"} {
		by := map[model.LabelValue]*route.Group{}
		for _, alerts := range s.ByRule {
			for _, a := range sorted(alerts) {
				for _, to := range r.Receivers(a.Labels) {
					if name := a.Labels["alertname"]; to == receiver {
						if by[name] == nil {
							by[name] = &route.Group{Receiver: receiver, Labels: model.LabelSet{"alertname": name}}
						}
						by[name].Alerts = append(by[name].Alerts, a)
					}
				}
			}
		}
		for _, g := range by {
			alert.Sort(g.Alerts)
			groups = append(groups, *g)
		}
	}
	return groups
}

// counted sums up what was counted by tenant.
type counted struct {
	mu  sync.Mutex
	all map[schema.Tenant]map[string]uint64
}

func (c *counted) Count(o schema.Operations) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[o.Tenant] == nil {
		c.all[o.Tenant] = map[string]uint64{}
	}
	last := -1
	for _, d := range o.Counters {
		if int(d.Counter) <= last {
			panic(fmt.Sprintf("counters out of order: %v", o.Counters))
		}
		last = int(d.Counter)
		c.all[o.Tenant][schema.Counters[d.Counter].PerseoName] += d.Delta
	}
	c.all[o.Tenant]["timed"] += o.ServiceTime.Count
}

// of returns a tenant's counts as "name=n …", those of sizes left out.
func (c *counted) of(service, subservice string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, info := range schema.Counters {
		if n := c.all[schema.Tenant{Service: service, Subservice: subservice}][info.PerseoName]; n > 0 && !strings.HasSuffix(info.PerseoName, "Size") {
			parts = append(parts, fmt.Sprintf("%s=%d", info.PerseoName, n))
		}
	}
	return strings.Join(parts, " ")
}

// doer remembers what it was asked to do.
type doer struct {
	asked []string
	err   error
}

func (d *doer) Do(correlator string, t alert.Tenant, e actions.Event) error {
	d.asked = append(d.asked, fmt.Sprintf("%s %s/%s %s %s", correlator, t.Service, t.Subservice, e.Text("ruleName"), e.Text("t")))
	return d.err
}

// harness is an API and what it works with.
type harness struct {
	*memory
	t       *testing.T
	config  Config
	counted *counted
	doer    *doer
	now     time.Time
	ids     int
	reload  error
	server  *httptest.Server
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{
		memory: &memory{state: alert.NewState()}, t: t, now: noon,
		counted: &counted{all: map[schema.Tenant]map[string]uint64{}}, doer: &doer{},
	}
	h.config = Config{
		Ledger: h.memory,
		Routing: func() Routing {
			return Routing{routes{}, []string{"pager", "team"}, "route:\n  receiver: team\n", 5 * time.Minute}
		},
		Groups:      func() []evaluate.Status { return nil },
		ParseRule:   rule.FromAPI,
		Acknowledge: rule.Acknowledge,
		Reload:      func(context.Context) error { return h.reload },
		Actions:     h.doer, Counters: h.counted,
		Version: "1.2.3", Started: noon.Add(-time.Hour),
		Now:   func() time.Time { return h.now },
		NewID: func() string { h.ids++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", h.ids) },
	}
	return h
}

// serve starts the API once the configuration is as the test wants it.
func (h *harness) serve() {
	if h.server == nil {
		h.server = httptest.NewServer(New(h.config))
		h.t.Cleanup(h.server.Close)
	}
}

// ask sends a request: "GET /path", headers as "Name: value" lines. A body is
// JSON unless a header says otherwise.
func (h *harness) ask(request, body string, headers ...string) (code int, answer string, header http.Header) {
	h.t.Helper()
	h.serve()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	a, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.StatusCode, string(b), a.Header
}

// ok asks and expects a status of 200.
func (h *harness) ok(request, body string, headers ...string) string {
	h.t.Helper()
	code, answer, _ := h.ask(request, body, headers...)
	if code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", request, code, answer)
	}
	return answer
}

// fire makes an alert of a rule fire.
func (h *harness) fire(key string, ls model.LabelSet, at time.Time) *alert.Alert {
	h.t.Helper()
	a := alert.Alert{
		ID: alert.NewID(key, ls, at), Rule: key, Labels: ls, Annotations: model.LabelSet{"summary": "it is <hot> & bad"},
		GeneratorURL: "http://weir/graph", Status: alert.Firing, Value: 81.5, ActiveAt: at.Add(-time.Minute), FiredAt: at, Firings: 1,
	}
	h.transition(alert.Pending, a, at)
	return &a
}

func (h *harness) transition(from alert.Status, a alert.Alert, at time.Time) {
	h.t.Helper()
	if err := h.Append(h.t.Context(), alert.Event{At: at, Transition: &alert.Transition{From: from, Alert: a}}); err != nil {
		h.t.Fatal(err)
	}
}

type tenantKey = schema.Tenant

func schemaTenant(service, subservice string) tenantKey {
	return schema.Tenant{Service: service, Subservice: subservice}
}
