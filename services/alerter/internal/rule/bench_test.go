package rule_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/rule"
)

// BenchmarkEvaluate evaluates a rule of 10,000 alerts: all of which fire, with other
// values each time, and all of which have vanished without data.
func BenchmarkEvaluate(b *testing.B) {
	r := &rule.Rule{Key: "k", Name: "Hot", Expr: "cpu > 80", Data: "cpu", Labels: model.LabelSet{"severity": "warning"},
		Annotations: model.LabelSet{"summary": "{{ $labels.node }} is at {{ $value }}", "description": "The CPU of node {{ $labels.node }} is busy."}}
	in := rule.Input{At: start, Data: func() (map[model.Fingerprint]bool, error) { return nil, nil }}
	for n := range 10_000 {
		in.Result = append(in.Result, rule.Sample{Labels: model.LabelSet{"__name__": "cpu", "service": "s", "subservice": "a", "node": model.LabelValue("n" + strconv.Itoa(n))}, Value: 81})
	}
	out, err := r.Evaluate(in)
	if err != nil {
		b.Fatal(err)
	}
	for i := range out.Transitions {
		in.Active = append(in.Active, &out.Transitions[i].Alert)
	}
	b.Run("firing", func(b *testing.B) {
		for b.Loop() {
			in.At = in.At.Add(time.Second)
			for i := range in.Result {
				in.Result[i].Value++
			}
			if out, err = r.Evaluate(in); err != nil || len(out.Refreshed) != len(in.Active) {
				b.Fatal(err, len(out.Refreshed))
			}
		}
	})
	in.Result = nil
	b.Run("vanished", func(b *testing.B) {
		for b.Loop() {
			if out, err = r.Evaluate(in); err != nil || len(out.Transitions) != len(in.Active) {
				b.Fatal(err)
			}
		}
	})
}
