package history

import "time"

// When a series ends is learned from the samples before: main and late ones
// together, of one field, and from nothing else. So it depends neither on the
// order in which they came nor on what chunks they are in.
const (
	// learnedFrom is how many intervals are looked at: enough for their median
	// to bear lost samples and gaps, few enough to learn another interval soon.
	learnedFrom = 8
	// learnedFromLeast is how few intervals tell anything.
	learnedFromLeast = 3
	// learnedWithin is how many Ceilings before a sample the intervals lie: as
	// many as eight that are short enough to matter take. What was before a long
	// silence tells nothing.
	learnedWithin = 4
)

// Reach returns how far before a range of time the samples lie on which the
// answer for the range depends.
func (s Staleness) Reach() time.Duration {
	l := s.limits()
	return time.Duration(l.ceiling+l.within) * time.Millisecond
}

// Expecting returns how long a series lives whose samples are said to come at an
// interval, which then need not be learned; 0 for one of which nothing is said.
func (s Staleness) Expecting(interval time.Duration) Staleness {
	if interval <= 0 {
		return s
	}
	if s == (Staleness{}) {
		s = DefaultStaleness
	}
	life := time.Duration(min(max(s.Factor*float64(interval), float64(s.Floor)), float64(s.Ceiling)))
	return Staleness{Factor: s.Factor, Floor: life, Ceiling: life}
}

// limits is a Staleness in milliseconds.
type limits struct {
	factor                 float64
	floor, ceiling, within int64
}

func (s Staleness) limits() limits {
	if s == (Staleness{}) {
		s = DefaultStaleness
	}
	l := limits{factor: s.Factor, ceiling: roundedUp(s.Ceiling)}
	if l.floor = min(roundedUp(s.Floor), l.ceiling); l.floor < l.ceiling {
		l.within = learnedWithin * l.ceiling
	}
	return l
}

// roundedUp returns whole milliseconds.
func roundedUp(d time.Duration) int64 { return -milliseconds(-int64(d)) }

// of returns after how many milliseconds a series ends whose samples usually
// have this interval; 0 is an unknown interval.
func (l *limits) of(interval int64) int64 {
	if interval <= 0 {
		return l.ceiling
	}
	return int64(min(max(l.factor*float64(interval), float64(l.floor)), float64(l.ceiling)))
}

// ring is a power of two above learnedFrom.
const ring = 16

// recent is the times of the latest samples, in milliseconds.
type recent struct {
	times [ring]int64
	n     uint // how many there were
}

func (r *recent) add(ms int64) {
	r.times[r.n%ring] = ms
	r.n++
}

// least returns the least of the last four intervals, which is no longer than
// what interval returns, however many there are; 0 if some may be unknown.
func (r *recent) least(known int64) int64 {
	const four = learnedFrom / 2
	if r.n <= four || r.times[(r.n-1-four)%ring] < known {
		return 0
	}
	least := int64(never)
	for i := r.n - four; i < r.n; i++ {
		least = min(least, r.times[i%ring]-r.times[(i-1)%ring])
	}
	return least
}

// interval returns the usual interval between samples up to the latest one, of
// those not older than oldest: the median, of an even number the larger; 0 if
// there are too few. It is false if samples before known, which may be missing,
// could be among them.
func (r *recent) interval(oldest, known int64) (median int64, all bool) {
	var sorted [learnedFrom]int64
	n, later := 0, r.times[(r.n-1)%ring]
	for ; n < learnedFrom; n++ {
		earlier := int64(-never)
		if uint(n)+2 <= r.n {
			earlier = r.times[(r.n-2-uint(n))%ring]
		}
		if earlier < max(oldest, known) {
			if oldest < known {
				return 0, false
			}
			break
		}
		i := n
		for ; i > 0 && sorted[i-1] > later-earlier; i-- {
			sorted[i] = sorted[i-1]
		}
		sorted[i], later = later-earlier, earlier
	}
	if n >= learnedFromLeast {
		median = sorted[n/2]
	}
	return median, true
}
