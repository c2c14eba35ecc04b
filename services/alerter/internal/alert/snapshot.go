package alert

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// Part is a piece of a State, small enough to be written in one go. All parts of
// a state make it again.
type Part struct {
	Number   uint64                       `json:"number,omitempty"`
	At       time.Time                    `json:"at,omitzero"`
	Alerts   []*Alert                     `json:"alerts,omitempty"`
	Firings  map[model.Fingerprint]uint64 `json:"firings,omitempty"`
	Notices  []*NoticeState               `json:"notices,omitempty"`
	Actions  []*ActionState               `json:"actions,omitempty"`
	Silences []*Silence                   `json:"silences,omitempty"`
	Rules    []*RuleChange                `json:"rules,omitempty"`
	History  []Numbered                   `json:"history,omitempty"`
}

// Clone returns a state that what happens to s later does not reach. It costs
// little: what the two hold is theirs together, and never changed in place.
func (s *State) Clone() *State {
	c := *s
	c.Alerts, c.Firings, c.Notices = maps.Clone(s.Alerts), maps.Clone(s.Firings), maps.Clone(s.Notices)
	c.Actions, c.Silences, c.Rules = maps.Clone(s.Actions), maps.Clone(s.Silences), maps.Clone(s.Rules)
	c.ByRule = make(map[string]map[ID]*Alert, len(s.ByRule))
	for rule, alerts := range s.ByRule {
		c.ByRule[rule] = maps.Clone(alerts)
	}
	c.History = slices.Clone(s.History)
	return &c
}

// Parts returns the state in parts of at most n things each, in no order that
// could be relied upon but that of the history. The state must not change
// meanwhile.
func (s *State) Parts(n int) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		_ = yield(Part{Number: s.Number, At: s.At}) &&
			chunks(maps.Values(s.Alerts), n, func(some []*Alert) bool { return yield(Part{Alerts: some}) }) &&
			chunks(maps.Keys(s.Firings), n, func(some []model.Fingerprint) bool { return yield(Part{Firings: s.firings(some)}) }) &&
			chunks(maps.Values(s.Notices), n, func(some []*NoticeState) bool { return yield(Part{Notices: some}) }) &&
			chunks(maps.Values(s.Actions), n, func(some []*ActionState) bool { return yield(Part{Actions: some}) }) &&
			chunks(maps.Values(s.Silences), n, func(some []*Silence) bool { return yield(Part{Silences: some}) }) &&
			chunks(maps.Values(s.Rules), n, func(some []*RuleChange) bool { return yield(Part{Rules: some}) }) &&
			chunks(slices.Values(s.Latest()), n, func(some []Numbered) bool { return yield(Part{History: some}) })
	}
}

func (s *State) firings(of []model.Fingerprint) map[model.Fingerprint]uint64 {
	some := make(map[model.Fingerprint]uint64, len(of))
	for _, fp := range of {
		some[fp] = s.Firings[fp]
	}
	return some
}

// chunks calls yield with slices of at most n of the items. It reports false
// once yield did.
func chunks[T any](items iter.Seq[T], n int, yield func([]T) bool) bool {
	var some []T
	for item := range items {
		if some = append(some, item); len(some) == n {
			if !yield(some) {
				return false
			}
			some = nil
		}
	}
	return len(some) == 0 || yield(some)
}

// Load adds a part of a state that was written to s, which began empty. The
// parts of the history must come in their order.
func (s *State) Load(p Part) {
	s.Number = max(s.Number, p.Number)
	s.reached(p.At)
	for _, a := range p.Alerts {
		s.Alerts[a.ID] = a
		s.list(a, a.Active())
	}
	maps.Copy(s.Firings, p.Firings)
	for _, n := range p.Notices {
		s.loadNotice(n)
	}
	for _, a := range p.Actions {
		s.Actions[a.Last.ActionKey] = a
	}
	for _, silence := range p.Silences {
		s.Silences[silence.ID] = silence
	}
	for _, r := range p.Rules {
		s.Rules[RuleName{r.Tenant, r.Name}] = r
	}
	for _, e := range p.History { // one of an older version may have more than is remembered
		s.remember(e)
		s.reached(e.At) // an older version's has no other
	}
}

// loadNotice adds to what there is: one that tells of very many alerts comes in
// several parts.
func (s *State) loadNotice(n *NoticeState) {
	if before := s.Notices[n.Key]; before != nil {
		all := *n
		all.Firing, all.Resolved = union(before.Firing, n.Firing), union(before.Resolved, n.Resolved)
		all.Tried = union(before.Tried, n.Tried)
		n = &all
	}
	s.Notices[n.Key] = n
}

// Halves returns the part in two, and false if it cannot be halved.
func (p Part) Halves() ([2]Part, bool) {
	switch {
	case len(p.Alerts) > 1:
		a, b := half(p.Alerts)
		return [2]Part{{Alerts: a}, {Alerts: b}}, true
	case len(p.Notices) > 1:
		a, b := half(p.Notices)
		return [2]Part{{Notices: a}, {Notices: b}}, true
	case len(p.Notices) == 1 && max(len(p.Notices[0].Firing), len(p.Notices[0].Resolved), len(p.Notices[0].Tried)) > 1:
		a, b := *p.Notices[0], *p.Notices[0]
		a.Firing, b.Firing = half(a.Firing)
		a.Resolved, b.Resolved = half(a.Resolved)
		a.Tried, b.Tried = half(a.Tried)
		return [2]Part{{Notices: []*NoticeState{&a}}, {Notices: []*NoticeState{&b}}}, true
	case len(p.Actions) > 1:
		a, b := half(p.Actions)
		return [2]Part{{Actions: a}, {Actions: b}}, true
	case len(p.Silences) > 1:
		a, b := half(p.Silences)
		return [2]Part{{Silences: a}, {Silences: b}}, true
	case len(p.Rules) > 1:
		a, b := half(p.Rules)
		return [2]Part{{Rules: a}, {Rules: b}}, true
	case len(p.History) > 1:
		a, b := half(p.History)
		return [2]Part{{History: a}, {History: b}}, true
	}
	return [2]Part{}, false
}

// half returns a list in two; one thing alone is in the first.
func half[T any](all []T) (a, b []T) {
	middle := (len(all) + 1) / 2
	return all[:middle], all[middle:]
}
