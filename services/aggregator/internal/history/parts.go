package history

import (
	"math"
	"time"

	"weir/pkg/schema"
)

// Parts is what a track's history in a range of time is made of. For samples,
// give all parts that have rows from Staleness.Reach before the range up to its
// end: how soon a series ends is learned from up to eight intervals before. More
// than these change nothing. Fewer often do, if Since tells how few: all that
// have rows from the Staleness' Ceiling before the range.
type Parts struct {
	Main    []Chunk // ascending in time
	MainLog LogView // newer than all of Main
	Late    []Chunk // in the order of their sealing
	LateLog LogView // come after all of Late

	// For samples, in unix nanoseconds; 0 for none.
	First int64 // rows before this time are forgotten: as if they were not there
	Since int64 // rows before this time may be missing

	// Ends, for samples, is when the track's source sent something under other
	// labels, in unix nanoseconds, ascending: of all such times from the Staleness'
	// Ceiling before the range up to its end, at least the first one and the first
	// one behind each row of the track. A series ends at the first that is later
	// than its last sample, as at a row that is an end.
	Ends []int64
}

// Samples is a series: times in unix milliseconds, ascending and distinct, and
// as many values. Staleness markers are among them.
type Samples struct {
	T []int64
	V []float64
}

func (s *Samples) reset() { s.T, s.V = s.T[:0], s.V[:0] }

func (s *Samples) add(t int64, v float64) { s.T, s.V = append(s.T, t), append(s.V, v) }

// SampleQuery asks for a field's series in a range, of Parts that reach as far
// back before it as Staleness says.
type SampleQuery struct {
	Field     schema.Field
	From, To  int64 // unix milliseconds, both inclusive
	Latest    bool  // only the last sample of the answer: the newest, or the marker that ends it
	Staleness Staleness
	// Lag is how much longer than Staleness says a series lives after its newest
	// sample: how late it came. Who has a slow clock is not silent.
	Lag time.Duration
	// Hold, if it is not 0, makes a sample hold until the next one or an end: it is
	// repeated each Hold after it, and Staleness and Lag do not matter.
	Hold time.Duration
}

// Staleness says how long a series lives after a sample: Factor × the usual
// interval between its samples, but at least Floor and at most Ceiling, in whole
// milliseconds. The usual interval is the median of the last eight between
// samples up to that one, of the four Ceilings before it; while there are fewer
// than three, the series lives for the Ceiling. The zero value stands for
// DefaultStaleness.
type Staleness struct {
	Factor         float64
	Floor, Ceiling time.Duration
}

// DefaultStaleness tolerates one lost sample and some delay, never ends a
// series sooner than two missed scrapes of 15 s would, and keeps it no longer
// than Prometheus' lookback.
var DefaultStaleness = Staleness{Factor: 2.5, Floor: 30 * time.Second, Ceiling: 5 * time.Minute}

// StaleMarker is the value that ends a series: Prometheus' stale NaN. Compare
// its bits with IsStale; as a number it is unequal to itself.
var StaleMarker = math.Float64frombits(staleBits)

const staleBits = 0x7ff0000000000002

// IsStale reports whether a value is StaleMarker.
func IsStale(v float64) bool { return math.Float64bits(v) == staleBits }
