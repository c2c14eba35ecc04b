package alerter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"weir/pkg/journal/natstest"
	"weir/pkg/schema"
	"weir/services/alerter"
)

func TestMain(m *testing.M) {
	// The library keeps one goroutine for all summaries of a process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/VictoriaMetrics/metrics.summariesSwapCron"))
}

// patience is how long tests wait for what should happen at once, on a machine that
// stands still for seconds.
const patience = time.Minute

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// sink is a webhook receiver.
type sink struct {
	*httptest.Server
	mu   sync.Mutex
	got  []string // "firing Hot", "resolved Hot": each alert of each message; "/x": a request to that path
	keys []string
	fail bool
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) receive(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	if r.URL.Path != "/" {
		s.got = append(s.got, r.URL.Path)
	}
	for _, a := range m.Alerts {
		s.got = append(s.got, a.Status+" "+a.Labels["alertname"])
	}
}

func (s *sink) has(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.got, line)
}

// taken returns how many messages were taken.
func (s *sink) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys)
}

func (s *sink) failing(fail bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// place is where an alerter's files are.
type place struct {
	t        *testing.T
	dir      string
	sink     *sink
	nc       *nats.Conn
	log      *lockedBuffer
	settings func(*alerter.Config)
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, dir: t.TempDir(), sink: newSink(t), nc: natstest.Connect(t, natstest.Run(t)), log: &lockedBuffer{}, settings: func(*alerter.Config) {}}
	p.write("alertmanager.yml", `
route: {receiver: sink, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: sink, webhook_configs: [{url: '`+p.sink.URL+`'}]}]
`)
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - alert: Hot\n    expr: vector(90) > 80\n")
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

// write writes a file at one blow: the alerter must not find it empty.
func (p *place) write(name, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	whole := p.path("being-written")
	if err := os.WriteFile(whole, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(whole, p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) config() alerter.Config {
	c := alerter.Config{NATS: p.nc, Rules: []string{p.path("rules")}, AlertmanagerConfig: p.path("alertmanager.yml"),
		EvaluationInterval: 100 * time.Millisecond, Version: "0.1.0", Logger: slog.New(slog.NewTextHandler(p.log, nil))}
	p.settings(&c)
	return c
}

func (p *place) start() *alerter.App {
	p.t.Helper()
	app, err := alerter.New(p.config())
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := app.Start(ctx); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = stop(app) })
	return app
}

func stop(app *alerter.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return app.Stop(ctx)
}

func (p *place) stop(app *alerter.App) {
	p.t.Helper()
	if err := stop(app); err != nil {
		p.t.Fatal(err)
	}
}

// health asks how the alerter does, as the query service does.
func (p *place) health() (h schema.AlerterHealth) {
	p.t.Helper()
	m, err := p.nc.Request(schema.AlerterHealthSubject, nil, patience)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(m.Data, &h); err != nil {
		p.t.Fatal(err)
	}
	return h
}

func call(app *alerter.App, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	app.Handler().ServeHTTP(w, r)
	return w
}

func metric(app *alerter.App, series string) string {
	var b bytes.Buffer
	app.WriteMetrics(&b)
	for line := range strings.Lines(b.String()) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("no %s in\n%s", series, b.String())
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
