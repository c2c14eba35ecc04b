package live

import (
	"math"
	"slices"
	"time"

	"weir/services/aggregator/internal/history"
)

// How a usual interval is learned: as history learns when a series ends.
const (
	learnedFrom      = 8 // intervals, the latest ones
	learnedFromLeast = 3 // fewer tell nothing
	learnedWithin    = 4 // Ceilings before the latest row; what was before a long silence tells nothing
)

// Rows is how many of its latest rows a Cadence learns from.
const Rows = learnedFrom + 1

// Cadence is how often a track gets rows: the times of its latest ones. A row of
// the same millisecond as the one before is no other.
type Cadence struct {
	times [Rows]int64 // ascending, the last n
	n     int
}

// Add adds the time of a row, unix nanoseconds. One that is not later than the
// newest is passed over.
func (c *Cadence) Add(at int64) {
	if at = milliseconds(at); c.n > 0 && at <= c.times[Rows-1] {
		return
	}
	copy(c.times[:], c.times[1:])
	c.times[Rows-1] = at
	c.n = min(c.n+1, Rows)
}

// Limit is how long a source may be silent.
type Limit struct {
	Time    time.Duration
	Learned bool // from its readings, or it is said; else it is the Ceiling
}

// Unlimited is the limit of a source that may be silent for ever.
var Unlimited = Limit{Time: math.MaxInt64 / 2}

// Limit returns after how long without a row the track's source counts as
// silent, by the Staleness that ends series too.
func (c *Cadence) Limit(s history.Staleness) Limit {
	interval := c.interval(s)
	if interval == 0 {
		return Limit{Time: s.Ceiling}
	}
	return Limit{Time: time.Duration(min(max(s.Factor*float64(interval), float64(s.Floor)), float64(s.Ceiling))), Learned: true}
}

// Expected returns after how long without a reading a source counts as silent that
// is said to send at an interval. It may be longer than the Ceiling: who sends each
// hour is not gone after minutes.
func Expected(s history.Staleness, interval time.Duration) Limit {
	return Limit{Time: time.Duration(min(max(s.Factor*float64(interval), float64(s.Floor)), math.MaxInt64/2)), Learned: true}
}

// Within returns how long before its newest row a track's rows matter.
func Within(s history.Staleness) time.Duration { return learnedWithin * s.Ceiling }

// interval returns the usual interval: the median, of an even number the larger;
// 0 if it is not known.
func (c *Cadence) interval(s history.Staleness) time.Duration {
	var sorted [learnedFrom]int64
	n := 0
	for i := Rows - 1; i > Rows-c.n; i-- {
		if c.times[Rows-1]-c.times[i-1] > Within(s).Milliseconds() {
			break
		}
		sorted[n] = c.times[i] - c.times[i-1]
		n++
	}
	if n < learnedFromLeast {
		return 0
	}
	slices.Sort(sorted[:n])
	return time.Duration(sorted[n/2]) * time.Millisecond
}

// milliseconds rounds nanoseconds down.
func milliseconds(ns int64) int64 {
	ms := ns / int64(time.Millisecond)
	if ms*int64(time.Millisecond) > ns {
		ms--
	}
	return ms
}
