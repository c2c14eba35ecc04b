package fold

import (
	"fmt"
	"slices"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// TenantHistory takes the record of a tenant's history.
func (l *Loader) TenantHistory(h TenantHistory) error {
	t := l.state.tenants.byName[h.Tenant]
	switch {
	case t == nil:
		return fmt.Errorf("the history of tenant %s, which is not there", h.Tenant)
	case h.Number == 0 || h.Number > l.meta.Histories || t.number != 0:
		return fmt.Errorf("the history of tenant %s has number %d; the last one is %d", h.Tenant, h.Number, l.meta.Histories)
	}
	t.number, t.horizon = h.Number, max(t.horizon, h.Horizon)
	l.histories[h.Number] = t
	return nil
}

// Bucket takes the counts of a bucket. They come in ascending order.
func (l *Loader) Bucket(tenant uint64, b Bucket) error {
	t := l.histories[tenant]
	if t == nil {
		return fmt.Errorf("a bucket of the tenant with number %d, which is not there", tenant)
	}
	t.buckets = append(t.buckets, bucket{number: b.Number, chunks: b.Chunks, bytes: b.Bytes})
	t.HistoryBytes += b.Bytes
	return nil
}

// Track takes a track's record. They come in the order of their numbers; what
// it holds is kept.
func (l *Loader) Track(r *Track) error {
	if (l.track != nil && r.Number <= l.track.number) || r.Number > l.meta.TracksEver {
		return fmt.Errorf("track %d cannot be here; the last one is %d", r.Number, l.meta.TracksEver)
	}
	if !l.knownFields(r.Fields) {
		return fmt.Errorf("track %d has fields %d: not ascending, or unknown", r.Number, r.Fields)
	}
	src := l.sources[r.Source]
	switch {
	case src == nil:
		return fmt.Errorf("track %d is of source %d, which is not there", r.Number, r.Source)
	case src.tenant.number == 0:
		return fmt.Errorf("track %d is of tenant %s, which has no history", r.Number, src.Tenant)
	case !absencesOf(r.Fields, r.Absent):
		return fmt.Errorf("track %d lacks fields that it cannot lack: %v", r.Number, r.Absent)
	}
	st := src.addStrand(r.Dims)
	if r.Current && st.track != nil {
		return fmt.Errorf("track %d is the current one of source %d, and so is track %d", r.Number, r.Source, st.track.number)
	}
	tr := &track{
		number: r.Number, source: src, strand: st, parent: r.Parent, labels: r.Labels, fields: r.Fields,
		first: r.First, newest: r.Sealed, read: r.Read, sealed: r.Sealed, chunks: r.Chunks, ends: r.Ends, absent: r.Absent, last: r.Last,
	}
	if r.Read == 0 {
		tr.read = tr.newest
	} else {
		l.over[tr] = true
	}
	if slices.Equal(tr.labels, src.Labels) {
		tr.labels = src.Labels
	}
	if tr.parent == src.Parent {
		tr.parent = src.Parent
	}
	if r.Current {
		st.track = tr
	}
	l.state.addTrack(tr)
	l.track = tr
	return nil
}

// LogPage takes a page of a log. They come in ascending order.
func (l *Loader) LogPage(number uint64, late bool, page int, data []byte) error {
	tr := l.state.tracks.byNumber[number]
	if tr == nil {
		return fmt.Errorf("a page of a log of track %d, which is not there", number)
	}
	log := &tr.main
	if late {
		log = &tr.late
	}
	if page != log.Pages() || log.Len()%history.PageRows != 0 {
		return fmt.Errorf("track %d: page %d of a log follows %d rows", number, page, log.Len())
	}
	rows := log.Len()
	if err := log.LoadPage(data); err != nil {
		return fmt.Errorf("track %d: page %d of a log: %w", number, page, err)
	}
	log.saved, log.stored = log.Len(), log.Pages()
	l.state.tracks.rows += uint64(log.Len() - rows)
	if !late {
		tr.newest = max(tr.newest, log.Newest())
		if !l.over[tr] {
			tr.read = tr.newest
		}
	}
	return nil
}

// knownFields reports whether fields are known, and ascending.
func (l *Loader) knownFields(fields []schema.Field) bool {
	for i, f := range fields {
		if i > 0 && fields[i-1] >= f || !l.state.names.has(f) {
			return false
		}
	}
	return true
}

// absencesOf reports whether absences are ascending, and of fields.
func absencesOf(fields []schema.Field, absent []Absence) bool {
	for i, a := range absent {
		if _, known := slices.BinarySearch(fields, a.Field); !known || i > 0 && absent[i-1].Field >= a.Field {
			return false
		}
	}
	return true
}
