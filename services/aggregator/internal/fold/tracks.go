package fold

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// track is the history of a source under one set of labels and dimensions. A source whose
// labels change goes on in another track, and in the old one again when they
// change back.
//
// What queries hand out of it (labels, fields, logs, chunks) is replaced or
// appended to, and never changed in place.
type track struct {
	number uint64 // 1, 2, 3 … in the order in which the journal makes them
	source *source
	strand *strand
	labels []schema.Label // the source's own at the time
	parent string         // a task's proplet_id at the time
	series []schema.Label // the labels of its series; follows from the above
	fields []schema.Field // seen so far, ascending

	first  int64 // time of its oldest row that is kept
	newest int64 // time of its newest row; that of a main one, by their definition
	read   int64 // time of its newest main row that is no end
	sealed int64 // time of the newest main row that is in a chunk
	chunks uint64
	main   openLog // rows that were not older than the newest when they came
	late   openLog // all others
	ends   bool    // some row is an end
	absent []Absence
	last   []schema.FieldValue // of the newest main row, if it is sealed and the log empty, and counters of it may fall; see tolerate

	pending []*SealedChunk // those that no checkpoint is known to have

	listed    bool // with the tracks that changed since the last checkpoint
	changed   bool // its record did
	forgotten bool
}

// openLog is a log and what the store has of it.
type openLog struct {
	history.Log
	saved  int // rows of this log
	stored int // pages that are there, of this log or the one before
}

// tracks numbers the tracks. Each is listed with its source and its tenant.
type tracks struct {
	numbers   uint64 // the last number given
	byNumber  map[uint64]*track
	rows      uint64 // in all logs
	dirty     []*track
	forgotten []forgottenTrack

	encoder      history.Encoder
	scratch      []history.Sealed
	sealed       uint64 // chunks ever sealed
	handedOut    uint64 // of them, how many Changes has handed out
	pending      []*SealedChunk
	pendingBytes int
}

type forgottenTrack struct {
	number     uint64
	main, late int // pages that the store has
}

func newTracks() tracks { return tracks{byNumber: map[uint64]*track{}} }

// noTime is the newest time of a track without rows.
const noTime = math.MinInt64

// keep enters a reading into the history, and reports whether it is late for its
// strand. One that is older than what is kept (a device's late backlog, or its
// wrong clock) is kept until the retention's next turn, so that whoever sent it
// sees that it came. old says that it is late for its source.
func (s *State) keep(src *source, r *schema.Reading, p *planned, old bool, out *HistoryOutcome) (late bool) {
	t := src.tenant
	if history.Bucket(p.at) < t.horizon {
		t.HistoryTooOld++
		out.TooOld++
	}
	st := p.strand
	if st == nil {
		st = src.addStrand(r.Dims)
	}
	labels, parent := st.identity(r, old)
	tr := st.trackOf(labels, parent)
	if tr == nil {
		tr = s.newTrack(st, labels, parent)
	}
	if late = st.isLate(p.at); !late && st.track != tr {
		s.switchTrack(st, tr, p.at, out)
	}
	st.event = s.events
	main := p.at >= tr.newest
	if main && r.CounterTolerance > 0 {
		s.tolerate(tr, p.fields, r.CounterTolerance)
	}
	s.see(tr, p.fields, p.at)
	out.Samples += len(p.fields)
	s.row = history.Row{Time: p.at, Arrival: src.Readings, Dialect: r.Dialect, Clock: r.Clock, Fields: p.fields}
	s.append(tr, &s.row, out)
	if main {
		s.remember(tr, p.fields, r.CounterTolerance)
	}
	return late
}

func (tr *track) is(labels []schema.Label, parent string) bool {
	return tr.parent == parent && sameLabels(tr.labels, labels)
}

// sameLabels compares labels, which mostly are the very same.
func sameLabels(a, b []schema.Label) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// newTrack makes a track; the labels are those of the source, or a decoder's.
func (s *State) newTrack(st *strand, labels []schema.Label, parent string) *track {
	src := st.source
	if sameLabels(labels, src.Labels) {
		labels = src.Labels
	} else {
		labels = cloneLabels(labels)
	}
	s.tenants.enumerate(src.tenant)
	s.tracks.numbers++
	tr := &track{
		number: s.tracks.numbers, source: src, strand: st, labels: labels, parent: strings.Clone(parent),
		first: math.MaxInt64, newest: noTime, read: noTime, sealed: noTime,
	}
	s.addTrack(tr)
	s.tracks.change(tr)
	return tr
}

// addTrack lists a track where it belongs.
func (s *State) addTrack(tr *track) {
	t := tr.source.tenant
	tr.series = seriesLabels(tr)
	s.tracks.byNumber[tr.number] = tr
	tr.strand.list(tr)
	t.tracks = append(t.tracks, tr)
	s.index.Add(tr.number, tr.series)
	tr.fields = s.index.SetFields(tr.number, tr.fields)
	t.Series += uint64(len(tr.fields))
}

// switchTrack makes tr its strand's current track. The series of the one before
// end here.
func (s *State) switchTrack(st *strand, tr *track, at int64, out *HistoryOutcome) {
	if old := st.track; old != nil {
		s.appendEnd(old, at, 0, out)
		s.tracks.change(old) // it is no longer the current one
	}
	st.track = tr
	s.tracks.change(tr)
}

// appendEnd ends the series of a track: by other labels, or, with an arrival, by
// word.
func (s *State) appendEnd(tr *track, at int64, arrival uint64, out *HistoryOutcome) {
	s.row = history.Row{Time: at, Arrival: arrival, End: true}
	s.append(tr, &s.row, out)
}

// see notes the fields of a row that is about to be appended.
func (s *State) see(tr *track, values []schema.FieldValue, at int64) {
	if tr.unseen(values) == 0 {
		return
	}
	had := tr.fields
	fields := slices.Clone(had)
	for _, v := range values {
		if at, found := slices.BinarySearch(fields, v.Field); !found {
			fields = slices.Insert(fields, at, v.Field)
			tr.source.tenant.Series++
		}
	}
	tr.fields = s.index.SetFields(tr.number, fields)
	if at < tr.newest {
		s.noticeLate(tr, values, had)
	}
	s.tracks.change(tr)
}

// unseen returns how many of the values' fields are new to the track.
func (tr *track) unseen(values []schema.FieldValue) int {
	i, n := 0, 0
	for _, v := range values {
		for i < len(tr.fields) && tr.fields[i] < v.Field {
			i++
		}
		if i == len(tr.fields) || tr.fields[i] != v.Field {
			n++
		}
	}
	return n
}

// append enters a row into the log where it belongs, and seals what is full.
// Only the rows decide when: so the chunks are the same whenever checkpoints
// were taken.
func (s *State) append(tr *track, row *history.Row, out *HistoryOutcome) {
	late := row.Time < tr.newest
	l := &tr.late
	if !late {
		l = &tr.main
		if l.Len() > 0 && history.Bucket(l.Newest()) != history.Bucket(row.Time) {
			s.seal(tr, false, out)
		}
		s.enterMain(tr, row)
	}
	if row.End && !tr.ends {
		tr.ends = true
		s.tracks.change(tr)
	}
	if row.Time < tr.first {
		tr.first = row.Time
		s.tracks.change(tr)
	}
	l.Append(row)
	s.tracks.rows++
	s.tracks.touch(tr)
	out.Rows++
	if l.Len() >= history.ChunkRows {
		s.seal(tr, late, out)
	}
}

// enterMain notes what a main row says of its track. When the newest one was a
// reading follows from the logs, unless the newest row is an end: then it is in the
// record.
func (s *State) enterMain(tr *track, row *history.Row) {
	if over := tr.read < tr.newest; over || row.End {
		s.tracks.change(tr)
	}
	if !row.End {
		s.notice(tr, row.Fields, row.Time)
		tr.read = row.Time
	}
	tr.newest = row.Time
}

// touch has the next checkpoint look at tr's logs.
func (ts *tracks) touch(tr *track) {
	if !tr.listed {
		tr.listed = true
		ts.dirty = append(ts.dirty, tr)
	}
}

// change has the next checkpoint write tr's record.
func (ts *tracks) change(tr *track) {
	tr.changed = true
	ts.touch(tr)
}

// takeDirty returns the tracks that changed and those that were forgotten, by
// number, and calls them clean.
func (ts *tracks) takeDirty() (dirty []*track, forgotten []forgottenTrack) {
	dirty = slices.DeleteFunc(ts.dirty, func(tr *track) bool { return tr.forgotten })
	forgotten = ts.forgotten
	slices.SortFunc(dirty, func(a, b *track) int { return cmp.Compare(a.number, b.number) })
	slices.SortFunc(forgotten, func(a, b forgottenTrack) int { return cmp.Compare(a.number, b.number) })
	for _, tr := range dirty {
		tr.listed = false
	}
	ts.dirty, ts.forgotten = nil, nil
	return dirty, forgotten
}
