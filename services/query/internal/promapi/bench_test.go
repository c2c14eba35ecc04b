package promapi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
)

// fleetOf is a reader of one metric of so many nodes, whose samples are made on
// the way: an hour's, 15 s apart.
type fleetOf struct {
	*memory
	series []labels.Labels
}

func newFleetOf(n int) *fleetOf {
	f := &fleetOf{memory: new(memory)}
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		f.series = append(f.series, labels.FromStrings("__name__", "spore_node_cpu_usage_percent", "node", fmt.Sprintf("node-%06d", i),
			"service", "factory", "subservice", "line1", "version", "1.2.0", "zone", fmt.Sprintf("zone-%d", i%10)))
	}
	return f
}

func (f *fleetOf) Select(_ context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	for i, l := range f.series {
		var t []int64
		var v []float64
		for ms := req.To - req.To%15_000; ms >= req.From; ms -= 15_000 {
			t, v = append(t, ms), append(v, float64(i%101))
			if req.Latest {
				break
			}
		}
		for a, b := 0, len(t)-1; a < b; a, b = a+1, b-1 {
			t[a], t[b] = t[b], t[a]
		}
		visit(l, t, v)
	}
	return nil
}

// What the engine and the documents cost, the reading of history aside.
func BenchmarkQueries(b *testing.B) {
	for name, row := range map[string]struct {
		series  int
		request string
	}{
		"an instant of 10000 series":       {10_000, path("/api/v1/query", "query", "spore_node_cpu_usage_percent")},
		"a sum of 10000 series":            {10_000, path("/api/v1/query", "query", "sum by (zone) (spore_node_cpu_usage_percent)")},
		"an hour by 15 s of 1000 series":   {1000, path("/api/v1/query_range", "query", "spore_node_cpu_usage_percent", "start", "1767322200", "end", "1767325800", "step", "15")},
		"rates for an hour of 1000 series": {1000, path("/api/v1/query_range", "query", "sum by (zone) (rate(spore_node_cpu_usage_percent[5m]))", "start", "1767322200", "end", "1767325800", "step", "15")},
		"a day by 15 s of one series":      {1, path("/api/v1/query_range", "query", "spore_node_cpu_usage_percent", "start", "1767239400", "end", "1767325800", "step", "15")},
	} {
		b.Run(name, func(b *testing.B) {
			a := newAPI(b, newFleetOf(row.series), nil)
			b.ReportAllocs()
			for b.Loop() {
				if w := call(a, row.request); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
