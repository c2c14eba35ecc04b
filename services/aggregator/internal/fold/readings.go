package fold

import (
	"slices"

	"weir/pkg/schema"
)

// reading is one of the latest readings of a source, as bytes: most of them are
// never asked for.
type reading struct {
	time    int64  // event time where plausible, else receive time
	arrival uint64 // Source.Readings when it came: 1, 2, 3 …
	slot    int    // names it in the store: a new reading takes the slot of the one that it evicts
	data    []byte // schema.StoredReading
}

// keepsReadings reports whether a kind's readings are kept: those that a page
// of an API shows.
func keepsReadings(k schema.Kind) bool {
	return k == schema.KindTask || k == schema.KindProplet
}

// latest are a source's latest readings, ascending by time, then arrival. It is
// a ring: a reading that comes in order overwrites the oldest and moves none.
type latest struct {
	ring  []reading
	start int // where the oldest stands
}

// at returns the i-th oldest reading.
func (l *latest) at(i int) *reading { return &l.ring[(l.start+i)%len(l.ring)] }

// keep inserts a reading at its place in time, behind those of the same time,
// and evicts the oldest of more than limit. So the readings kept are always the
// limit latest ones of all that came, in whichever order they came.
//
// Slots make the store's keys of a source as many as its readings: keys by
// arrival would leave a tombstone behind for each reading.
func (src *source) keep(r *schema.Reading, at, received int64, limit int) {
	l := &src.latest
	place := len(l.ring)
	for place > 0 && l.at(place-1).time > at {
		place--
	}
	n := reading{time: at, arrival: src.Readings}
	if len(l.ring) < limit { // and so start is 0
		n.slot = len(l.ring)
		n.data = slices.Clone(encodeReading(nil, r, at, received))
		l.ring = slices.Insert(l.ring, place, n)
		return
	}
	if place == 0 {
		return // older than all that are kept
	}
	oldest := l.at(0)
	n.slot, n.data = oldest.slot, encodeReading(oldest.data[:0], r, at, received)
	l.start = (l.start + 1) % len(l.ring)
	last := len(l.ring) - 1 // is free now, and place-1 is where n belongs
	for ; last > place-1; last-- {
		*l.at(last) = *l.at(last - 1)
	}
	*l.at(last) = n
}

func encodeReading(b []byte, r *schema.Reading, at, received int64) []byte {
	stored := schema.StoredReading{
		Time: at, Received: received, Parent: r.Parent,
		Dialect: r.Dialect, Clock: r.Clock, Fields: r.Fields,
	}
	return stored.AppendBinary(b)
}

// eachUnsaved calls visit for each reading that the store does not have, by
// slot, and calls them saved.
func (src *source) eachUnsaved(visit func(*reading)) {
	var unsaved []*reading
	for i := range src.latest.ring {
		if r := &src.latest.ring[i]; r.arrival > src.saved {
			unsaved = append(unsaved, r)
		}
	}
	slices.SortFunc(unsaved, func(a, b *reading) int { return a.slot - b.slot })
	for _, r := range unsaved {
		visit(r)
	}
	src.saved = src.Readings
}
