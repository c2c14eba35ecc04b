package route

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"weir/services/alerter/internal/alert"
)

// How long things are remembered that nobody needs any more, for people to look
// at; and Retention, as Alertmanager's, after which they are forgotten even if a
// receiver that has not answered since then is still owed a notice of them.
const (
	RememberResolved = 15 * time.Minute
	Retention        = 120 * time.Hour
)

// Forgettable returns what needs not be known any more: alerts that were
// resolved a while ago and of which nobody is owed a notice; what was told of
// groups of which no alert is left; silences that ended and actions that were
// done long ago. Each list is in ascending order.
func (r *Router) Forgettable(s *alert.State, now time.Time) alert.Forgotten {
	r.look(s)
	kept := r.keep(s, now)
	var f alert.Forgotten
	for id, a := range s.Alerts {
		if a.Status == alert.Resolved && !kept[id] {
			f.Alerts = append(f.Alerts, id)
		}
	}
	slices.Sort(f.Alerts)
	gone := newIDs(f.Alerts)
	left := func(id alert.ID) bool { return s.Alerts[id] != nil && !gone.has(id) }
	f.Notices = forgettableNotices(s, left)
	f.Silences = forgettableSilences(s, now, left)
	for key, a := range s.Actions {
		if now.Sub(a.At) >= Retention && !left(a.Last.Alert) && !left(a.Told) {
			f.Actions = append(f.Actions, key)
		}
	}
	slices.SortFunc(f.Actions, func(a, b alert.ActionKey) int {
		return cmp.Or(strings.Compare(a.RuleKey, b.RuleKey), strings.Compare(a.Entity, b.Entity), cmp.Compare(a.Index, b.Index))
	})
	return f
}

// keep returns the resolved alerts that are still needed: because they are
// recent, because an integration is owed a notice of their end, or because one
// of these was muted by them, so that without them it would seem to be owed.
func (r *Router) keep(s *alert.State, now time.Time) map[alert.ID]bool {
	kept := map[alert.ID]bool{}
	var check []*member
	hold := func(m *member) {
		if m != nil && m.alert.Status == alert.Resolved && !kept[m.alert.ID] {
			kept[m.alert.ID] = true
			check = append(check, m)
		}
	}
	for _, b := range r.known.active {
		for _, m := range b.resolved {
			if now.Sub(m.alert.ResolvedAt) < RememberResolved {
				hold(m)
			}
		}
		r.owedEnds(b, s, now, hold)
	}
	for len(check) > 0 {
		m := check[len(check)-1]
		check = check[:len(check)-1]
		hold(m.inhibitorAt(m.alert.ResolvedAt))
	}
	return kept
}

// owedEnds calls hold with the alerts of a group of whose end an integration is
// to be told, at whatever time.
func (r *Router) owedEnds(b *bucket, s *alert.State, now time.Time, hold func(*member)) {
	if len(b.resolved) == 0 {
		return
	}
	receivers := []string{b.node.receiver}
	if r.fallback != "" && r.fallback != b.node.receiver {
		receivers = append(receivers, r.fallback)
	}
	for _, receiver := range receivers {
		for _, in := range r.integrations[receiver] {
			var only *standIn
			if receiver != b.node.receiver {
				only = &standIn{}
			}
			for _, m := range r.standing(b, receiver, in, s, now, only).ended {
				if now.Sub(m.alert.ResolvedAt) < Retention {
					hold(m)
				}
			}
		}
	}
}

func forgettableNotices(s *alert.State, left func(alert.ID) bool) []alert.NoticeKey {
	var keys []alert.NoticeKey
	for key, n := range s.Notices {
		if !slices.ContainsFunc(n.Firing, left) && !slices.ContainsFunc(n.Resolved, left) && !slices.ContainsFunc(n.Tried, left) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b alert.NoticeKey) int {
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Receiver, b.Receiver), strings.Compare(a.Integration, b.Integration))
}

// forgettableSilences returns the silences that ended long ago, unless an alert
// is known that ended before: whether it was muted then may matter.
func forgettableSilences(s *alert.State, now time.Time, left func(alert.ID) bool) []string {
	var oldest time.Time
	for id, a := range s.Alerts {
		if a.Status == alert.Resolved && left(id) {
			oldest = earliest(oldest, a.ResolvedAt)
		}
	}
	var ids []string
	for id, silence := range s.Silences {
		if now.Sub(silence.EndsAt) >= Retention && (oldest.IsZero() || oldest.After(silence.EndsAt)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
