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
	limit int64 // the series ends so many nanoseconds later, if nothing comes
	end   bool
}

// pointsOf is a field's points in one part of a track's history.
type pointsOf struct {
	points    []point // ascending by time
	intervals int     // between the samples
	cadence   int64   // their median in nanoseconds, 0 if there is none
}

// minIntervals is how many intervals a part must have to know its cadence.
const minIntervals = 4

// settle sorts the points and learns their cadence: that of the points from
// recent on, if they are enough.
func (p *pointsOf) settle(recent int, gaps []int64) []int64 {
	byTime := func(a, b point) int { return cmp.Compare(a.time, b.time) }
	if !slices.IsSortedFunc(p.points, byTime) {
		slices.SortStableFunc(p.points, byTime)
	}
	if gaps = gapsOf(p.points[recent:], gaps); len(gaps) < minIntervals && recent > 0 {
		gaps = gapsOf(p.points, gaps)
	}
	p.intervals, p.cadence = len(gaps), medianGap(gaps)
	return gaps
}

// gapsOf returns the intervals between samples, in the memory of gaps.
func gapsOf(points []point, gaps []int64) []int64 {
	gaps = gaps[:0]
	before := -1
	for i := range points {
		if points[i].end {
			continue
		}
		if before >= 0 {
			gaps = append(gaps, points[i].time-points[before].time)
		}
		before = i
	}
	return gaps
}

// chunkPoints decodes a field's points of a chunk into p.
func (d *Decoder) chunkPoints(c *Chunk, f schema.Field, p *pointsOf) error {
	*p = pointsOf{points: p.points[:0]}
	ends, err := d.chunkEnds(c)
	if err != nil {
		return err
	}
	col, ok := c.column(f)
	if !ok && ends == nil {
		return nil
	}
	times, err := d.timesOf(c)
	if err != nil {
		return err
	}
	switch {
	case !ok:
		d.present = resize(d.present, c.rows)
		clear(d.present)
	case !col.partial:
		d.values = resize(d.values, c.rows)
		if err := d.columns.readValues(col.data, d.values); err != nil {
			return fmt.Errorf("field %d of a chunk: %w", f, err)
		}
		for i, t := range times {
			p.points = append(p.points, point{time: t, value: d.values[i]})
		}
		p.intervals, p.cadence = c.rows-1, c.cadence
		return nil
	default:
		if err := d.partialValues(c, col); err != nil {
			return fmt.Errorf("field %d of a chunk: %w", f, err)
		}
	}
	k := 0
	for i, t := range times {
		switch {
		case d.present[i] == 1:
			p.points = append(p.points, point{time: t, value: d.values[k]})
			k++
		case ends != nil && ends[i]&metaEnd != 0:
			p.points = append(p.points, point{time: t, end: true})
		}
	}
	d.gaps = p.settle(0, d.gaps)
	return nil
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

// mainLogPoints decodes a field's points of the main log into p. A log's
// cadence is that of its latest rows, so that Latest need not read the others.
func (d *Decoder) mainLogPoints(v LogView, f schema.Field, p *pointsOf) {
	*p = pointsOf{points: p.points[:0]}
	old := v.rows - v.tail().rows
	recent := 0
	if d.mainLog.asked(v, &d.state) {
		p.points = d.mainLog.table.points(p.points, f, 0, old)
		recent = len(p.points)
		p.points = d.mainLog.table.points(p.points, f, old, v.rows)
	} else {
		p.points = d.logPoints(v.head(old), f, p.points)
		recent = len(p.points)
		p.points = d.logPoints(v.tail(), f, p.points)
	}
	d.gaps = p.settle(recent, d.gaps)
}

// mainLogTail decodes what mainLogPoints would of the log's latest rows.
func (d *Decoder) mainLogTail(v LogView, f schema.Field, p *pointsOf) {
	*p = pointsOf{points: d.logPoints(v.tail(), f, p.points[:0])}
	d.gaps = p.settle(0, d.gaps)
}

// lateLogPoints decodes a field's points of the late log into p.
func (d *Decoder) lateLogPoints(v LogView, f schema.Field, p *pointsOf) {
	*p = pointsOf{points: p.points[:0]}
	if d.lateLog.asked(v, &d.state) {
		p.points = d.lateLog.table.points(p.points, f, 0, v.rows)
	} else {
		p.points = d.logPoints(v, f, p.points)
	}
	d.gaps = p.settle(0, d.gaps)
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
	for i := range s.fields {
		if s.fields[i].field == f {
			return i
		}
	}
	return -1
}
