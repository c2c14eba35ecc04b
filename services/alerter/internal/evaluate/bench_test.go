package evaluate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/ledger/ledgertest"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

const benchRule = `
groups:
- name: spore
  interval: 50ms
  rules:
  - alert: SporeCpuHigh
    expr: spore_cpu_percent > %d
    labels: {severity: warning}
    annotations: {summary: 'CPU of {{ $labels.node_id }} is at {{ $value }} %%'}
`

// BenchmarkEvaluation evaluates a rule over 10,000 nodes, of which none or each
// has an alert that fires. The time is the evaluator's own: reading is from
// memory.
func BenchmarkEvaluation(b *testing.B) {
	for _, limit := range []int{80, 95} {
		b.Run(fmt.Sprint("above ", limit), func(b *testing.B) {
			series := make([]promread.Series, 10_000)
			for i := range series {
				series[i] = promread.Series{Labels: labels.FromStrings(model.MetricNameLabel, "spore_cpu_percent", "service", "factory",
					"subservice", "line1", "node_id", fmt.Sprintf("node-%05d", i), "zone", fmt.Sprint("z", i%20)),
					T: []int64{time.Now().UnixMilli()}, V: []float64{91.5}}
			}
			groups, err := rule.Parse("rules.yml", fmt.Appendf(nil, benchRule, limit))
			if err != nil {
				b.Fatal(err)
			}
			l, err := ledger.OpenStream(b.Context(), ledgertest.NewStream(), ledger.Config{})
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan evaluate.Evaluation)
			e := evaluate.New(evaluate.Config{Ledger: l, Reader: readtest.New(series...), Logger: discard,
				Evaluated: func(one evaluate.Evaluation) { done <- one }})
			if err := e.Set(b.Context(), groups); err != nil {
				b.Fatal(err)
			}
			first := <-done
			b.ReportMetric(float64(first.Took.Milliseconds()), "first-ms")
			var took time.Duration
			for b.Loop() {
				took += (<-done).Took
			}
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/evaluation")
			go func() {
				for range done {
				}
			}()
			e.Stop(b.Context())
			close(done)
			_ = l.Close(b.Context())
		})
	}
}

// BenchmarkPlan plans for 10,000 alerts that fire, in one group and in as many.
func BenchmarkPlan(b *testing.B) {
	for name, groupBy := range map[string]string{"one group": "[alertname]", "a group each": "[node_id]"} {
		b.Run(name, func(b *testing.B) {
			c, err := amconfig.Parse([]byte(to("ops", "group_by: "+groupBy, "group_wait: 0s")), "")
			if err != nil {
				b.Fatal(err)
			}
			r, err := route.New(c, route.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s, now := alert.NewState(), time.Now()
			for i := range 10_000 {
				ls := labelSetOf("SporeCpuHigh", fmt.Sprintf("node-%05d", i))
				s.Apply(alert.Event{At: now, Transition: &alert.Transition{From: alert.Inactive, Alert: alert.Alert{
					ID: alert.NewID("r", ls, now), Rule: "r", Labels: ls, Status: alert.Firing, ActiveAt: now, FiredAt: now}}})
			}
			for b.Loop() {
				if len(r.Plan(s, now).Due) == 0 {
					b.Fatal("nothing is due")
				}
			}
		})
	}
}
