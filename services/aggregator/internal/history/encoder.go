package history

import "slices"

// Encoder seals rows into chunks. It holds scratch memory: use one for many
// chunks, but not concurrently.
type Encoder struct {
	table   table
	columns columnWriter
	state   pageState
	out     []byte    // a chunk
	body    []byte    // its columns
	list    []byte    // the list of its fields
	present []int64   // which rows have a field
	values  []float64 // of these
}

// Sealed is a chunk and what its keeper must know of it.
type Sealed struct {
	Bucket uint32
	Min    int64 // times of its first and last row, unix nanoseconds
	Max    int64
	Rows   int
	Data   []byte
}

// Chunk appends a chunk of rows to dst: at least one and at most MaxChunkRows,
// in ascending order of time and all in one bucket.
func (e *Encoder) Chunk(dst []byte, rows []Row) []byte {
	e.table.reset()
	for i := range rows {
		r := &rows[i]
		if i > 0 && r.Time < rows[i-1].Time {
			panic("BUG: the rows of a chunk are not in ascending order")
		}
		e.table.add(r.Time, r.Arrival, metaOf(r.Dialect, r.Clock, r.End))
		for _, f := range r.Fields {
			e.table.set(f.Field, f.Value)
		}
	}
	e.table.sort()
	return e.appendChunk(dst, 0, len(rows))
}

// SealLog appends to into the chunks of a log's rows, sorted by time: one for
// each bucket they are in, in ascending order. Their Data has memory of its own.
func (e *Encoder) SealLog(into []Sealed, v LogView) []Sealed {
	e.table.reset()
	e.table.addLog(v, &e.state)
	e.table.sort()
	times := e.table.times
	for from := 0; from < len(times); {
		bucket, to := Bucket(times[from]), from+1
		for to < len(times) && Bucket(times[to]) == bucket && to-from < MaxChunkRows {
			to++
		}
		e.out = e.appendChunk(e.out[:0], from, to)
		into = append(into, Sealed{bucket, times[from], times[to-1], to - from, slices.Clone(e.out)})
		from = to
	}
	return into
}
