package history

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A chunk is written as
//
//	1 byte    chunkVersion
//	uvarint   rows
//	varint    time of the first row, unix nanoseconds
//	uvarint   time of the last row − time of the first
//	uvarint   largest arrival
//	3 uvarint lengths of the columns of times, arrivals and metas (dialect | clock << 8 | metaEnd)
//	uvarint   number of fields; for each: uvarint field − field before (the first: + 1), uvarint length of its
//	          column << 1 | fieldPartial
//	…         the columns in this order
//
// A field that not all rows have is partial: before its column stand a uvarint
// length and a column of which rows have it, 1 or 0.
const (
	chunkVersion = 1
	fieldPartial = 1
)

// appendChunk writes rows [from, to) of the table, which are in one bucket.
func (e *Encoder) appendChunk(dst []byte, from, to int) []byte {
	t := &e.table
	rows, first, last := to-from, t.times[from], t.times[to-1]
	switch {
	case rows < 1 || rows > MaxChunkRows:
		panic(fmt.Sprintf("BUG: a chunk of %d rows", rows))
	case Bucket(first) != Bucket(last):
		panic("BUG: a chunk spans two buckets")
	}
	dst = append(dst, chunkVersion)
	dst = binary.AppendUvarint(dst, uint64(rows))
	dst = binary.AppendVarint(dst, first)
	dst = binary.AppendUvarint(dst, uint64(last-first))
	dst = binary.AppendUvarint(dst, uint64(slices.Max(t.arrivals[from:to])))

	e.body = e.body[:0]
	dst = e.appendRowColumn(dst, t.times[from:to])
	dst = e.appendRowColumn(dst, t.arrivals[from:to])
	dst = e.appendRowColumn(dst, t.metas[from:to])
	fields, before := uint64(0), uint64(0)
	e.list = e.list[:0]
	for i := range t.fields {
		c := &t.fields[i]
		at := len(e.body)
		partial, some := e.appendField(c.values[from:to], c.present[from:to])
		if !some {
			continue
		}
		fields++
		e.list = binary.AppendUvarint(e.list, uint64(c.field)+1-before)
		e.list = binary.AppendUvarint(e.list, uint64(len(e.body)-at)<<1|partial)
		before = uint64(c.field) + 1
	}
	dst = binary.AppendUvarint(dst, fields)
	dst = append(dst, e.list...)
	return append(dst, e.body...)
}

// appendRowColumn adds a column to the body, and its length to the head.
func (e *Encoder) appendRowColumn(head []byte, numbers []int64) []byte {
	at := len(e.body)
	e.body = e.columns.append(e.body, numbers, 0)
	return binary.AppendUvarint(head, uint64(len(e.body)-at))
}

// appendField adds a field's column to the body, if any row has it.
func (e *Encoder) appendField(values []float64, present []bool) (partial uint64, some bool) {
	e.values, e.present = e.values[:0], e.present[:0]
	for i, has := range present {
		if has {
			e.values, e.present = append(e.values, values[i]), append(e.present, 1)
		} else {
			e.present = append(e.present, 0)
		}
	}
	if len(e.values) == 0 {
		return 0, false
	}
	if len(e.values) < len(values) {
		e.columns.scratch = e.columns.append(e.columns.scratch[:0], e.present, 0)
		e.body = binary.AppendUvarint(e.body, uint64(len(e.columns.scratch)))
		e.body = append(e.body, e.columns.scratch...)
		partial = fieldPartial
	}
	e.body = e.columns.appendValues(e.body, e.values)
	return partial, true
}
