package history

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"weir/pkg/schema"
)

// Decoder reads samples and rows. It holds scratch memory: use one for many
// tracks, but not concurrently.
type Decoder struct {
	columns  columnReader
	state    pageState
	present  []int64
	metas    []int64
	arrivals []int64
	values   []float64
	late     []point
	parts    [][]point // of main
	chunks   []chunkTimes
	mainLog  logRows
	lateLog  logRows
	tail     logRows // of a main log's latest rows alone

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
// the track ends or the parts' Ends say so, and where no next sample came within the limit of the query's
// Staleness after a sample; never in the place of a sample.
//
// The answer depends on the samples alone (and on the query), and not on the order
// in which they came, as long as the parts are as complete as Parts says.
//
// An error wraps ErrDamaged or, only if the parts have a Since, is ErrShort;
// into is then empty.
func (d *Decoder) Samples(p *Parts, q SampleQuery, into *Samples) error {
	into.reset()
	q.From, q.To = inTime(q.From), inTime(q.To)
	err := d.readLate(p, q.Field)
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

// inTime brings milliseconds near those that nanoseconds can tell, so that one
// may reckon with them.
func inTime(ms int64) int64 {
	const beyond = math.MaxInt64/int64(time.Millisecond) + 2
	return min(max(ms, -beyond), beyond)
}

// firstPart returns the first main part that may have points from a millisecond
// on: a chunk, or the log behind the last.
func (p *Parts) firstPart(ms int64) int {
	return sort.Search(len(p.Main), func(i int) bool { return milliseconds(p.Main[i].max) >= ms })
}

// all merges main and late parts: at first only those that can have samples of
// the answer, and with those before them if a gap near the range's beginning
// makes it depend on more.
func (d *Decoder) all(p *Parts, q SampleQuery, into *Samples) error {
	l := q.Staleness.limits()
	first := p.firstPart(q.From - l.ceiling)
	if q.Hold > 0 {
		first = 0
	}
	complete, err := d.mergeFrom(p, first, q, into)
	if err == nil && !complete && first > 0 {
		complete, err = d.mergeFrom(p, p.firstPart(q.From-l.ceiling-l.within), q, into)
	}
	if err == nil && !complete {
		return ErrShort
	}
	return err
}

// mergeFrom merges what there is from a main part on, and reports whether that
// was all that matters.
func (d *Decoder) mergeFrom(p *Parts, first int, q SampleQuery, into *Samples) (complete bool, err error) {
	m := d.newMerge(p, q, p.readFrom(first), into)
	for i := first; i <= len(p.Main) && !m.done; i++ {
		part, err := d.readMain(p, i, q.Field, 0)
		if err != nil {
			return false, err
		}
		m.main(part)
	}
	return m.finish(), nil
}

// readFrom returns from when on all is known if main is read from a part on.
func (p *Parts) readFrom(part int) int64 {
	if part == 0 {
		return p.since()
	}
	return max(p.since(), p.Main[part-1].max)
}

func (p *Parts) since() int64 {
	if p.Since == 0 {
		return everythingRead
	}
	return p.Since
}

// latest merges only what the last sample depends on: main parts from the end
// back to one that has a sample in time, and on until its interval is known.
func (d *Decoder) latest(p *Parts, q SampleQuery, into *Samples) error {
	if d.latestInTail(p, q, into) {
		return nil
	}
	needed := p.firstPart(q.From - q.Staleness.limits().ceiling)
	if q.Hold > 0 {
		needed = 0
	}
	found := false
	for n, i := 0, len(p.Main); i >= 0; n, i = n+1, i-1 {
		part, err := d.readMain(p, i, q.Field, n)
		if err != nil {
			return err
		}
		found = found || hasSample(part, q.To)
		if (found || i <= needed) && d.mergeBack(p, n, p.readFrom(i), q, into) {
			return nil
		}
	}
	return ErrShort
}

// latestInTail is latest of what came late and the open log's latest rows, and
// reports whether these are enough. It is not tried if these are all rows.
func (d *Decoder) latestInTail(p *Parts, q SampleQuery, into *Samples) bool {
	tail := p.MainLog.tail()
	if tail.rows == p.MainLog.rows {
		return false
	}
	part := d.part(0)
	*part = d.openPoints(&d.tail, tail, q.Field, (*part)[:0])
	return hasSample(*part, q.To) && d.mergeBack(p, 0, max(p.since(), d.firstOfTail(tail)), q, into)
}

// firstOfTail returns the time of the first of a log's latest rows.
func (d *Decoder) firstOfTail(tail LogView) int64 {
	if d.tail.known {
		return d.tail.start
	}
	return tail.first(&d.state)
}

// mergeBack merges main parts that were read from the end back to number n; all
// from a time on is then known.
func (d *Decoder) mergeBack(p *Parts, n int, from int64, q SampleQuery, into *Samples) (complete bool) {
	m := d.newMerge(p, q, from, into)
	for ; n >= 0; n-- {
		m.main(d.parts[n])
	}
	return m.finish()
}

// part returns scratch number i.
func (d *Decoder) part(i int) *[]point {
	for len(d.parts) <= i {
		d.parts = append(d.parts, nil)
	}
	return &d.parts[i]
}

// readMain decodes main part i, a chunk or the log behind the last, into scratch
// number n.
func (d *Decoder) readMain(p *Parts, i int, f schema.Field, n int) (points []point, err error) {
	part := d.part(n)
	if i < len(p.Main) {
		*part, err = d.chunkPoints(&p.Main[i], f, (*part)[:0])
	} else {
		*part = d.openPoints(&d.mainLog, p.MainLog, f, (*part)[:0])
	}
	return *part, err
}

// hasSample reports whether a sample is not later than a millisecond.
func hasSample(points []point, to int64) bool {
	for i := range points {
		if !points[i].end {
			return milliseconds(points[i].time) <= to
		}
	}
	return false
}

// readLate decodes all late parts into d.late, sorted.
func (d *Decoder) readLate(p *Parts, f schema.Field) (err error) {
	d.late = d.late[:0]
	for i := range p.Late {
		if d.late, err = d.chunkPoints(&p.Late[i], f, d.late); err != nil {
			return err
		}
	}
	d.late = d.openPoints(&d.lateLog, p.LateLog, f, d.late)
	slices.SortStableFunc(d.late, func(a, b point) int { return cmp.Compare(a.time, b.time) })
	return nil
}
