package fold

import "weir/pkg/schema"

// Clock returns the latest receipt of an event, unix nanoseconds, 0 before the
// first.
func (s *State) Clock() int64 { return s.clock }

// SourceNow is a source as the state has it: valid while it is visited, and not
// to be changed. Its lists of labels are never changed in place.
type SourceNow struct {
	*schema.Source
	Number uint64
	of     *source
}

// SourcesNow calls visit for each source of the tenants that wanted agrees to, in
// ascending order of tenant, kind and id. The state must be Ordered.
func (s *State) SourcesNow(wanted func(schema.Tenant) bool, visit func(*SourceNow)) {
	var now SourceNow
	for _, t := range s.tenants.ordered {
		if !wanted(t.Tenant) {
			continue
		}
		for _, src := range t.ordered {
			now = SourceNow{&src.Source, src.number, src}
			visit(&now)
		}
	}
}

// SeriesLabels returns the labels that the source's series have now, dimensions
// apart, ascending by name. A source has them even if it has no series.
func (n *SourceNow) SeriesLabels() []schema.Label {
	src := n.of
	if tr := src.plain.track; tr != nil && tr.is(src.Labels, src.Parent) {
		return tr.series
	}
	return seriesLabels(&track{source: src, strand: &strand{source: src}, labels: src.Labels, parent: src.Parent})
}

// TrackNow is a track as the state has it: valid while its source is visited.
type TrackNow struct {
	Number uint64
	Chunks uint64 // sealed so far
	Rows   int    // in the open log of what came in order
	Newest int64  // time of its newest row that came in order and is no end
	of     *track
}

// View makes v the track's view, which may be kept.
func (n *TrackNow) View(v *TrackView) { n.of.viewInto(v) }

// Latest returns that of the source's current tracks which has the newest reading,
// and whether there is one.
func (n *SourceNow) Latest() (latest TrackNow, found bool) {
	var tr *track
	n.eachCurrent(func(other *track) {
		if tr == nil || other.read > tr.read || other.read == tr.read && other.number < tr.number {
			tr = other
		}
	})
	if tr == nil || tr.read == noTime {
		return TrackNow{}, false
	}
	return TrackNow{tr.number, tr.chunks, tr.main.Len(), tr.read, tr}, true
}

// Misses reports whether Missing may have anything.
func (n *SourceNow) Misses() (some bool) {
	n.eachCurrent(func(tr *track) { some = some || len(tr.absent) > 0 })
	return some
}

// Missing calls visit with the fields that the newest readings of a current track
// lack, for each such track that has not ended: with the labels of its series and
// the time of its newest reading.
func (n *SourceNow) Missing(visit func(series []schema.Label, newest int64, a Absence)) {
	n.eachCurrent(func(tr *track) {
		if tr.read != tr.newest {
			return
		}
		for _, a := range tr.absent {
			if a.Since != 0 && a.Since != neverThere {
				visit(tr.series, tr.read, a)
			}
		}
	})
}

// eachCurrent calls visit with the current track of each of the source's strands.
func (n *SourceNow) eachCurrent(visit func(*track)) {
	if tr := n.of.plain.track; tr != nil {
		visit(tr)
	}
	for _, st := range n.of.strands {
		if st.track != nil {
			visit(st.track)
		}
	}
}
