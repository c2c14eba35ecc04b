package promapi

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// gather returns what read gives for any of the sets of matchers, each once,
// ascending. It ends early when there are more than most; 0 is for no bound.
//
// What several sets select is joined at once: a request has room for a hundred
// thousand sets, and all of them may select the same series.
func gather[T any](sets [][]*labels.Matcher, most int, compare func(a, b T) int, read func(set []*labels.Matcher) ([]T, error)) ([]T, error) {
	var all []T
	for _, set := range sets {
		some, err := read(set)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		slices.SortFunc(all, compare)
		all = slices.CompactFunc(all, func(a, b T) bool { return compare(a, b) == 0 })
		if most > 0 && len(all) > most {
			break
		}
	}
	return all, nil
}
