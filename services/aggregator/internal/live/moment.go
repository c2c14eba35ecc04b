package live

import "time"

// Moment is when it is asked for live series.
type Moment struct {
	Now int64 // unix nanoseconds

	// From when till when nothing could be heard, because weir was not there: a
	// silence in that time is nobody's. Unix nanoseconds; both 0 for never.
	DeafFrom, DeafTo int64
}

// tolerance is how old the end of a range may be that is meant to be now: who
// evaluates a rule asks a little later for the time at which it was due.
const tolerance = 30 * time.Second

// Sample returns the time of the live series' one sample in a range, both unix
// milliseconds, and whether the range has it.
func (m *Moment) Sample(from, to int64) (at int64, has bool) {
	now := milliseconds(m.Now)
	at = min(now, to)
	return at, at >= now-tolerance.Milliseconds() && at >= from
}

// silence returns for how long a source was silent, in nanoseconds: at the most,
// and at the least, if it spoke as long as nobody could hear.
func (m *Moment) silence(lastSeen int64) (most, least int64) {
	most = max(m.Now-lastSeen, 0)
	deaf := min(m.DeafTo, m.Now) - max(m.DeafFrom, lastSeen)
	return most, most - min(max(deaf, 0), most)
}
