package promread

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"weir/pkg/read/promread/conformance"
)

// recorder is a reader without series that notes its requests.
type recorder struct {
	Reader
	seen []SelectRequest
}

func (r *recorder) Select(_ context.Context, req SelectRequest, _ func(labels.Labels, []int64, []float64)) error {
	r.seen = append(r.seen, req)
	return nil
}

// Which selections are asked for their latest samples only. Times are seconds.
func TestOnlyOneInstantIsLatest(t *testing.T) {
	const at, lookback = 100_000, 300
	type want struct {
		from, to float64
		latest   bool
	}
	one := func(to float64) want { return want{to - lookback + 0.001, to, true} }
	for _, row := range []struct {
		name, expr string
		end        int64 // of a range query from at; 0 for an instant one
		step       int64
		want       []want
	}{
		{"an instant", "a", 0, 0, []want{one(at)}},
		{"two selectors at an instant", "a + b", 0, 0, []want{one(at), one(at)}},
		{"a function of an instant", "abs(a)", 0, 0, []want{one(at)}},
		{"an instant's timestamp", "timestamp(a)", 0, 0, []want{one(at)}},
		{"an offset", "a offset 10s", 0, 0, []want{one(at - 10)}},
		{"an offset into the future", "a offset -10s", 0, 0, []want{one(at + 10)}},
		{"a fixed time", "a @ 50", 0, 0, []want{one(50)}},
		{"a fixed time in a range", "a @ 50", at + 1000, 60, []want{one(50)}},
		{"the end of a range", "a @ end()", at + 1000, 60, []want{one(at + 1000)}},
		{"a fixed time in a subquery", "max_over_time((a @ 50)[1h:1m])", 0, 0, []want{one(50)}},
		{"a range of one step", "a", at, 60, []want{one(at)}},
		{"a range", "a", at + 1, 1, []want{{at - lookback + 0.001, at + 1, false}}},
		{"a range whose second step lies beyond it", "a", at + 1, 60, []want{{at - lookback + 0.001, at + 1, false}}},
		{"a range vector", "rate(a[10m])", 0, 0, []want{{at - 599.999, at, false}}},
		{"a range vector as long as the lookback", "rate(a[5m])", 0, 0, []want{{at - lookback + 0.001, at, false}}},
		{"a range vector of a millisecond", "last_over_time(a[1ms])", 0, 0, []want{{at, at, false}}},
		{"a subquery", "max_over_time(a[1m:1s])", 0, 0, []want{{at - 60 - lookback + 0.001, at, false}}},
		{"a subquery of a millisecond", "max_over_time(a[1ms:1ms])", 0, 0, []want{{at - lookback, at, false}}},
		{"a subquery at a fixed time", "max_over_time(a[1m:1s] @ 500)", 0, 0, []want{{500 - 60 - lookback + 0.001, 500, false}}},
		{"an instant beside a range vector", "a + rate(b[10m])", 0, 0, []want{one(at), {at - 599.999, at, false}}},
		{"a smoothed instant", "a smoothed", 0, 0, []want{{at - lookback + 0.001, at + lookback, false}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := new(recorder)
			q := &Queryable{Reader: r, Lookback: lookback * time.Second}
			options := promql.NewPrometheusQueryOpts(false, q.Lookback)
			query, err := conformance.NewEngine().NewInstantQuery(context.Background(), q, options, row.expr, time.Unix(at, 0))
			if row.end > 0 {
				query, err = conformance.NewEngine().NewRangeQuery(context.Background(), q, options, row.expr, time.Unix(at, 0), time.Unix(row.end, 0), time.Duration(row.step)*time.Second)
			}
			if err != nil {
				t.Fatal(err)
			}
			if res := query.Exec(context.Background()); res.Err != nil {
				t.Fatal(res.Err)
			}
			var got []want
			for _, req := range r.seen {
				got = append(got, want{float64(req.From) / 1000, float64(req.To) / 1000, req.Latest})
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

// A short lookback of the query's own must not be taken for the usual one: a
// range of instants would pass for one.
func TestWithoutAKnownLookbackNothingIsLatest(t *testing.T) {
	for _, row := range []struct {
		lookback time.Duration
		latest   bool
	}{{0, false}, {time.Minute, false}, {5 * time.Minute, true}, {10 * time.Minute, true}} {
		r := new(recorder)
		q, err := (&Queryable{Reader: r, Lookback: row.lookback}).Querier(0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		q.Select(context.Background(), false, &storage.SelectHints{Start: 1, End: 300_000}).Next()
		if r.seen[0].Latest != row.latest {
			t.Errorf("lookback %v: %+v", row.lookback, r.seen[0])
		}
	}
}

func TestHints(t *testing.T) {
	r := new(recorder)
	q, err := (&Queryable{Reader: r, Lookback: time.Minute}).Querier(10, 20)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	q.Select(ctx, true, nil).Next()
	q.Select(ctx, true, &storage.SelectHints{Start: 11, End: 12, Func: "series", Limit: 7}).Next()
	q.Select(ctx, true, &storage.SelectHints{Start: 11, End: 12, Func: "info"}).Next()
	q.Select(ctx, true, nil) // nobody wants the series
	want := []SelectRequest{{From: 10, To: 20}, {From: 11, To: 12, LabelsOnly: true, Limit: 7}, {From: 11, To: 12}}
	if len(r.seen) != len(want) {
		t.Fatalf("asked %d times", len(r.seen))
	}
	for i, got := range r.seen {
		if got.From != want[i].From || got.To != want[i].To || got.Latest != want[i].Latest || got.LabelsOnly != want[i].LabelsOnly || got.Limit != want[i].Limit {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
}

// listed gives series in the order in which they are listed.
type listed struct {
	Reader
	all []Series
}

func (l *listed) Select(_ context.Context, _ SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	for _, s := range l.all {
		visit(s.Labels, s.T, s.V)
	}
	return nil
}

func TestSortedAndJoinedSeries(t *testing.T) {
	of := func(name string, t ...int64) Series {
		return Series{Labels: labels.FromStrings("a", name), T: t, V: make([]float64, len(t))}
	}
	for name, row := range map[string]struct {
		sorted    bool
		all, want []Series
	}{
		"any order":                  {false, []Series{of("2", 1), of("1", 1)}, []Series{of("2", 1), of("1", 1)}},
		"sorted":                     {true, []Series{of("2", 1), of("1", 1)}, []Series{of("1", 1), of("2", 1)}},
		"twice, one after the other": {false, []Series{of("2", 1, 3), of("1", 1), of("2", 2, 3, 4)}, []Series{of("1", 1), of("2", 1, 2, 3, 4)}},
		"three times":                {true, []Series{of("2", 5), of("2", 1), of("2", 3)}, []Series{of("2", 1, 3, 5)}},
		"none":                       {true, nil, nil},
	} {
		q, err := (&Queryable{Reader: &listed{all: row.all}}).Querier(0, 10)
		if err != nil {
			t.Fatal(err)
		}
		set := q.Select(context.Background(), row.sorted, nil)
		i := 0
		for ; set.Next(); i++ {
			got := set.At().(stored).series
			if i < len(row.want) && (!labels.Equal(got.Labels, row.want[i].Labels) || !slices.Equal(got.T, row.want[i].T)) {
				t.Errorf("%s: series %d is %v", name, i, got)
			}
		}
		if i != len(row.want) || set.Err() != nil || set.Next() {
			t.Errorf("%s: %d series, %v", name, i, set.Err())
		}
	}
}

// What ends one of two series with the same labels hides nothing of the other.
func TestJoinedSeriesEndWhereNeitherLives(t *testing.T) {
	end := math.Float64frombits(value.StaleNaN)
	of := func(points ...float64) Series { // time, value, time, value, …
		s := Series{Labels: labels.FromStrings("a", "1")}
		for i := 0; i < len(points); i += 2 {
			s.T, s.V = append(s.T, int64(points[i])), append(s.V, points[i+1])
		}
		return s
	}
	for name, row := range map[string]struct{ a, b, want Series }{
		"one ends when the other begins": {of(1, 10, 2, end), of(2, 20, 3, 30), of(1, 10, 2, 20, 3, 30)},
		"and ends when that goes on":     {of(1, 10, 2, end, 3, 30), of(2, 20, 3, end), of(1, 10, 2, 20, 3, 30)},
		"one ends while the other lives": {of(1, 10, 4, end), of(2, 20, 5, 50), of(1, 10, 2, 20, 5, 50)},
		"one after the other":            {of(1, 10, 2, end), of(4, 40, 5, end), of(1, 10, 2, end, 4, 40, 5, end)},
		"one ends, then the other":       {of(1, 10, 4, end), of(2, 20, 3, end), of(1, 10, 2, 20, 4, end)},
		"both end at once":               {of(1, 10, 3, end), of(2, 20, 3, end), of(1, 10, 2, 20, 3, end)},
		"of one only its end is read":    {of(3, end), of(2, 20), of(2, 20)},
		"of both only their ends":        {of(3, end), of(2, end), of(2, end, 3, end)},
	} {
		for order, all := range map[string][]Series{"": {row.a, row.b}, ", the other way round": {row.b, row.a}} {
			got, err := NewLoader(&listed{all: all}, 0).Load(context.Background(), SelectRequest{}, true)
			if err != nil || len(got) != 1 || !slices.Equal(got[0].T, row.want.T) || !slices.Equal(bitsOf(got[0].V), bitsOf(row.want.V)) {
				t.Errorf("%s%s: got %v, %v, want %v", name, order, got, err, row.want)
			}
		}
	}
}

// bitsOf makes values comparable: an end is not equal to itself.
func bitsOf(values []float64) []uint64 {
	bits := make([]uint64, len(values))
	for i, v := range values {
		bits[i] = math.Float64bits(v)
	}
	return bits
}

func TestTheBoundOfSamplesIsForTheWholeQuerier(t *testing.T) {
	all := []Series{{Labels: labels.FromStrings("a", "1"), T: []int64{1, 2}, V: []float64{1, 2}}}
	q, err := (&Queryable{Reader: &listed{all: all}, MaxSamples: 3}).Querier(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if set := q.Select(context.Background(), false, nil); !set.Next() {
		t.Errorf("the first selection gives %v", set.Err())
	}
	set := q.Select(context.Background(), false, nil)
	var tooMany promql.ErrTooManySamples
	if set.Next() || !errors.As(set.Err(), &tooMany) {
		t.Errorf("the second selection gives %v", set.Err())
	}
	if set := q.Select(context.Background(), false, nil); set.Next() || !errors.As(set.Err(), &tooMany) {
		t.Errorf("the third selection gives %v", set.Err())
	}
}

// The iterator does what that of Prometheus' lists does.
func TestIterator(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		n := rng.IntN(40)
		s := Series{T: make([]int64, n), V: make([]float64, n)}
		list := make(samples, n)
		at := int64(0)
		for i := range n {
			at += 1 + rng.Int64N(20)
			s.T[i], s.V[i] = at, rng.Float64()
			list[i] = conformance.Sample(at, s.V[i])
		}
		got, want := stored{&s}.Iterator(nil), storage.NewListSeriesIterator(list)
		for range 30 {
			var a, b chunkenc.ValueType
			if rng.IntN(2) == 0 {
				a, b = got.Next(), want.Next()
			} else {
				to := rng.Int64N(at + 10)
				a, b = got.Seek(to), want.Seek(to)
			}
			if a != b {
				t.Fatalf("seed %d: %v, want %v", seed, a, b)
			}
			if a == chunkenc.ValNone {
				break
			}
			gt, gv := got.At()
			wt, wv := want.At()
			if gt != wt || gv != wv || got.AtT() != wt || got.AtST() != 0 || got.Err() != nil {
				t.Fatalf("seed %d: at %d %v, want %d %v", seed, gt, gv, wt, wv)
			}
		}
	}
}

func TestIteratorsAreUsedAgain(t *testing.T) {
	s := stored{&Series{T: []int64{1}, V: []float64{math.Pi}}}
	it := s.Iterator(nil)
	it.Next()
	if again := s.Iterator(it); again != it || again.Next() != chunkenc.ValFloat {
		t.Errorf("got %v", again)
	}
}

// samples are a list for Prometheus' iterator.
type samples []chunks.Sample

func (s samples) Get(i int) chunks.Sample { return s[i] }
func (s samples) Len() int                { return len(s) }
