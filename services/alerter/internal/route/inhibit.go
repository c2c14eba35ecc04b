package route

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
)

// inhibitRule mutes the alerts that match its target while one that matches its
// source fires and has the same values of the labels equal. An alert that
// matches both is not muted by another such alert, itself included.
type inhibitRule struct {
	source, target labels.Matchers
	equal          []model.LabelName

	sources map[string]*sources // by the values of equal
}

// sources are the alerts that match a rule's source and have the same values of
// its labels equal.
type sources struct {
	all         []*member // those that ended included
	first, pure *member
	// first is the one of those that fire with the least fingerprint; pure the
	// same of those that do not match the target.
}

func inhibitRules(of []amconfig.InhibitRule) []*inhibitRule {
	var rules []*inhibitRule
	for _, c := range of {
		rules = append(rules, &inhibitRule{source: c.Source, target: c.Target, equal: c.Equal})
	}
	return rules
}

// role is what an alert is to a rule.
type role struct {
	rule           *inhibitRule
	source, target bool
	equal          string // its values of the rule's labels equal
}

// roles returns what an alert is to those rules to which it is anything.
func roles(rules []*inhibitRule, set model.LabelSet) []role {
	var all []role
	for _, rule := range rules {
		r := role{rule: rule, source: rule.source.Matches(set), target: rule.target.Matches(set)}
		if r.source || r.target {
			r.equal = rule.values(set)
			all = append(all, r)
		}
	}
	return all
}

// values returns the values of the labels equal as one text. A label that is
// missing is an empty one.
func (i *inhibitRule) values(set model.LabelSet) string {
	var b strings.Builder
	for _, name := range i.equal {
		b.WriteString(strconv.Itoa(len(set[name])))
		b.WriteByte(':')
		b.WriteString(string(set[name]))
	}
	return b.String()
}

// reset forgets the sources.
func (i *inhibitRule) reset() { i.sources = map[string]*sources{} }

// addSource enters an alert where it is a source.
func (m *member) addSource() {
	for _, r := range m.roles {
		if !r.source {
			continue
		}
		s := r.rule.sources[r.equal]
		if s == nil {
			s = &sources{}
			r.rule.sources[r.equal] = s
		}
		s.all = append(s.all, m)
		if m.alert.Status != alert.Firing {
			continue
		}
		s.first = lesser(s.first, m)
		if !r.target {
			s.pure = lesser(s.pure, m)
		}
	}
}

func lesser(a, b *member) *member {
	if a == nil || b.fingerprint < a.fingerprint {
		return b
	}
	return a
}

// inhibitors returns, for each rule that mutes the alert now, an alert that does.
func (m *member) inhibitors() []*member {
	var all []*member
	for _, r := range m.roles {
		if by := r.inhibitor(); by != nil {
			all = append(all, by)
		}
	}
	return all
}

// inhibited reports whether a rule mutes the alert now.
func (m *member) inhibited() bool {
	return slices.ContainsFunc(m.roles, func(r role) bool { return r.inhibitor() != nil })
}

// inhibitor returns an alert that mutes one of this role now, nil if none does.
func (r role) inhibitor() *member {
	if !r.target {
		return nil
	}
	s := r.rule.sources[r.equal]
	switch {
	case s == nil:
		return nil
	case r.source:
		return s.pure
	}
	return s.first
}

// inhibitorAt returns an alert that muted this one at a moment, nil if none did.
// One that ended at that very moment did: what ends together, ends in one
// evaluation.
func (m *member) inhibitorAt(at time.Time) *member {
	for _, r := range m.roles {
		if !r.target || r.rule.sources[r.equal] == nil {
			continue
		}
		for _, s := range r.rule.sources[r.equal].all {
			if !(r.source && s.targetOf(r.rule)) && s.firedAt(at) {
				return s
			}
		}
	}
	return nil
}

func (m *member) targetOf(rule *inhibitRule) bool {
	for _, r := range m.roles {
		if r.rule == rule {
			return r.target
		}
	}
	return false
}

// firedAt reports whether the alert fired at a moment.
func (m *member) firedAt(at time.Time) bool {
	a := m.alert
	return !a.FiredAt.IsZero() && !a.FiredAt.After(at) && (a.Status == alert.Firing || !a.ResolvedAt.Before(at))
}
