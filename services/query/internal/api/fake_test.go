package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

// fake answers as its functions do; what has none is answered with zero values.
type fake struct {
	sources     func(schema.SourcesRequest) ([]*schema.Source, error)
	rows        func(schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error)
	series      func(context.Context, schema.SelectRequest) ([]series, error)
	tenants     func() ([]schema.TenantState, error)
	reset       func(context.Context) ([]schema.TenantState, error)
	deadLetters func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error)
	accounting  func() (schema.Accounting, error)
	aggregator  func() (schema.AggregatorHealth, error)
	ingest      func() (schema.IngestHealth, error)
	replay      func(*schema.DeadLetter) (schema.ReplayAnswer, error)
	journal     func() error
}

var _ api.Client = (*fake)(nil)

func (f *fake) Sources(_ context.Context, req schema.SourcesRequest, visit func(*schema.Source)) error {
	if f.sources == nil {
		return nil
	}
	all, err := f.sources(req)
	for _, s := range all {
		visit(s)
	}
	return err
}

func (f *fake) Rows(_ context.Context, req schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
	if f.rows == nil {
		return schema.RowsHead{}, nil, nil
	}
	return f.rows(req)
}

// series is a series that a fake answers a selection with.
type series struct {
	labels []schema.Label
	t      []int64
	v      []float64
}

func (f *fake) Select(ctx context.Context, req schema.SelectRequest, visit func([]schema.Label, []int64, []float64)) error {
	if f.series == nil {
		return nil
	}
	all, err := f.series(ctx, req)
	for _, s := range all {
		visit(s.labels, s.t, s.v)
	}
	return err
}

func (f *fake) Tenants(context.Context) ([]schema.TenantState, error) {
	if f.tenants == nil {
		return nil, nil
	}
	return f.tenants()
}

func (f *fake) Reset(ctx context.Context) ([]schema.TenantState, error) {
	if f.reset == nil {
		return nil, nil
	}
	return f.reset(ctx)
}

func (f *fake) DeadLetters(_ context.Context, req schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
	if f.deadLetters == nil {
		return nil, 0, nil
	}
	return f.deadLetters(req)
}

func (f *fake) Accounting(context.Context) (schema.Accounting, error) {
	if f.accounting == nil {
		return schema.Accounting{}, nil
	}
	return f.accounting()
}

func (f *fake) AggregatorHealth(context.Context) (schema.AggregatorHealth, error) {
	if f.aggregator == nil {
		return schema.AggregatorHealth{}, nil
	}
	return f.aggregator()
}

func (f *fake) IngestHealth(context.Context) (schema.IngestHealth, error) {
	if f.ingest == nil {
		return schema.IngestHealth{Broker: "running"}, nil
	}
	return f.ingest()
}

func (f *fake) Replay(_ context.Context, d *schema.DeadLetter) (schema.ReplayAnswer, error) {
	if f.replay == nil {
		return schema.ReplayAnswer{}, nil
	}
	return f.replay(d)
}

func (f *fake) CheckJournal(context.Context) error {
	if f.journal == nil {
		return nil
	}
	return f.journal()
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// seen is what an observer was told, perhaps by several requests at once.
type seen struct {
	sync.Mutex
	routes   []string
	codes    []int
	failed   []error
	panicked []any
}

func (s *seen) note(what func()) {
	s.Lock()
	defer s.Unlock()
	what()
}

// newAPI returns a listener's handler over f, and what its observer sees.
func newAPI(f *fake, l api.Listener) (*api.API, *seen) {
	s := new(seen)
	return api.New(configOf(f, s), l), s
}

func configOf(f *fake, s *seen) api.Config {
	return api.Config{
		Client: f, Now: func() time.Time { return now }, Started: now.Add(-time.Minute), Version: "0.1.0",
		Heartbeat: 10 * time.Second,
		Metrics:   func(w io.Writer) { io.WriteString(w, "# HELP own_total Own.\n# TYPE own_total counter\nown_total 1\n") },
		Observer: api.Observer{
			Served: func(route string, code int, _ time.Duration) {
				s.note(func() { s.routes, s.codes = append(s.routes, route), append(s.codes, code) })
			},
			Failed:   func(_ string, err error) { s.note(func() { s.failed = append(s.failed, err) }) },
			Panicked: func(_ string, v any, _ []byte) { s.note(func() { s.panicked = append(s.panicked, v) }) },
		},
	}
}

// call sends "GET /path" to a listener over f.
func call(f *fake, l api.Listener, request string) *httptest.ResponseRecorder {
	h, _ := newAPI(f, l)
	return send(h, request, nil)
}

func send(h http.Handler, request string, header http.Header) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// expect fails unless the answer has the status and the body, and what every
// JSON answer has.
func expect(t *testing.T, w *httptest.ResponseRecorder, code int, body string) {
	t.Helper()
	if w.Code != code || w.Body.String() != body+"\n" {
		t.Errorf("got %d %swant %d %s", w.Code, w.Body, code, body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
}
