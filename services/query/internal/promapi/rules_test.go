package promapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/golden"
	"weir/pkg/read/promread"
	"weir/pkg/read/ruleview"
	"weir/services/query/internal/promapi"
)

// alerter knows three groups of rules and an alert.
type alerter struct {
	scope []*labels.Matcher
	err   error
}

func (a *alerter) Alerts(_ context.Context, scope []*labels.Matcher) ([]ruleview.Alert, error) {
	a.scope = scope
	since := now.Add(-time.Minute)
	return []ruleview.Alert{{
		Labels: labels.FromStrings("alertname", "Hot", "node", "n1"), Annotations: labels.FromStrings("summary", "n1 is hot"),
		State: "firing", ActiveAt: &since, Value: "8.5e+01",
	}}, a.err
}

func (a *alerter) RuleGroups(ctx context.Context, scope []*labels.Matcher) ([]ruleview.RuleGroup, error) {
	alerts, err := a.Alerts(ctx, scope)
	wait, keep, none := 60.0, 0.0, labels.EmptyLabels()
	hot := ruleview.Rule{
		State: "firing", Name: "Hot", Query: "spore_node_cpu_temperature_celsius > 80", Duration: &wait, KeepFiringFor: &keep,
		Labels: labels.FromStrings("severity", "page"), Annotations: &none, Alerts: &alerts, Health: "ok",
		EvaluationTime: 0.001, LastEvaluation: now, Type: ruleview.AlertingRule,
	}
	mean := ruleview.Rule{Name: "zone:cpu:avg", Query: "avg by (zone) (spore_node_cpu_usage_percent)", Health: "err", LastError: "no", LastEvaluation: now, Type: ruleview.RecordingRule}
	group := func(name string, rules ...ruleview.Rule) ruleview.RuleGroup {
		return ruleview.RuleGroup{Name: name, File: "rules.yml", Interval: 1, Rules: rules, LastEvaluation: now}
	}
	return []ruleview.RuleGroup{group("alerts", hot), group("both", hot, mean), group("records", mean)}, err
}

func TestRulesAndAlerts(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = new(alerter) })
	golden.JSON(t, "rules_some.json", append(call(a, "GET /api/v1/rules").Body.Bytes(), '\n'))
	golden.JSON(t, "alerts_some.json", append(call(a, "GET /api/v1/alerts").Body.Bytes(), '\n'))
}

func TestWhichRules(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = new(alerter) })
	for query, want := range map[string]string{
		"":                                "alerts: Hot; both: Hot zone:cpu:avg; records: zone:cpu:avg; ",
		"type=alert":                      "alerts: Hot; both: Hot; ",
		"type=RECORD":                     "both: zone:cpu:avg; records: zone:cpu:avg; ",
		"rule_name[]=Hot":                 "alerts: Hot; both: Hot; ",
		"rule_name[]=x":                   "",
		"rule_group[]=both":               "both: Hot zone:cpu:avg; ",
		"file[]=x":                        "",
		"file[]=rules.yml&type=record":    "both: zone:cpu:avg; records: zone:cpu:avg; ",
		`match[]={severity="page"}`:       "alerts: Hot; both: Hot; ",
		`match[]={severity=~"no"}`:        "",
		"group_limit=2":                   "alerts: Hot; both: Hot zone:cpu:avg; more",
		"group_limit=1&type=record":       "both: zone:cpu:avg; more",
		"group_limit=3":                   "alerts: Hot; both: Hot zone:cpu:avg; records: zone:cpu:avg; ",
		"group_limit=1&group_next_token=": "alerts: Hot; more",
	} {
		body := call(a, "GET /api/v1/rules?"+strings.ReplaceAll(query, `"`, "%22")).Body.Bytes()
		if got, _ := groupsIn(t, body); got != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		}
	}
	if body := call(a, "GET /api/v1/rules?exclude_alerts=true").Body.String(); strings.Contains(body, `"alerts":[`) {
		t.Errorf("alerts in %s", body)
	}
}

func TestPagesOfRules(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = new(alerter) })
	got, token := "", ""
	for range 3 {
		page, next := groupsIn(t, call(a, "GET /api/v1/rules?group_limit=1&group_next_token="+token).Body.Bytes())
		got, token = got+page, next
	}
	if want := "alerts: Hot; moreboth: Hot zone:cpu:avg; morerecords: zone:cpu:avg; "; got != want || token != "" {
		t.Errorf("got %q, want %q", got, want)
	}
}

func groupsIn(t *testing.T, body []byte) (text, token string) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Name  string
				Rules []struct{ Name string }
			}
			GroupNextToken string
		}
	}
	decode(t, body, &answer)
	for _, g := range answer.Data.Groups {
		text += g.Name + ":"
		for _, r := range g.Rules {
			text += " " + r.Name
		}
		text += "; "
	}
	if answer.Data.GroupNextToken != "" {
		text += "more"
	}
	return text, answer.Data.GroupNextToken
}

func TestRulesKnowTheTenant(t *testing.T) {
	for _, route := range []string{"rules", "alerts"} {
		r := new(alerter)
		call(newAPI(t, few(), func(c *promapi.Config) { c.Rules = r }), "GET /api/v1/"+route+"?service=factory&subservice=/")
		if got := fmt.Sprint(r.scope); got != `[service="factory" subservice="root-subserv"]` {
			t.Errorf("%s: %s", route, got)
		}
	}
}

func TestRulesCannotBeRead(t *testing.T) {
	for _, route := range []string{"rules", "alerts"} {
		a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = &alerter{err: fmt.Errorf("ask: %w", promread.ErrUnavailable)} })
		expectProblem(t, a, "GET /api/v1/"+route, 503, "unavailable", "read "+route+": ask: the history cannot be read")
	}
	a := newAPI(t, few(), func(c *promapi.Config) { c.Rules = &alerter{err: errors.New("no")} })
	expectProblem(t, a, "GET /api/v1/rules", 422, "execution", "read rules: no")
}
