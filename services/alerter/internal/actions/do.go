package actions

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// Do does the actions of a tenant's rule that somebody else says has fired for
// an event. It returns at once; the actions follow, and are lost if the program
// ends before.
func (r *Runner) Do(correlator string, tenant alert.Tenant, event Event) error {
	name := event.Text("ruleName")
	if name == "" {
		b, _ := encodeJSON(event)
		return fmt.Errorf("%w for action %s", ErrNoRuleName, b)
	}
	if !r.guard.pass(correlator, name, tenant, r.Now()) {
		r.count(tenant, delta(schema.ErrAction, 1))
		return fmt.Errorf("%w: more than %d rules within %s for the transaction %s", ErrLoop, loopRules, loopWindow, correlator)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("do the actions of rule %s: the alerter is stopping", name)
	}
	w, ok := r.direct.enter(tenant, tenant.String()+" "+name)
	if !ok {
		r.count(tenant, delta(schema.ErrAction, 1))
		return fmt.Errorf("do the actions of rule %s: %w", name, ErrBusy)
	}
	r.work.Go(func() {
		r.doAll(r.ctx, w, correlator, tenant, name, event)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.direct.leave(w)
	})
	return nil
}

// doAll does the actions of a rule one after the other.
func (r *Runner) doAll(ctx context.Context, w way, correlator string, tenant alert.Tenant, name string, event Event) {
	var change *alert.RuleChange
	r.Ledger.Read(func(s *alert.State) { change = s.Rules[alert.RuleName{Tenant: tenant, Name: name}] })
	if change == nil {
		r.Logger.Warn("asked for the actions of a rule that there is not", "rule", name, "tenant", tenant)
		r.count(tenant, delta(schema.ErrAction, 1))
		return
	}
	r.count(tenant, delta(firedRules, 1))
	if !w.wait(ctx) {
		return
	}
	defer w.done()
	for _, one := range r.parse(change).rules {
		for i := range one.API.Actions {
			key := alert.ActionKey{RuleKey: one.Key, Entity: "id:" + event.Text("id"), Index: i}
			j := &job{&one.API.Actions[i], withNames(event, one), tenant, correlator, uuid.NewString()}
			r.doOne(ctx, key, name, j)
		}
	}
}

// withNames adds the names that a rule selects, unless the event has them.
func withNames(event Event, r *rule.Rule) Event {
	e := make(Event, len(event)+len(r.API.Select))
	for name, attribute := range r.API.Select {
		if v, ok := event[attribute]; ok {
			e[name] = v
		}
	}
	for name, v := range event {
		e[name] = v
	}
	return e
}

// doOne tries an action until it succeeds or has failed for good, unless it was
// done within its interval.
func (r *Runner) doOne(ctx context.Context, key alert.ActionKey, name string, j *job) {
	if !r.take(key, j.Interval) {
		return
	}
	defer r.release(key)
	for attempt := 1; ; attempt++ {
		e := r.try(ctx, j, alert.Action{ActionKey: key, Rule: name, Attempt: attempt})
		if attempt == directAttempts && e.Action.Outcome == alert.Retrying {
			e.Action.Outcome, e.Action.NextAttempt = alert.Failed, time.Time{}
		}
		if err := r.Ledger.Append(context.WithoutCancel(ctx), e); err != nil {
			r.Logger.Error("cannot store what became of an action", "rule", name, "tenant", j.tenant, "action", j.Type, "error", err)
		}
		if e.Action.Outcome != alert.Retrying {
			return
		}
		select {
		case <-time.After(min(e.Action.NextAttempt.Sub(r.Now()), longestDirect)):
		case <-ctx.Done():
			return
		}
	}
}

// An action that somebody else asked for is tried a few times only: what it is
// about is not stored.
const (
	directAttempts = 3
	longestDirect  = 5 * time.Second
)

// take reports whether an action may be done now, and reserves it.
func (r *Runner) take(key alert.ActionKey, interval time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if interval <= 0 {
		return true
	}
	if _, busy := r.busy[key]; busy {
		return false
	}
	last := time.Time{}
	r.Ledger.Read(func(s *alert.State) {
		if st := s.Actions[key]; st != nil {
			last = st.Ok
		}
	})
	if !last.IsZero() && r.Now().Before(last.Add(interval)) {
		return false
	}
	r.busy[key] = time.Time{}
	return true
}

func (r *Runner) release(key alert.ActionKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.busy, key)
}

// loopGuard stops transactions that make one rule after the other fire.
type loopGuard struct {
	mu   sync.Mutex
	seen map[string][]firing // by correlator
	next time.Time           // when to look for old ones
}

type firing struct {
	rule alert.RuleName
	at   time.Time
}

// pass enters a firing and reports whether its transaction may go on.
func (g *loopGuard) pass(correlator, name string, t alert.Tenant, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.After(g.next) {
		for id, firings := range g.seen {
			if len(recent(firings, now)) == 0 {
				delete(g.seen, id)
			}
		}
		g.next = now.Add(time.Minute)
	}
	all := append(recent(g.seen[correlator], now), firing{alert.RuleName{Tenant: t, Name: name}, now})
	if len(all) > loopRules {
		all = all[:loopRules+1]
	}
	g.seen[correlator] = all
	return len(all) <= loopRules
}

func recent(firings []firing, now time.Time) []firing {
	for len(firings) > 0 && now.Sub(firings[0].at) >= loopWindow {
		firings = firings[1:]
	}
	return firings
}
