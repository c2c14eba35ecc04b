// Package readtest has a reader of series in memory, for tests.
package readtest

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
)

// Memory is a promread.Reader of series in memory. It gives exactly what is
// asked for, and not a sample more. The zero Memory has no series.
type Memory struct {
	// Before, unless nil, comes before each Select with its request; its error
	// is Select's. Set it before the first Select.
	Before func(context.Context, promread.SelectRequest) error

	mu   sync.Mutex
	all  []promread.Series
	seen []promread.SelectRequest
}

var _ promread.Reader = (*Memory)(nil)

// New returns a reader of series whose samples are ascending in time.
func New(all ...promread.Series) *Memory { return &Memory{all: slices.Clone(all)} }

// Append adds a sample to the series of these labels, which begins with it if
// there is none. The time, in milliseconds, must be after those of its samples.
func (m *Memory) Append(series labels.Labels, t int64, v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.all, func(s promread.Series) bool { return labels.Equal(s.Labels, series) })
	if i < 0 {
		i = len(m.all)
		m.all = append(m.all, promread.Series{Labels: series})
	}
	s := &m.all[i]
	s.T, s.V = append(s.T, t), append(s.V, v)
}

// Set replaces all series.
func (m *Memory) Set(all ...promread.Series) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = slices.Clone(all)
}

// Series returns all series.
func (m *Memory) Series() []promread.Series {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all)
}

// Seen returns the requests of all Selects, in the order in which they came.
func (m *Memory) Seen() []promread.SelectRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen)
}

// Select is promread.Reader's.
func (m *Memory) Select(ctx context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	m.mu.Lock()
	m.seen = append(m.seen, req)
	m.mu.Unlock()
	if m.Before != nil {
		if err := m.Before(ctx, req); err != nil {
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
			return promread.ErrTooManySamples
		}
		visit(s.Labels, s.T, s.V)
	}
	return ctx.Err()
}

// matching returns the series that match, with their samples in the range.
func (m *Memory) matching(matchers []*labels.Matcher, from, to int64) []promread.Series {
	m.mu.Lock()
	defer m.mu.Unlock()
	var some []promread.Series
	for _, s := range m.all {
		if !promread.Matches(matchers, s.Labels) {
			continue
		}
		if part := s.Between(from, to); len(part.T) > 0 {
			some = append(some, part)
		}
	}
	return some
}

// LabelNames is promread.Reader's.
func (m *Memory) LabelNames(_ context.Context, req promread.LabelsRequest) ([]string, error) {
	return m.texts(req, func(l labels.Label) string { return l.Name }), nil
}

// LabelValues is promread.Reader's.
func (m *Memory) LabelValues(_ context.Context, name string, req promread.LabelsRequest) ([]string, error) {
	return m.texts(req, func(l labels.Label) string {
		if l.Name != name {
			return ""
		}
		return l.Value
	}), nil
}

func (m *Memory) texts(req promread.LabelsRequest, of func(labels.Label) string) []string {
	var all []string
	for _, s := range m.matching(req.Matchers, req.From, req.To) {
		s.Labels.Range(func(l labels.Label) {
			if text := of(l); text != "" {
				all = append(all, text)
			}
		})
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if req.Limit > 0 && len(all) > req.Limit {
		all = all[:req.Limit]
	}
	return all
}

// Cardinality returns made-up numbers of the right shape: how many series there
// are is true.
func (m *Memory) Cardinality(_ context.Context, limit int) (promread.Cardinality, error) {
	n := len(m.Series())
	top := []promread.Count{{Name: "everything", Value: uint64(n)}}
	return promread.Cardinality{Series: uint64(n), LabelPairs: 7, Chunks: 3, MinTime: 1000, MaxTime: 2000, SeriesByName: top[:min(limit, 1)]}, nil
}
