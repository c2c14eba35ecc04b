package historytest

import (
	"math/rand/v2"

	"weir/services/aggregator/internal/history"
)

// Set is a kind of data.
type Set struct {
	Name string
	rows func(r *rand.Rand, n int) []history.Row
}

// Rows returns n rows of one track, ascending in time.
func (s Set) Rows(seed uint64, n int) []history.Row {
	return s.rows(rand.New(rand.NewPCG(seed, 0)), n)
}

// Sets lists all kinds: single series by their values, on a steady clock of
// 10 s; clocks, with a constant value; and whole rows as they come.
func Sets() []Set {
	var sets []Set
	for _, s := range series {
		sets = append(sets, Set{s.name, single(s.values, clock{cadence: 10 * second})})
	}
	for _, c := range clocks {
		sets = append(sets, Set{c.name, single(constant, c.clock)})
	}
	return append(sets,
		Set{"task metrics, 10 s ±5 ms in ns", taskRows(clock{cadence: 10 * second, jitter: 5 * millisecond, unit: 1})},
		Set{"task metrics, 1 s ±5 ms in ns", taskRows(clock{cadence: second, jitter: 5 * millisecond, unit: 1})},
		Set{"task metrics, 10 s and late by up to 1 ms in ns", taskRows(clock{cadence: 10 * second, delay: millisecond, unit: 1})},
		Set{"spore nodes, 10 s ±5 ms in ns", sporeRows(clock{cadence: 10 * second, jitter: 5 * millisecond, unit: 1})},
		Set{"spore nodes, 30 s in whole seconds", sporeRows(clock{cadence: 30 * second, jitter: 400 * millisecond, unit: second})},
	)
}

// Named returns the set of that name.
func Named(name string) (Set, bool) {
	for _, s := range Sets() {
		if s.Name == name {
			return s, true
		}
	}
	return Set{}, false
}
