package history

import (
	"math"
	"time"

	"weir/pkg/schema"
)

// Parts is what a track's history in a range of time is made of. To judge a
// gap at the range's ends, give the parts next to it too, where there are any.
type Parts struct {
	Main    []Chunk // ascending in time
	MainLog LogView // newer than all of Main
	Late    []Chunk // in the order of their sealing
	LateLog LogView // come after all of Late
}

// Samples is a series: times in unix milliseconds, ascending and distinct, and
// as many values. Staleness markers are among them.
type Samples struct {
	T []int64
	V []float64
}

func (s *Samples) reset() { s.T, s.V = s.T[:0], s.V[:0] }

func (s *Samples) add(t int64, v float64) { s.T, s.V = append(s.T, t), append(s.V, v) }

// SampleQuery asks for a field's series.
type SampleQuery struct {
	Field     schema.Field
	From, To  int64 // unix milliseconds, both inclusive
	Latest    bool  // only the last sample of the answer: the newest, or the marker that ends it
	Staleness Staleness
}

// Staleness says how long a series lives after a sample: Factor × the usual
// interval between its samples, but at least Floor and at most Ceiling. The
// zero value stands for DefaultStaleness.
type Staleness struct {
	Factor         float64
	Floor, Ceiling time.Duration
}

// DefaultStaleness tolerates one lost sample and some delay, never ends a
// series sooner than two missed scrapes of 15 s would, and keeps it no longer
// than Prometheus' lookback.
var DefaultStaleness = Staleness{Factor: 2.5, Floor: 30 * time.Second, Ceiling: 5 * time.Minute}

// limit returns after how many nanoseconds a series with this interval between
// samples ends; 0 is an unknown interval.
func (s Staleness) limit(cadence int64) int64 {
	if cadence <= 0 {
		return int64(s.Ceiling)
	}
	limit := s.Factor * float64(cadence)
	return int64(min(max(limit, float64(s.Floor)), float64(s.Ceiling)))
}

// StaleMarker is the value that ends a series: Prometheus' stale NaN. Compare
// its bits with IsStale; as a number it is unequal to itself.
var StaleMarker = math.Float64frombits(staleBits)

const staleBits = 0x7ff0000000000002

// IsStale reports whether a value is StaleMarker.
func IsStale(v float64) bool { return math.Float64bits(v) == staleBits }
