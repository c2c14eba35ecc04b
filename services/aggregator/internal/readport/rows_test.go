package readport

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

// task is an event of a task's metrics.
func task(t schema.Tenant, id, proplet string, cpu float64, own, received int64) schema.Event {
	return schema.Event{Topic: foldtest.TaskTopic(t), Client: proplet, Received: received, Payload: foldtest.Task(id, proplet, cpu, own)}
}

// row is a reading as the tests look at it.
type row struct {
	At     int64
	Parent string
	CPU    float64
}

// ledger remembers what was sent, with the arrival of each.
type ledger struct {
	rows     []row
	arrivals []int
}

// newestFirst returns the rows from..to, by time, of equal times the later one
// first.
func (l *ledger) newestFirst(from, to int64) (all []row) {
	order := make([]int, len(l.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(l.rows[j].At, l.rows[i].At), cmp.Compare(l.arrivals[j], l.arrivals[i]), cmp.Compare(i, j))
	})
	for _, i := range order {
		if l.rows[i].At >= from && l.rows[i].At <= to {
			all = append(all, l.rows[i])
		}
	}
	return all
}

func shown(readings []schema.StoredReading) (all []row) {
	for i := range readings {
		cpu, _ := readings[i].Value(schema.TaskCPUPercent)
		all = append(all, row{readings[i].Time, readings[i].Parent, cpu})
	}
	return all
}

func cut(all []row, offset, limit uint64) []row {
	offset = min(offset, uint64(len(all)))
	return all[offset:][:min(limit, uint64(len(all))-offset)]
}

// A task that moves between proplets, with late readings, on a page of any
// depth.
func TestRowsAreThoseThatWereSent(t *testing.T) {
	b := newBench(t, nil)
	rng := foldtest.Rand(foldtest.Seed(t))
	l := &ledger{}
	for step := range 30 {
		for range rng.IntN(120) {
			i := len(l.rows)
			r := row{At: at(i * 10), Parent: fmt.Sprintf("p%d", i/150%2), CPU: float64(rng.IntN(1000)) / 4}
			if rng.IntN(10) == 0 {
				r.At -= int64(rng.IntN(5000)) * 1e9
			}
			l.rows, l.arrivals = append(l.rows, r), append(l.arrivals, i)
			b.fold(task(farm, "t", r.Parent, r.CPU, r.At, at(i*10)))
		}
		if rng.IntN(3) == 0 {
			b.checkpoint(t)
		}
		end := len(l.rows)*10 + 1
		q := schema.RowsRequest{Kind: schema.KindTask, ID: "t", Offset: rng.Uint64N(uint64(end)), Limit: rng.Uint64N(60)}
		from, to := int64(math.MinInt64), int64(math.MaxInt64)
		if step%2 == 0 {
			from, to = at(rng.IntN(end)), at(rng.IntN(end))
			q.From, q.To, q.Offset = from, to, q.Offset/20
		}
		want := l.newestFirst(from, to)
		head, rows := b.rowsOf(t, q)
		if diff := gocmp.Diff(cut(want, q.Offset, q.Limit), shown(rows), cmpopts.EquateEmpty()); diff != "" || head.Total != uint64(len(want)) {
			t.Fatalf("%+v: total %d, want %d (-want +got):\n%s", q, head.Total, len(want), diff)
		}
	}
}

func TestPagesStandStillWhileDataArrive(t *testing.T) {
	b := newBench(t, nil)
	l := &ledger{}
	send := func(n int) {
		for range n {
			i := len(l.rows)
			r := row{At: at(i * 10), Parent: "p", CPU: float64(i)}
			if i%7 == 0 {
				r.At -= 300e9
			}
			l.rows, l.arrivals = append(l.rows, r), append(l.arrivals, i)
			b.fold(task(farm, "t", r.Parent, r.CPU, r.At, at(i*10)))
		}
	}
	send(500)
	q := schema.RowsRequest{Kind: schema.KindTask, ID: "t", Limit: 45}
	head, page := b.rowsOf(t, q)
	want := l.newestFirst(math.MinInt64, math.MaxInt64)
	q.Until = head.Until
	all := shown(page)
	for q.Offset = 45; q.Offset < 500; q.Offset += 45 {
		send(37)
		if q.Offset == 225 {
			b.checkpoint(t)
			b.fold(task(plant, "t", "p", 1, at(0), at(len(l.rows)*10))) // another tenant's, which came later
		}
		next, page := b.rowsOf(t, q)
		if next != head {
			t.Errorf("the head of a later page is %+v, want %+v", next, head)
		}
		all = append(all, shown(page)...)
	}
	if diff := gocmp.Diff(want, all); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestSourcesOfSeveralTenantsAreMerged(t *testing.T) {
	b := newBench(t, nil)
	for i := range 200 {
		b.fold(task(farm, "t", "p", float64(i), at(10*i), at(10*i)), task(plant, "t", "q", float64(1000+i), at(10*i+5), at(10*i+5)))
	}
	head, rows := b.rowsOf(t, schema.RowsRequest{Kind: schema.KindTask, ID: "t", Limit: 4})
	want := []row{{at(1995), "q", 1199}, {at(1990), "p", 199}, {at(1985), "q", 1198}, {at(1980), "p", 198}}
	if diff := gocmp.Diff(want, shown(rows)); diff != "" || head.Total != 400 {
		t.Errorf("of %d (-want +got):\n%s", head.Total, diff)
	}
	head, rows = b.rowsOf(t, schema.RowsRequest{Kind: schema.KindTask, ID: "t", Service: "plant", Limit: 1, Offset: 199})
	if diff := gocmp.Diff([]row{{at(5), "q", 1000}}, shown(rows)); diff != "" || head.Total != 200 {
		t.Errorf("of one tenant, of %d (-want +got):\n%s", head.Total, diff)
	}
	head, rows = b.rowsOf(t, schema.RowsRequest{Kind: schema.KindTask, ID: "other", Limit: 1})
	if head.Total != 0 || len(rows) != 0 {
		t.Errorf("of none: %+v, %+v", head, rows)
	}
}

func TestRequestsForRowsThatAreRefused(t *testing.T) {
	b := newBench(t, nil)
	for name, test := range map[string]struct {
		request schema.RowsRequest
		want    string
	}{
		"no id":            {schema.RowsRequest{Kind: schema.KindTask}, "bad request: kind and id must be given"},
		"no kind":          {schema.RowsRequest{ID: "t"}, "bad request: kind and id must be given"},
		"until is no pair": {schema.RowsRequest{Kind: schema.KindTask, ID: "t", Until: "7"}, `bad request: until: strconv.ParseUint: parsing "": invalid syntax`},
		"until is a word":  {schema.RowsRequest{Kind: schema.KindTask, ID: "t", Until: "1:2,x:3"}, `bad request: until: strconv.ParseUint: parsing "x": invalid syntax`},
	} {
		t.Run(name, func(t *testing.T) {
			err := b.ask(t, schema.ReadRows, test.request, func([]byte) error { return nil })
			var got *refused
			if !errors.As(err, &got) || *got != (refused{"400", test.want}) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUntilComesBackAsItWas(t *testing.T) {
	for _, u := range []until{nil, {1: 2}, {3: 0, 1: math.MaxUint64, math.MaxUint64: 7}} {
		got, err := parseUntil(u.String())
		if err != nil || !gocmp.Equal(got, u) {
			t.Errorf("%v comes back as %v, %v", u, got, err)
		}
	}
}

func FuzzUntil(f *testing.F) {
	f.Add("1:2,3:4")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseUntil(text)
		if err != nil {
			return
		}
		if again, err := parseUntil(u.String()); err != nil || !gocmp.Equal(again, u) {
			t.Errorf("%q is %v, and then %v, %v", text, u, again, err)
		}
	})
}
