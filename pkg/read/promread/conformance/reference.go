package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Reference is Prometheus' own way from chunks to the engine: XOR chunks of 120
// samples, iterators of its storage package, every sample of a series whatever
// the hints say.
type Reference struct {
	storage.LabelQuerier // nil: nobody asks for labels
	all                  []referenceSeries
}

type referenceSeries struct {
	labels labels.Labels
	chunks *storage.ChunkSeriesEntry
}

// NewReference returns a reference over series.
func NewReference(all []Series) *Reference {
	r := new(Reference)
	for _, s := range all {
		var parts [][]chunks.Sample
		for i := range s.T {
			if i%120 == 0 {
				parts = append(parts, nil)
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], sample{s.T[i], s.V[i]})
		}
		r.all = append(r.all, referenceSeries{s.Labels, storage.NewListChunkSeriesFromSamples(s.Labels, parts...)})
	}
	return r
}

// Querier returns the reference itself.
func (r *Reference) Querier(int64, int64) (storage.Querier, error) { return r, nil }

// Close does nothing.
func (r *Reference) Close() error { return nil }

// Select returns every sample of the series that match.
func (r *Reference) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
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

// Sample returns a sample as Prometheus has it; the time is in milliseconds.
func Sample(t int64, v float64) chunks.Sample { return sample{t, v} }

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

// NewEngine returns an engine that has all of PromQL that Prometheus' engine knows.
func NewEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		Parser: parser.NewParser(parser.Options{
			EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
			EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
		}),
	})
}
