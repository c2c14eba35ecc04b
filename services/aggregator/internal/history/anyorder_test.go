package history

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// distinctRows returns rows of distinct nanoseconds over several buckets, with
// gaps, other intervals behind them, and fields that few rows have; without an
// end: an end is never late.
func distinctRows(r *rand.Rand, n int) []Row {
	rows := randomRows(r, n)
	seldom := randomFields[r.IntN(len(randomFields))]
	was, time, stretch := rows[0].Time, rows[0].Time, int64(1)
	for i := range rows {
		row := &rows[i]
		time += (row.Time-was)*stretch + 1 + r.Int64N(1e9)*r.Int64N(2)
		if r.IntN(40) == 0 {
			time += r.Int64N(3600) * 1e9
			stretch = 1 + r.Int64N(6)
		}
		was, row.Time, row.Arrival, row.End = row.Time, time, uint64(i+1), false
		if r.IntN(15) > 0 {
			row.Fields = slices.DeleteFunc(row.Fields, func(v schema.FieldValue) bool { return v.Field == seldom })
		}
	}
	return rows
}

func randomStaleness(r *rand.Rand) Staleness {
	all := []Staleness{
		{},
		{Factor: 2.5, Floor: time.Second, Ceiling: 10 * time.Minute},
		{Factor: 1.5, Floor: 20 * time.Millisecond, Ceiling: time.Minute},
		{Factor: 1, Floor: time.Second, Ceiling: time.Hour},
		{Factor: 1, Floor: 40 * time.Second, Ceiling: 40 * time.Second},
	}
	return all[r.IntN(len(all))]
}

// seriesOf is what Samples should give, reckoned from the rows without an end
// one by one, and from when the source sent something under other labels.
func seriesOf(rows []Row, ends []int64, q SampleQuery) (series Samples) {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.Time - b.Time) })
	var all Samples
	var times []int64 // in nanoseconds
	for i := range rows {
		for _, v := range rows[i].Fields {
			if v.Field != q.Field {
				continue
			}
			ms := milliseconds(rows[i].Time)
			if n := len(all.T); n > 0 && all.T[n-1] == ms {
				all.T, all.V, times = all.T[:n-1], all.V[:n-1], times[:n-1]
			}
			all.add(ms, v.Value)
			times = append(times, rows[i].Time)
		}
	}
	give := func(ms int64, v float64) {
		if ms >= q.From && ms <= q.To {
			series.add(ms, v)
		}
	}
	for i, ms := range all.T {
		give(ms, all.V[i])
		marker := ms + limitAfter(all.T[:i+1], q.Staleness)
		if i+1 == len(all.T) {
			marker += q.Lag.Milliseconds()
		}
		if q.Hold > 0 {
			marker = never
		}
		for _, end := range ends {
			if end > times[i] {
				marker = min(marker, max(milliseconds(end), ms+1))
			}
		}
		until := inTime(q.To) + 1
		if i+1 < len(all.T) {
			until = min(until, all.T[i+1])
		}
		if step := q.Hold.Milliseconds(); step > 0 && !IsStale(all.V[i]) {
			for t := ms + step; t < min(marker, until); t += step {
				give(t, all.V[i])
			}
		}
		if marker < until {
			give(marker, StaleMarker)
		}
	}
	if n := len(series.T); q.Latest && n > 0 {
		series = Samples{series.T[n-1:], series.V[n-1:]}
	}
	return series
}

// limitAfter returns how long a series lives after the last of its samples.
func limitAfter(times []int64, s Staleness) int64 {
	if s == (Staleness{}) {
		s = DefaultStaleness
	}
	last := times[len(times)-1]
	var intervals []int64
	for i := len(times) - 1; i > 0 && len(intervals) < 8 && last-times[i-1] <= 4*s.Ceiling.Milliseconds(); i-- {
		intervals = append(intervals, times[i]-times[i-1])
	}
	if len(intervals) < 3 {
		return s.Ceiling.Milliseconds()
	}
	slices.Sort(intervals)
	limit := s.Factor * float64(intervals[len(intervals)/2])
	return int64(min(max(limit, float64(s.Floor.Milliseconds())), float64(s.Ceiling.Milliseconds())))
}

// TestAnyOrderOfArrivalGivesTheSameSamples: markers and all, with learned
// limits, whatever the range is, and of no more parts than it needs. Of fewer it
// says when they are too few.
func TestAnyOrderOfArrivalGivesTheSameSamples(t *testing.T) {
	var d Decoder
	enough, short := 0, 0
	seeds(t, 60, func(t *testing.T, r *rand.Rand) {
		rows := distinctRows(r, 2+r.IntN(700))
		orders := []*Parts{trackOf(t, rows), trackOf(t, shuffled(r, rows)), trackOf(t, inAnyOrder(r, rows))}
		for range 45 {
			q := randomQuery(r, rows)
			first := int64(0)
			if r.IntN(5) == 0 {
				first = rows[r.IntN(len(rows))].Time
			}
			ends := someTimes(r, rows)
			want := seriesOf(slices.DeleteFunc(slices.Clone(rows), func(row Row) bool { return row.Time < first }), ends, q)
			for i, all := range orders {
				near := partsSince(all, q, time.Duration(q.Staleness.limits().ceiling)*time.Millisecond)
				if q.From > math.MinInt64 {
					near.Since = (q.From - q.Staleness.limits().ceiling) * 1e6
				}
				for k, p := range []*Parts{all, partsSince(all, q, q.Staleness.Reach()), near} {
					if k == 1 && q.Hold > 0 {
						continue // what is held may be from long before
					}
					var got Samples
					p.First, p.Ends = first, ends
					if p != all {
						p.Ends = slices.DeleteFunc(slices.Clone(ends), func(end int64) bool {
							return milliseconds(end) < inTime(q.From)-q.Staleness.limits().ceiling || milliseconds(end) > q.To
						})
					}
					err := d.Samples(p, q, &got)
					switch {
					case p == near && err == ErrShort && len(got.T) == 0:
						short++
						continue
					case err != nil:
						t.Fatal(err)
					case p == near && len(want.T) > 0:
						enough++
					}
					if !sameSamples(want, got) {
						t.Fatalf("order %d, %+v (-as it should be +got):\n%s", i, q, cmp.Diff(want, got, sameBits))
					}
				}
			}
		}
	})
	if min(enough, short) < 300 {
		t.Errorf("few parts are enough %d times, and too few %d times", enough, short)
	}
}

func sameSamples(a, b Samples) bool {
	return slices.Equal(a.T, b.T) && slices.EqualFunc(a.V, b.V, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

// someTimes returns times among those of rows, some of them the very same,
// ascending; often none.
func someTimes(r *rand.Rand, rows []Row) (times []int64) {
	if r.IntN(3) == 0 {
		return nil
	}
	for range r.IntN(len(rows)) {
		times = append(times, rows[r.IntN(len(rows))].Time+r.Int64N(3e9)*r.Int64N(2))
	}
	slices.Sort(times)
	return times
}

// inAnyOrder returns rows in a quite random order.
func inAnyOrder(r *rand.Rand, rows []Row) []Row {
	rows = slices.Clone(rows)
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func randomQuery(r *rand.Rand, rows []Row) SampleQuery {
	q := everything(randomFields[r.IntN(len(randomFields))])
	if r.IntN(8) > 0 {
		first, last := milliseconds(rows[0].Time), milliseconds(rows[len(rows)-1].Time)
		q.From = first + r.Int64N(last-first+1)
		q.To = q.From + r.Int64N(last-first+400_000)>>r.IntN(8)
	}
	q.Staleness, q.Latest = randomStaleness(r), r.IntN(2) == 0
	switch last := milliseconds(rows[len(rows)-1].Time); {
	case r.IntN(3) == 0 && q.To >= last:
		q.Lag = time.Duration(r.Int64N(300)) * time.Second
	case r.IntN(3) == 0 && q.From > math.MinInt64:
		q.Hold = time.Duration(1+r.Int64N(200)) * time.Second
	}
	return q
}

// partsSince returns the parts that have rows from so long before the query's range on.
func partsSince(p *Parts, q SampleQuery, before time.Duration) *Parts {
	from, to := inTime(q.From)-before.Milliseconds(), inTime(q.To)
	outside := func(oldest, newest int64) bool { return milliseconds(oldest) > to || milliseconds(newest) < from }
	chunk := func(c Chunk) bool { return outside(c.Min(), c.Max()) }
	n := Parts{Main: slices.DeleteFunc(slices.Clone(p.Main), chunk), Late: slices.DeleteFunc(slices.Clone(p.Late), chunk)}
	if !outside(p.MainLog.Oldest(), p.MainLog.Newest()) {
		n.MainLog = p.MainLog
	}
	if !outside(p.LateLog.Oldest(), p.LateLog.Newest()) {
		n.LateLog = p.LateLog
	}
	return &n
}
