package history

import (
	"encoding/binary"
	"fmt"
	"math"

	"weir/pkg/schema"
)

// Chunk is sealed rows. Opening one reads its head only; columns are decoded
// when they are asked for, by one goroutine at a time.
type Chunk struct {
	rows       int
	min, max   int64
	maxArrival uint64
	times      []byte
	arrivals   []byte
	metas      []byte
	fields     int
	list       []byte // of fields and the lengths of their columns
	columns    []byte // of the fields
	place      place  // of the column that was looked up last
}

// OpenChunk reads a chunk's head. The data are referenced, not copied. An error
// wraps ErrDamaged.
func OpenChunk(data []byte) (Chunk, error) {
	h := headReader{data: data}
	if version := h.uint(); version != chunkVersion || h.short {
		return Chunk{}, damaged("chunk of %d bytes has version %d, not %d", len(data), version, chunkVersion)
	}
	rows := h.uint()
	c := Chunk{rows: int(rows), min: h.int()}
	length := h.uint()
	c.max = c.min + int64(length)
	c.maxArrival = h.uint()
	times, arrivals, metas := h.uint(), h.uint(), h.uint()
	fields := h.uint()
	switch {
	case h.short:
		return Chunk{}, damaged("chunk of %d bytes ends in its head", len(data))
	case rows < 1 || rows > MaxChunkRows:
		return Chunk{}, damaged("chunk has %d rows", rows)
	case length > uint64(BucketLength) || c.max < c.min:
		return Chunk{}, damaged("chunk has times from %d on for %d ns", c.min, length)
	}
	c.fields = int(min(fields, uint64(len(data))))
	list := h.data
	total, before := uint64(0), uint64(0)
	for range fields {
		step, size := h.uint(), h.uint()
		if h.short {
			return Chunk{}, damaged("chunk of %d bytes ends in its list of %d fields", len(data), fields)
		}
		if before += step; step == 0 || step > math.MaxUint16+1 || before > math.MaxUint16+1 {
			return Chunk{}, damaged("chunk has a field %d after the one before, up to %d", step, before)
		}
		total += min(size>>1, uint64(len(data)))
	}
	c.list = list[:len(list)-len(h.data)]
	c.times, c.arrivals, c.metas = h.take(times), h.take(arrivals), h.take(metas)
	c.columns = h.data
	if h.short || total != uint64(len(h.data)) {
		return Chunk{}, damaged("chunk of %d bytes has columns of other lengths", len(data))
	}
	return c, nil
}

// Rows returns the number of rows.
func (c *Chunk) Rows() int { return c.rows }

// Min returns the time of the first row, in unix nanoseconds.
func (c *Chunk) Min() int64 { return c.min }

// Max returns the time of the last row, in unix nanoseconds.
func (c *Chunk) Max() int64 { return c.max }

// MaxArrival returns the largest arrival of a row.
func (c *Chunk) MaxArrival() uint64 { return c.maxArrival }

// Fields appends the chunk's fields, ascending.
func (c *Chunk) Fields(into []schema.Field) []schema.Field {
	c.eachField(func(f schema.Field, _ column) bool {
		into = append(into, f)
		return true
	})
	return into
}

// column is a field's column, not yet decoded.
type column struct {
	data    []byte
	partial bool
}

// eachField goes through the fields, ascending.
func (c *Chunk) eachField(visit func(schema.Field, column) bool) {
	h, columns, field := headReader{data: c.list}, c.columns, uint64(0) // one more than the field
	for range c.fields {
		field += h.uint()
		size := h.uint()
		end := size >> 1
		if !visit(schema.Field(field-1), column{columns[:end:end], size&fieldPartial != 0}) {
			return
		}
		columns = columns[end:]
	}
}

// place is where in a chunk's list of fields one stands: at a field, and how many
// bytes of the list and of the columns lie before.
type place struct {
	list, columns uint32
	before        uint32 // one more than the field before; 0 at the first
	at            uint32 // the field's number in the list
}

// column returns a field's column, if the chunk has it. It goes on from where it
// found the one before: fields are mostly asked for in ascending order, and there
// may be tens of thousands.
func (c *Chunk) column(f schema.Field) (found column, ok bool) {
	p := c.place
	if p.before > uint32(f) {
		p = place{}
	}
	for ; p.at < uint32(c.fields); p.at++ {
		h := headReader{data: c.list[p.list:]}
		field := p.before + uint32(h.uint())
		size := h.uint()
		start, end := p.columns, p.columns+uint32(size>>1)
		if field-1 >= uint32(f) {
			c.place = p
			return column{c.columns[start:end:end], size&fieldPartial != 0}, field-1 == uint32(f)
		}
		p.list, p.columns, p.before = uint32(len(c.list)-len(h.data)), end, field
	}
	c.place = p
	return column{}, false
}

// readTimes decodes the rows' times.
func (c *Chunk) readTimes(r *columnReader, into []int64) ([]int64, error) {
	into = resize(into, c.rows)
	if _, err := r.read(c.times, into); err != nil {
		return into, fmt.Errorf("times of a chunk: %w", err)
	}
	before := c.min
	for i, t := range into {
		if t < before || t > c.max {
			return into, damaged("times of a chunk: row %d has %d", i, t)
		}
		before = t
	}
	if into[0] != c.min || before != c.max {
		return into, damaged("times of a chunk: from %d to %d", into[0], before)
	}
	return into, nil
}

// readMetas decodes the rows' metas.
func (c *Chunk) readMetas(r *columnReader, into []int64) ([]int64, error) {
	into = resize(into, c.rows)
	if _, err := r.read(c.metas, into); err != nil {
		return into, fmt.Errorf("metas of a chunk: %w", err)
	}
	return into, nil
}

// readPresent decodes which rows have a partial field, as 1 or 0, and returns
// what follows: the column of their values.
func (c *Chunk) readPresent(r *columnReader, data []byte, into []int64) (present []int64, n int, rest []byte, err error) {
	h := headReader{data: data}
	bitmap := h.take(h.uint())
	if h.short {
		return into, 0, nil, damaged("column of %d bytes ends in what rows have it", len(data))
	}
	into = resize(into, c.rows)
	if _, err := r.read(bitmap, into); err != nil {
		return into, 0, nil, err
	}
	for _, has := range into {
		if has&^1 != 0 {
			return into, 0, nil, damaged("column is in a row or not: %d", has)
		}
		n += int(has)
	}
	if n == 0 {
		return into, 0, nil, damaged("column is in no row")
	}
	return into, n, h.data, nil
}

// resize returns v with n elements, whatever they are.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n+n/4)[:n]
	}
	return v[:n]
}

// headReader reads varints; short tells that there were too few bytes.
type headReader struct {
	data  []byte
	short bool
}

func (h *headReader) uint() uint64 {
	if len(h.data) > 0 && h.data[0] < 0x80 {
		v := h.data[0]
		h.data = h.data[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(h.data)
	return v & h.passed(n)
}

func (h *headReader) int() int64 {
	v, n := binary.Varint(h.data)
	return v & int64(h.passed(n))
}

// passed goes n bytes on, and returns all ones; zero if there is no number.
func (h *headReader) passed(n int) uint64 {
	if n <= 0 {
		h.short, h.data = true, nil
		return 0
	}
	h.data = h.data[n:]
	return math.MaxUint64
}

func (h *headReader) take(n uint64) []byte {
	if n > uint64(len(h.data)) {
		h.short, h.data = true, nil
		return nil
	}
	taken := h.data[:n:n]
	h.data = h.data[n:]
	return taken
}
