package history

import (
	"cmp"
	"fmt"
	"slices"

	"weir/pkg/schema"
)

// point is a sample of one field, or an end.
type point struct {
	time  int64 // unix nanoseconds
	value float64
	end   bool
	row   int32 // of a remembered log: in the order of arrival
}

// chunkPoints appends a field's points of a chunk.
func (d *Decoder) chunkPoints(c *Chunk, f schema.Field, into []point) ([]point, error) {
	ends, err := d.chunkEnds(c)
	if err != nil {
		return into, err
	}
	col, ok := c.column(f)
	if !ok && ends == nil {
		return into, nil
	}
	times, err := d.timesOf(c)
	if err != nil {
		return into, err
	}
	switch {
	case !ok:
		d.present = resize(d.present, c.rows)
		clear(d.present)
	case !col.partial:
		d.values = resize(d.values, c.rows)
		if err := d.columns.readValues(col.data, d.values); err != nil {
			return into, fmt.Errorf("field %d of a chunk: %w", f, err)
		}
		for i, t := range times {
			into = append(into, point{time: t, value: d.values[i]})
		}
		return into, nil
	default:
		if err := d.partialValues(c, col); err != nil {
			return into, fmt.Errorf("field %d of a chunk: %w", f, err)
		}
	}
	k := 0
	for i, t := range times {
		switch {
		case d.present[i] == 1:
			into = append(into, point{time: t, value: d.values[k]})
			k++
		case ends != nil && ends[i]&metaEnd != 0:
			into = append(into, point{time: t, end: true})
		}
	}
	return into, nil
}

// partialValues decodes a partial field: which rows have it, and its values.
func (d *Decoder) partialValues(c *Chunk, col column) error {
	present, n, rest, err := c.readPresent(&d.columns, col.data, d.present)
	d.present = present
	if err != nil {
		return err
	}
	d.values = resize(d.values, n)
	return d.columns.readValues(rest, d.values)
}

// chunkEnds returns the rows' metas if any row is an end, else nil.
func (d *Decoder) chunkEnds(c *Chunk) ([]int64, error) {
	h, _, err := readColumnHead(c.metas)
	if err == nil && h.predictor == constant && h.first&metaEnd == 0 {
		return nil, nil
	}
	if d.metas, err = c.readMetas(&d.columns, d.metas); err != nil {
		return nil, err
	}
	for _, m := range d.metas {
		if m&metaEnd != 0 {
			return d.metas, nil
		}
	}
	return nil, nil
}

// openPoints appends a field's points of a log, in the order of arrival, and
// remembers its rows if it was asked for before.
func (d *Decoder) openPoints(rows *logRows, v LogView, f schema.Field, into []point) []point {
	if rows.asked(v, &d.state) {
		return rows.points(into, f)
	}
	return d.logPoints(v, f, into)
}

// logPoints appends a field's points of a log, in the order of arrival.
func (d *Decoder) logPoints(v LogView, f schema.Field, into []point) []point {
	at := 0
	v.each(&d.state, func(s *pageState) bool {
		if s.end {
			into = append(into, point{time: s.time, end: true})
			return true
		}
		if at >= len(s.fields) || s.fields[at].field != f {
			if at = s.find(f); at < 0 {
				at = 0
				return true
			}
		}
		if field := &s.fields[at]; field.present {
			into = append(into, point{time: s.time, value: field.value()})
		}
		return true
	})
	return into
}

// find returns where a field is in the page; −1 if it is not.
func (s *pageState) find(f schema.Field) int {
	i, found := slices.BinarySearchFunc(s.fields, f, func(s fieldState, f schema.Field) int { return cmp.Compare(s.field, f) })
	if !found {
		return -1
	}
	return i
}
