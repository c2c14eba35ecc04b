package fold

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// track is the history of a source under one set of labels. A source whose
// labels change goes on in another track, and in the old one again when they
// change back.
//
// What queries hand out of it (labels, fields, logs, chunks) is replaced or
// appended to, and never changed in place.
type track struct {
	number uint64 // 1, 2, 3 … in the order in which the journal makes them
	source *source
	labels []schema.Label // the source's own at the time
	parent string         // a task's proplet_id at the time
	series []schema.Label // the labels of its series; follows from the above
	fields []schema.Field // seen so far, ascending

	first  int64 // time of its oldest row that is kept
	newest int64 // time of its newest row; that of a main one, by their definition
	sealed int64 // time of the newest main row that is in a chunk
	chunks uint64
	main   openLog // rows that were not older than the newest when they came
	late   openLog // all others

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

// keep enters a reading into the history. One that is older than what is kept
// (a device's late backlog, or its wrong clock) is kept until the retention's
// next turn, so that whoever sent it sees that it came.
func (s *State) keep(src *source, r *schema.Reading, at int64, late bool, out *HistoryOutcome) {
	t := src.tenant
	if history.Bucket(at) < t.horizon {
		t.HistoryTooOld++
		out.TooOld++
	}
	labels, parent := src.Labels, src.Parent // as r has left them
	if late {
		labels, parent = src.identity(r, late)
	}
	tr := src.trackOf(labels, parent)
	if tr == nil {
		tr = s.newTrack(src, labels, parent)
	}
	if !late && src.track != tr {
		s.switchTrack(src, tr, at, out)
	}
	s.see(tr, r.Fields)
	out.Samples += len(r.Fields)
	s.row = history.Row{Time: at, Arrival: src.Readings, Dialect: r.Dialect, Clock: r.Clock, Fields: r.Fields}
	s.append(tr, &s.row, out)
}

// trackOf returns the track with these labels, nil if there is none yet.
func (src *source) trackOf(labels []schema.Label, parent string) *track {
	if tr := src.track; tr != nil && tr.is(labels, parent) {
		return tr
	}
	if len(src.tracks) > fewTracks {
		return src.byIdentity()[identityKey(labels, parent)]
	}
	for _, tr := range src.tracks {
		if tr.is(labels, parent) {
			return tr
		}
	}
	return nil
}

// fewTracks is up to how many tracks of a source are looked through. There are
// more where a device puts into a label what changes all the time.
const fewTracks = 16

// byIdentity returns the tracks of a source that has many.
func (src *source) byIdentity() map[string]*track {
	if src.identities == nil {
		src.identities = make(map[string]*track, len(src.tracks))
		for _, tr := range src.tracks {
			src.identities[identityKey(tr.labels, tr.parent)] = tr
		}
	}
	return src.identities
}

func identityKey(labels []schema.Label, parent string) string {
	key := wire.AppendString(nil, parent)
	for _, l := range labels {
		key = wire.AppendString(wire.AppendString(key, l.Name), l.Value)
	}
	return string(key)
}

// identity returns the labels and the parent under which a reading is kept. A
// late one that has none belongs to the source's current track: it does not say
// which the source had.
func (src *source) identity(r *schema.Reading, late bool) (labels []schema.Label, parent string) {
	labels, parent = src.Labels, src.Parent
	if late && src.track != nil {
		labels, parent = src.track.labels, src.track.parent
	}
	if r.Labels != nil {
		labels = r.Labels
	}
	if r.Parent != "" {
		parent = r.Parent
	}
	return labels, parent
}

func (tr *track) is(labels []schema.Label, parent string) bool {
	return tr.parent == parent && sameLabels(tr.labels, labels)
}

// sameLabels compares labels, which mostly are the very same.
func sameLabels(a, b []schema.Label) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// newTrack makes a track; the labels are those of the source, or a decoder's.
func (s *State) newTrack(src *source, labels []schema.Label, parent string) *track {
	if sameLabels(labels, src.Labels) {
		labels = src.Labels
	} else {
		labels = cloneLabels(labels)
	}
	s.tenants.enumerate(src.tenant)
	s.tracks.numbers++
	tr := &track{
		number: s.tracks.numbers, source: src, labels: labels, parent: strings.Clone(parent),
		first: math.MaxInt64, newest: noTime, sealed: noTime,
	}
	s.addTrack(tr)
	s.tracks.change(tr)
	return tr
}

// addTrack lists a track where it belongs.
func (s *State) addTrack(tr *track) {
	src := tr.source
	tr.series = seriesLabels(tr)
	s.tracks.byNumber[tr.number] = tr
	src.tracks = append(src.tracks, tr)
	if src.identities != nil {
		src.identities[identityKey(tr.labels, tr.parent)] = tr
	}
	src.tenant.tracks = append(src.tenant.tracks, tr)
	s.index.Add(tr.number, tr.series)
	for _, f := range tr.fields {
		s.index.AddField(tr.number, f)
	}
	src.tenant.Series += uint64(len(tr.fields))
}

// switchTrack makes tr its source's current track. The series of the one before
// end here.
func (s *State) switchTrack(src *source, tr *track, at int64, out *HistoryOutcome) {
	if old := src.track; old != nil {
		s.row = history.Row{Time: at, End: true}
		s.append(old, &s.row, out)
		s.tracks.change(old) // it is no longer the current one
	}
	src.track = tr
	s.tracks.change(tr)
}

// see notes a reading's fields.
func (s *State) see(tr *track, values []schema.FieldValue) {
	if tr.unseen(values) == 0 {
		return
	}
	fields := slices.Clone(tr.fields)
	for _, v := range values {
		if at, found := slices.BinarySearch(fields, v.Field); !found {
			fields = slices.Insert(fields, at, v.Field)
			s.index.AddField(tr.number, v.Field)
			tr.source.tenant.Series++
		}
	}
	tr.fields = fields
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
		tr.newest = row.Time
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
