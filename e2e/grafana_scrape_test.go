package e2e

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrapes is what a Prometheus has that scraped weir: the samples of each
// series, by the text of its labels.
type scrapes map[string]*scraped

type scraped struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// sample is a value of a scrape.
type sample struct {
	t int64
	f float64
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// add takes over an exposition as scraped at a moment.
func (s scrapes) add(t *testing.T, exposition []byte, at time.Time) {
	t.Helper()
	p := textparse.NewPromParser(exposition, labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("parse /metrics: %v", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		p.Labels(&own)
		b := labels.NewBuilder(own)
		full := b.Set("job", "weir").Set("instance", "127.0.0.1:8080").Labels()
		key := full.String()
		if s[key] == nil {
			s[key] = &scraped{labels: full}
		}
		_, _, value := p.Series()
		if math.IsNaN(value) {
			t.Errorf("%s is NaN", key)
		}
		s[key].samples = append(s[key].samples, sample{at.UnixMilli(), value})
	}
}

// Querier makes scrapes a storage.Queryable.
func (s scrapes) Querier(int64, int64) (storage.Querier, error) { return scrapeQuerier{s}, nil }

type scrapeQuerier struct{ scrapes }

func (q scrapeQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []*scraped
	for _, s := range q.scrapes {
		if matchesAll(s.labels, matchers) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *scraped) int { return labels.Compare(a.labels, b.labels) })
	return &scrapeSet{found: found}
}

func (scrapeQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (scrapeQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (scrapeQuerier) Close() error { return nil }

func matchesAll(lset labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(lset.Get(m.Name)) {
			return false
		}
	}
	return true
}

// scrapeSet hands out the series found.
type scrapeSet struct {
	found []*scraped
	at    *scraped
}

func (s *scrapeSet) Next() bool {
	if len(s.found) == 0 {
		return false
	}
	s.at, s.found = s.found[0], s.found[1:]
	return true
}

func (s *scrapeSet) At() storage.Series                { return storage.NewListSeries(s.at.labels, s.at.samples) }
func (s *scrapeSet) Err() error                        { return nil }
func (s *scrapeSet) Warnings() annotations.Annotations { return nil }

// scrapeSource answers a dashboard as that Prometheus would.
type scrapeSource struct {
	scrapes scrapes
	engine  *promql.Engine
	parser  parser.Parser
}

var _ promSource = (*scrapeSource)(nil)

func newScrapeSource(s scrapes) *scrapeSource {
	p := parser.NewParser(parser.Options{})
	return &scrapeSource{s, promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: patience, EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	}), p}
}

func (s *scrapeSource) query(expr string, at time.Time) ([]answered, error) {
	q, err := s.engine.NewInstantQuery(context.Background(), s.scrapes, nil, expr, at)
	return s.run(q, err)
}

func (s *scrapeSource) queryRange(expr string, from, to time.Time, step time.Duration) ([]answered, error) {
	q, err := s.engine.NewRangeQuery(context.Background(), s.scrapes, nil, expr, from, to, step)
	return s.run(q, err)
}

func (s *scrapeSource) run(q promql.Query, err error) ([]answered, error) {
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		return nil, result.Err
	}
	var series []answered
	switch v := result.Value.(type) {
	case promql.Vector:
		for _, one := range v {
			series = append(series, answered{one.Metric.Map(), []float64{one.F}})
		}
	case promql.Matrix:
		for _, one := range v {
			a := answered{labels: one.Metric.Map()}
			for _, p := range one.Floats {
				a.values = append(a.values, p.F)
			}
			series = append(series, a)
		}
	}
	return series, nil
}

func (s *scrapeSource) labelValues(label, selector string, _, _ time.Time) ([]string, error) {
	matchers, err := s.parser.ParseMetricSelector(selector)
	if err != nil {
		return nil, err
	}
	var values []string
	for _, one := range s.scrapes {
		if v := one.labels.Get(label); v != "" && matchesAll(one.labels, matchers) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}
