package components

import (
	"context"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
)

// Reader is a reader that has a Watch's series besides those of another reader.
// What can match no other series than those is answered without that reader.
type Reader struct {
	Watch *Watch
	Rest  promread.Reader
}

var _ promread.Reader = (*Reader)(nil)

// own reports whether the selection can only match the watch's series, and
// whether it can match one of them.
func own(matchers []*labels.Matcher) (only, some bool) {
	some = true
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			only = only || m.Type == labels.MatchEqual && m.Value == Name
			some = some && m.Matches(Name)
		}
	}
	return only, some
}

// Select is promread.Reader's.
func (r *Reader) Select(ctx context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	only, some := own(req.Matchers)
	if some {
		for _, s := range r.Watch.matching(req.Matchers, req.From, req.To) {
			switch {
			case req.LabelsOnly:
				visit(s.Labels, nil, nil)
			case req.Latest:
				visit(s.Labels, s.T[len(s.T)-1:], s.V[len(s.V)-1:])
			default:
				visit(s.Labels, s.T, s.V)
			}
		}
	}
	if only {
		return nil
	}
	return r.Rest.Select(ctx, req, visit)
}

// LabelNames is promread.Reader's.
func (r *Reader) LabelNames(ctx context.Context, req promread.LabelsRequest) ([]string, error) {
	return r.texts(req, func(l labels.Label) string { return l.Name },
		func() ([]string, error) { return r.Rest.LabelNames(ctx, req) })
}

// LabelValues is promread.Reader's.
func (r *Reader) LabelValues(ctx context.Context, name string, req promread.LabelsRequest) ([]string, error) {
	value := func(l labels.Label) string {
		if l.Name != name {
			return ""
		}
		return l.Value
	}
	return r.texts(req, value, func() ([]string, error) { return r.Rest.LabelValues(ctx, name, req) })
}

func (r *Reader) texts(req promread.LabelsRequest, of func(labels.Label) string, rest func() ([]string, error)) ([]string, error) {
	var all []string
	for _, s := range r.Watch.matching(req.Matchers, req.From, req.To) {
		s.Labels.Range(func(l labels.Label) {
			if text := of(l); text != "" {
				all = append(all, text)
			}
		})
	}
	if only, _ := own(req.Matchers); !only {
		more, err := rest()
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Cardinality is the other reader's: these series cost nothing.
func (r *Reader) Cardinality(ctx context.Context, limit int) (promread.Cardinality, error) {
	return r.Rest.Cardinality(ctx, limit)
}
