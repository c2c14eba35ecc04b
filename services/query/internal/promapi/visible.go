package promapi

import (
	"context"
	"errors"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/ruleview"
	"weir/services/query/internal/alerterclient"
)

// Alerter knows the rules and alerts of all tenants. Its errors are those of
// alerterclient.
type Alerter interface {
	Rules(ctx context.Context) ([]ruleview.RuleGroup, error)
	Alerts(ctx context.Context) ([]ruleview.Alert, error)
}

var _ Alerter = (*alerterclient.Client)(nil)

// OverAlerter returns the rules and alerts that an alerter knows, those outside
// of a request's scope left out:
//
//   - an alert is seen where its labels match the scope;
//   - a rule is seen unless one of its own labels contradicts it: a rule for all
//     tenants, which has no label service, is seen by all, each with the alerts
//     of its own, and in the state that they give it;
//   - a group without any rule left is left out.
func OverAlerter(a Alerter) Rules { return &visible{a} }

type visible struct{ alerter Alerter }

func (v *visible) RuleGroups(ctx context.Context, scope []*labels.Matcher) ([]ruleview.RuleGroup, error) {
	all, err := v.alerter.Rules(ctx)
	if err != nil {
		return nil, fromAlerter(err)
	}
	if len(scope) == 0 {
		return all, nil
	}
	some := make([]ruleview.RuleGroup, 0, len(all))
	for _, g := range all {
		if g.Rules = visibleRules(g.Rules, scope); len(g.Rules) > 0 {
			some = append(some, g)
		}
	}
	return some, nil
}

func visibleRules(all []ruleview.Rule, scope []*labels.Matcher) (some []ruleview.Rule) {
	for _, r := range all {
		if contradicts(r.Labels, scope) {
			continue
		}
		if r.Alerts != nil {
			own := visibleAlerts(*r.Alerts, scope)
			r.Alerts, r.State = &own, stateOf(own)
		}
		some = append(some, r)
	}
	return some
}

// contradicts reports whether a label that is there does not match.
func contradicts(l labels.Labels, scope []*labels.Matcher) bool {
	return slices.ContainsFunc(scope, func(m *labels.Matcher) bool { return l.Has(m.Name) && !m.Matches(l.Get(m.Name)) })
}

func visibleAlerts(all []ruleview.Alert, scope []*labels.Matcher) []ruleview.Alert {
	some := []ruleview.Alert{}
	for _, a := range all {
		if promread.Matches(scope, a.Labels) {
			some = append(some, a)
		}
	}
	return some
}

// stateOf returns the state of a rule with these alerts.
func stateOf(all []ruleview.Alert) string {
	state := "inactive"
	for _, a := range all {
		if a.State == "firing" {
			return a.State
		}
		state = a.State
	}
	return state
}

func (v *visible) Alerts(ctx context.Context, scope []*labels.Matcher) ([]ruleview.Alert, error) {
	all, err := v.alerter.Alerts(ctx)
	if err != nil {
		return nil, fromAlerter(err)
	}
	return visibleAlerts(all, scope), nil
}

// fromAlerter gives an error its type.
func fromAlerter(err error) error {
	switch {
	case errors.Is(err, alerterclient.ErrAbsent):
		return &apiError{typ: errUnavailable, err: err}
	case errors.Is(err, alerterclient.ErrLate):
		return &apiError{typ: errTimeout, err: err}
	case errors.Is(err, alerterclient.ErrBroken):
		return &apiError{typ: errInternal, err: err}
	}
	return err
}
