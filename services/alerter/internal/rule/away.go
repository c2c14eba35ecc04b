package rule

import (
	"time"

	"weir/services/alerter/internal/alert"
)

// While weir is away, whether its process is down or stands still, no source can
// speak and no rule looks. What that means for the alerts that were there before:
//
//   - A series that is absent afterwards may be so only because weir was away. Until
//     it was there once, or could have been, its absence says nothing: rules with
//     resolve_on_absent would else resolve, and fire again a moment later.
//   - A long absence does not count as `for`, as time without data does not. A short
//     one, a restart, does: whoever is killed again and again must not put off an
//     alert for ever. Prometheus counts up to an hour.
//   - Nothing fires at the first look: what it finds may be what was before.
const (
	// AwayCounted is how long weir may be away for that to count as `for`.
	AwayCounted = 30 * time.Second
	// AwayGrace is for how long a condition must be found to be true after weir was
	// away before an alert that was pending fires; `for`, if that is shorter.
	AwayGrace = 5 * time.Second
)

// Away is from when until when weir was away. It may have been there for some time
// after From that nobody knows of.
type Away struct{ From, To time.Time }

// Returned returns the transitions of those active alerts for which it matters that
// weir was away: pending ones, if that was for too long to count. For one without
// data it does not count anyhow.
func Returned(active []*alert.Alert, away Away) []alert.Transition {
	var out []alert.Transition
	for _, a := range active {
		from := away.From
		if a.ActiveAt.After(from) {
			from = a.ActiveAt
		}
		lost := away.To.Sub(from)
		if a.Status != alert.Pending || a.NoData() || lost <= AwayCounted {
			continue
		}
		later := *a
		later.ActiveAt = a.ActiveAt.Add(lost)
		out = append(out, alert.Transition{From: a.Status, Reason: alert.ReasonAway, Alert: later})
	}
	sortTransitions(out)
	return out
}

// before reports whether an alert is from before weir was away.
func (e *evaluation) before(a *alert.Alert) bool {
	return !e.Listening.IsZero() && !a.ActiveAt.After(e.Listening)
}

// returning reports whether series may not be there only because weir was away.
func (e *evaluation) returning() bool { return e.At.Before(e.Listening.Add(e.Lookback)) }

// see notes that an alert's condition is true, and reports whether that is certain:
// so for long enough since weir was away.
func (e *evaluation) see(a *alert.Alert) (certain bool) {
	if !e.before(a) {
		return true
	}
	since := e.Seen[a.ID]
	if since.Before(e.Listening) {
		since = e.At
		if since.Before(e.Listening) { // the moment was due before weir was away
			since = e.Listening
		}
	}
	if a.Status == alert.Pending || e.rule.ResolveOnAbsent && e.returning() {
		e.keepSeen(a.ID, since)
	}
	return e.At.Sub(since) >= min(e.rule.For, AwayGrace)
}

// seenStill passes on what was noted of an alert that goes on without data.
func (e *evaluation) seenStill(a *alert.Alert) {
	if since, ok := e.Seen[a.ID]; ok {
		e.keepSeen(a.ID, since)
	}
}

func (e *evaluation) keepSeen(id alert.ID, since time.Time) {
	if e.out.Seen == nil {
		e.out.Seen = map[alert.ID]time.Time{}
	}
	e.out.Seen[id] = since
}

// awaited reports whether an alert's absence may be due to weir's own.
func (e *evaluation) awaited(a *alert.Alert) bool {
	return e.rule.ResolveOnAbsent && e.before(a) && e.returning() && e.Seen[a.ID].Before(e.Listening)
}
