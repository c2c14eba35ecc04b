package history

import (
	"cmp"
	"slices"
)

// Decoder reads samples and rows. It holds scratch memory: use one for many
// tracks, but not concurrently.
type Decoder struct {
	columns columnReader
	state   pageState
	present []int64
	metas   []int64
	values  []float64
	gaps    []int64
	late    []point
	parts   []pointsOf // of main
	chunks  []chunkTimes
	mainLog logRows
	lateLog logRows

	// of rows
	row     Row
	sources []rowSource
	open    []rowSource
	tables  []*table // not in use
}

// Samples puts the answer to a query into into, whose memory it uses.
//
// Samples of the same millisecond are one: the last of them by nanoseconds; of
// the same nanosecond, the one that came last. A staleness marker stands where
// the track ends, and where no next sample came within the limit of the query's
// Staleness after a sample; never in the place of a sample.
//
// An error wraps ErrDamaged; into is then empty.
func (d *Decoder) Samples(p *Parts, q SampleQuery, into *Samples) error {
	into.reset()
	if q.Staleness == (Staleness{}) {
		q.Staleness = DefaultStaleness
	}
	err := d.readLate(p, q)
	if err == nil && q.Latest {
		err = d.latest(p, q, into)
	} else if err == nil {
		err = d.all(p, q, into)
	}
	if err != nil {
		into.reset()
	}
	return err
}

// all merges main and late parts.
func (d *Decoder) all(p *Parts, q SampleQuery, into *Samples) error {
	m := merge{query: q, late: d.late, into: into}
	part := d.part(0)
	for i := 0; i <= len(p.Main) && !m.done; i++ {
		if err := d.readMain(p, i, q, part); err != nil {
			return err
		}
		m.main(part)
	}
	m.finish()
	return nil
}

// latest merges only what the last sample depends on: main parts from the end
// back to one that has a sample in time, and to one that knows its cadence.
func (d *Decoder) latest(p *Parts, q SampleQuery, into *Samples) error {
	n, found, known := 0, false, false
	for i := len(p.Main); i >= 0 && !(found && known); i-- {
		part := d.part(n)
		if i == len(p.Main) {
			d.mainLogTail(p.MainLog, q.Field, part)
			found, known = part.hasSample(q.To), part.intervals >= minIntervals
		}
		if !(found && known) {
			if err := d.readMain(p, i, q, part); err != nil {
				return err
			}
			found, known = found || part.hasSample(q.To), part.intervals >= minIntervals
		}
		n++
	}
	m := merge{query: q, late: d.late, into: into}
	for n--; n >= 0; n-- {
		m.main(&d.parts[n])
	}
	m.finish()
	return nil
}

// part returns scratch number i.
func (d *Decoder) part(i int) *pointsOf {
	for len(d.parts) <= i {
		d.parts = append(d.parts, pointsOf{})
	}
	return &d.parts[i]
}

// readMain decodes main part i: a chunk, or the log behind the last.
func (d *Decoder) readMain(p *Parts, i int, q SampleQuery, into *pointsOf) error {
	if i < len(p.Main) {
		return d.chunkPoints(&p.Main[i], q.Field, into)
	}
	d.mainLogPoints(p.MainLog, q.Field, into)
	return nil
}

// hasSample reports whether a sample is not later than a millisecond.
func (p *pointsOf) hasSample(to int64) bool {
	for i := range p.points {
		if !p.points[i].end {
			return milliseconds(p.points[i].time) <= to
		}
	}
	return false
}

// readLate decodes all late parts into d.late, sorted.
func (d *Decoder) readLate(p *Parts, q SampleQuery) error {
	d.late = d.late[:0]
	part := d.part(0)
	add := func() {
		cadence := int64(0)
		if part.intervals >= minIntervals {
			cadence = part.cadence
		}
		for _, pt := range part.points {
			pt.limit = q.Staleness.limit(cadence)
			d.late = append(d.late, pt)
		}
	}
	for i := range p.Late {
		if err := d.chunkPoints(&p.Late[i], q.Field, part); err != nil {
			return err
		}
		add()
	}
	if p.LateLog.rows > 0 {
		d.lateLogPoints(p.LateLog, q.Field, part)
		add()
	}
	slices.SortStableFunc(d.late, func(a, b point) int { return cmp.Compare(a.time, b.time) })
	return nil
}
