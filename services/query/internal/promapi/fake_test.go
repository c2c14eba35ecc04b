package promapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/query/internal/promapi"
	"weir/services/query/internal/promapi/conformance"
)

// memory is a reader of series in memory. It gives exactly what is asked for,
// and not a sample more.
type memory struct {
	all []conformance.Series
	// before, unless nil, comes before each Select with its request.
	before func(context.Context, promapi.SelectRequest) error

	mu   sync.Mutex
	seen []promapi.SelectRequest
}

var _ promapi.Reader = (*memory)(nil)

func (m *memory) Select(ctx context.Context, req promapi.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	m.mu.Lock()
	m.seen = append(m.seen, req)
	m.mu.Unlock()
	if m.before != nil {
		if err := m.before(ctx, req); err != nil {
			return err
		}
	}
	series, samples := 0, 0
	for _, s := range m.matching(req.Matchers, req.From, req.To) {
		if series++; req.Limit > 0 && series > req.Limit {
			return nil
		}
		if req.LabelsOnly {
			visit(s.Labels, nil, nil)
			continue
		}
		if req.Latest {
			s.T, s.V = s.T[len(s.T)-1:], s.V[len(s.V)-1:]
		}
		if samples += len(s.T); req.MaxSamples > 0 && samples > req.MaxSamples {
			return promapi.ErrTooManySamples
		}
		visit(s.Labels, slices.Clone(s.T), slices.Clone(s.V))
	}
	return ctx.Err()
}

// matching returns the series that match, with their samples in the range.
func (m *memory) matching(matchers []*labels.Matcher, from, to int64) []conformance.Series {
	var some []conformance.Series
	for _, s := range m.all {
		low, _ := slices.BinarySearch(s.T, from)
		high, found := slices.BinarySearch(s.T, to)
		if found {
			high++
		}
		if low < high && matches(matchers, s.Labels) {
			some = append(some, conformance.Series{Labels: s.Labels, T: s.T[low:high], V: s.V[low:high]})
		}
	}
	return some
}

func matches(matchers []*labels.Matcher, l labels.Labels) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.Get(m.Name)) })
}

func (m *memory) LabelNames(_ context.Context, req promapi.LabelsRequest) ([]string, error) {
	return m.texts(req, func(l labels.Label) string { return l.Name }), nil
}

func (m *memory) LabelValues(_ context.Context, name string, req promapi.LabelsRequest) ([]string, error) {
	return m.texts(req, func(l labels.Label) string {
		if l.Name != name {
			return ""
		}
		return l.Value
	}), nil
}

func (m *memory) texts(req promapi.LabelsRequest, of func(labels.Label) string) []string {
	set := map[string]bool{}
	for _, s := range m.matching(req.Matchers, req.From, req.To) {
		s.Labels.Range(func(l labels.Label) {
			if text := of(l); text != "" {
				set[text] = true
			}
		})
	}
	var all []string
	for text := range set {
		all = append(all, text)
	}
	slices.Sort(all)
	if req.Limit > 0 && len(all) > req.Limit {
		all = all[:req.Limit]
	}
	return all
}

func (m *memory) Cardinality(_ context.Context, limit int) (promapi.Cardinality, error) {
	top := []promapi.Count{{Name: "everything", Value: uint64(len(m.all))}}
	return promapi.Cardinality{Series: uint64(len(m.all)), LabelPairs: 7, Chunks: 3, MinTime: 1000, MaxTime: 2000, SeriesByName: top[:min(limit, 1)]}, nil
}

// now is when requests without a time are asked: 50 minutes after the first readings.
var now = conformance.Base.Add(50 * time.Minute)

// fleet returns a reader of the conformance package's series.
func fleet() *memory { return &memory{all: conformance.AllSeries()} }

// newAPI returns an API over r, its configuration changed by change.
func newAPI(t testing.TB, r promapi.Reader, change func(*promapi.Config)) *promapi.API {
	t.Helper()
	c := promapi.Default()
	c.Reader, c.Version, c.Started = r, "0.1.0", now.Add(-time.Hour)
	c.Now = func() time.Time { return now }
	if change != nil {
		change(&c)
	}
	a, err := promapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// call sends "GET /path?query" or, for a POST, the query as a form.
func call(a http.Handler, request string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(target, "?")
	r := httptest.NewRequest(method, target, nil)
	if method == http.MethodPost {
		r = httptest.NewRequest(method, path, strings.NewReader(query))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return serve(a, r)
}

func serve(a http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// path returns "GET path?name=value&…".
func path(p string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Add(params[i], params[i+1])
	}
	return "GET " + p + "?" + v.Encode()
}
