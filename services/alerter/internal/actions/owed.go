package actions

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// tenantRule is a rule of a tenant whose actions are to be done.
type tenantRule struct {
	change *alert.RuleChange
	rules  []*rule.Rule // the alerting rules that it means
}

// task is an action that is due now for an alert.
type task struct {
	key     alert.ActionKey
	rule    *rule.Rule
	name    string // of the tenant's rule
	tenant  alert.Tenant
	action  *rule.Action
	alert   *alert.Alert
	attempt int
	repeat  bool   // the alert was told of already, and goes on
	id      string // the same for each attempt: what receivers may tell repetitions by

	state *alert.ActionState // from which all this follows
}

// namespace is that of tasks' IDs.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("weir:actions"))

// taskID names what is done once: an action for a firing, after what was done
// before.
func taskID(key alert.ActionKey, a *alert.Alert, st *alert.ActionState) string {
	before := int64(0)
	if st != nil && !st.Ok.IsZero() {
		before = st.Ok.UnixNano()
	}
	return uuid.NewSHA1(namespace, fmt.Appendf(nil, "%q %q %d %q %d", key.RuleKey, key.Entity, key.Index, a.ID, before)).String()
}

// due returns the actions that are due now, and when to look again if nothing
// happens: zero for never.
//
// An action is owed to the latest firing of an alert until it was sent or has
// failed for good. While the alert goes on and there is data that says so, the
// action is due once more after each interval; an interval in which it was sent
// throttles it for the next firing of the same alert too, and one that is over
// before the interval is over is never told.
func due(s *alert.State, rules []tenantRule, now time.Time) (tasks []task, next time.Time) {
	firings := latestFirings(s, rules)
	for i := range rules {
		for _, r := range rules[i].rules {
			for entity, a := range firings[r.Key] {
				for index := range r.API.Actions {
					t, at := rules[i].task(s, r, a, alert.ActionKey{RuleKey: r.Key, Entity: entity, Index: index})
					switch {
					case at.IsZero():
					case !at.After(now):
						t.id = taskID(t.key, a, t.state)
						tasks = append(tasks, t)
					case next.IsZero() || at.Before(next):
						next = at
					}
				}
			}
		}
	}
	return tasks, next
}

// task returns what a rule's action is to do for an alert, without its ID, and
// when: at the zero time for never.
func (tr *tenantRule) task(s *alert.State, r *rule.Rule, a *alert.Alert, key alert.ActionKey) (task, time.Time) {
	action, st := &r.API.Actions[key.Index], s.Actions[key]
	at, attempt, repeat := owed(st, a, action.Interval, tr.change.UpdatedAt)
	return task{key, r, tr.change.Name, tr.change.Tenant, action, a, attempt, repeat, "", st}, at
}

// latestFirings returns by rule the latest occurrence of each alert that fired.
func latestFirings(s *alert.State, rules []tenantRule) map[string]map[string]*alert.Alert {
	latest := map[string]map[string]*alert.Alert{}
	for i := range rules {
		for _, r := range rules[i].rules {
			if len(r.API.Actions) > 0 {
				latest[r.Key] = map[string]*alert.Alert{}
			}
		}
	}
	if len(latest) == 0 {
		return nil
	}
	for _, a := range s.Alerts {
		of := latest[a.Rule]
		if of == nil || a.FiredAt.IsZero() {
			continue
		}
		fp := a.Fingerprint().String()
		if other := of[fp]; other == nil || other.FiredAt.Before(a.FiredAt) {
			of[fp] = a
		}
	}
	return latest
}

// owed returns when an action is due for an alert that fired, zero for never.
func owed(st *alert.ActionState, a *alert.Alert, interval time.Duration, ruleUpdated time.Time) (at time.Time, attempt int, repeat bool) {
	firing := a.Status == alert.Firing
	goesOn := firing && a.NoDataSince.IsZero()
	if !firing && !a.ResolvedAt.After(ruleUpdated) {
		return time.Time{}, 0, false // what the rule was like then is not known any more
	}
	if st == nil {
		return a.FiredAt, 1, false
	}
	told := st.Told == a.ID
	if st.Last.Alert == a.ID { // it was tried
		switch {
		case st.Last.Outcome == alert.Retrying:
			return st.Last.NextAttempt, st.Last.Attempt + 1, told
		case interval > 0 && goesOn:
			return st.At.Add(interval), 1, true
		}
		return time.Time{}, 0, false
	}
	at = a.FiredAt
	if interval > 0 && !st.Ok.IsZero() && st.Ok.Add(interval).After(at) {
		at = st.Ok.Add(interval)
	}
	if !firing && at.After(a.ResolvedAt) {
		return time.Time{}, 0, false
	}
	return at, 1, false
}

// forgettable returns the keys of what needs not be known any more: no rule
// could act on it now, and no interval would be shortened by forgetting it.
func forgettable(s *alert.State, rules []tenantRule, now time.Time) (keys []alert.ActionKey) {
	intervals := map[string][]rule.Action{}
	for i := range rules {
		for _, r := range rules[i].rules {
			intervals[r.Key] = r.API.Actions
		}
	}
	known := map[alert.ID]bool{}
	for id := range s.Alerts {
		known[id] = true
	}
	for key, st := range s.Actions {
		actions := intervals[key.RuleKey]
		quiet := now.Sub(st.At) > keepActions
		if key.Index < len(actions) {
			quiet = quiet && now.Sub(st.At) > actions[key.Index].Interval
		}
		if quiet && !known[st.Last.Alert] {
			keys = append(keys, key)
		}
	}
	return keys
}
