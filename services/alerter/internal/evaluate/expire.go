package evaluate

import (
	"errors"
	"time"

	"weir/services/alerter/internal/alert"
)

const (
	// lookTick is how often it is looked at what happens by itself, without a rule.
	lookTick = time.Second
	// aliveEvery is how often it is stored that rules are evaluated, while an alert
	// is pending and nothing else is: so much of a process's end is not known of.
	aliveEvery = 5 * time.Second
)

// lookOn does what happens by itself: alerts posted from outside that were not
// posted again in time are resolved.
func (e *Evaluator) lookOn() {
	tick := time.NewTicker(lookTick)
	defer tick.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-tick.C:
		}
		listening, err := e.listens(e.ctx)
		if err == nil {
			now := time.Now().UTC()
			var due []alert.Event
			e.cfg.Ledger.Read(func(s *alert.State) {
				due = transitions(now, expired(s, listening.own, e.cfg.ResolveTimeout(), now))
				if now.Sub(s.At) >= aliveEvery && anyPending(s) {
					due = append(due, alert.Event{At: now, Alive: &alert.Alive{}})
				}
			})
			err = e.cfg.Ledger.Append(e.ctx, due...)
		}
		if err != nil && e.ctx.Err() == nil && !errors.Is(err, alert.ErrStale) {
			e.cfg.Logger.Warn("what became of alerts that were posted, or that rules are evaluated, was not stored", "error", err)
		}
	}
}

func anyPending(s *alert.State) bool {
	for _, alerts := range s.ByRule {
		for _, a := range alerts {
			if a.Status == alert.Pending {
				return true
			}
		}
	}
	return false
}

// expired returns the transitions of the alerts that are over by now: their end
// has come, and they were not posted again.
//
// One that was posted before an outage of ours could not be posted again while
// that lasted: nothing is known of it then, so it has resolve_timeout for it
// from when we listen again. Without that each outage beyond a sender's
// endsAt (Prometheus': four minutes) would resolve all that fires, and raise it
// anew a moment later.
func expired(s *alert.State, listening time.Time, timeout time.Duration, now time.Time) []alert.Transition {
	var over []alert.Transition
	for _, a := range s.ByRule[""] {
		if a.EndsAt.IsZero() {
			continue
		}
		ends := a.EndsAt
		if held := listening.Add(timeout); a.PostedAt.Before(listening) && held.After(ends) {
			ends = held
		}
		if ends.After(now) {
			continue
		}
		resolved := *a
		resolved.Status, resolved.ResolvedAt = alert.Resolved, ends
		over = append(over, alert.Transition{From: a.Status, Reason: alert.ReasonExpired, Alert: resolved})
	}
	return over
}
