package route

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// Group is a group of alerts as Alertmanager's API shows it.
type Group struct {
	Key      string
	RouteID  string
	Labels   model.LabelSet
	Receiver string
	Alerts   []*alert.Alert // those that fire, muted ones included, in alert.Compare's order
	Notices  []Standing     // how the receiver's integrations stand with it, in their order
}

// Standing is how an integration stands with a group.
type Standing struct {
	Key    alert.NoticeKey
	Due    bool
	Reason Reason    // why a notice is due, or why none is
	At     time.Time // unless due: when that may change by itself, zero for never
}

// Groups returns the groups in which alerts fire, by key.
func (r *Router) Groups(s *alert.State, now time.Time) []Group {
	r.look(s)
	r.judgeMutes(now)
	var all []Group
	for _, b := range r.known.active {
		if len(b.firing) == 0 {
			continue
		}
		g := Group{Key: b.key, RouteID: b.node.id, Labels: b.labels, Receiver: b.node.receiver, Alerts: alerts(b.firing, s)}
		for _, in := range r.integrations[b.node.receiver] {
			st := r.standing(b, b.node.receiver, in, s, now, nil)
			g.Notices = append(g.Notices, Standing{st.key, st.due, st.reason, st.at})
		}
		all = append(all, g)
	}
	return all
}

// Status is where an alert stands, as Alertmanager's API shows it.
type Status struct {
	State       State
	SilencedBy  []string            // IDs of silences, ascending
	InhibitedBy []model.Fingerprint // of alerts, ascending
	MutedBy     []string            // names of time intervals, ascending, if each of its routes is muted by one
	Receivers   []string            // that it goes to, in the order of the routes
}

// State says whether an alert is told of.
type State string

// The states of alerts in Alertmanager's API.
const (
	Active      State = "active"
	Suppressed  State = "suppressed"  // silenced, inhibited or muted
	Unprocessed State = "unprocessed" // it does not fire yet, or no more
)

// Status returns where an alert of the state stands.
func (r *Router) Status(a *alert.Alert, s *alert.State, now time.Time) Status {
	r.look(s)
	m := r.known.members[a.ID]
	if m == nil {
		m = r.newMember(a)
		m.alert = a
		m.compare(&r.known.silences, false)
	}
	st := Status{State: Unprocessed}
	for _, b := range m.in {
		st.Receivers = append(st.Receivers, b.node.receiver)
	}
	if a.Status != alert.Firing {
		return st
	}
	st.SilencedBy = m.silencesAt(now)
	for _, by := range m.inhibitors() {
		st.InhibitedBy = append(st.InhibitedBy, by.fingerprint)
	}
	slices.Sort(st.InhibitedBy)
	st.InhibitedBy = slices.Compact(st.InhibitedBy)
	st.MutedBy = m.mutedBy(now)
	st.State = Active
	if len(st.SilencedBy)+len(st.InhibitedBy)+len(st.MutedBy) > 0 {
		st.State = Suppressed
	}
	return st
}

// mutedBy returns the time intervals that mute the alert: nil if it goes to a
// route that none mutes.
func (m *member) mutedBy(now time.Time) []string {
	var names []string
	for _, b := range m.in {
		by := b.node.mutedBy(now)
		if len(by) == 0 {
			return nil
		}
		names = append(names, by...)
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
