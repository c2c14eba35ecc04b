package promread

import (
	"slices"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// seriesSet is a list of series that is loaded when its first is asked for.
type seriesSet struct {
	load func() ([]Series, error) // nil once it was called
	all  []Series
	at   int // the next one's index
	err  error
}

var _ storage.SeriesSet = (*seriesSet)(nil)

func (s *seriesSet) Next() bool {
	if s.load != nil {
		s.all, s.err = s.load()
		s.load = nil
	}
	if s.err != nil || s.at == len(s.all) {
		return false
	}
	s.at++
	return true
}

func (s *seriesSet) At() storage.Series                { return stored{&s.all[s.at-1]} }
func (s *seriesSet) Err() error                        { return s.err }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// Series is a series' labels and samples, ascending in time, staleness markers
// among them.
type Series struct {
	Labels labels.Labels
	T      []int64 // milliseconds
	V      []float64
}

// Between returns the series with copies of its samples from one moment to
// another, milliseconds, both inclusive.
func (s *Series) Between(from, to int64) Series {
	low, _ := slices.BinarySearch(s.T, from)
	high, found := slices.BinarySearch(s.T, to)
	if found {
		high++
	}
	high = max(low, high)
	return Series{Labels: s.Labels, T: slices.Clone(s.T[low:high]), V: slices.Clone(s.V[low:high])}
}

// Matches reports whether labels match all of some matchers.
func Matches(matchers []*labels.Matcher, l labels.Labels) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.Get(m.Name)) })
}

// stored is a series as the engine takes it.
type stored struct{ series *Series }

var _ storage.Series = stored{}

func (s stored) Labels() labels.Labels { return s.series.Labels }

// Iterator returns an iterator over the samples, which are not copied. It uses
// the given one's memory where it can.
func (s stored) Iterator(old chunkenc.Iterator) chunkenc.Iterator {
	it, ok := old.(*iterator)
	if !ok {
		it = new(iterator)
	}
	*it = iterator{t: s.series.T, v: s.series.V, i: -1}
	return it
}

// milliseconds are a time. As an alias they also tell vet that Seek, whose name
// and first parameter are the engine's choice, is not meant for an io.Seeker.
type milliseconds = int64

// iterator goes over samples. There are no histograms and no start timestamps.
type iterator struct {
	t []int64
	v []float64
	i int // -1 before the first
}

var _ chunkenc.Iterator = (*iterator)(nil)

func (it *iterator) Next() chunkenc.ValueType {
	if it.i < len(it.t) {
		it.i++
	}
	return it.here()
}

func (it *iterator) here() chunkenc.ValueType {
	if it.i >= len(it.t) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

// Seek goes forward to the first sample at t or later, by steps that double:
// the engine mostly seeks what lies a few samples ahead.
func (it *iterator) Seek(t milliseconds) chunkenc.ValueType {
	it.i = max(it.i, 0)
	if it.here() == chunkenc.ValNone || it.t[it.i] >= t {
		return it.here()
	}
	low, step := it.i, 1 // it.t[low] < t
	for low+step < len(it.t) && it.t[low+step] < t {
		low += step
		step *= 2
	}
	high := min(low+step, len(it.t))
	it.i = low + 1 + sort.Search(high-low-1, func(i int) bool { return it.t[low+1+i] >= t })
	return it.here()
}

func (it *iterator) At() (int64, float64) { return it.t[it.i], it.v[it.i] }
func (it *iterator) AtT() int64           { return it.t[it.i] }
func (it *iterator) AtST() int64          { return 0 }
func (it *iterator) Err() error           { return nil }

func (it *iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("BUG: a histogram was asked for where there are none")
}

func (it *iterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("BUG: a histogram was asked for where there are none")
}
