package history

import (
	"math"
	"sort"
	"time"
)

// merge turns points into samples: it goes through them in order of time, and
// of equal times in order of arrival, holding back one sample until it knows
// what comes next.
type merge struct {
	query  SampleQuery
	limits limits
	first  int64   // points before are forgotten, in unix nanoseconds
	known  int64   // points before this millisecond may be missing
	late   []point // not yet merged
	others []int64 // the parts' Ends that are later than the sample before the held one
	into   *Samples

	held    int64 // the held sample, in milliseconds
	exactly int64 // the same in nanoseconds
	value   float64
	ends    int64 // an end ends it so many milliseconds later; never without one
	recent  recent
	holding bool
	newest  bool // nothing is later than the held sample
	reached bool // some point tells what a held series is at the beginning
	done    bool // nothing later matters
	lacking bool // the answer depends on points that are missing
}

const never = math.MaxInt64 / 2

// everythingRead is from when on all is known if nothing is missing.
const everythingRead = math.MinInt64

// newMerge begins a merge of main points, all of which are known from a time on,
// in unix nanoseconds, with late ones.
func (d *Decoder) newMerge(p *Parts, q SampleQuery, from int64, into *Samples) merge {
	into.reset()
	m := merge{query: q, limits: q.Staleness.limits(), first: everythingRead, known: -never, others: p.Ends, into: into}
	if p.First != 0 {
		m.first = p.First
	}
	if from != everythingRead {
		m.known = milliseconds(from)
	}
	from = max(from, m.first)
	m.late = d.late[sort.Search(len(d.late), func(i int) bool { return d.late[i].time >= from }):]
	return m
}

// main goes through a part of main, and through what came late before its end.
func (m *merge) main(part []point) {
	for len(part) > 0 && part[0].time < m.first {
		part = part[1:]
	}
	for i := range part {
		if m.done {
			return
		}
		m.lateBefore(part[i].time)
		m.next(&part[i])
	}
}

// lateBefore goes through what came late and is older than a time. At equal
// times main came first.
func (m *merge) lateBefore(time int64) {
	for len(m.late) > 0 && m.late[0].time < time && !m.done {
		m.nextLate()
	}
}

func (m *merge) nextLate() {
	p := &m.late[0]
	m.late = m.late[1:]
	m.next(p)
}

// finish goes through what is left, and reports whether the answer is complete.
func (m *merge) finish() bool {
	for len(m.late) > 0 && !m.done {
		m.nextLate()
	}
	if m.holding && !m.done {
		m.newest = true
		m.release(never)
	}
	if m.query.Hold > 0 && !m.reached && m.known != -never {
		return false
	}
	return !m.lacking
}

// next goes to a point.
func (m *merge) next(p *point) {
	ms := milliseconds(p.time)
	m.reached = m.reached || ms >= m.known && (ms <= m.query.From || m.query.Latest && !p.end && ms <= m.query.To)
	switch {
	case p.end:
		m.end(p.time)
		return
	case m.holding && m.held == ms: // the last one wins
		m.exactly, m.value, m.ends = p.time, p.value, never
		return
	case m.holding:
		m.release(ms)
	}
	m.done = m.done || ms > m.query.To
	m.held, m.exactly, m.value, m.ends, m.holding = ms, p.time, p.value, never, true
	m.recent.add(ms)
}

// end notes an end of the held sample. One of the same nanosecond is none: which
// of the two came first must not matter.
func (m *merge) end(time int64) {
	if time > m.exactly {
		// In the millisecond of the sample, it ends the series in the next.
		m.ends = min(m.ends, max(milliseconds(time)-m.held, 1))
	}
}

// other notes the first of the parts' Ends that is later than the held sample.
func (m *merge) other() {
	for len(m.others) > 0 && m.others[0] <= m.exactly {
		m.others = m.others[1:]
	}
	if len(m.others) > 0 {
		m.end(m.others[0])
	}
}

// release lets go of the held sample, and ends the series if the next sample, at
// a millisecond, comes too late for it.
func (m *merge) release(next int64) {
	m.emit(m.held, m.value)
	if len(m.others) > 0 {
		m.other()
	}
	gap := min(next, m.query.To+1) - m.held // a marker behind the range is none of the answer
	if m.query.Hold > 0 {
		m.hold(gap)
	} else if gap > m.limits.floor || gap > m.ends {
		m.gap(gap)
	}
}

// hold repeats the held sample until the next one or its end.
func (m *merge) hold(gap int64) {
	step := max(m.query.Hold.Milliseconds(), 1)
	life := min(gap, m.ends)
	after := max((m.query.From-m.held-1)/step, 0) + 1
	if m.query.Latest {
		after = max(after, (life-1)/step)
	}
	for t := after * step; t < life && !IsStale(m.value); t += step {
		m.emit(m.held+t, m.value)
	}
	if m.ends < gap {
		m.emit(m.held+m.ends, StaleMarker)
	}
}

// gap ends the series of the held sample if it does not live so long.
func (m *merge) gap(length int64) {
	life := min(m.ends, m.limits.ceiling)
	if length <= life && m.limits.factor*float64(m.recent.least(m.known)) >= float64(length) {
		return // the limit is not less: usual for a series of long intervals
	}
	if life > m.limits.floor && m.held+m.limits.ceiling >= m.query.From {
		life = min(life, m.limit())
	}
	if m.newest {
		life = min(life+m.query.Lag.Milliseconds(), m.ends)
	}
	if length > life {
		m.emit(m.held+life, StaleMarker)
	}
}

// limit returns after how many milliseconds without a sample the series ends.
func (m *merge) limit() int64 {
	if m.limits.floor == m.limits.ceiling {
		return m.limits.ceiling
	}
	interval, all := m.recent.interval(m.held-m.limits.within, m.known)
	if !all {
		m.lacking, m.done = true, true
	}
	return m.limits.of(interval)
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
	if ms*int64(time.Millisecond) > ns {
		ms--
	}
	return ms
}
