package fold

import (
	"slices"
	"strings"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// strand is the tracks of a source that have the same dimensions: one at a time is
// the current one. A source that sends no dimensions, as most do, has but the
// strand without any.
type strand struct {
	source *source
	dims   []schema.Label
	key    string // of the source's strands; "" for the one without dimensions

	track  *track   // the current one; nil if there is none
	tracks []*track // all, by number
	// identities lists tracks, where they are many, by labels and parent; nil
	// where they are few, or not listed yet.
	identities map[string]*track
	thinned    bool // tracks has some that are forgotten, for a moment

	event uint64 // the last one that had values for it, by this State's count
}

// strandOf returns the strand of dimensions, nil if there is none yet.
func (s *State) strandOf(src *source, dims []schema.Label) *strand {
	if len(dims) == 0 {
		return &src.plain
	}
	s.key = appendDims(s.key[:0], dims)
	return src.strands[string(s.key)]
}

// addStrand returns the strand of dimensions, which comes into being if it must.
func (src *source) addStrand(dims []schema.Label) *strand {
	if len(dims) == 0 {
		return &src.plain
	}
	key := string(appendDims(nil, dims))
	st := src.strands[key]
	if st == nil {
		st = &strand{source: src, dims: cloneLabels(dims), key: key}
		if src.strands == nil {
			src.strands = map[string]*strand{}
		}
		src.strands[key] = st
	}
	return st
}

func appendDims(b []byte, dims []schema.Label) []byte {
	for _, l := range dims {
		b = wire.AppendString(wire.AppendString(b, l.Name), l.Value)
	}
	return b
}

// isLate reports whether a time is older than the newest row of the strand's
// current track. A reading that is late does not say which labels the source has
// now.
func (st *strand) isLate(at int64) bool { return st.track != nil && at < st.track.newest }

// trackOf returns the track with these labels, nil if there is none yet.
func (st *strand) trackOf(labels []schema.Label, parent string) *track {
	if tr := st.track; tr != nil && tr.is(labels, parent) {
		return tr
	}
	if len(st.tracks) > fewTracks {
		return st.byIdentity()[identityKey(labels, parent)]
	}
	for _, tr := range st.tracks {
		if tr.is(labels, parent) {
			return tr
		}
	}
	return nil
}

// fewTracks is up to how many tracks of a strand are looked through. There are
// more where a device puts into a label what changes all the time.
const fewTracks = 16

// byIdentity returns the tracks of a strand that has many.
func (st *strand) byIdentity() map[string]*track {
	if st.identities == nil {
		st.identities = make(map[string]*track, len(st.tracks))
		for _, tr := range st.tracks {
			st.identities[identityKey(tr.labels, tr.parent)] = tr
		}
	}
	return st.identities
}

func identityKey(labels []schema.Label, parent string) string {
	return string(appendDims(wire.AppendString(nil, parent), labels))
}

// identity returns the labels and the parent under which a reading is kept. One
// that is late for its source and has none belongs to the strand's current track:
// it does not say which the source had.
func (st *strand) identity(r *schema.Reading, old bool) (labels []schema.Label, parent string) {
	labels, parent = st.source.Labels, st.source.Parent
	if old && st.track != nil {
		labels, parent = st.track.labels, st.track.parent
	}
	if r.Labels != nil {
		labels = r.Labels
	}
	if r.Parent != "" {
		parent = r.Parent
	}
	return labels, parent
}

// list enters a track.
func (st *strand) list(tr *track) {
	st.tracks = append(st.tracks, tr)
	if st.identities != nil {
		st.identities[identityKey(tr.labels, tr.parent)] = tr
	}
	st.source.tracks = append(st.source.tracks, tr)
}

// thin drops the tracks that are forgotten from the lists of their strand and
// source, and a strand of which nothing is left.
func (st *strand) thin() {
	forgotten := func(tr *track) bool { return tr.forgotten }
	if src := st.source; src.thinned {
		src.thinned = false
		src.tracks = slices.DeleteFunc(src.tracks, forgotten)
	}
	if !st.thinned {
		return
	}
	st.thinned = false
	st.tracks = slices.DeleteFunc(st.tracks, forgotten)
	if len(st.tracks) == 0 && st.key != "" {
		delete(st.source.strands, st.key)
	}
}

// end ends the series of a reading's dimensions. It brings nothing into being.
func (s *State) end(t *tenant, e *schema.Event, r *schema.Reading, at int64, out *HistoryOutcome) {
	if r.Tenant != nil {
		t = s.tenants.byName[*r.Tenant]
	}
	if t == nil || t.sources[nameIn(r)] == nil {
		return
	}
	src := t.sources[nameIn(r)]
	s.tenants.touch(t) // it may be sealed
	s.sources.touch(src)
	s.hear(src, e, r)
	if r.All && len(r.Named) > 0 {
		s.endNamed(src, r.Named, at, out)
	} else if r.All {
		s.endAll(src, at, out)
	} else if st := s.strandOf(src, r.Dims); st != nil && st.track != nil {
		s.appendEnd(st.track, at, src.Readings, out)
	}
}

// endAll ends all series of a source, but those of dimensions that this event had
// values for before, and those that have ended.
func (s *State) endAll(src *source, at int64, out *HistoryOutcome) {
	for _, tr := range src.tracks {
		if st := tr.strand; st.track == tr && st.event != s.events && tr.read == tr.newest {
			s.appendEnd(tr, at, src.Readings, out)
		}
	}
}

// endNamed ends the series of a source that have certain names: where a track has
// no others, all of it, and else by markers in the place of values.
func (s *State) endNamed(src *source, named []schema.NamedValue, at int64, out *HistoryOutcome) {
	var fields []schema.Field
	for i := range named {
		if f, known := s.names.byName[named[i].Name]; known {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	for _, tr := range src.tracks {
		if tr.strand.track != tr || tr.read != tr.newest || at < tr.newest {
			continue
		}
		switch ends, fresh := s.endsOf(tr, fields); {
		case len(ends) == len(tr.fields):
			s.appendEnd(tr, at, src.Readings, out)
		case fresh:
			s.row = history.Row{Time: at, Arrival: src.Readings, Fields: ends}
			s.append(tr, &s.row, out)
		}
	}
}

// endsOf returns markers for those of a track's fields that are to end, and for
// those whose markers are the newest that there is of them: so a track of which
// nothing else is left is found out, and has no further rows. fresh says that there
// are some that the newest row does not have.
func (s *State) endsOf(tr *track, fields []schema.Field) (ends []schema.FieldValue, fresh bool) {
	if !slices.ContainsFunc(tr.fields, func(f schema.Field) bool { _, named := slices.BinarySearch(fields, f); return named }) {
		return nil, false
	}
	last := s.lastFields(tr)
	for _, f := range tr.fields {
		for len(last) > 0 && last[0].Field < f {
			last = last[1:]
		}
		over := len(last) > 0 && last[0].Field == f && history.IsStale(last[0].Value)
		if _, named := slices.BinarySearch(fields, f); named || over {
			ends, fresh = append(ends, schema.FieldValue{Field: f, Value: history.StaleMarker}), fresh || !over
		}
	}
	return ends, fresh
}

func cloneTenant(t schema.Tenant) schema.Tenant {
	return schema.Tenant{Service: strings.Clone(t.Service), Subservice: strings.Clone(t.Subservice)}
}
