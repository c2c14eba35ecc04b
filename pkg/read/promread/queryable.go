package promread

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// Queryable lets the PromQL engine read from a Reader.
type Queryable struct {
	Reader Reader
	// Lookback is the one that the query is evaluated with, exactly; 0 where it
	// is not known. It decides which selections need only the latest sample.
	Lookback time.Duration
	// MaxSamples bounds what all selections of a querier may read together; 0
	// for no bound.
	MaxSamples int
}

var _ storage.Queryable = (*Queryable)(nil)

// Querier returns a querier for a range of time, milliseconds, both inclusive.
func (q *Queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{Loader: NewLoader(q.Reader, q.MaxSamples), of: q, from: mint, to: maxt}, nil
}

// querier serves one query; the engine uses it from one goroutine.
type querier struct {
	*Loader
	of       *Queryable
	from, to int64
}

var _ storage.Querier = (*querier)(nil)

// Select returns the series that match. They are read when the set is first
// asked for one.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	req := q.request(hints, matchers)
	return &seriesSet{load: func() ([]Series, error) { return q.Load(ctx, req, sorted) }}
}

func (q *querier) request(hints *storage.SelectHints, matchers []*labels.Matcher) SelectRequest {
	req := SelectRequest{Matchers: matchers, From: q.from, To: q.to}
	if hints != nil {
		req.From, req.To, req.Limit = hints.Start, hints.End, hints.Limit
		req.LabelsOnly = hints.Func == "series"
		req.Latest = !req.LabelsOnly && q.oneInstant(hints)
	}
	return req
}

// oneInstant reports whether a selection is evaluated at a single instant as an
// instant vector, so that nothing but the newest sample of each series is seen.
//
// The engine hints for an instant vector (Range 0) evaluated at the instants
// from a to b the range [a-(lookback-1 ms), b], moved by offsets; what surrounds
// the selector only widens it: a subquery by its range, which is at least 1 ms,
// "smoothed" by a lookback at the end; "@" makes a and b the same instant, with
// or without a subquery. So a range of lookback-1 ms, and no longer one, means
// a = b. The range does not tell this apart from instants closer together with
// a shorter lookback: therefore the query's own must be known. A range vector
// (Range above 0) needs all its samples, however short it is, and info() looks
// its series up in ways of its own.
func (q *querier) oneInstant(hints *storage.SelectHints) bool {
	lookback := q.of.Lookback.Milliseconds()
	return lookback > 0 && hints.Range == 0 && hints.Func != "info" && hints.End-hints.Start <= lookback-1
}

// LabelValues returns a label's values in ascending order.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	values, err := q.of.Reader.LabelValues(ctx, name, q.labelsRequest(hints, matchers))
	slices.Sort(values)
	return values, nil, err
}

// LabelNames returns the labels' names in ascending order.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	names, err := q.of.Reader.LabelNames(ctx, q.labelsRequest(hints, matchers))
	slices.Sort(names)
	return names, nil, err
}

func (q *querier) labelsRequest(hints *storage.LabelHints, matchers []*labels.Matcher) LabelsRequest {
	req := LabelsRequest{Matchers: matchers, From: q.from, To: q.to}
	if hints != nil {
		req.Limit = hints.Limit
	}
	return req
}

// Close does nothing: what was read belongs to the series.
func (q *querier) Close() error { return nil }
