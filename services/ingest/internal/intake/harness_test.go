package intake_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"weir/pkg/schema"
	"weir/services/ingest/internal/access"
	"weir/services/ingest/internal/intake"
)

// journal notes what is submitted to it.
type journal struct {
	mu      sync.Mutex
	events  []schema.Event
	tenants []schema.Tenant
	answers []int
	err     error
}

func (j *journal) submit(_ context.Context, e schema.Event, tenant schema.Tenant, answer int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	j.events, j.tenants, j.answers = append(j.events, e), append(j.tenants, tenant), append(j.answers, answer)
	return nil
}

// observer notes what it is told.
type observer struct {
	mu       sync.Mutex
	served   []string
	failed   []string
	refused  []string
	panicked int
}

func (o *observer) functions() intake.Observer {
	note := func(f func()) {
		o.mu.Lock()
		defer o.mu.Unlock()
		f()
	}
	return intake.Observer{
		Served: func(route string, code int, _ time.Duration) {
			note(func() { o.served = append(o.served, fmt.Sprint(route, " ", code)) })
		},
		Refused:  func(correlator, text string) { note(func() { o.refused = append(o.refused, correlator+": "+text) }) },
		Failed:   func(route string, err error) { note(func() { o.failed = append(o.failed, route+": "+err.Error()) }) },
		Panicked: func(string, any, []byte) { note(func() { o.panicked++ }) },
	}
}

const maxBody, keep = 2000, 100

// received is when events are received.
var received = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newIntake(change ...func(*intake.Config)) (*intake.Intake, *journal, *observer) {
	j, o := new(journal), new(observer)
	cfg := intake.Config{
		Submit: j.submit, MaxBody: maxBody, Keep: keep, Version: "1.2.3", Level: new(slog.LevelVar),
		Now: func() time.Time { return received }, Observer: o.functions(),
	}
	for _, f := range change {
		f(&cfg)
	}
	return intake.New(cfg), j, o
}

// send sends a request: "POST /notices", the headers as "Name: value".
func send(h http.Handler, line, body string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "10.0.0.7:4711"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const inJSON = "Content-Type: application/json"

// users are p (key "key", of factory/line1), q (the same key, of factory/*) and
// root (of everything).
func users(t *testing.T) *access.Users {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("key"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "users.yaml")
	text := fmt.Sprintf("users:\n- {username: p, password: '%[1]s', publish: [factory/line1]}\n- {username: q, password: '%[1]s', publish: [factory/*]}\n- {username: root, password: '%[1]s', publish: ['*']}\n", hash)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := access.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var errJournal = errors.New("the disk is full")
