package history

import "weir/pkg/schema"

// LogView is a log's rows at a moment. It is immutable, cheap to copy, and
// valid for ever.
type LogView struct {
	buf    []byte
	pages  []uint32
	rows   int
	oldest int64
	newest int64
}

// View returns the log's rows of now.
func (l *Log) View() LogView {
	return LogView{
		buf:    l.buf[:len(l.buf):len(l.buf)],
		pages:  l.pages[:len(l.pages):len(l.pages)],
		rows:   l.rows,
		oldest: l.oldest,
		newest: l.newest,
	}
}

// Len returns the number of rows.
func (v LogView) Len() int { return v.rows }

// Oldest returns the smallest time of a row, in unix nanoseconds; 0 if there is none.
func (v LogView) Oldest() int64 { return v.oldest }

// Newest returns the largest time of a row, in unix nanoseconds; 0 if there is none.
func (v LogView) Newest() int64 { return v.newest }

// tail returns the latest rows: whole pages that have as many rows as tell how
// often there are some.
func (v LogView) tail() LogView {
	skipped := max(v.rows-(learnedFrom+1), 0) / PageRows
	v.pages = v.pages[skipped:]
	v.rows -= skipped * PageRows
	return v
}

// first returns the time of the first row; there must be one.
func (v LogView) first(s *pageState) (time int64) {
	v.each(s, func(s *pageState) bool {
		time = s.time
		return false
	})
	return time
}

// Rows visits the rows in the order of their arrival until visit returns false.
// A row is valid until visit returns.
func (v LogView) Rows(visit func(*Row) bool) {
	var row Row
	v.each(new(pageState), func(s *pageState) bool {
		s.row(&row)
		return visit(&row)
	})
}

// each goes through the rows.
func (v LogView) each(s *pageState, visit func(*pageState) bool) {
	for i := range v.pages {
		s.restart()
		for rest := pageOf(v.buf, v.pages, i); len(rest) > 0; {
			n := s.readRow(rest)
			if n == 0 {
				panic("BUG: a log cannot read what it wrote")
			}
			rest = rest[n:]
			if !visit(s) {
				return
			}
		}
	}
}

// row copies the row at which the state stands.
func (s *pageState) row(r *Row) {
	*r = Row{Time: s.time, Arrival: s.rowArrival, Dialect: s.dialect, Clock: s.clock, End: s.end, Fields: r.Fields[:0]}
	if s.end {
		return
	}
	for i := range s.fields {
		if f := &s.fields[i]; f.present {
			r.Fields = append(r.Fields, schema.FieldValue{Field: f.field, Value: f.value()})
		}
	}
}
