package promread

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"weir/pkg/read/promread/conformance"
)

// exact is a Reader that gives exactly what is asked for: whatever the querier
// asks too little of shows.
type exact struct {
	Reader // nil: nobody asks for labels
	all    []conformance.Series
}

func (e *exact) Select(_ context.Context, req SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	for _, s := range e.all {
		if !Matches(req.Matchers, s.Labels) {
			continue
		}
		low, _ := slices.BinarySearch(s.T, req.From)
		high, _ := slices.BinarySearch(s.T, req.To+1)
		if req.Latest {
			low = max(low, high-1)
		}
		if low < high {
			visit(s.Labels, s.T[low:high:high], s.V[low:high:high])
		}
	}
	return nil
}

// evaluate returns a query's value, notes or error as text, exact to the bit of
// every value but NaNs.
func evaluate(t *testing.T, engine *promql.Engine, q storage.Queryable, expr string, e conformance.Evaluation, lookback time.Duration) string {
	t.Helper()
	options := promql.NewPrometheusQueryOpts(false, lookback)
	start, end := conformance.Base.Add(e.Start), conformance.Base.Add(e.End)
	query, err := engine.NewInstantQuery(context.Background(), q, options, expr, start)
	if e.Step > 0 {
		query, err = engine.NewRangeQuery(context.Background(), q, options, expr, start, end, e.Step)
	}
	if err != nil {
		return "cannot be prepared: " + err.Error()
	}
	defer query.Close()
	res := query.Exec(context.Background())
	warnings, infos := res.Warnings.AsStrings(expr, 0, 0)
	slices.Sort(warnings)
	slices.Sort(infos)
	if res.Err != nil {
		return fmt.Sprintf("error: %v %q %q", res.Err, warnings, infos)
	}
	if v, ok := res.Value.(promql.Vector); ok && !strings.HasPrefix(expr, "sort") {
		slices.SortStableFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	}
	return fmt.Sprintf("%s %q %q", exactly(res.Value), warnings, infos)
}

// exactly returns a value's text, every number to its last bit.
func exactly(v parser.Value) string {
	switch v := v.(type) {
	case promql.Vector:
		text := ""
		for _, s := range v {
			text += fmt.Sprintf("%s %d %s, ", s.Metric, s.T, number(s.F))
		}
		return "[" + text + "]"
	case promql.Matrix:
		text := ""
		for _, s := range v {
			text += s.Metric.String()
			for _, p := range s.Floats {
				text += fmt.Sprintf(" %d %s", p.T, number(p.F))
			}
			text += ", "
		}
		return "[" + text + "]"
	case promql.Scalar:
		return fmt.Sprintf("%d %s", v.T, number(v.V))
	}
	return v.String()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// extended are expressions with syntax that Prometheus has behind flags.
var extended = []string{
	`spore_node_cpu_usage_percent smoothed`,
	`rate(spore_node_network_sent_bytes_total[5m] anchored)`,
	`increase(spore_node_network_sent_bytes_total[5m] smoothed)`,
	`spore_node_cpu_usage_percent offset (1m + 30s)`,
	`rate(spore_node_network_sent_bytes_total[step() + 1m])`,
	`spore_node_cpu_usage_percent + on (node) fill (0) spore_node_cpu_usage_percent{zone="a"}`,
}

// Every expression gives the same over our queryable, which reads no more than
// it must, as over Prometheus' chunks with everything in them.
func TestExpressionsGiveWhatTheyGiveOverPrometheusChunks(t *testing.T) {
	all := conformance.AllSeries()
	engine, chunked := conformance.NewEngine(), conformance.NewReference(all)
	telling := 0
	for _, expr := range append(conformance.Expressions(), extended...) {
		t.Run(expr, func(t *testing.T) {
			something := false
			for _, lookback := range []time.Duration{5 * time.Minute, 20 * time.Second} {
				for _, e := range conformance.Evaluations {
					want := evaluate(t, engine, chunked, expr, e, lookback)
					got := evaluate(t, engine, &Queryable{Reader: &exact{all: all}, Lookback: lookback}, expr, e, lookback)
					if got != want {
						t.Errorf("lookback %v, %+v:\ngot  %s\nwant %s", lookback, e, short(got), short(want))
					}
					if strings.HasPrefix(want, "cannot be prepared") && !strings.HasPrefix(expr, `"`) {
						t.Errorf("%s", want)
					}
					something = something || !strings.HasPrefix(want, "[] ")
				}
			}
			if something {
				telling++
			}
		})
	}
	if telling < 250 {
		t.Errorf("only %d expressions ever gave something to compare", telling)
	}
}

func short(s string) string { return s[:min(len(s), 1000)] }
