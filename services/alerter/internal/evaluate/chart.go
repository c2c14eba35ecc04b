package evaluate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/rule"
)

// What a chart shows.
const (
	chartTime   = time.Hour
	chartPoints = 120
)

// Chart returns what an alert's series was in the last hour: the values that its
// rule compares, where that can be told from the rule.
func (e *Evaluator) Chart(ctx context.Context, a *alert.Alert) (notice.Series, error) {
	g, r := e.find(a.Rule)
	if r == nil {
		return notice.Series{}, fmt.Errorf("draw %s: there is no such rule", a.Name())
	}
	expr := r.Data
	if expr == "" {
		expr = r.Expr
	}
	now, step := time.Now(), chartTime/chartPoints
	giveBack, err := take(ctx, g.turns)
	if err != nil {
		return notice.Series{}, fmt.Errorf("draw %s: %w", a.Name(), err)
	}
	defer giveBack()
	q, err := e.engine.NewRangeQuery(ctx, g.queries, nil, expr, now.Add(-chartTime), now, step)
	if err != nil {
		return notice.Series{}, fmt.Errorf("draw %s: %w", a.Name(), err)
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return notice.Series{}, fmt.Errorf("draw %s: %w", a.Name(), result.Err)
	}
	matrix, _ := result.Value.(promql.Matrix)
	for i := range matrix {
		if rule.SeriesOf(labelSet(matrix[i].Metric)).Equal(a.Series) {
			return drawn(expr, a.Series, matrix[i].Floats, step), nil
		}
	}
	return notice.Series{}, fmt.Errorf("draw %s: %s has no series %s", a.Name(), expr, a.Series)
}

// drawn is a series with a gap wherever points are missing.
func drawn(expr string, series model.LabelSet, points []promql.FPoint, step time.Duration) notice.Series {
	s := notice.Series{Name: expr}
	if len(series) > 0 {
		s.Name += " " + series.String()
	}
	for i, p := range points {
		at := time.UnixMilli(p.T).UTC()
		if i > 0 && p.T-points[i-1].T > step.Milliseconds() {
			s.Times, s.Values = append(s.Times, at.Add(-step)), append(s.Values, math.NaN())
		}
		s.Times, s.Values = append(s.Times, at), append(s.Values, p.F)
	}
	return s
}

func (e *Evaluator) find(key string) (*group, *ruleRun) {
	for _, g := range e.current() {
		for _, r := range g.rules {
			if r.Key == key {
				return g, r
			}
		}
	}
	return nil, nil
}
