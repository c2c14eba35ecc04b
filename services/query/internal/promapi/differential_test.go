package promapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"weir/services/query/internal/promapi/conformance"
)

// reference is Prometheus' own way from chunks to the engine: XOR chunks of 120
// samples, iterators of its storage package, every sample of a series whatever
// the hints say.
type reference struct {
	storage.LabelQuerier // nil: nobody asks for labels
	all                  []reference1
}

type reference1 struct {
	labels labels.Labels
	chunks *storage.ChunkSeriesEntry
}

func newReference(all []conformance.Series) *reference {
	r := new(reference)
	for _, s := range all {
		var parts [][]chunks.Sample
		for i := range s.T {
			if i%120 == 0 {
				parts = append(parts, nil)
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], sample{s.T[i], s.V[i]})
		}
		r.all = append(r.all, reference1{s.Labels, storage.NewListChunkSeriesFromSamples(s.Labels, parts...)})
	}
	return r
}

func (r *reference) Querier(int64, int64) (storage.Querier, error) { return r, nil }
func (r *reference) Close() error                                  { return nil }

func (r *reference) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := &chunkSet{at: -1}
	for _, s := range r.all {
		if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			set.all = append(set.all, s.chunks)
		}
	}
	return storage.NewSeriesSetFromChunkSeriesSet(set)
}

type chunkSet struct {
	all []*storage.ChunkSeriesEntry
	at  int
}

func (s *chunkSet) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *chunkSet) At() storage.ChunkSeries           { return s.all[s.at] }
func (s *chunkSet) Err() error                        { return nil }
func (s *chunkSet) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	v float64
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// exact is a Reader that gives exactly what is asked for: whatever the querier
// asks too little of shows.
type exact struct {
	Reader // nil: nobody asks for labels
	all    []conformance.Series
}

func (e *exact) Select(_ context.Context, req SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	for _, s := range e.all {
		if slices.ContainsFunc(req.Matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Labels.Get(m.Name)) }) {
			continue
		}
		low, _ := slices.BinarySearch(s.T, req.From)
		high, _ := slices.BinarySearch(s.T, req.To+1)
		if req.Latest {
			low = max(low, high-1)
		}
		if low < high {
			visit(s.Labels, s.T[low:high:high], s.V[low:high:high])
		}
	}
	return nil
}

// conformanceEngine has all of PromQL that Prometheus' engine knows.
func conformanceEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep.Milliseconds() },
		Parser: parser.NewParser(parser.Options{
			EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
			EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
		}),
	})
}

// evaluate returns a query's value, notes or error as text, exact to the bit of
// every value but NaNs.
func evaluate(t *testing.T, engine *promql.Engine, q storage.Queryable, expr string, e conformance.Evaluation, lookback time.Duration) string {
	t.Helper()
	options := promql.NewPrometheusQueryOpts(false, lookback)
	start, end := conformance.Base.Add(e.Start), conformance.Base.Add(e.End)
	query, err := engine.NewInstantQuery(context.Background(), q, options, expr, start)
	if e.Step > 0 {
		query, err = engine.NewRangeQuery(context.Background(), q, options, expr, start, end, e.Step)
	}
	if err != nil {
		return "cannot be prepared: " + err.Error()
	}
	defer query.Close()
	res := query.Exec(context.Background())
	warnings, infos := res.Warnings.AsStrings(expr, 0, 0)
	slices.Sort(warnings)
	slices.Sort(infos)
	if res.Err != nil {
		return fmt.Sprintf("error: %v %q %q", res.Err, warnings, infos)
	}
	if v, ok := res.Value.(promql.Vector); ok && !strings.HasPrefix(expr, "sort") {
		slices.SortStableFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	}
	return fmt.Sprintf("%s %q %q", appendValue(nil, res.Value), warnings, infos)
}

// extended are expressions with syntax that Prometheus has behind flags.
var extended = []string{
	`spore_node_cpu_usage_percent smoothed`,
	`rate(spore_node_network_sent_bytes_total[5m] anchored)`,
	`increase(spore_node_network_sent_bytes_total[5m] smoothed)`,
	`spore_node_cpu_usage_percent offset (1m + 30s)`,
	`rate(spore_node_network_sent_bytes_total[step() + 1m])`,
	`spore_node_cpu_usage_percent + on (node) fill (0) spore_node_cpu_usage_percent{zone="a"}`,
}

// Every expression gives the same over our queryable, which reads no more than
// it must, as over Prometheus' chunks with everything in them.
func TestExpressionsGiveWhatTheyGiveOverPrometheusChunks(t *testing.T) {
	all := conformance.AllSeries()
	engine, chunked := conformanceEngine(), newReference(all)
	telling := 0
	for _, expr := range append(conformance.Expressions(), extended...) {
		t.Run(expr, func(t *testing.T) {
			something := false
			for _, lookback := range []time.Duration{5 * time.Minute, 20 * time.Second} {
				for _, e := range conformance.Evaluations {
					want := evaluate(t, engine, chunked, expr, e, lookback)
					got := evaluate(t, engine, &Queryable{Reader: &exact{all: all}, Lookback: lookback}, expr, e, lookback)
					if got != want {
						t.Errorf("lookback %v, %+v:\ngot  %s\nwant %s", lookback, e, short(got), short(want))
					}
					if strings.HasPrefix(want, "cannot be prepared") && !strings.HasPrefix(expr, `"`) {
						t.Errorf("%s", want)
					}
					something = something || !strings.HasPrefix(want, "[] ")
				}
			}
			if something {
				telling++
			}
		})
	}
	if telling < 250 {
		t.Errorf("only %d expressions ever gave something to compare", telling)
	}
}

func short(s string) string { return s[:min(len(s), 1000)] }

// samples are a list for Prometheus' iterator.
type samples []sample

func (s samples) Get(i int) chunks.Sample { return s[i] }
func (s samples) Len() int                { return len(s) }
