package history

import (
	"cmp"
	"slices"
	"sort"

	"weir/pkg/schema"
)

// table is rows turned into columns, in memory: what a chunk is written from.
type table struct {
	times    []int64
	arrivals []int64
	metas    []int64
	fields   []tableField // in any order; ascending by field once sorted
	columns  []int32      // by field: one more than where it is in fields; 0 if it is not
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
	for i := range t.fields {
		if f := t.fields[i].field; int(f) < len(t.columns) {
			t.columns[f] = 0
		}
	}
	t.fields = t.fields[:0]
}

// add adds a row without its fields.
func (t *table) add(time int64, arrival uint64, meta int64) {
	t.times = append(t.times, time)
	t.arrivals = append(t.arrivals, int64(arrival))
	t.metas = append(t.metas, meta)
}

// set gives the latest row a value of a field.
func (t *table) set(f schema.Field, v float64) {
	if missing := int(f) + 1 - len(t.columns); missing > 0 {
		t.columns = append(t.columns, make([]int32, missing)...)
	}
	if t.columns[f] == 0 {
		t.addField(f)
		t.columns[f] = int32(len(t.fields))
	}
	c := &t.fields[t.columns[f]-1]
	row := len(t.times) - 1
	c.fill(row)
	if len(c.values) > row {
		panic("BUG: a row has a field twice")
	}
	c.values, c.present = append(c.values, v), append(c.present, true)
}

// fill makes the field have at least some rows: those without it.
func (c *tableField) fill(rows int) {
	if missing := rows - len(c.values); missing > 0 {
		c.values = append(c.values, make([]float64, missing)...)
		c.present = append(c.present, make([]bool, missing)...)
	}
}

// addLog adds a log's rows.
func (t *table) addLog(v LogView, state *pageState) {
	v.each(state, func(s *pageState) bool {
		t.add(s.time, s.rowArrival, metaOf(s.dialect, s.clock, s.end))
		if s.end {
			return true
		}
		for i := range s.fields {
			if f := &s.fields[i]; f.present {
				t.set(f.field, f.value())
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

// addField makes room for a field behind the others, in memory of an earlier one
// if there is any.
func (t *table) addField(f schema.Field) {
	n := len(t.fields)
	var c tableField
	if n < cap(t.fields) {
		c = t.fields[:n+1][n]
	}
	t.fields = append(t.fields, tableField{field: f, values: c.values[:0], present: c.present[:0]})
}

// sort puts the fields in ascending order, and the rows in that of time, equal
// times in the order in which they were added, and makes all columns as long as
// the table. Nothing may be set any more.
func (t *table) sort() {
	slices.SortFunc(t.fields, func(a, b tableField) int { return cmp.Compare(a.field, b.field) })
	rows := len(t.times)
	for i := range t.fields {
		t.fields[i].fill(rows)
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
