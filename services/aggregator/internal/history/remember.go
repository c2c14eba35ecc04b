package history

import (
	"bytes"
	"sort"

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

// logRows is the rows of a log that was asked for more than once: for each field
// its values, so that many fields do not cost much more than one.
type logRows struct {
	first      *byte // of the log's memory, which is never used again for others
	size, rows int
	known      bool

	start  int64   // time of the first row
	ends   []point // in the order of arrival
	values []logField
	of     []int32 // by field: one more than where it is in values; 0 if it is not
	count  int     // values in all
}

// logField is a field's values, in the order of arrival.
type logField struct {
	field  schema.Field
	points []point
}

// asked reports whether the log was asked for the last time, too; then its
// rows are decoded.
func (l *logRows) asked(v LogView, state *pageState) bool {
	if v.rows == 0 {
		return false
	}
	if l.first != &v.buf[0] || l.size != len(v.buf) || l.rows != v.rows {
		l.first, l.size, l.rows, l.known = &v.buf[0], len(v.buf), v.rows, false
		return false
	}
	if !l.known {
		l.read(v, state)
		l.known = true
	}
	return true
}

// read decodes a log's rows.
func (l *logRows) read(v LogView, state *pageState) {
	for i := range l.values {
		l.of[l.values[i].field] = 0
	}
	l.ends, l.values, l.count = l.ends[:0], l.values[:0], 0
	row := int32(0)
	v.each(state, func(s *pageState) bool {
		if row == 0 {
			l.start = s.time
		}
		row++
		if s.end {
			l.ends = append(l.ends, point{time: s.time, end: true, row: row})
			return true
		}
		for i := range s.fields {
			if f := &s.fields[i]; f.present {
				to := l.field(f.field)
				to.points = append(to.points, point{time: s.time, value: f.value(), row: row})
				l.count++
			}
		}
		return true
	})
}

// field returns a field's values, none if it is new.
func (l *logRows) field(f schema.Field) *logField {
	if int(f) < len(l.of) && l.of[f] > 0 {
		return &l.values[l.of[f]-1]
	}
	if missing := int(f) + 1 - len(l.of); missing > 0 {
		l.of = append(l.of, make([]int32, missing)...)
	}
	n := len(l.values)
	if n == cap(l.values) {
		l.values = append(l.values, logField{})
	}
	l.values = l.values[:n+1] // with memory of an earlier one, if there is any
	l.values[n] = logField{field: f, points: l.values[n].points[:0]}
	l.of[f] = int32(n + 1)
	return &l.values[n]
}

// points appends a field's points in the order of arrival.
func (l *logRows) points(into []point, f schema.Field) []point {
	var values []point
	if int(f) < len(l.of) && l.of[f] > 0 {
		values = l.values[l.of[f]-1].points
	}
	for _, end := range l.ends {
		n := sort.Search(len(values), func(i int) bool { return values[i].row > end.row })
		into = append(append(into, values[:n]...), end)
		values = values[n:]
	}
	return append(into, values...)
}

// Remembers returns for how many values of logs the decoder has needed memory for
// its latest tracks: one of tens of thousands of fields takes much.
func (d *Decoder) Remembers() int {
	return d.mainLog.count + d.lateLog.count + d.tail.count
}
