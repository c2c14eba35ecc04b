package history

import (
	"cmp"
	"fmt"
	"slices"

	"weir/pkg/schema"
)

// rowSource is a part of a track's history on the way down through it. It is
// decoded when the way comes to its newest row.
type rowSource struct {
	chunk  *Chunk // or
	log    LogView
	newest int64
	rank   int // of equal times, rows of the higher rank came later
	table  *table
	at     int // the next row to visit; those above are done
}

// time returns the time of the next row.
func (s *rowSource) time() int64 { return s.table.times[s.at] }

// RowsDescending visits all rows, merged, the newest first and of equal times
// the one that came last first, until visit returns false. Ends are among them.
// A row is valid until visit returns. An error wraps ErrDamaged.
func (d *Decoder) RowsDescending(p *Parts, visit func(*Row) bool) error {
	waiting := d.rowSources(p)
	open := d.open[:0]
	defer func() {
		for _, s := range open {
			d.tables = append(d.tables, s.table)
		}
		d.open = open[:0]
	}()
	for len(waiting)+len(open) > 0 {
		best := newestOf(open)
		if len(waiting) > 0 && (best < 0 || waiting[0].newest >= open[best].time()) {
			if err := d.openRows(&waiting[0]); err != nil {
				return err
			}
			open = append(open, waiting[0])
			waiting = waiting[1:]
			continue
		}
		s := &open[best]
		s.table.row(s.at, &d.row)
		if !visit(&d.row) {
			return nil
		}
		if s.at--; s.at < 0 {
			d.tables = append(d.tables, s.table)
			open = slices.Delete(open, best, best+1)
		}
	}
	return nil
}

// rowSources lists the parts, the one with the newest row first.
func (d *Decoder) rowSources(p *Parts) []rowSource {
	s := d.sources[:0]
	add := func(chunks []Chunk, log LogView) {
		for i := range chunks {
			s = append(s, rowSource{chunk: &chunks[i], newest: chunks[i].max, rank: len(s)})
		}
		if log.rows > 0 {
			s = append(s, rowSource{log: log, newest: log.newest, rank: len(s)})
		}
	}
	add(p.Main, p.MainLog)
	add(p.Late, p.LateLog)
	slices.SortFunc(s, func(a, b rowSource) int {
		return cmp.Or(cmp.Compare(b.newest, a.newest), cmp.Compare(b.rank, a.rank))
	})
	d.sources = s
	return s
}

// newestOf returns which source has the next row; −1 if there is none.
func newestOf(open []rowSource) int {
	best := -1
	for i := range open {
		if best < 0 || open[i].time() > open[best].time() ||
			open[i].time() == open[best].time() && open[i].rank > open[best].rank {
			best = i
		}
	}
	return best
}

// openRows decodes a source.
func (d *Decoder) openRows(s *rowSource) error {
	s.table = new(table)
	if n := len(d.tables); n > 0 {
		s.table, d.tables = d.tables[n-1], d.tables[:n-1]
	}
	s.table.reset()
	if s.chunk == nil {
		s.table.addLog(s.log, &d.state)
		s.table.sort()
	} else if err := d.readTable(s.chunk, s.table); err != nil {
		return err
	}
	s.at = len(s.table.times) - 1
	return nil
}

// readTable decodes all columns of a chunk.
func (d *Decoder) readTable(c *Chunk, t *table) (err error) {
	if t.times, err = c.readTimes(&d.columns, t.times); err != nil {
		return err
	}
	t.arrivals = resize(t.arrivals, c.rows)
	if _, err := d.columns.read(c.arrivals, t.arrivals); err != nil {
		return fmt.Errorf("arrivals of a chunk: %w", err)
	}
	if t.metas, err = c.readMetas(&d.columns, t.metas); err != nil {
		return err
	}
	c.eachField(func(f schema.Field, col column) bool {
		err = d.readTableField(c, f, col, t)
		return err == nil
	})
	return err
}

// readTableField decodes a field's column behind those of the table.
func (d *Decoder) readTableField(c *Chunk, f schema.Field, col column, t *table) error {
	t.addField(f)
	field := &t.fields[len(t.fields)-1]
	field.values, field.present = resize(field.values, c.rows), resize(field.present, c.rows)
	var err error
	if !col.partial {
		for i := range field.present {
			field.present[i] = true
		}
		err = d.columns.readValues(col.data, field.values)
	} else if err = d.partialValues(c, col); err == nil {
		k := 0
		for i, has := range d.present {
			field.values[i], field.present[i] = 0, has == 1
			if has == 1 {
				field.values[i] = d.values[k]
				k++
			}
		}
	}
	if err != nil {
		return fmt.Errorf("field %d of a chunk: %w", f, err)
	}
	return nil
}
