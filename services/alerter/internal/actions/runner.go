package actions

import (
	"context"
	"sync"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/quiet"
)

// Runner does the actions of tenants' rules: those of the alerter's own alerts
// while Run runs, and those that others ask for by Do.
type Runner struct {
	Config
	sender   sender
	work     sync.WaitGroup // the actions under way
	ctx      context.Context
	cancel   context.CancelFunc // breaks off what is under way
	guard    loopGuard
	alarms   alarms
	failures quiet.Failures // of actions

	// Of Run alone.
	parsed   map[*alert.RuleChange]tenantRule
	counted  uint64 // number of the latest event whose firing is counted
	forgotAt time.Time

	mu     sync.Mutex
	busy   map[alert.ActionKey]time.Time // under way (zero), or not to be touched before
	owed   lanes                         // of actions of Run
	direct lanes                         // of rules of Do
	closed bool
	done   chan struct{} // tells Run to look again
}

const (
	// keepActions is for how long the last attempt of an action is known.
	keepActions = time.Hour
	forgetEvery = 10 * time.Minute
	// afterNotStored is the rest of an action whose outcome could not be stored.
	afterNotStored = time.Second
	// maxPause is the longest time between two looks that are expensive.
	maxPause = 500 * time.Millisecond
	// grace is for how long what is under way may go on after the end of Run.
	grace = 3 * time.Second
)

// New returns a runner. It counts the rules that fire from now on.
func New(c Config) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runner{
		Config: c, ctx: ctx, cancel: cancel,
		sender: sender{c.Settings, c.Mailer, c.Client, c.Now},
		owed:   newLanes(), direct: newLanes(),
		guard:  loopGuard{seen: map[string][]firing{}},
		alarms: alarms{logger: c.Logger, on: map[string]bool{}},
		parsed: map[*alert.RuleChange]tenantRule{},
		busy:   map[alert.ActionKey]time.Time{},
		done:   make(chan struct{}, 1),
	}
	c.Ledger.Read(func(s *alert.State) { r.counted = s.Number })
	return r
}

// Run does what is owed until ctx ends, and returns when what was under way has
// ended or was broken off. It runs once. changed says that the state may have
// changed.
func (r *Runner) Run(ctx context.Context, changed <-chan struct{}) {
	defer r.close()
	r.forgotAt = r.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-r.done:
		case <-timer.C:
		}
		began := time.Now()
		next := r.look(ctx)
		timer.Reset(max(0, next.Sub(r.Now())))
		pause(ctx, time.Since(began))
	}
}

// pause lets changes gather while looking is expensive.
func pause(ctx context.Context, took time.Duration) {
	if took < time.Millisecond {
		return
	}
	select {
	case <-time.After(min(2*took, maxPause)):
	case <-ctx.Done():
	}
}

// close lets nothing begin any more and waits for what is under way, so that
// what a receiver took is known to have been sent.
func (r *Runner) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	timer := time.AfterFunc(grace, r.cancel)
	defer timer.Stop()
	r.work.Wait()
	r.cancel()
}

// look begins what is due and returns when to look again.
func (r *Runner) look(ctx context.Context) (next time.Time) {
	var (
		tasks []task
		fired []alert.Tenant
		keys  []alert.ActionKey
		now   = r.Now()
	)
	r.Ledger.Read(func(s *alert.State) {
		rules := r.rules(s)
		fired = r.fired(s, rules)
		tasks, next = due(s, rules, now)
		if now.Sub(r.forgotAt) >= forgetEvery {
			keys, r.forgotAt = forgettable(s, rules, now), now
		}
	})
	for _, tenant := range fired {
		r.count(tenant, delta(firedRules, 1))
	}
	if len(keys) > 0 {
		if err := r.Ledger.Append(ctx, alert.Event{At: now, Forgotten: &alert.Forgotten{Actions: keys}}); err != nil {
			r.Logger.Warn("cannot forget old actions", "error", err)
		}
	}
	for i := range tasks {
		r.begin(&tasks[i], now)
	}
	if last := r.forgotAt.Add(forgetEvery); next.IsZero() || last.Before(next) {
		next = last
	}
	return r.unblocked(next, now)
}

// rules returns the tenants' rules, parsed once each.
func (r *Runner) rules(s *alert.State) []tenantRule {
	parsed := make(map[*alert.RuleChange]tenantRule, len(s.Rules))
	all := make([]tenantRule, 0, len(s.Rules))
	for _, change := range s.Rules {
		tr, ok := r.parsed[change]
		if !ok {
			tr = r.parse(change)
		}
		parsed[change] = tr
		all = append(all, tr)
	}
	r.parsed = parsed
	return all
}

func (r *Runner) parse(change *alert.RuleChange) tenantRule {
	tr := tenantRule{change: change}
	group, err := r.ParseRule(change.Tenant, change.Body)
	if err != nil { // it was good when it was stored: an older version of us took it
		r.Logger.Error("a tenant's rule cannot be read any more: its actions are not done", "tenant", change.Tenant, "rule", change.Name, "error", err)
		return tr
	}
	for _, one := range group.Rules {
		if one.API != nil && !one.Record {
			tr.rules = append(tr.rules, one)
		}
	}
	return tr
}

// fired returns, for each firing of a tenant's rule since it was last called,
// whose it is. Firings before the runner was made were counted by whoever ran
// then.
func (r *Runner) fired(s *alert.State, rules []tenantRule) (all []alert.Tenant) {
	if s.Number == r.counted {
		return nil
	}
	tenants := map[string]alert.Tenant{}
	for i := range rules {
		for _, one := range rules[i].rules {
			tenants[one.Key] = rules[i].change.Tenant
		}
	}
	for i := len(s.History) - 1; i >= 0 && s.History[i].Number > r.counted; i-- {
		t := s.History[i].Transition
		if t == nil || t.From == alert.Firing || t.Alert.Status != alert.Firing {
			continue
		}
		if tenant, ok := tenants[t.Alert.Rule]; ok {
			all = append(all, tenant)
		}
	}
	r.counted = s.Number
	return all
}

// unblocked returns the earlier of next and the end of the first rest. A rest
// that is over and whose task was not begun belongs to a task that is not due.
func (r *Runner) unblocked(next, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, until := range r.busy {
		switch {
		case until.IsZero():
		case !until.After(now):
			delete(r.busy, key)
		case until.Before(next):
			next = until
		}
	}
	return next
}

// begin does a task beside others, once it may be under way, unless it is
// already.
func (r *Runner) begin(t *task, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, busy := r.busy[t.key]
	if r.closed || busy && (until.IsZero() || until.After(now)) || !r.stillDue(t) {
		return
	}
	w, ok := r.owed.enter(t.tenant, t.key.RuleKey)
	if !ok {
		return // whoever ends has Run look again
	}
	r.busy[t.key] = time.Time{}
	r.work.Go(func() {
		var until time.Time
		if w.wait(r.ctx) {
			if r.wanted(t) {
				until = r.perform(r.ctx, t)
			}
			w.done()
		}
		r.end(t.key, w, until)
	})
}

// wanted reports whether a task that had its turn is still to be done.
func (r *Runner) wanted(t *task) (wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Ledger.Read(func(s *alert.State) {
		wanted = !r.closed && s.Actions[t.key] == t.state && s.Rules[alert.RuleName{Tenant: t.tenant, Name: t.name}] != nil
	})
	return wanted
}

// stillDue reports whether nothing was done about the task since it was found to
// be due. An attempt leaves busy only after its outcome is in the state: a task
// that is neither busy nor changed was not tried.
func (r *Runner) stillDue(t *task) (still bool) {
	r.Ledger.Read(func(s *alert.State) { still = s.Actions[t.key] == t.state })
	return still
}

// end lets a task be begun again, after a rest if one is given.
func (r *Runner) end(key alert.ActionKey, w way, until time.Time) {
	r.mu.Lock()
	r.owed.leave(w)
	if delete(r.busy, key); !until.IsZero() {
		r.busy[key] = until
	}
	r.mu.Unlock()
	select {
	case r.done <- struct{}{}:
	default:
	}
}
