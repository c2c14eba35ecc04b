package fold

import (
	"cmp"
	"slices"
	"time"

	"weir/services/aggregator/internal/history"
)

// bucket counts what a tenant has sealed in a bucket of time.
type bucket struct {
	number uint32
	chunks uint64
	bytes  uint64
	dirty  bool
}

// advance moves the journal's clock, which is the latest receipt of an event.
// When it enters another bucket, what is too old goes.
//
// The clock is the journal's and not the machine's, so that a replay forgets
// the same; a journal in which nothing happens forgets nothing.
func (s *State) advance(received int64, out *HistoryOutcome) {
	if received <= s.clock {
		return
	}
	entered := history.Bucket(received) != history.Bucket(s.clock)
	s.clock = received
	if !entered {
		return
	}
	for _, t := range s.tenants.ordered {
		if horizon := t.agedHorizon(s.clock); horizon > t.horizon {
			s.forgetBelow(t, horizon, out)
		}
		s.forgetSources(t)
	}
}

// agedHorizon returns the first bucket that a tenant keeps by its age.
func (t *tenant) agedHorizon(clock int64) uint32 {
	if t.limits.Retention <= 0 {
		return 0
	}
	return bucketBefore(clock, t.limits.Retention)
}

// bucketBefore returns the bucket that lies a time before the beginning of that
// of a moment.
func bucketBefore(moment int64, age time.Duration) uint32 {
	start := history.BucketStart(history.Bucket(moment))
	if int64(age) >= start {
		return 0
	}
	return history.Bucket(start - int64(age))
}

// shrink forgets the oldest buckets of a tenant that has more bytes than it may,
// and never the bucket of now.
func (s *State) shrink(t *tenant, out *HistoryOutcome) {
	limit, now := t.limits.HistoryBytes, history.Bucket(s.clock)
	if limit == 0 || t.HistoryBytes <= limit {
		return
	}
	horizon, bytes := uint32(0), t.HistoryBytes
	for _, b := range t.buckets {
		if bytes <= limit || b.number >= now {
			break
		}
		bytes -= b.bytes
		horizon = b.number + 1
	}
	if horizon > 0 {
		s.forgetBelow(t, max(horizon, t.horizon), out)
	}
}

// forgetBelow moves a tenant's horizon: what lies before it now goes.
func (s *State) forgetBelow(t *tenant, horizon uint32, out *HistoryOutcome) {
	s.tenants.touch(t)
	t.horizon, t.expired, t.changed = horizon, true, true
	n := 0
	for n < len(t.buckets) && t.buckets[n].number < horizon {
		t.HistoryBytes -= t.buckets[n].bytes
		n++
	}
	out.Expired += n
	t.buckets = slices.Clone(t.buckets[n:])
	s.tracks.dropPending(func(c *SealedChunk) bool { return c.Tenant == t.number && c.Bucket < horizon })
	start := history.BucketStart(horizon)
	for _, tr := range t.tracks {
		switch {
		case tr.newest < start:
			s.forgetTrack(tr)
		case tr.first < start:
			tr.first = start
			s.tracks.change(tr)
		}
	}
	forgotten := func(tr *track) bool { return tr.forgotten }
	for _, tr := range t.tracks {
		tr.strand.thin()
	}
	t.tracks = slices.DeleteFunc(t.tracks, forgotten)
}

// forgetTrack takes a track out of everything but the lists of its tenant and
// its source.
func (s *State) forgetTrack(tr *track) {
	src, st, ts := tr.source, tr.strand, &s.tracks
	src.thinned, st.thinned, st.identities = true, true, nil
	if st.track == tr {
		st.track = nil
	}
	src.tenant.Series -= uint64(len(tr.fields))
	s.index.Remove(tr.number, tr.series)
	delete(ts.byNumber, tr.number)
	ts.rows -= uint64(tr.main.Len() + tr.late.Len())
	tr.forgotten = true
	ts.forgotten = append(ts.forgotten, forgottenTrack{tr.number, tr.main.stored, tr.late.stored})
}

// forgetSources forgets the sources of which there is no history and that were
// not heard of for as long as history is kept. A limit of bytes forgets no
// source: how it was last stays to be seen.
func (s *State) forgetSources(t *tenant) {
	age := t.limits.Retention
	if age <= 0 {
		return
	}
	since := history.BucketStart(bucketBefore(s.clock, age))
	var gone []*source
	for _, src := range t.sources {
		if len(src.tracks) == 0 && src.LastSeen < since {
			gone = append(gone, src)
		}
	}
	if len(gone) == 0 {
		return
	}
	slices.SortFunc(gone, func(a, b *source) int { return cmp.Compare(a.number, b.number) })
	for _, src := range gone {
		s.forgetSource(src)
	}
	kept := func(list []*source) []*source {
		return slices.DeleteFunc(list, func(src *source) bool { return src.forgotten })
	}
	t.ordered, t.fresh = kept(t.ordered), kept(t.fresh)
	s.sources.dirty = kept(s.sources.dirty)
	s.tenants.touch(t)
}

func (s *State) forgetSource(src *source) {
	if src.client != nil {
		s.clients.unlist(src)
	}
	t := src.tenant
	delete(t.sources, src.name())
	t.Sources--
	src.forgotten = true
	s.sources.count--
	s.sources.forgotten = append(s.sources.forgotten, src.number)
}

// addChunk counts a sealed chunk.
func (t *tenant) addChunk(c *SealedChunk) {
	at, found := slices.BinarySearchFunc(t.buckets, c.Bucket, func(b bucket, number uint32) int { return cmp.Compare(b.number, number) })
	if !found {
		t.buckets = slices.Insert(t.buckets, at, bucket{number: c.Bucket})
	}
	b := &t.buckets[at]
	b.chunks++
	b.bytes += uint64(len(c.Data))
	b.dirty = true
	t.HistoryBytes += uint64(len(c.Data))
}
