package evaluate

import (
	"time"

	"weir/services/alerter/internal/rule"
)

// Status is a group and how its evaluation goes.
type Status struct {
	*rule.Group
	Interval time.Duration // that holds
	Last     time.Time     // moment of the last evaluation, zero before the first
	Took     time.Duration
	Missed   uint64 // evaluations since it began
	Rules    []RuleStatus
}

// RuleStatus is a rule and how its evaluation goes.
type RuleStatus struct {
	*rule.Rule
	Err  error     // of the last evaluation
	Last time.Time // moment of the last evaluation, zero before the first
	Took time.Duration
}

// Status returns the groups in their order.
func (e *Evaluator) Status() []Status {
	groups := e.current()
	all := make([]Status, len(groups))
	for i, g := range groups {
		all[i] = g.status()
	}
	return all
}

func (g *group) status() Status {
	g.mu.Lock()
	s := Status{Group: g.Group, Interval: g.interval, Last: g.last, Took: g.took, Missed: g.missed}
	g.mu.Unlock()
	for _, r := range g.rules {
		r.mu.Lock()
		s.Rules = append(s.Rules, RuleStatus{Rule: r.Rule, Err: r.err, Last: r.last, Took: r.took})
		r.mu.Unlock()
	}
	return s
}
