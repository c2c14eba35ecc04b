package fold

import (
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// Track is the record of a track.
type Track struct {
	Number  uint64
	Source  uint64         // the source's number
	Parent  string         // a task's proplet_id
	Labels  []schema.Label // the source's own
	Dims    []schema.Label // of the readings
	Fields  []schema.Field // ascending
	Absent  []Absence      // ascending by field
	First   int64          // time of its oldest row ever
	Sealed  int64          // time of the newest main row in a chunk
	Chunks  uint64         // sealed so far
	Current bool           // it is the current one of its source and dimensions
	Ends    bool           // it has had an end
	// Read is the time of the newest main row that is a reading, if the newest one
	// is an end; else 0.
	Read int64
	// Last are the fields of the newest main row where the log is empty, and the
	// row's counters may fall; see schema.Reading.CounterTolerance. Else nil.
	Last []schema.FieldValue
}

// TenantHistory is the record of a tenant's history.
type TenantHistory struct {
	Tenant  schema.Tenant
	Number  uint64
	Horizon uint32 // the first bucket that is kept
}

// Bucket counts what a tenant has sealed in a bucket.
type Bucket struct {
	Number uint32
	Chunks uint64
	Bytes  uint64
}

func (t *tenant) historyChanges(to Sink) {
	if t.changed {
		to.TenantHistory(TenantHistory{Tenant: t.Tenant, Number: t.number, Horizon: t.horizon})
	}
	if t.expired {
		to.Expired(t.number, t.horizon)
	}
	t.changed, t.expired = false, false
	for i := range t.buckets {
		if b := &t.buckets[i]; b.dirty {
			b.dirty = false
			to.Bucket(t.number, Bucket{b.number, b.chunks, b.bytes})
		}
	}
}

func (ts *tracks) changes(to Sink) {
	dirty, forgotten := ts.takeDirty()
	for _, f := range forgotten {
		to.TrackForgotten(f.number, f.main, f.late)
	}
	for _, tr := range dirty {
		if tr.changed {
			tr.changed = false
			record := tr.record()
			to.Track(&record)
		}
		tr.main.changes(to, tr.number, false)
		tr.late.changes(to, tr.number, true)
	}
	for _, c := range ts.pending {
		if c.ordinal > ts.handedOut {
			to.Chunk(c)
		}
	}
	ts.handedOut = ts.sealed
}

func (tr *track) record() Track {
	t := Track{
		Number: tr.number, Source: tr.source.number, Parent: tr.parent, Labels: tr.labels, Dims: tr.strand.dims, Fields: tr.fields,
		Absent: tr.absent, First: tr.first, Sealed: tr.sealed, Chunks: tr.chunks, Current: tr.strand.track == tr, Ends: tr.ends,
	}
	t.Last = tr.last
	if tr.read < tr.newest {
		t.Read = tr.read
	}
	return t
}

// changes gives the pages that have rows which the store lacks, and drops those
// of an earlier log that this one has not reached.
func (l *openLog) changes(to Sink, track uint64, late bool) {
	if l.saved < l.Len() {
		for page := l.saved / history.PageRows; page < l.Pages(); page++ {
			to.LogPage(track, late, page, l.Page(page))
		}
		l.saved = l.Len()
	}
	if l.stored > l.Pages() {
		to.LogDropped(track, late, l.Pages(), l.stored)
	}
	l.stored = l.Pages()
}
