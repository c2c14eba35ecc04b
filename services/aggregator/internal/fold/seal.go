package fold

import "slices"

// SealedChunk is a chunk that no checkpoint is known to have. It never changes.
type SealedChunk struct {
	Tenant uint64 // its number
	Bucket uint32
	Track  uint64
	Late   bool
	Seq    uint64 // 1, 2, 3 … among the chunks of its track, main and late
	Min    int64  // time of its first row
	Max    int64  // of its last
	Data   []byte

	ordinal uint64 // among all chunks ever sealed
	track   *track
}

// chunkOverhead is about what a pending chunk takes beside its bytes.
const chunkOverhead = 160

// seal makes chunks of a track's log, one for each bucket, and begins the log
// anew.
func (s *State) seal(tr *track, late bool, out *HistoryOutcome) {
	l, ts := &tr.main, &s.tracks
	if late {
		l = &tr.late
	} else {
		tr.sealed = tr.newest
	}
	t := tr.source.tenant
	ts.scratch = ts.encoder.SealLog(ts.scratch[:0], l.View())
	for _, c := range ts.scratch {
		tr.chunks++
		ts.sealed++
		sealed := &SealedChunk{
			Tenant: t.number, Bucket: c.Bucket, Track: tr.number, Late: late, Seq: tr.chunks, Min: c.Min, Max: c.Max,
			Data: c.Data, ordinal: ts.sealed, track: tr,
		}
		tr.pending = append(tr.pending, sealed)
		ts.pending = append(ts.pending, sealed)
		ts.pendingBytes += len(sealed.Data) + chunkOverhead
		t.addChunk(sealed)
		out.Chunks++
		out.ChunkBytes += len(sealed.Data)
	}
	ts.rows -= uint64(l.Len())
	l.Reset()
	l.saved = 0
	ts.change(tr)
}

// dropPending drops the pending chunks that gone says of.
func (ts *tracks) dropPending(gone func(*SealedChunk) bool) {
	var kept []*SealedChunk
	for _, c := range ts.pending {
		if !gone(c) {
			kept = append(kept, c)
			continue
		}
		ts.pendingBytes -= len(c.Data) + chunkOverhead
		// A view may still hold the list: it gets another one.
		c.track.pending = slices.DeleteFunc(slices.Clone(c.track.pending), func(p *SealedChunk) bool { return p == c })
	}
	ts.pending = kept
}

// committed drops the chunks up to an ordinal: the store has them.
func (ts *tracks) committed(ordinal uint64) {
	n := 0
	for n < len(ts.pending) && ts.pending[n].ordinal <= ordinal {
		c := ts.pending[n]
		ts.pendingBytes -= len(c.Data) + chunkOverhead
		c.track.pending = c.track.pending[1:] // in the same order
		if len(c.track.pending) == 0 {
			c.track.pending = nil
		}
		n++
	}
	ts.pending = slices.Clone(ts.pending[n:])
}
