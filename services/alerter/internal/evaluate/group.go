package evaluate

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// group is a group that is being evaluated.
type group struct {
	*rule.Group
	of       *Evaluator
	interval time.Duration
	queries  *promread.Queryable
	turns    []turn // that a query needs
	rules    []*ruleRun

	stopping context.CancelFunc // nil: it is not being evaluated
	done     chan struct{}

	mu     sync.Mutex
	last   time.Time
	took   time.Duration
	missed uint64
}

// ruleRun is a rule that is being evaluated.
type ruleRun struct {
	*rule.Rule
	previous []rule.Sample          // of a recording rule, of the evaluation before
	seen     map[alert.ID]time.Time // of an alerting rule, of the evaluation before: rule.Output.Seen

	mu   sync.Mutex
	err  error
	last time.Time // zero before the first evaluation
	took time.Duration
}

func newGroup(e *Evaluator, g *rule.Group) *group {
	n := &group{Group: g, of: e, interval: g.Interval, turns: e.turns.of(g)}
	if n.interval <= 0 {
		n.interval = e.cfg.Interval
	}
	reader := e.cfg.Reader
	if g.Tenant != nil {
		reader = promread.Restrict(reader, promread.TenantScope(schema.Tenant(*g.Tenant))...)
	}
	n.queries = &promread.Queryable{Reader: reader, Lookback: e.cfg.Engine.LookbackDelta, MaxSamples: e.cfg.Engine.MaxSamples}
	for _, r := range g.Rules {
		n.rules = append(n.rules, &ruleRun{Rule: r})
	}
	return n
}

// start begins evaluating.
func (g *group) start() {
	ctx, cancel := context.WithCancel(g.of.ctx)
	g.stopping, g.done = cancel, make(chan struct{})
	go g.run(ctx)
}

// stop ends evaluating; an evaluation under way is waited for.
func (g *group) stop() {
	if g.stopping != nil {
		g.stopping()
		<-g.done
		g.stopping = nil
	}
}

// run evaluates at the moments of the group's schedule. One that comes while
// another evaluation goes on waits for its end; if a second one comes meanwhile,
// the first is missed.
func (g *group) run(stopping context.Context) {
	defer close(g.done)
	next, missed, longest := g.after(time.Now()), 0, g.interval
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-stopping.Done():
			return
		case <-timer.C:
		}
		if stopping.Err() != nil {
			return
		}
		if at, due := g.due(next, time.Now(), longest); due {
			began := time.Now()
			g.evaluate(at, missed)
			next, missed = g.following(at, time.Now(), time.Since(began))
			longest = max(g.interval, time.Until(next)) // more than the interval for one that rests
		} else if !at.Equal(next) {
			next, missed, longest = at, 0, g.interval
		}
		timer.Reset(min(max(time.Until(next), 0), g.interval))
	}
}

// due reports whether a moment that was waited for has come, or which to wait for
// now. Moments are the clock's, and waiting is not: a clock that was set back must
// let nothing wait until it shows again what it showed before. The longest time that
// the moment was ever ahead tells such a clock from a rule that rests.
func (g *group) due(next, now time.Time, longest time.Duration) (at time.Time, due bool) {
	const inexact = 10 * time.Millisecond // of a clock that is being slowed down
	switch early := next.Sub(now); {
	case early > longest:
		return g.after(now), false
	case early > inexact:
		return next, false
	}
	return next, true
}

// following returns the moment after one whose evaluation took so long, and how
// many are missed before it. A tenant's rule that takes longer than its interval
// rests for as long as it took: it keeps a processor busy half of the time at most.
func (g *group) following(at, now time.Time, took time.Duration) (next time.Time, missed int) {
	next = at.Add(g.interval)
	missed = int(max(now.Sub(next)/g.interval, 0))
	if g.Tenant != nil && took > g.interval {
		missed += int(took / g.interval)
	}
	return next.Add(time.Duration(missed) * g.interval), missed
}

// after returns the first moment of the schedule that is not before t. Groups of
// the same interval have their moments spread over it, always the same ones.
func (g *group) after(t time.Time) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.Key))
	offset := int64(h.Sum64() % uint64(g.interval))
	now := t.UnixNano()
	at := now - (now-offset)%int64(g.interval)
	if at < now {
		at += int64(g.interval)
	}
	return time.Unix(0, at).UTC()
}

// evaluate evaluates the rules one after the other: one may use what another
// before it recorded, once that has arrived.
func (g *group) evaluate(at time.Time, missed int) {
	began, failed := time.Now(), 0
	for _, r := range g.rules {
		if g.of.ctx.Err() != nil {
			return
		}
		if g.rule(r, at) != nil {
			failed++
		}
	}
	took := time.Since(began)
	g.mu.Lock()
	g.last, g.took, g.missed = at, took, g.missed+uint64(missed)
	g.mu.Unlock()
	g.of.cfg.Evaluated(Evaluation{Group: g.Key, Rules: len(g.rules), Failed: failed, Took: took, Missed: missed})
}
