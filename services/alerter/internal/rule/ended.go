package rule

import (
	"time"

	"weir/services/alerter/internal/alert"
)

// Removed returns the transitions of the active alerts of a rule that is there
// no more.
func Removed(active []*alert.Alert, at time.Time) []alert.Transition {
	out := make([]alert.Transition, 0, len(active))
	for _, a := range active {
		out = append(out, end(a, alert.ReasonRuleRemoved, at))
	}
	sortTransitions(out)
	return out
}

// Acknowledge returns the transition of an active alert that a person knows of
// from now on. One without data is ended by it: nothing else might ever.
func Acknowledge(a *alert.Alert, ack alert.Ack) alert.Transition {
	known := *a
	known.Acknowledged = &ack
	if known.NoData() {
		return end(&known, alert.ReasonAcknowledged, ack.At)
	}
	return alert.Transition{From: a.Status, Reason: alert.ReasonAcknowledged, Alert: known}
}

// end ends an occurrence: one that fired is resolved, a pending one is forgotten.
func end(active *alert.Alert, why alert.Reason, at time.Time) alert.Transition {
	a := *active
	from := a.Status
	a.NoDataSince, a.KeepFiringSince = time.Time{}, time.Time{}
	if a.Status == alert.Firing {
		a.Status, a.ResolvedAt = alert.Resolved, at
	} else {
		a.Status = alert.Inactive
	}
	return alert.Transition{From: from, Reason: why, Alert: a}
}
