package history

import (
	"bytes"

	"weir/pkg/schema"
)

// A query for several fields of a track reads the same parts once for each. A
// Decoder remembers what they share: the times of chunks, and the rows of a log
// that is read again.

// rememberedChunks is how many chunks' times are remembered: a power of two. 64
// chunks are a day of rows that come every 10 s.
const rememberedChunks = 64

// chunkTimes is the times of a chunk, known by the bytes they were decoded
// from: those of the chunk itself may be gone and others in their place.
type chunkTimes struct {
	min, max int64
	rows     int
	data     []byte
	times    []int64
}

// timesOf returns a chunk's times, valid until the next call.
func (d *Decoder) timesOf(c *Chunk) ([]int64, error) {
	if d.chunks == nil {
		d.chunks = make([]chunkTimes, rememberedChunks)
	}
	k := &d.chunks[uint64(c.min)*0x9e3779b97f4a7c15>>58&(rememberedChunks-1)]
	if k.min == c.min && k.max == c.max && k.rows == c.rows && bytes.Equal(k.data, c.times) {
		return k.times, nil
	}
	var err error
	if k.times, err = c.readTimes(&d.columns, k.times); err != nil {
		k.rows = 0
		return nil, err
	}
	k.min, k.max, k.rows, k.data = c.min, c.max, c.rows, append(k.data[:0], c.times...)
	return k.times, nil
}

// logRows is the rows of a log that was asked for more than once.
type logRows struct {
	first *byte // of the log's memory, which is never used again for others
	size  int
	known bool
	table table
}

// asked reports whether the log was asked for the last time, too; then its
// rows are decoded.
func (l *logRows) asked(v LogView, state *pageState) bool {
	if v.rows == 0 {
		return false
	}
	if l.first != &v.buf[0] || l.size != len(v.buf) {
		l.first, l.size, l.known = &v.buf[0], len(v.buf), false
		return false
	}
	if !l.known {
		l.table.reset()
		l.table.addLog(v, state)
		l.known = true
	}
	return true
}

// points appends a field's points in the order of arrival.
func (t *table) points(into []point, f schema.Field) []point {
	var field tableField
	for i := range t.fields {
		if t.fields[i].field == f {
			field = t.fields[i]
		}
	}
	for i, time := range t.times {
		switch {
		case t.metas[i]&metaEnd != 0:
			into = append(into, point{time: time, end: true})
		case i < len(field.present) && field.present[i]:
			into = append(into, point{time: time, value: field.values[i]})
		}
	}
	return into
}
