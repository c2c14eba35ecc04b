package alert

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// State is what follows from the events so far. It is not for concurrent use.
// What is handed out of it is not to be changed, and does not change.
type State struct {
	Alerts   map[ID]*Alert                // pending, firing, and resolved ones of which somebody may be owed a notice
	ByRule   map[string]map[ID]*Alert     // the active ones by their rule; "" for those posted from outside
	Firings  map[model.Fingerprint]uint64 // how often alerts with these labels fired, while one is known
	Notices  map[NoticeKey]*NoticeState
	Actions  map[ActionKey]*ActionState
	Silences map[string]*Silence
	Rules    map[RuleName]*RuleChange // the tenants' rules
	Number   uint64                   // of the latest event: 1, 2, 3 …
	At       time.Time                // of the latest event: rules were evaluated until then, at the least

	History      []Numbered // the latest events and some before them, oldest first: see Latest
	HistoryBytes int        // that these take, about; at most MaxHistoryBytes
}

// RuleName names a tenant's rule.
type RuleName struct {
	Tenant Tenant
	Name   string
}

// NoticeState is what was told to one integration of a receiver about a group,
// and how it does.
type NoticeState struct {
	Key         NoticeKey      `json:"key"`
	GroupLabels model.LabelSet `json:"groupLabels,omitempty"`
	Fallback    bool           `json:"fallback,omitempty"` // it stands in for a receiver that has failed for long

	// What the last notice that was acknowledged told of.
	SentAt   time.Time `json:"sentAt,omitzero"`
	SentID   string    `json:"sentID,omitempty"`
	Firing   []ID      `json:"firing,omitempty"`   // told to be firing, and not to be resolved yet
	Resolved []ID      `json:"resolved,omitempty"` // told to be resolved

	// The attempts since then, all of which failed.
	Tried        []ID      `json:"tried,omitempty"` // firing alerts that they would have told of
	Attempts     int       `json:"attempts,omitempty"`
	LastOutcome  Outcome   `json:"lastOutcome,omitempty"`
	LastError    string    `json:"lastError,omitempty"`
	FailingSince time.Time `json:"failingSince,omitzero"`
	NextAttempt  time.Time `json:"nextAttempt,omitzero"`
}

// Failing reports whether the latest attempt failed.
func (n *NoticeState) Failing() bool { return !n.FailingSince.IsZero() }

// ActionState is how an action of a rule for an entity did.
type ActionState struct {
	Last Action    `json:"last"`
	At   time.Time `json:"at"`             // of the last attempt
	Ok   time.Time `json:"ok,omitzero"`    // of the last one that succeeded
	Told ID        `json:"told,omitempty"` // the alert of the last one that succeeded
}

// NewState returns the state before anything happened.
func NewState() *State {
	return &State{
		Alerts: map[ID]*Alert{}, ByRule: map[string]map[ID]*Alert{}, Firings: map[model.Fingerprint]uint64{},
		Notices: map[NoticeKey]*NoticeState{}, Actions: map[ActionKey]*ActionState{},
		Silences: map[string]*Silence{}, Rules: map[RuleName]*RuleChange{},
	}
}

// Apply enters an event. The event must not be changed afterwards.
func (s *State) Apply(e Event) {
	s.Number++
	s.reached(e.At)
	switch {
	case e.Transition != nil:
		s.transition(e.Transition)
	case e.Notice != nil:
		s.notice(e.At, e.Notice)
	case e.Action != nil:
		s.action(e.At, e.Action)
	case e.Silence != nil:
		s.Silences[e.Silence.ID] = e.Silence
	case e.Rule != nil:
		s.rule(e.Rule)
	case e.Forgotten != nil:
		s.forget(e.Forgotten)
		return // housekeeping is no history
	case e.Alive != nil:
		return
	}
	if !e.Transition.saidAgain() {
		s.remember(Numbered{s.Number, e})
	}
}

// reached notes that the alerter lived at a moment.
func (s *State) reached(at time.Time) {
	if at.After(s.At) {
		s.At = at
	}
}

func (s *State) transition(t *Transition) {
	a := t.Alert
	if old := s.Alerts[a.ID]; old != nil {
		s.list(old, false)
		// Whoever made the transition may not have known yet of an acknowledgement,
		// which stands as long as the occurrence.
		if a.Acknowledged == nil {
			a.Acknowledged = old.Acknowledged
		}
	}
	if a.Status == Inactive {
		delete(s.Alerts, a.ID)
		return
	}
	if a.Status == Firing && t.From != Firing {
		s.Firings[a.Fingerprint()]++
	}
	s.Alerts[a.ID] = &a
	s.list(&a, a.Active())
}

// list keeps ByRule.
func (s *State) list(a *Alert, in bool) {
	if in {
		if s.ByRule[a.Rule] == nil {
			s.ByRule[a.Rule] = map[ID]*Alert{}
		}
		s.ByRule[a.Rule][a.ID] = a
		return
	}
	if delete(s.ByRule[a.Rule], a.ID); len(s.ByRule[a.Rule]) == 0 {
		delete(s.ByRule, a.Rule)
	}
}

// Refresh is what changed of an active alert without being news.
type Refresh struct {
	ID          ID
	Value       Value
	Annotations model.LabelSet
}

// Refresh takes over an active alert's present value and annotations, which are
// no news. An alert that the state does not know is left out.
func (s *State) Refresh(id ID, value Value, annotations model.LabelSet) {
	old := s.Alerts[id]
	if old == nil || !old.Active() {
		return
	}
	a := *old
	a.Value, a.Annotations = value, annotations
	s.Alerts[id] = &a
	s.list(&a, true)
}

func (s *State) notice(at time.Time, n *Notice) {
	before := s.Notices[n.NoticeKey]
	if before == nil {
		before = &NoticeState{}
	}
	now := *before
	now.Key, now.GroupLabels, now.Fallback, now.LastOutcome = n.NoticeKey, n.GroupLabels, n.Fallback, n.Outcome
	if n.Outcome == Sent {
		// What was told to be firing before and is in this notice not at all, for
		// it is muted now, is still to be told to be resolved one day.
		resolved := union(now.Resolved, n.Resolved)
		now = NoticeState{Key: n.NoticeKey, GroupLabels: n.GroupLabels, Fallback: n.Fallback, LastOutcome: Sent,
			SentAt: at, SentID: n.ID, Firing: minus(union(now.Firing, n.Firing), resolved), Resolved: resolved,
			// A failed attempt may have arrived: what it told of, and this one did
			// not, is still to be told to be resolved as well.
			Tried: minus(minus(now.Tried, union(nil, n.Firing)), resolved)}
	} else {
		now.Tried, now.LastError, now.NextAttempt = union(now.Tried, n.Firing), n.Error, n.NextAttempt
		now.Attempts = n.Attempt
		if now.FailingSince.IsZero() {
			now.FailingSince = at
		}
	}
	s.Notices[n.NoticeKey] = &now
}

// union returns the IDs of both, each once, ascending.
func union(a, b []ID) []ID {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// minus returns the IDs that are not in b, which is ascending.
func minus(a, b []ID) []ID {
	var left []ID
	for _, id := range a {
		if _, found := slices.BinarySearch(b, id); !found {
			left = append(left, id)
		}
	}
	return left
}

func (s *State) action(at time.Time, a *Action) {
	now := ActionState{Last: *a, At: at}
	if before := s.Actions[a.ActionKey]; before != nil {
		now.Ok, now.Told = before.Ok, before.Told
	}
	if a.Outcome == Sent {
		now.Ok, now.Told = at, a.Alert
	}
	s.Actions[a.ActionKey] = &now
}

func (s *State) rule(r *RuleChange) {
	name := RuleName{r.Tenant, r.Name}
	if r.Deleted {
		delete(s.Rules, name)
		return
	}
	s.Rules[name] = r
}

func (s *State) forget(f *Forgotten) {
	gone := make(map[ID]bool, len(f.Alerts))
	for _, id := range f.Alerts {
		a := s.Alerts[id]
		if a == nil {
			continue
		}
		gone[id] = true
		delete(s.Alerts, id)
		s.list(a, false)
	}
	s.forgetFirings()
	for key, n := range s.Notices {
		if anyOf(gone, n.Firing) || anyOf(gone, n.Resolved) || anyOf(gone, n.Tried) {
			less := *n
			less.Firing, less.Resolved, less.Tried = without(gone, n.Firing), without(gone, n.Resolved), without(gone, n.Tried)
			s.Notices[key] = &less
		}
	}
	for _, key := range f.Notices {
		delete(s.Notices, key)
	}
	for _, id := range f.Silences {
		delete(s.Silences, id)
	}
	for _, key := range f.Actions {
		delete(s.Actions, key)
	}
}

// forgetFirings keeps the numbers of those labels of which there is an alert.
func (s *State) forgetFirings() {
	known := make(map[model.Fingerprint]bool, len(s.Alerts))
	for _, a := range s.Alerts {
		known[a.Fingerprint()] = true
	}
	for fp := range s.Firings {
		if !known[fp] {
			delete(s.Firings, fp)
		}
	}
}

func anyOf(set map[ID]bool, ids []ID) bool {
	return slices.ContainsFunc(ids, func(id ID) bool { return set[id] })
}

// without returns those IDs that are not in the set; nil for none, as a state
// that was written and read again has it.
func without(set map[ID]bool, ids []ID) []ID {
	var left []ID
	for _, id := range ids {
		if !set[id] {
			left = append(left, id)
		}
	}
	return left
}
