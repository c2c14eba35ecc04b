package rule

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
)

// record returns the series that a recording rule writes, ascending by their
// labels, and those that it wrote before and does not any more.
func (r *Rule) record(in Input) (Output, error) {
	if limit := r.limit(); len(in.Result) > limit {
		return Output{}, fmt.Errorf("%w of %d with %d series", ErrLimit, limit, len(in.Result))
	}
	var out Output
	seen := make(map[model.Fingerprint]bool, len(in.Result))
	for _, s := range in.Result {
		labels := r.recorded(s.Labels)
		print := labels.Fingerprint()
		if seen[print] {
			return Output{}, fmt.Errorf("%w: %s", ErrSameSeries, labels)
		}
		seen[print] = true
		out.Samples = append(out.Samples, Sample{Labels: labels, Value: s.Value})
	}
	for _, s := range in.Previous {
		if !seen[s.Labels.Fingerprint()] {
			out.Ended = append(out.Ended, s.Labels)
		}
	}
	slices.SortFunc(out.Samples, func(a, b Sample) int { return compare(a.Labels, b.Labels) })
	slices.SortFunc(out.Ended, compare)
	return out, nil
}

// recorded are the labels of the series in which a result is recorded.
func (r *Rule) recorded(labels model.LabelSet) model.LabelSet {
	all := make(model.LabelSet, len(labels)+len(r.Labels)+1)
	for name, value := range labels {
		all[name] = value
	}
	all[model.MetricNameLabel] = model.LabelValue(r.Name)
	for name, value := range r.Labels {
		if all[name] = value; value == "" {
			delete(all, name)
		}
	}
	return all
}

func compare(a, b model.LabelSet) int {
	switch {
	case a.Equal(b):
		return 0
	case a.Before(b):
		return -1
	}
	return 1
}
