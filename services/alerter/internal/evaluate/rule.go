package evaluate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
	"weir/services/alerter/internal/rule/expand"
)

// ErrNotStored means that a rule was evaluated and its transitions could not be
// stored. The next evaluation finds them again.
var ErrNotStored = errors.New("transitions were not stored")

// rule evaluates one rule and notes how it went.
func (g *group) rule(r *ruleRun, at time.Time) error {
	began := time.Now()
	err := g.evaluateRule(r, at)
	r.mu.Lock()
	before := r.err
	r.err, r.last, r.took = err, at, time.Since(began)
	r.mu.Unlock()
	log := g.of.cfg.Logger.With("group", g.Name, "rule", r.Name)
	if g.Tenant != nil {
		log = log.With("service", g.Tenant.Service, "subservice", g.Tenant.Subservice)
	}
	switch {
	case err != nil && before == nil:
		log.Error("a rule cannot be evaluated; its alerts stay as they are", "error", err)
	case err == nil && before != nil:
		log.Info("a rule can be evaluated again")
	}
	return err
}

// evaluateRule does what follows from a rule's result at a moment. If the query
// fails, nothing follows.
func (g *group) evaluateRule(r *ruleRun, at time.Time) error {
	if r.Fault != "" {
		return errors.New(r.Fault)
	}
	ctx, cancel := context.WithTimeout(g.of.ctx, g.timeout())
	defer cancel()
	listening, err := g.of.listens(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	ts := at.Add(-g.QueryOffset)
	result, err := g.query(ctx, r.Expr, ts)
	if err != nil {
		return err
	}
	out, failed := r.Evaluate(rule.Input{
		At: at, Result: result, Active: g.active(r), Previous: r.previous, ExternalURL: g.of.cfg.ExternalURL,
		Expand:    expand.New(ctx, g.vector, nil, g.of.cfg.ExternalURL),
		Data:      func() (map[model.Fingerprint]bool, error) { return g.data(ctx, r.Data, ts) },
		Sources:   func() (map[model.Fingerprint]bool, error) { return g.data(ctx, r.Sources, ts) },
		Listening: listening.of(r.Rule), Lookback: g.of.cfg.Engine.LookbackDelta, Seen: r.seen,
	})
	err = g.of.cfg.Ledger.Append(ctx, transitions(at, out.Transitions)...)
	if errors.Is(err, alert.ErrStale) {
		return failed // a person acknowledged one meanwhile: the next evaluation looks again
	}
	if err != nil {
		return errors.Join(failed, fmt.Errorf("%w: %w", ErrNotStored, err))
	}
	r.seen = out.Seen
	g.of.cfg.Ledger.Refresh(refreshed(out.Refreshed))
	if r.Record && failed == nil {
		failed = g.record(ctx, r, ts, out)
	}
	return failed
}

// timeout bounds the evaluation of a rule: one whose query hangs must not keep
// the others of its group waiting for as long as a person's query may take.
func (g *group) timeout() time.Duration {
	const least, intervals = 10 * time.Second, 10
	return min(g.of.cfg.Engine.Timeout, max(least, intervals*g.interval))
}

func refreshed(all []rule.Refresh) []alert.Refresh {
	out := make([]alert.Refresh, len(all))
	for i, r := range all {
		out[i] = alert.Refresh(r)
	}
	return out
}

func (g *group) active(r *ruleRun) []*alert.Alert {
	var active []*alert.Alert
	g.of.cfg.Ledger.Read(func(s *alert.State) {
		for _, a := range s.ByRule[r.Key] {
			active = append(active, a)
		}
	})
	return active
}

func (g *group) record(ctx context.Context, r *ruleRun, at time.Time, out rule.Output) error {
	if len(out.Samples)+len(out.Ended) == 0 {
		r.previous = nil
		return nil
	}
	if g.of.cfg.Recorder == nil {
		return errors.New("nothing is there to record into")
	}
	if err := g.of.cfg.Recorder.Record(ctx, at, out.Samples, out.Ended); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	r.previous = out.Samples
	return nil
}

// data returns the series of which there are data.
func (g *group) data(ctx context.Context, expr string, at time.Time) (map[model.Fingerprint]bool, error) {
	result, err := g.query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	return rule.Known(result), nil
}

// query evaluates an expression at a moment.
func (g *group) query(ctx context.Context, expr string, at time.Time) ([]rule.Sample, error) {
	vector, err := g.vector(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	samples := make([]rule.Sample, len(vector))
	for i := range vector {
		samples[i] = rule.Sample{Labels: labelSet(vector[i].Metric), Value: vector[i].F}
	}
	return samples, nil
}

func labelSet(ls labels.Labels) model.LabelSet {
	set := make(model.LabelSet, ls.Len())
	ls.Range(func(l labels.Label) { set[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return set
}

// vector evaluates an expression at a moment, as the engine has it. A scalar is
// a vector of one element without labels.
func (g *group) vector(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	giveBack, err := take(ctx, g.turns)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", short(expr), err)
	}
	defer giveBack()
	q, err := g.of.engine.NewInstantQuery(ctx, g.queries, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", short(expr), err)
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, fmt.Errorf("query %s: %w", short(expr), result.Err)
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		return append(promql.Vector(nil), v...), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V}}, nil
	}
	return nil, fmt.Errorf("query %s: the result is a %s: expected a vector or a number", short(expr), result.Value.Type())
}

// short is an expression as an error has it.
func short(expr string) string {
	const longest = 1000
	if len(expr) <= longest {
		return strconv.Quote(expr)
	}
	return strconv.Quote(strings.ToValidUTF8(expr[:longest], "")) + "…"
}
