// Package promread lets Prometheus' PromQL engine read the stored history: who
// answers an API and who evaluates rules share it.
package promread

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/model/labels"
)

// Reader reads the stored series. All its methods may be called concurrently.
// Their errors wrap ErrUnavailable when nobody answers, ErrLate when no answer
// came in time; a context's error is passed on.
type Reader interface {
	// Select calls visit once for each series that matches, in any order. The
	// samples are ascending in time, staleness markers among them, and belong to
	// visit from then on. A series without any sample in the range is left out.
	//
	// More than req.MaxSamples samples in all give an error that wraps
	// ErrTooManySamples.
	Select(ctx context.Context, req SelectRequest, visit func(series labels.Labels, t []int64, v []float64)) error

	// LabelNames returns the names of the labels of all series that match.
	LabelNames(ctx context.Context, req LabelsRequest) ([]string, error)

	// LabelValues returns the values of a label of all series that match.
	LabelValues(ctx context.Context, name string, req LabelsRequest) ([]string, error)

	// Cardinality says how many series there are of what; its lists have at
	// most limit entries each.
	Cardinality(ctx context.Context, limit int) (Cardinality, error)
}

// SelectRequest says which series and samples are wanted.
type SelectRequest struct {
	Matchers []*labels.Matcher // all must match, __name__ included
	From, To int64             // milliseconds, both inclusive

	// Latest asks for no more than each series' newest sample in the range, or
	// for the staleness marker that ended the series after it.
	Latest bool
	// LabelsOnly asks for series that have samples in the range, without them.
	LabelsOnly bool

	Limit      int // the most series; 0 for all
	MaxSamples int // the most samples in all; 0 for any number
}

// LabelsRequest says of which series labels are wanted.
type LabelsRequest struct {
	Matchers []*labels.Matcher // all must match; none: all series
	From, To int64             // milliseconds, both inclusive
	Limit    int               // the most names or values; 0 for all
}

// Count is how many there are of something.
type Count struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Cardinality says how many series there are of what. Its lists begin with the
// largest number.
type Cardinality struct {
	Series     uint64
	LabelPairs uint64
	Chunks     uint64
	MinTime    int64 // of the samples, in milliseconds; 0 without any
	MaxTime    int64

	SeriesByName  []Count // by metric
	ValuesByLabel []Count // distinct values, by label name
	BytesByLabel  []Count // memory of the values, by label name
	SeriesByPair  []Count // by "name=value"
}

// ErrUnavailable means that there is nobody to ask for the series.
var ErrUnavailable = errors.New("the history cannot be read")

// ErrLate means that no answer came in time.
var ErrLate = errors.New("no answer in time")

// ErrTooManySamples means that a request's MaxSamples were not enough.
var ErrTooManySamples = errors.New("too many samples")

// ErrFailed means that whoever keeps the series failed.
var ErrFailed = errors.New("the history failed")
