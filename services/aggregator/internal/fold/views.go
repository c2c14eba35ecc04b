package fold

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/index"

	"weir/pkg/schema"
)

// TrackView is a track at one moment. It does not change, and may be read when
// the state goes on.
//
// Its rows are those of its logs, of its pending chunks, and of the chunks in a
// view of the store that was taken after this one: of them, those with a Seq up
// to Chunks that are not pending. What lies before First is forgotten, and may
// still be there.
type TrackView struct {
	Number   uint64
	Tenant   uint64 // its number in the keys of chunks
	Name     schema.Tenant
	Kind     schema.Kind
	ID       string
	Parent   string         // a task's proplet_id
	Own      []schema.Label // the source's own labels at the time, ascending by name
	Dims     []schema.Label // of its readings, ascending by name
	Labels   []schema.Label // those of its series, ascending by name
	Fields   []schema.Field // all that it has, ascending
	First    int64          // time of its oldest row
	Newest   int64          // time of its newest row
	Chunks   uint64         // how many chunks were sealed
	Main     history.LogView
	Late     history.LogView
	Pending  []*SealedChunk // in the order of their sealing
	Interval time.Duration  // how often its source is said to send, 0 where nothing is said
	Latest   int64          // time of its source's newest reading
	Lag      time.Duration  // how late that came, by its own time; negative for a clock that is ahead
	Current  bool           // it is the current one of its source and dimensions
	Alone    bool           // its source has no other with these dimensions
	Ends     bool           // it has had an end
	Absent   []Absence      // the fields that its main rows lack or once lacked, ascending; mostly none
}

// viewInto makes v the track's view.
func (tr *track) viewInto(v *TrackView) {
	src, st := tr.source, tr.strand
	v.Number, v.Tenant, v.Name, v.Kind, v.ID = tr.number, src.tenant.number, src.Tenant, src.Kind, src.ID
	v.Parent, v.Own, v.Labels, v.Fields = tr.parent, tr.labels, tr.series, tr.fields
	v.First, v.Newest, v.Chunks = tr.first, tr.newest, tr.chunks
	v.Main, v.Late, v.Pending = tr.main.View(), tr.late.View(), tr.pending
	v.Interval, v.Latest, v.Lag = src.Interval, src.ReadingTime, time.Duration(src.ReadingSeen-src.ReadingTime)
	v.Dims, v.Ends, v.Absent = st.dims, tr.ends, tr.absences()
	v.Current, v.Alone = st.track == tr, len(st.tracks) == 1
}

// TrackMatch is a track with those of its fields that were selected.
type TrackMatch struct {
	TrackView
	Matched []schema.Field // ascending, at least one; shared, not to be changed
	// Siblings is what AddSiblings found; nil if there is no other track.
	Siblings []TrackView
}

// SelectTracks returns the series that all matchers match, of the tracks that
// have rows from..to (unix nanoseconds, inclusive) or may have them, or had some
// before that hold until they are ended, ascending by number.
func (s *State) SelectTracks(ms []*labels.Matcher, from, to int64) []TrackMatch {
	matches := s.index.Select(ms)
	found := make([]*track, 0, len(matches))
	for i := range matches {
		if tr := s.tracks.byNumber[matches[i].ID]; tr.inRange(from, to) {
			matches[len(found)] = matches[i]
			found = append(found, tr)
		}
	}
	all := make([]TrackMatch, len(found)) // views are large
	for i, tr := range found {
		tr.viewInto(&all[i].TrackView)
		all[i].Matched = matches[i].Fields
	}
	return all
}

// AddSiblings gives each of the tracks those of its source with the same
// dimensions that may have rows from..to (unix nanoseconds, inclusive), itself
// among them, by number, unless there is no other. They share the list.
func (s *State) AddSiblings(tracks []TrackMatch, from, to int64) {
	var known map[*strand][]TrackView
	for i := range tracks {
		if tracks[i].Alone {
			continue
		}
		tr := s.tracks.byNumber[tracks[i].Number]
		siblings, there := known[tr.strand]
		if !there {
			if known == nil {
				known = map[*strand][]TrackView{}
			}
			siblings = tr.strand.viewsIn(from, to)
			known[tr.strand] = siblings
		}
		if len(siblings) > 1 || len(siblings) == 1 && siblings[0].Number != tr.number {
			tracks[i].Siblings = siblings
		}
	}
}

// viewsIn returns the views of a strand's tracks that may have rows from..to.
func (st *strand) viewsIn(from, to int64) []TrackView {
	var found []*track
	for _, tr := range st.tracks {
		if tr.first <= to && tr.newest >= from {
			found = append(found, tr)
		}
	}
	all := make([]TrackView, len(found))
	for i, tr := range found {
		tr.viewInto(&all[i])
	}
	return all
}

// SourceTracks returns the tracks of the sources with a kind and id, in the
// tenants with these names (empty: all), ascending by tenant, source and number.
func (s *State) SourceTracks(kind schema.Kind, id string, tenant schema.Tenant) []TrackView {
	var all []TrackView
	for _, t := range s.tenants.ordered {
		if (tenant.Service != "" && tenant.Service != t.Tenant.Service) || (tenant.Subservice != "" && tenant.Subservice != t.Tenant.Subservice) {
			continue
		}
		for _, src := range t.called(kind, id) {
			all = append(all, src.views()...)
		}
	}
	return all
}

// views returns the views of a source's tracks.
func (src *source) views() []TrackView { return viewsOf(src.tracks) }

func (src *source) wholeViews() []TrackView {
	if len(src.plain.tracks) > 0 {
		return viewsOf(src.plain.tracks)
	}
	return src.views()
}

func viewsOf(tracks []*track) []TrackView {
	all := make([]TrackView, len(tracks))
	for i, tr := range tracks {
		tr.viewInto(&all[i])
	}
	return all
}

// SourceView is a source and its tracks at one moment. What a reading
// overwrites in the record, its fields and most attributes, is left out.
type SourceView struct {
	Source schema.Source // its lists are shared: not to be changed
	// Tracks are those without dimensions, which say what the source was; if there
	// are none, all. By number.
	Tracks []TrackView
}

// SourceViews returns the sources that q selects, leaving out its labels, which
// may have been others before, in ascending order of tenant, kind and id. The
// state must be Ordered.
func (s *State) SourceViews(q *schema.SourcesRequest) []SourceView {
	anyLabels := *q
	anyLabels.Labels, anyLabels.Parent = nil, ""
	var found []*source
	for _, t := range s.tenants.ordered {
		if (q.Service != "" && q.Service != t.Tenant.Service) || (q.Subservice != "" && q.Subservice != t.Tenant.Subservice) {
			continue
		}
		for _, src := range t.ordered {
			if selects(&anyLabels, &src.Source) {
				found = append(found, src)
			}
		}
	}
	all := make([]SourceView, len(found)) // views are large
	for i, src := range found {
		v := &all[i]
		v.Source, v.Tracks = src.Source, src.wholeViews()
		v.Source.Fields, v.Source.Attributes = nil, lasting(src.Attributes)
	}
	return all
}

// lasting copies those attributes that are as good as a name: of the others only
// the newest is known, and what they were before is not.
func lasting(attributes []schema.Label) []schema.Label {
	for _, a := range attributes {
		if a.Name == schema.NodeIPAttribute {
			return []schema.Label{a}
		}
	}
	return nil
}

// Index returns the index of the tracks, by number. It changes with the state.
func (s *State) Index() *index.Index { return s.index }

// TrackInRange reports whether a track has rows from..to (unix nanoseconds,
// inclusive), or may have them: for the index's queries.
func (s *State) TrackInRange(number uint64, from, to int64) bool {
	tr := s.tracks.byNumber[number]
	return tr != nil && tr.inRange(from, to)
}

func (tr *track) inRange(from, to int64) bool {
	return tr.first <= to && (tr.newest >= from || tr.holds())
}

// holds reports whether the newest row holds until it is ended, and is no end.
func (tr *track) holds() bool {
	return tr.read == tr.newest && tr.source.Interval == schema.UntilEnded
}
