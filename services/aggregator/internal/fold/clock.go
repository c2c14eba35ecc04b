package fold

import "weir/pkg/schema"

// What a reading's own time can be.
type plausibility uint8

const (
	noDate   plausibility = iota // it gave none: a device may only know its uptime
	believed                     // it is used
	tooEarly                     // before what the settings allow
	tooLate                      // too far ahead of its receipt
	plausibilities
)

func (s *Settings) plausible(r *schema.Reading, received int64) plausibility {
	switch r.Clock {
	case schema.ClockRFC3339, schema.ClockEpoch, schema.ClockUnix:
	default:
		return noDate
	}
	switch {
	case r.Time < s.Earliest:
		return tooEarly
	case r.Time > received+int64(s.Ahead):
		return tooLate
	}
	return believed
}

// times says for what times the readings of an event count: for their own where
// that is plausible, else for that of the event's receipt. Where several are not,
// the newest that is too early stands for the receipt, and so does the newest that
// is too far ahead; the others stay as far before it as they say: a batch of a
// sender with a wrong clock keeps its shape, and no sample of a series hides
// another. It depends on the event and the settings alone, so that folding the
// journal again gives the same times.
type times struct {
	settings *Settings
	received int64
	newest   [plausibilities]int64
	any      [plausibilities]bool
}

func (s *Settings) times(readings []schema.Reading, received int64) times {
	t := times{settings: s, received: received}
	for i := range readings {
		p := s.plausible(&readings[i], received)
		if at := readings[i].Time; !t.any[p] || at > t.newest[p] {
			t.newest[p], t.any[p] = at, true
		}
	}
	return t
}

// of returns the time that one of the readings counts for. skewed says that the
// device gave a date and that it was not plausible; a device that only knows its
// uptime is not skewed.
func (t *times) of(r *schema.Reading) (at int64, skewed bool) {
	p := t.settings.plausible(r, t.received)
	switch p {
	case noDate:
		return t.received, false
	case believed:
		return r.Time, false
	}
	// One that would be too early even so counts as if it had come alone. Times are
	// any number, so their difference may only fit without a sign.
	before, most := uint64(t.newest[p])-uint64(r.Time), t.received-t.settings.Earliest
	if most < 0 || before > uint64(most) {
		return t.received, true
	}
	return t.received - int64(before), true
}
