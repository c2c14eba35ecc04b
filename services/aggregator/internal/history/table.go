package history

import (
	"slices"
	"sort"

	"weir/pkg/schema"
)

// table is rows turned into columns, in memory: what a chunk is written from.
type table struct {
	times    []int64
	arrivals []int64
	metas    []int64
	fields   []tableField // ascending by field
}

// tableField is a field's values; of a row that does not have it, 0.
type tableField struct {
	field   schema.Field
	values  []float64 // may be shorter than the table: the rest do not have it
	present []bool
}

const metaEnd = 1 << 16

func metaOf(d schema.Dialect, c schema.Clock, end bool) int64 {
	m := int64(d) | int64(c)<<8
	if end {
		m |= metaEnd
	}
	return m
}

func (t *table) reset() {
	t.times, t.arrivals, t.metas = t.times[:0], t.arrivals[:0], t.metas[:0]
	t.fields = t.fields[:0]
}

// add adds a row without its fields.
func (t *table) add(time int64, arrival uint64, meta int64) {
	t.times = append(t.times, time)
	t.arrivals = append(t.arrivals, int64(arrival))
	t.metas = append(t.metas, meta)
}

// set gives the latest row a value of a field. The fields of a row come in
// ascending order; from is where to look first, and the next is returned.
func (t *table) set(from int, f schema.Field, v float64) int {
	for from < len(t.fields) && t.fields[from].field < f {
		from++
	}
	if from == len(t.fields) || t.fields[from].field != f {
		t.insert(from, f)
	}
	c := &t.fields[from]
	row := len(t.times) - 1
	for len(c.values) < row {
		c.values, c.present = append(c.values, 0), append(c.present, false)
	}
	if len(c.values) > row {
		panic("BUG: a row's fields are not in ascending order")
	}
	c.values, c.present = append(c.values, v), append(c.present, true)
	return from + 1
}

// addLog adds a log's rows.
func (t *table) addLog(v LogView, state *pageState) {
	v.each(state, func(s *pageState) bool {
		t.add(s.time, s.rowArrival, metaOf(s.dialect, s.clock, s.end))
		if s.end {
			return true
		}
		at := 0
		for i := range s.fields {
			if f := &s.fields[i]; f.present {
				at = t.set(at, f.field, f.value())
			}
		}
		return true
	})
}

// row copies a row.
func (t *table) row(i int, r *Row) {
	meta := t.metas[i]
	*r = Row{
		Time:    t.times[i],
		Arrival: uint64(t.arrivals[i]),
		Dialect: schema.Dialect(meta),
		Clock:   schema.Clock(meta >> 8),
		End:     meta&metaEnd != 0,
		Fields:  r.Fields[:0],
	}
	for k := range t.fields {
		if f := &t.fields[k]; f.present[i] {
			r.Fields = append(r.Fields, schema.FieldValue{Field: f.field, Value: f.values[i]})
		}
	}
}

// insert makes room for a field, in memory of an earlier one if there is any.
func (t *table) insert(at int, f schema.Field) {
	n := len(t.fields)
	var c tableField
	if n < cap(t.fields) {
		c = t.fields[:n+1][n]
	}
	t.fields = append(t.fields, tableField{})
	copy(t.fields[at+1:], t.fields[at:n])
	t.fields[at] = tableField{field: f, values: c.values[:0], present: c.present[:0]}
}

// sort puts the rows in ascending order of time, equal times in the order in
// which they were added, and makes all columns as long as the table.
func (t *table) sort() {
	rows := len(t.times)
	for i := range t.fields {
		c := &t.fields[i]
		for len(c.values) < rows {
			c.values, c.present = append(c.values, 0), append(c.present, false)
		}
	}
	if slices.IsSorted(t.times) {
		return
	}
	order := make([]int, rows)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return t.times[order[i]] < t.times[order[j]] })
	t.times, t.arrivals, t.metas = permuted(t.times, order), permuted(t.arrivals, order), permuted(t.metas, order)
	for i := range t.fields {
		c := &t.fields[i]
		c.values, c.present = permuted(c.values, order), permuted(c.present, order)
	}
}

func permuted[T any](v []T, order []int) []T {
	p := make([]T, len(order))
	for i, from := range order {
		p[i] = v[from]
	}
	return p
}
