package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/ruleview"
	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
)

// ruleGroups returns the groups with their alerts as Prometheus shows them.
func (a *api) ruleGroups() []ruleview.RuleGroup {
	groups := a.Groups()
	views := make([]ruleview.RuleGroup, 0, len(groups))
	a.Ledger.Read(func(s *alert.State) {
		for i := range groups {
			views = append(views, groupView(&groups[i], s))
		}
	})
	return views
}

func groupView(g *evaluate.Status, s *alert.State) ruleview.RuleGroup {
	v := ruleview.RuleGroup{
		Name: g.Name, File: g.File, Rules: make([]ruleview.Rule, 0, len(g.Rules)),
		Interval: g.Interval.Seconds(), Limit: g.Limit,
		EvaluationTime: g.Took.Seconds(), LastEvaluation: g.Last.UTC(),
	}
	if g.Tenant != nil {
		v.File = "api/" + g.Tenant.Service + "/" + g.Tenant.Subservice
	}
	for i := range g.Rules {
		v.Rules = append(v.Rules, ruleView(&g.Rules[i], s))
	}
	return v
}

func ruleView(r *evaluate.RuleStatus, s *alert.State) ruleview.Rule {
	v := ruleview.Rule{
		Name: r.Name, Query: r.Expr, Labels: viewLabels(r.Labels), Type: ruleview.RecordingRule,
		Health: health(r), EvaluationTime: r.Took.Seconds(), LastEvaluation: r.Last.UTC(),
	}
	if r.Err != nil {
		v.LastError = r.Err.Error()
	}
	if r.Record {
		return v
	}
	duration, keep, annotations := r.For.Seconds(), r.KeepFiringFor.Seconds(), viewLabels(r.Annotations)
	alerts := []ruleview.Alert{}
	v.State = string(alert.Inactive)
	for _, al := range sorted(s.ByRule[r.Key]) {
		alerts = append(alerts, alertView(al))
		if al.Status == alert.Firing || v.State == string(alert.Inactive) {
			v.State = string(al.Status)
		}
	}
	v.Type, v.Duration, v.KeepFiringFor, v.Annotations, v.Alerts = ruleview.AlertingRule, &duration, &keep, &annotations, &alerts
	return v
}

func health(r *evaluate.RuleStatus) string {
	switch {
	case r.Err != nil:
		return "err"
	case r.Last.IsZero():
		return "unknown"
	}
	return "ok"
}

func sorted(alerts map[alert.ID]*alert.Alert) []*alert.Alert {
	all := make([]*alert.Alert, 0, len(alerts))
	for _, al := range alerts {
		all = append(all, al)
	}
	alert.Sort(all)
	return all
}

// alertView shows an active alert. One of which there is no data is pending or
// firing still, and says since when nothing is known.
func alertView(a *alert.Alert) ruleview.Alert {
	return ruleview.Alert{
		Labels: viewLabels(a.Labels), Annotations: viewLabels(a.Annotations), State: string(a.Status),
		ActiveAt: viewTime(a.ActiveAt), KeepFiringSince: viewTime(a.KeepFiringSince),
		Value:       strconv.FormatFloat(float64(a.Value), 'e', -1, 64),
		NoDataSince: viewTime(a.NoDataSince), Fingerprint: a.Fingerprint().String(),
	}
}

func viewTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func viewLabels(ls model.LabelSet) labels.Labels {
	b := labels.NewScratchBuilder(len(ls))
	for name, value := range ls {
		b.Add(string(name), string(value))
	}
	b.Sort()
	return b.Labels()
}

// activeAlerts returns all pending and firing alerts, those from outside too.
func (a *api) activeAlerts() []ruleview.Alert {
	var all []*alert.Alert
	a.Ledger.Read(func(s *alert.State) {
		for _, alerts := range s.ByRule {
			for _, al := range alerts {
				all = append(all, al)
			}
		}
	})
	alert.Sort(all)
	views := make([]ruleview.Alert, len(all))
	for i, al := range all {
		views[i] = alertView(al)
	}
	return views
}

func (a *api) internalRules(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, a.ruleGroups())
}

func (a *api) internalAlerts(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, a.activeAlerts())
}

// internalTransitions serves the transitions into "firing" after from and not
// after to that are remembered.
func (a *api) internalTransitions(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	to, err2 := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
	if err != nil || err2 != nil {
		http.Error(w, "parameters from and to: expected unix milliseconds", http.StatusBadRequest)
		return
	}
	found := []schema.AlertTransition{}
	for _, e := range a.latest() {
		t, at := e.Transition, e.At.UnixMilli()
		if t == nil || t.From == alert.Firing || t.Alert.Status != alert.Firing || at <= from || at > to {
			continue
		}
		ls := make(map[string]string, len(t.Alert.Labels))
		for name, value := range t.Alert.Labels {
			ls[string(name)] = string(value)
		}
		found = append(found, schema.AlertTransition{At: at, To: string(alert.Firing), Labels: ls})
	}
	slices.SortStableFunc(found, func(a, b schema.AlertTransition) int { return int(a.At - b.At) })
	respond(w, http.StatusOK, found)
}

// latest returns the events that are remembered, oldest first.
func (a *api) latest() (events []alert.Numbered) {
	a.Ledger.Read(func(s *alert.State) { events = s.Latest() })
	return events
}

// success is Prometheus' envelope.
func success(w http.ResponseWriter, data any) {
	respond(w, http.StatusOK, struct {
		Status string `json:"status"`
		Data   any    `json:"data"`
	}{"success", data})
}

// prometheusRules serves GET /api/v1/rules, with the parameter type.
func (a *api) prometheusRules(w http.ResponseWriter, r *http.Request) {
	wanted := ""
	switch s := r.URL.Query().Get("type"); strings.ToLower(s) {
	case "":
	case "alert":
		wanted = ruleview.AlertingRule
	case "record":
		wanted = ruleview.RecordingRule
	default:
		respond(w, http.StatusBadRequest, struct {
			Status string `json:"status"`
			Type   string `json:"errorType"`
			Error  string `json:"error"`
		}{"error", "bad_data", `invalid parameter "type": not supported value "` + s + `"`})
		return
	}
	groups := a.ruleGroups()
	for i := range groups {
		groups[i].Rules = slices.DeleteFunc(groups[i].Rules, func(r ruleview.Rule) bool { return wanted != "" && r.Type != wanted })
	}
	groups = slices.DeleteFunc(groups, func(g ruleview.RuleGroup) bool { return wanted != "" && len(g.Rules) == 0 })
	success(w, map[string]any{"groups": groups})
}

// prometheusAlerts serves GET /api/v1/alerts.
func (a *api) prometheusAlerts(w http.ResponseWriter, _ *http.Request) {
	success(w, map[string]any{"alerts": a.activeAlerts()})
}

// graph serves GET /graph, where Prometheus draws what alerts' generatorURLs
// name: it leads to the expression's value now.
func graph(w http.ResponseWriter, r *http.Request) {
	expr := r.URL.Query().Get("g0.expr")
	if expr == "" {
		respond(w, http.StatusBadRequest, map[string]string{"error": "parameter g0.expr: expected an expression"})
		return
	}
	http.Redirect(w, r, "/api/v1/query?"+url.Values{"query": {expr}}.Encode(), http.StatusFound)
}
