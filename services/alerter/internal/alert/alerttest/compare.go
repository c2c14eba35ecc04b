package alerttest

import (
	"math"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
)

// Diff returns how two states differ, "" if they do not.
func Diff(want, got *alert.State) string {
	return cmp.Diff(view(want), view(got), cmp.Comparer(func(a, b alert.Value) bool {
		return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
	}))
}

// view is a state with nothing in its history beyond what it promises.
func view(s *alert.State) alert.State {
	v := *s
	v.History, v.HistoryBytes = s.Latest(), 0
	return v
}
