package promapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"weir/pkg/golden"
	"weir/pkg/read/promread/conformance"
)

// answer is a line of conformance/expected.jsonl: a request, and what it must
// be answered with. A vector is sorted by labels unless the expression sorts.
type answer struct {
	Query    string          `json:"query"`
	Start    int64           `json:"start"` // unix seconds; the time of an instant query
	End      int64           `json:"end"`
	Step     int64           `json:"step"` // seconds; 0 for an instant query
	Data     json.RawMessage `json:"data,omitempty"`
	Error    string          `json:"error,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
	Infos    []string        `json:"infos,omitempty"`
}

// The files are for tests that put the readings into a whole system and ask it
// the expressions: what it answers must be what Prometheus' chunks give.
func TestFilesOfTheConformancePackage(t *testing.T) {
	t.Chdir("../../../../pkg/read/promread/conformance")
	engine, chunked := conformance.NewEngine(), conformance.NewReference(conformance.AllSeries())
	var lines []byte
	for _, expr := range conformance.Expressions() {
		for _, e := range []conformance.Evaluation{conformance.Evaluations[0], conformance.Evaluations[4]} {
			line, err := json.Marshal(expected(engine, chunked, expr, e))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(append(lines, line...), '\n')
		}
	}
	golden.Check(t, "expected.jsonl", lines)
	golden.Check(t, "readings.csv", conformance.CSV())
}

func expected(engine *promql.Engine, q *conformance.Reference, expr string, e conformance.Evaluation) answer {
	start, end := conformance.Base.Add(e.Start), conformance.Base.Add(e.End)
	a := answer{Query: expr, Start: start.Unix(), End: end.Unix(), Step: int64(e.Step.Seconds())}
	query, err := engine.NewInstantQuery(context.Background(), q, nil, expr, start)
	if e.Step > 0 {
		query, err = engine.NewRangeQuery(context.Background(), q, nil, expr, start, end, e.Step)
	}
	if err != nil {
		a.Error = invalid("query", err).Error()
		return a
	}
	defer query.Close()
	res := query.Exec(context.Background())
	if res.Err != nil {
		a.Error = res.Err.Error()
		return a
	}
	if v, ok := res.Value.(promql.Vector); ok && !strings.HasPrefix(expr, "sort") {
		slices.SortStableFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	}
	a.Warnings, a.Infos = res.Warnings.AsStrings(expr, maxNotes, maxNotes)
	slices.Sort(a.Warnings)
	slices.Sort(a.Infos)
	a.Data = (&options{}).appendResult(nil, res.Value, query)
	return a
}
