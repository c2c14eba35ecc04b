package promapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/ruleview"
	"weir/services/query/internal/alerterclient"
	"weir/services/query/internal/promapi"
)

// everybody's is an alerter's rules: one for all tenants, with an alert of each
// of two, one of each of them, and one that records.
type everybodys struct{ err error }

func (e everybodys) Alerts(context.Context) ([]ruleview.Alert, error) {
	alert := func(name, service, state string) ruleview.Alert {
		return ruleview.Alert{State: state, Value: "1e+00", Labels: labels.FromStrings("alertname", name, "service", service)}
	}
	return []ruleview.Alert{alert("Hot", "factory", "pending"), alert("Hot", "greenhouse", "firing"), alert("Dry", "greenhouse", "firing")}, e.err
}

func (e everybodys) Rules(ctx context.Context) ([]ruleview.RuleGroup, error) {
	alerts, err := e.Alerts(ctx)
	rule := func(name, service, state string, alerts ...ruleview.Alert) ruleview.Rule {
		return ruleview.Rule{Name: name, State: state, Labels: labels.FromStrings("service", service), Alerts: &alerts, Health: "ok", Type: ruleview.AlertingRule}
	}
	all := rule("Hot", "", "firing", alerts[0], alerts[1])
	all.Labels = labels.FromStrings("severity", "page")
	return []ruleview.RuleGroup{
		{Name: "all", Rules: []ruleview.Rule{all, {Name: "zone:cpu:avg", Type: ruleview.RecordingRule}}},
		{Name: "factory", Rules: []ruleview.Rule{rule("Loud", "factory", "inactive")}},
		{Name: "greenhouse", Rules: []ruleview.Rule{rule("Dry", "greenhouse", "firing", alerts[2])}},
	}, err
}

func TestRulesAndAlertsOfATenant(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = promapi.OverAlerter(everybodys{}) })
	for scope, want := range map[string]string{
		"":                           "all: Hot firing[Hot/factory Hot/greenhouse] zone:cpu:avg []; factory: Loud inactive[]; greenhouse: Dry firing[Dry/greenhouse]; | Hot/factory Hot/greenhouse Dry/greenhouse",
		"service=factory":            "all: Hot pending[Hot/factory] zone:cpu:avg []; factory: Loud inactive[]; | Hot/factory",
		"service=greenhouse":         "all: Hot firing[Hot/greenhouse] zone:cpu:avg []; greenhouse: Dry firing[Dry/greenhouse]; | Hot/greenhouse Dry/greenhouse",
		"service=nobody":             "all: Hot inactive[] zone:cpu:avg []; | ",
		"service=factory&type=alert": "all: Hot pending[Hot/factory]; factory: Loud inactive[]; | Hot/factory",
	} {
		var answer struct {
			Data struct {
				Groups []ruleview.RuleGroup
				Alerts []ruleview.Alert
			}
		}
		if err := json.Unmarshal(call(a, "GET /api/v1/rules?"+scope).Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, g := range answer.Data.Groups {
			got += g.Name + ":"
			for _, r := range g.Rules {
				var alerts []ruleview.Alert
				if r.Alerts != nil {
					alerts = *r.Alerts
				}
				got += fmt.Sprintf(" %s %s%s", r.Name, r.State, names(alerts))
			}
			got += "; "
		}
		if err := json.Unmarshal(call(a, "GET /api/v1/alerts?"+scope).Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if got += "| " + strings.Trim(names(answer.Data.Alerts), "[]"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", scope, got, want)
		}
	}
}

func names(all []ruleview.Alert) string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.Labels.Get("alertname") + "/" + a.Labels.Get("service")
	}
	return fmt.Sprint(texts)
}

func TestTheAlerterFails(t *testing.T) {
	for name, row := range map[string]struct {
		err       error
		code      int
		typ, text string
	}{
		"nobody answers":      {alerterclient.ErrAbsent, 503, "unavailable", "the alerter does not answer"},
		"it is too late":      {alerterclient.ErrLate, 503, "timeout", "the alerter did not answer in time"},
		"its answer is wrong": {fmt.Errorf("%w: 500", alerterclient.ErrBroken), 500, "internal", "the alerter's answer is broken: 500"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = promapi.OverAlerter(everybodys{err: row.err}) })
			for _, route := range []string{"rules", "alerts"} {
				expectProblem(t, a, "GET /api/v1/"+route, row.code, row.typ, row.text)
			}
		})
	}
}
