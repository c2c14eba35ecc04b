package live

import (
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// Memory keeps what need not be found out about each source whenever somebody
// asks: its labels, and how often its tracks get rows. It only saves time: who
// has another one is told the same.
type Memory struct {
	staleness history.Staleness
	tracks    map[uint64]*trackMemory
	labels    map[uint64]*labelMemory
}

type trackMemory struct {
	chunks  uint64
	rows    int
	cadence Cadence
	limit   Limit // follows from the cadence
}

type labelMemory struct {
	own    []schema.Label
	parent string
	live   []schema.Label
}

// NewMemory returns one that knows nothing. Staleness says when a source counts
// as silent.
func NewMemory(s history.Staleness) *Memory {
	return &Memory{staleness: s, tracks: map[uint64]*trackMemory{}, labels: map[uint64]*labelMemory{}}
}

// Track is what of a track is looked at.
type Track struct {
	Number uint64
	Chunks uint64 // sealed so far
	Rows   int    // in its open log of what came in order
	Newest int64  // time of its newest row, unix nanoseconds
}

// Follow notes a track's newest row, and returns how long its source may be
// silent. If it is not known (any more) how often the track gets rows, Learn is to
// be called; what is returned is then what was known before.
func (m *Memory) Follow(t *Track) (limit Limit, known bool) {
	r := m.tracks[t.Number]
	if r == nil {
		return m.Unknown(), false
	}
	switch {
	case r.chunks == t.Chunks && r.rows == t.Rows:
		return r.limit, true
	case r.chunks == t.Chunks && r.rows+1 == t.Rows, r.chunks+1 == t.Chunks && r.rows+1 == history.ChunkRows && t.Rows == 0:
		r.chunks, r.rows = t.Chunks, t.Rows
		r.cadence.Add(t.Newest)
		r.limit = r.cadence.Limit(m.staleness)
		return r.limit, true
	}
	return r.limit, false
}

// Learn takes the times of a track's latest rows, ascending, unix nanoseconds:
// Rows of them at the least, or all that are not too old to matter.
func (m *Memory) Learn(t *Track, times []int64) Limit {
	r := &trackMemory{chunks: t.Chunks, rows: t.Rows}
	for _, at := range times {
		r.cadence.Add(at)
	}
	r.limit = r.cadence.Limit(m.staleness)
	m.tracks[t.Number] = r
	return r.limit
}

// Unknown returns how long a source may be silent that has no track.
func (m *Memory) Unknown() Limit { return new(Cadence).Limit(m.staleness) }

// Labels returns the labels of a source's live series. make makes those of its
// series with history, where they are not known of one with these labels of its
// own (which are not changed in place) and this parent.
func (m *Memory) Labels(source uint64, record *schema.Source, make func() []schema.Label) []schema.Label {
	r := m.labels[source]
	if r == nil || r.parent != record.Parent || !same(r.own, record.Labels) {
		r = &labelMemory{own: record.Labels, parent: record.Parent, live: Labels(record.Kind, record.ID, make())}
		m.labels[source] = r
	}
	return r.live
}

func same(a, b []schema.Label) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// Forget forgets everything if it is of much more than there is: of sources and
// tracks that are gone.
func (m *Memory) Forget(sources, tracks uint64) {
	const slack = 1000
	if uint64(len(m.labels)) > 2*sources+slack || uint64(len(m.tracks)) > 2*tracks+slack {
		*m = *NewMemory(m.staleness)
	}
}
