package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
)

// perform tries a task once and stores what became of it. It returns until when
// the task must rest if that could not be stored.
func (r *Runner) perform(ctx context.Context, t *task) (until time.Time) {
	if t.repeat && t.attempt == 1 && t.key.Index == 0 {
		r.count(t.tenant, delta(firedRules, 1))
	}
	j := &job{t.action, alertEvent(t.alert, t.rule, t.tenant), t.tenant, t.id, t.id}
	r.complete(ctx, j, t.rule, t.alert)
	e := r.try(ctx, j, alert.Action{ActionKey: t.key, Rule: t.name, Alert: t.alert.ID, Attempt: t.attempt})
	if err := r.Ledger.Append(context.WithoutCancel(ctx), e); err != nil { // also of one that was broken off
		r.Logger.Error("cannot store what became of an action", "rule", t.name, "tenant", t.tenant, "action", t.action.Type, "error", err)
		return r.Now().Add(afterNotStored)
	}
	return time.Time{}
}

// try tries an action once, counts it, and returns the event that says how it
// went. An attempt that the end of ctx broke off is retried, also the last one.
func (r *Runner) try(ctx context.Context, j *job, a alert.Action) alert.Event {
	bounded, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	x, err := r.sender.send(bounded, j)
	now := r.Now()
	a.Tenant, a.Type, a.Outcome, a.Code = j.tenant, j.Type, alert.Sent, x.code
	if err != nil {
		f := notice.Failure(err)
		a.Error, a.Outcome, a.Code = err.Error(), alert.Failed, cmp.Or(f.Code, x.code)
		if f.Retry && (a.Attempt < MaxAttempts || ctx.Err() != nil) {
			a.Outcome, a.NextAttempt = alert.Retrying, now.Add(max(f.After, backoff(a.Attempt)))
		}
	}
	r.log(&a)
	r.countAction(j, x, err)
	if j.setUp(err) {
		r.alarms.set(alarmOf[j.Type], err)
	}
	return alert.Event{At: now, Action: &a}
}

// log logs an attempt; of an action that goes on failing, one a minute. The
// history has each.
func (r *Runner) log(a *alert.Action) {
	log := r.Logger.With("rule", a.Rule, "tenant", a.Tenant, "action", a.Type)
	what := fmt.Sprintf("%s %d", a.RuleKey, a.Index)
	if a.Outcome == alert.Sent {
		if r.failures.Worked(what) {
			log.Info("an action succeeds again", "attempt", a.Attempt)
		}
		return
	}
	if now, unlogged := r.failures.Failed(what, r.Now()); now {
		log.Warn("an action failed", "attempt", a.Attempt, "outcome", a.Outcome, "error", a.Error, "more_failures", unlogged)
	}
}

// setUp reports whether the action was tried at all.
func (j *job) setUp(err error) bool { return !errors.As(err, new(unready)) }

// backoff is the wait after an attempt: 1, 2, 4 … seconds, at most 5 minutes.
func backoff(attempt int) time.Duration {
	return min(firstDelay<<min(attempt-1, 20), longest)
}
