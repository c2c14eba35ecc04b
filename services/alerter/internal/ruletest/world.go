package ruletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
	"weir/services/alerter/internal/rule/expand"
)

// world is where a test's rules are evaluated: its series, and the alerts so far.
type world struct {
	engine   *promread.Engine
	input    *readtest.Memory
	recorded *readtest.Memory // by recording rules, and ALERTS
	state    *alert.State
	previous map[string][]rule.Sample // by the rule's key
	expander *expand.Expander
	url      string
}

var promQL = promread.NewParser(false)

func newWorld(t *test) (*world, error) {
	w := &world{engine: promread.NewEngine(promread.EngineConfig{}), recorded: readtest.New(), state: alert.NewState(), previous: map[string][]rule.Sample{}, url: t.ExternalURL}
	w.expander = expand.New(context.Background(), func(_ context.Context, expr string, at time.Time) (promql.Vector, error) {
		return w.query(expr, at)
	}, t.ExternalLabels, t.ExternalURL)
	var all []promread.Series
	for _, in := range t.InputSeries {
		s, err := in.series(t.start(), time.Duration(t.Interval))
		if err != nil {
			return nil, fmt.Errorf("input series %s %s: %w", in.Series, in.Values, err)
		}
		all = append(all, s)
	}
	w.input = readtest.New(all...)
	return w, nil
}

// series returns the samples that the notation stands for.
func (in *inputSeries) series(start time.Time, every time.Duration) (promread.Series, error) {
	l, values, err := promQL.ParseSeriesDesc(in.Series + " " + in.Values)
	if err != nil {
		return promread.Series{}, err
	}
	s := promread.Series{Labels: l.WithoutEmpty()}
	for i, v := range values {
		switch {
		case v.Histogram != nil:
			return promread.Series{}, errors.New("native histograms are not understood")
		case !v.Omitted:
			s.T, s.V = append(s.T, start.Add(time.Duration(i)*every).UnixMilli()), append(s.V, v.Value)
		}
	}
	return s, nil
}

// reader reads the test's series and those that its rules made.
type reader struct {
	promread.Reader // nobody asks for labels
	w               *world
}

// Select is promread.Reader's.
func (r reader) Select(ctx context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	if err := r.w.input.Select(ctx, req, visit); err != nil {
		return err
	}
	return r.w.recorded.Select(ctx, req, visit)
}

func (w *world) query(expr string, at time.Time) (promql.Vector, error) {
	lookback := promread.DefaultEngine().LookbackDelta
	q, err := w.engine.NewInstantQuery(context.Background(), &promread.Queryable{Reader: reader{w: w}, Lookback: lookback}, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		return nil, res.Err
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		return slices.Clone(v), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V}}, nil
	}
	return nil, fmt.Errorf("the result is a %s: expected an instant vector or a scalar", parser.DocumentedType(res.Value.Type()))
}

func samplesOf(v promql.Vector) []rule.Sample {
	all := make([]rule.Sample, len(v))
	for i, s := range v {
		all[i] = rule.Sample{Labels: labelSet(s.Metric), Value: s.F}
	}
	return all
}

func labelSet(l labels.Labels) model.LabelSet {
	all := make(model.LabelSet, l.Len())
	l.Range(func(l labels.Label) { all[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return all
}

// evaluate evaluates a group's rules, one after the other.
func (w *world) evaluate(g *rule.Group, at time.Time) error {
	for _, r := range g.Rules {
		if err := w.evaluateRule(r, at, at.Add(-g.QueryOffset)); err != nil {
			return fmt.Errorf("rule: %s, err: %w", r.Name, err)
		}
	}
	return nil
}

func (w *world) evaluateRule(r *rule.Rule, at, looks time.Time) error {
	result, err := w.query(r.Expr, looks)
	if err != nil {
		return err
	}
	out, err := r.Evaluate(rule.Input{
		At: at, Result: samplesOf(result), Expand: w.expander, ExternalURL: w.url,
		Active: w.active(r), Previous: w.previous[r.Key],
		Data:    func() (map[model.Fingerprint]bool, error) { return w.known(r.Data, looks) },
		Sources: func() (map[model.Fingerprint]bool, error) { return w.known(r.Sources, looks) },
	})
	if err != nil {
		return err
	}
	for _, t := range out.Transitions {
		w.state.Apply(alert.Event{At: at, Transition: &t})
	}
	for _, f := range out.Refreshed {
		w.state.Refresh(f.ID, f.Value, f.Annotations)
	}
	samples := out.Samples
	if !r.Record {
		samples = rule.Synthetic(w.active(r))
	}
	w.record(r, samples, looks)
	return nil
}

func (w *world) known(expr string, at time.Time) (map[model.Fingerprint]bool, error) {
	v, err := w.query(expr, at)
	if err != nil {
		return nil, err
	}
	return rule.Known(samplesOf(v)), nil
}

func (w *world) active(r *rule.Rule) []*alert.Alert {
	return slices.Collect(maps.Values(w.state.ByRule[r.Key]))
}

// record writes a rule's series, and ends those that it does not have any more.
func (w *world) record(r *rule.Rule, samples []rule.Sample, at time.Time) {
	now := make(map[model.Fingerprint]bool, len(samples))
	for _, s := range samples {
		now[s.Labels.Fingerprint()] = true
		w.recorded.Append(fromLabelSet(s.Labels), at.UnixMilli(), s.Value)
	}
	for _, s := range w.previous[r.Key] {
		if !now[s.Labels.Fingerprint()] {
			w.recorded.Append(fromLabelSet(s.Labels), at.UnixMilli(), math.Float64frombits(value.StaleNaN))
		}
	}
	w.previous[r.Key] = samples
}

func fromLabelSet(l model.LabelSet) labels.Labels {
	all := make(map[string]string, len(l))
	for name, value := range l {
		all[string(name)] = string(value)
	}
	return labels.FromMap(all)
}
