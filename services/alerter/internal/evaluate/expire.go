package evaluate

import (
	"errors"
	"time"

	"weir/services/alerter/internal/alert"
)

// expiryTick is how often alerts from outside are looked at.
const expiryTick = time.Second

// expire resolves alerts posted from outside that were not posted again in time.
func (e *Evaluator) expire() {
	tick := time.NewTicker(expiryTick)
	defer tick.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now().UTC()
		var over []alert.Transition
		e.cfg.Ledger.Read(func(s *alert.State) { over = expired(s, now) })
		if err := e.cfg.Ledger.Append(e.ctx, transitions(now, over)...); err != nil && e.ctx.Err() == nil && !errors.Is(err, alert.ErrStale) {
			e.cfg.Logger.Warn("alerts that were posted are over, which was not stored", "error", err)
		}
	}
}

// expired returns the transitions of the alerts that are over.
func expired(s *alert.State, now time.Time) []alert.Transition {
	var over []alert.Transition
	for _, a := range s.ByRule[""] {
		if a.EndsAt.IsZero() || a.EndsAt.After(now) {
			continue
		}
		resolved := *a
		resolved.Status, resolved.ResolvedAt = alert.Resolved, a.EndsAt
		over = append(over, alert.Transition{From: a.Status, Reason: alert.ReasonExpired, Alert: resolved})
	}
	return over
}
