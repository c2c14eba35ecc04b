package historytest

import "math/rand/v2"

const (
	second      = int64(1e9)
	millisecond = int64(1e6)
	microsecond = int64(1e3)
)

// start is the first time of every set: the beginning of a bucket, so that a
// few thousand rows are in one.
const start = 82870 * 6 * 3600 * second

// clock is how a device gives the times of its readings.
type clock struct {
	cadence int64
	jitter  int64 // up to so much before or after the beat
	delay   int64 // every interval is longer by up to so much: the beat itself moves
	unit    int64 // of what the device sends
}

// clocks are kinds of clocks.
var clocks = []struct {
	name  string
	clock clock
}{
	{"clock: 10 s", clock{cadence: 10 * second}},
	{"clock: 10 s ±5 ms in ms", clock{cadence: 10 * second, jitter: 5 * millisecond, unit: millisecond}},
	{"clock: 10 s ±5 ms in ns", clock{cadence: 10 * second, jitter: 5 * millisecond, unit: 1}},
	{"clock: 1 s ±5 ms in ms", clock{cadence: second, jitter: 5 * millisecond, unit: millisecond}},
	{"clock: 1 s ±5 ms in ns", clock{cadence: second, jitter: 5 * millisecond, unit: 1}},
	{"clock: 10 s, late by up to 1 ms in us", clock{cadence: 10 * second, delay: millisecond, unit: microsecond}},
}

// times returns n times, ascending.
func (c clock) times(r *rand.Rand, n int) []int64 {
	unit := max(c.unit, 1)
	beat := start + second + r.Int64N(second)/unit*unit
	times := make([]int64, n)
	for i := range times {
		at := beat
		if c.jitter > 0 {
			at += r.Int64N(2*c.jitter+1) - c.jitter
		}
		times[i] = at / unit * unit
		beat += c.cadence
		if c.delay > 0 {
			beat += r.Int64N(c.delay)
		}
	}
	return times
}
