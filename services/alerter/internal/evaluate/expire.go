package evaluate

import (
	"errors"
	"time"

	"weir/services/alerter/internal/alert"
)

const (
	// expiryTick is how often alerts from outside are looked at.
	expiryTick = time.Second
	// deafAfter is after how long without a look nobody can have been heard: the
	// process stood still, or the clock was set.
	deafAfter = 10 * time.Second
)

// expire resolves alerts posted from outside that were not posted again in time.
func (e *Evaluator) expire() {
	tick := time.NewTicker(expiryTick)
	defer tick.Stop()
	var l listening
	l.look(time.Now())
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now().UTC()
		l.look(now)
		var over []alert.Transition
		e.cfg.Ledger.Read(func(s *alert.State) { over = expired(s, l.since, e.cfg.ResolveTimeout(), now) })
		if err := e.cfg.Ledger.Append(e.ctx, transitions(now, over)...); err != nil && e.ctx.Err() == nil && !errors.Is(err, alert.ErrStale) {
			e.cfg.Logger.Warn("alerts that were posted are over, which was not stored", "error", err)
		}
	}
}

// listening is since when alerts can be posted without a break.
type listening struct{ since, looked time.Time }

// look notes that they can be posted at a moment. Clocks on walls count, as they
// alone go on while a machine sleeps.
func (l *listening) look(now time.Time) {
	now = now.Round(0)
	if gap := now.Sub(l.looked); gap > deafAfter || gap < 0 {
		l.since = now
	}
	l.looked = now
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
