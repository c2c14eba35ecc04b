package history

import "time"

// merge turns points into samples: it goes through them in order of time, and
// of equal times in order of arrival, holding back one sample until it knows
// what comes next.
type merge struct {
	query SampleQuery
	late  []point // not yet merged
	into  *Samples

	cadence int64 // of main, 0 while unknown
	limit   int64 // of main's parts so far; 0 before the first

	held    point
	holding bool
	done    bool // nothing later matters
}

// main goes through a part of main, and through what came late before its end.
func (m *merge) main(part *pointsOf) {
	if part.intervals >= minIntervals {
		m.cadence = part.cadence
	}
	limit := m.query.Staleness.limit(m.cadence)
	for _, p := range part.points {
		if m.done {
			return
		}
		m.lateBefore(p.time)
		p.limit, m.limit = limit, limit
		m.next(p)
	}
}

// lateBefore goes through what came late and is older than a time. At equal
// times main came first.
func (m *merge) lateBefore(time int64) {
	for len(m.late) > 0 && m.late[0].time < time && !m.done {
		m.nextLate()
	}
}

// nextLate goes to the next late point. Few late rows do not know their own
// cadence; that of main around them does as well.
func (m *merge) nextLate() {
	p := m.late[0]
	m.late = m.late[1:]
	if m.limit > 0 {
		p.limit = min(p.limit, m.limit)
	}
	m.next(p)
}

// finish goes through what is left.
func (m *merge) finish() {
	for len(m.late) > 0 && !m.done {
		m.nextLate()
	}
	if m.holding {
		m.emitHeld()
		m.emitMarker(m.held.time+m.held.limit, 0, false)
	}
}

// next goes to a point.
func (m *merge) next(p point) {
	ms := milliseconds(p.time)
	switch {
	case p.end:
		m.end(p)
		return
	case m.holding && milliseconds(m.held.time) == ms: // the last one wins
		m.held = p
		return
	case m.holding:
		m.emitHeld()
		if p.time-m.held.time > m.held.limit {
			m.emitMarker(m.held.time+m.held.limit, ms, true)
		}
	}
	m.held, m.holding = p, true
	m.done = ms > m.query.To
	if m.done {
		m.holding = false
	}
}

// end is the end of the track: it ends the series if it is alive. In the
// millisecond of a sample, it ends it in the next.
func (m *merge) end(p point) {
	if !m.holding {
		return
	}
	m.held.limit = min(m.held.limit, max(p.time-m.held.time, int64(time.Millisecond)))
}

func (m *merge) emitHeld() { m.emit(milliseconds(m.held.time), m.held.value) }

// emitMarker ends the series at a time, unless a sample is there: the held one,
// or the next one.
func (m *merge) emitMarker(time, next int64, hasNext bool) {
	ms := milliseconds(time)
	if ms > milliseconds(m.held.time) && !(hasNext && ms >= next) {
		m.emit(ms, StaleMarker)
	}
}

func (m *merge) emit(ms int64, v float64) {
	if ms < m.query.From || ms > m.query.To {
		return
	}
	if m.query.Latest {
		m.into.reset()
	}
	m.into.add(ms, v)
}

// milliseconds rounds nanoseconds down.
func milliseconds(ns int64) int64 {
	ms := ns / int64(time.Millisecond)
	if ns%int64(time.Millisecond) < 0 {
		ms--
	}
	return ms
}
