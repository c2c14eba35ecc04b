package promread

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
)

// Loader reads whole series, with one bound on the samples of all that it
// reads. It is for one goroutine.
type Loader struct {
	reader  Reader
	bounded bool
	left    int // samples that may still be read, where they are bounded
}

// NewLoader returns a loader that reads maxSamples samples at the most; 0 for
// any number.
func NewLoader(r Reader, maxSamples int) *Loader {
	return &Loader{reader: r, bounded: maxSamples > 0, left: maxSamples}
}

// Load returns the series that a request selects, one of each set of labels;
// req.MaxSamples is the loader's own. The errors are the reader's in the
// engine's words.
func (l *Loader) Load(ctx context.Context, req SelectRequest, sorted bool) ([]Series, error) {
	if l.bounded {
		if l.left <= 0 {
			return nil, tooManySamples()
		}
		req.MaxSamples = l.left
	}
	var all []Series
	err := l.reader.Select(ctx, req, func(series labels.Labels, t []int64, v []float64) {
		l.left -= len(t)
		all = append(all, Series{Labels: series, T: t, V: v})
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("select series: %w", engineError(err))
	case l.bounded && l.left < 0:
		return nil, tooManySamples()
	}
	return oneOfEach(all, sorted), nil
}

// tooManySamples is the engine's own error, so that users see one text whoever
// counted.
func tooManySamples() error { return promql.ErrTooManySamples("query execution") }

// oneOfEach joins series with the same labels, of which PromQL allows none
// twice. Two sources have them when only their attributes tell them apart that
// are not labels, or names that are made the same by making them valid.
func oneOfEach(all []Series, sorted bool) []Series {
	if !sorted && !anyTwice(all) {
		return all
	}
	slices.SortStableFunc(all, func(a, b Series) int { return labels.Compare(a.Labels, b.Labels) })
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && labels.Equal(out[n-1].Labels, s.Labels) {
			out[n-1] = join(out[n-1], s)
			continue
		}
		out = append(out, s)
	}
	return out
}

func anyTwice(all []Series) bool {
	seen := make(map[uint64]struct{}, len(all))
	for i := range all {
		seen[all[i].Labels.Hash()] = struct{}{}
	}
	return len(seen) < len(all) // or a collision, which costs a sort
}

// join merges two series of the same labels. Of two samples of the same time a's
// is kept. What ends one of them is an end only where the other does not live: a
// label that is spelt in another way ends one series at the very moment at which
// the other begins, and that sample must not be hidden.
func join(a, b Series) Series {
	out := Series{Labels: a.Labels, T: make([]int64, 0, len(a.T)+len(b.T)), V: make([]float64, 0, len(a.T)+len(b.T))}
	var livesA, livesB bool
	for i, j := 0, 0; i < len(a.T) || j < len(b.T); {
		ofA := j == len(b.T) || i < len(a.T) && a.T[i] <= b.T[j]
		ofB := i == len(a.T) || j < len(b.T) && b.T[j] <= a.T[i]
		var t int64
		var v float64
		if ofB {
			t, v = b.T[j], b.V[j]
			livesB = !value.IsStaleNaN(v)
			j++
		}
		if ofA {
			livesA = !value.IsStaleNaN(a.V[i])
			if livesA || !ofB {
				t, v = a.T[i], a.V[i]
			}
			i++
		}
		if value.IsStaleNaN(v) && (livesA || livesB) {
			continue
		}
		out.T, out.V = append(out.T, t), append(out.V, v)
	}
	return out
}
