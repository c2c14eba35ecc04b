package model

import "time"

// ClockKind says how well a device knows the time.
type ClockKind uint8

// The kinds of clocks.
const (
	ClockRight ClockKind = iota
	ClockDrifting
	ClockLost // says 1970 and counts from its boot
)

// Clock is a device's clock.
type Clock struct {
	Kind   ClockKind
	Offset time.Duration // drifting: how far it is off when the simulation begins
	Drift  float64       // drifting: seconds it gains in a second
}

// NewClock gives a device a clock: nine in ten are right, seven in a hundred
// drift by up to two minutes, three in a hundred have lost the time.
func NewClock(n Noise) Clock {
	switch u := n.At(0); {
	case u < 0.90:
		return Clock{}
	case u < 0.97:
		return Clock{
			Kind:   ClockDrifting,
			Offset: time.Duration(n.Between(1, -120, 120) * float64(time.Second)).Round(time.Millisecond),
			Drift:  n.Between(2, -50e-6, 50e-6),
		}
	}
	return Clock{Kind: ClockLost}
}

// Says returns what the clock shows at a moment that is elapsed after the
// simulation's begin, for a device that has run for uptime.
func (c Clock) Says(at time.Time, elapsed, uptime time.Duration) time.Time {
	switch c.Kind {
	case ClockDrifting:
		return at.Add(c.Offset + time.Duration(float64(elapsed)*c.Drift))
	case ClockLost:
		return time.Unix(0, 0).Add(uptime)
	}
	return at
}
