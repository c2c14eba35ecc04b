package rule_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/rule"
)

func TestTheRulesOfTheDataMgmtDocumentLoadAsTheyStand(t *testing.T) {
	content, err := os.ReadFile("testdata/datamgmt.yml")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := rule.Parse("alerts.yml", content)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range groups[0].Rules {
		got = append(got, strings.Join([]string{r.Name, r.Expr, r.For.String(), string(r.Labels["severity"]), string(r.Annotations["summary"]), r.Data}, "|"))
	}
	want := []string{
		"NodeUnhealthy|datamgmt_health_status != 1|5m0s|critical|DataMgmt node is unhealthy|datamgmt_health_status",
		"LowPeerCount|datamgmt_peers_connected < 3|10m0s|warning|Low peer count: {{ $value }}|datamgmt_peers_connected",
		"HighErrorRate|rate(datamgmt_errors_total[5m]) > 0.1|5m0s|warning|High error rate detected|rate(datamgmt_errors_total[5m])",
		"BlockchainDisconnected|datamgmt_blockchain_connected == 0|2m0s|critical|Blockchain connection lost|datamgmt_blockchain_connected",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEverythingThatAFileMaySay(t *testing.T) {
	groups, err := rule.Parse("dir/rules.yml", []byte(`
groups:
  - name: first
    interval: 30s
    query_offset: 10s
    limit: 7
    labels: {team: a, zone: all}
    rules:
      - alert: Hot
        expr: cpu > 80
        for: 1m30s
        keep_firing_for: 2m
        resolve_on_absent: true
        labels: {zone: b, "Größe": groß}
        annotations: {summary: "{{ $labels.node | toUpper }}"}
      - record: job:cpu:avg
        expr: avg by (job) (cpu)
        labels: {zone: b}
  - name: second
    rules:
      - {alert: Hot, expr: cpu > 90}
      - {alert: Hot, expr: cpu > 95}
      - {alert: Hot, expr: cpu > 95, labels: {a: b}}
      - {record: "with.dots", expr: vector(1)}
`))
	if err != nil {
		t.Fatal(err)
	}
	labels := model.LabelSet{"team": "a", "zone": "b", "Größe": "groß"}
	first := rule.Group{
		Key: "dir/rules.yml;first", File: "dir/rules.yml", Name: "first", Interval: 30 * time.Second, Limit: 7, QueryOffset: 10 * time.Second,
		Labels: model.LabelSet{"team": "a", "zone": "all"},
		Rules: []*rule.Rule{
			{Key: "dir/rules.yml;first;Hot;" + labels.Fingerprint().String(), Name: "Hot", Expr: "cpu > 80", Data: "cpu", For: 90 * time.Second, KeepFiringFor: 2 * time.Minute,
				Labels: labels, Annotations: model.LabelSet{"summary": "{{ $labels.node | toUpper }}"}, ResolveOnAbsent: true, Limit: 7, Line: 9},
			{Key: groups[0].Rules[1].Key, Record: true, Name: "job:cpu:avg", Expr: "avg by (job) (cpu)", Labels: model.LabelSet{"team": "a", "zone": "b"}, Limit: 7, Line: 16},
		},
	}
	if diff := cmp.Diff(first, groups[0]); diff != "" {
		t.Error(diff)
	}
	keys := map[string]bool{}
	for _, g := range groups {
		for _, r := range g.Rules {
			if keys[r.Key] {
				t.Errorf("two rules have the key %s", r.Key)
			}
			keys[r.Key] = true
		}
	}
	if len(keys) != 6 {
		t.Errorf("there are %d rules", len(keys))
	}
}

func TestAKeySurvivesAnEditOfTheExpression(t *testing.T) {
	key := func(text string) string {
		groups, err := rule.Parse("f", []byte("groups: [{name: g, rules: [{alert: Hot, "+text+"}]}]"))
		if err != nil {
			t.Fatal(err)
		}
		return groups[0].Rules[0].Key
	}
	before := key("expr: cpu > 80, labels: {a: b}")
	if after := key("expr: cpu > 90, for: 5m, annotations: {x: y}, labels: {a: b}"); after != before {
		t.Errorf("%s is not %s", after, before)
	}
	if other := key("expr: cpu > 80, labels: {a: c}"); other == before {
		t.Errorf("other labels have the same key %s", other)
	}
}

// in is a group with one rule.
func in(rule string) string { return "groups:\n- name: g\n  rules:\n  - " + rule + "\n" }

func TestFaultsOfFiles(t *testing.T) {
	tests := []struct{ what, content, want string }{
		{"an empty file has no rules", "", ""},
		{"a file of comments has no rules", "# nothing\n", ""},
		{"a file without groups has no rules", "groups:\n", ""},
		{"anchors and merged mappings", "groups:\n- name: g\n  rules:\n  - &a {alert: A, expr: up, labels: &l {a: b}}\n  - {<<: *a, alert: B, labels: *l}\n", ""},
		{"a mapping that is merged into itself", "groups:\n- name: g\n  rules:\n  - &a {alert: A, expr: up, <<: *a}\n", `f.yml:4: group "g", rule "A": only one other mapping can be merged here`},
		{"broken YAML", "groups:\n- name: [\n", "f.yml:2: did not find expected node content"},
		{"a text", "groups", "f.yml:1: the file is no mapping of keys to values"},
		{"a second document", "groups: []\n---\ngroups: []\n", "f.yml:2: a second document: a rule file has one"},
		{"an unknown key of the file", "groups: []\nrules: []\n", `f.yml:2: unknown key "rules": expected groups`},
		{"an unknown key of a group", "groups:\n- name: g\n  intervall: 5s\n", `f.yml:3: group "g": unknown key "intervall": expected name, interval, query_offset, limit, rules or labels`},
		{"an unknown key of a rule", in("alert: A\n    expr: up\n    fro: 5m"), `f.yml:6: group "g", rule "A": unknown key "fro": expected record, alert, expr, for, keep_firing_for, labels, annotations or resolve_on_absent`},
		{"a key that is there twice", in("alert: A\n    expr: up\n    expr: down"), `f.yml:6: group "g", rule "A": the key "expr" is there twice, in line 5 before`},
		{"groups that are no list", "groups: {}\n", "f.yml:1: groups is no list"},
		{"a group that is a text", "groups: [g]\n", "f.yml:1: a group is no mapping of keys to values\nf.yml:1: a group must have a name"},
		{"a rule that is a text", in("A"), `f.yml:4: group "g", rule "#1": a rule is no mapping of keys to values` + "\n" + `f.yml:4: group "g", rule "#1": one of 'record' or 'alert' must be set` + "\n" + `f.yml:4: group "g", rule "#1": field 'expr' must be set in rule`},
		{"a group without a name", "groups:\n- rules: []\n", "f.yml:2: a group must have a name"},
		{"two groups of a name", "groups:\n- name: g\n- name: g\n", `f.yml:3: group "g": there are two groups of this name in the file`},
		{"a bad duration of a group", "groups:\n- name: g\n  interval: 5x\n", `f.yml:3: group "g": interval: unknown unit "x" in duration "5x"`},
		{"a bad limit", "groups:\n- name: g\n  limit: many\n", "f.yml:3: group \"g\": limit: cannot unmarshal !!str `many` into int"},
		{"a bad label of a group", "groups:\n- name: g\n  labels:\n    a: b\n    __name__: c\n", `f.yml:5: group "g": invalid label name: __name__`},
		{"neither alert nor record", in("expr: up"), `f.yml:4: group "g", rule "#1": one of 'record' or 'alert' must be set`},
		{"alert and record", in("alert: A\n    expr: up\n    record: b"), `f.yml:6: group "g", rule "A": only one of 'record' and 'alert' must be set`},
		{"no expression", in("alert: A"), `f.yml:4: group "g", rule "A": field 'expr' must be set in rule`},
		{"a bad expression", in("alert: A\n    expr: sum(up"), `f.yml:5: group "g", rule "A": could not parse expression: 1:7: parse error: unclosed left parenthesis`},
		{"a range as an expression", in("alert: A\n    expr: up[5m]"), `f.yml:5: group "g", rule "A": the expression's result is a range vector: expected an instant vector or a scalar`},
		{"a text as an expression", in(`alert: A` + "\n    expr: '\"up\"'"), `f.yml:5: group "g", rule "A": the expression's result is a string: expected an instant vector or a scalar`},
		{"a bad for", in("alert: A\n    expr: up\n    for: five"), `f.yml:6: group "g", rule "A": for: not a valid duration string: "five"`},
		{"a bad label", in("alert: A\n    expr: up\n    labels:\n      a: b\n      __name__: c"), `f.yml:8: group "g", rule "A": invalid label name: __name__`},
		{"labels that are a list", in("alert: A\n    expr: up\n    labels: [a]"), "f.yml:6: group \"g\", rule \"A\": labels: cannot unmarshal !!seq into map[string]string"},
		{"a bad template in a label", in("alert: A\n    expr: up\n    labels:\n      a: '{{ $x }}'"), `f.yml:7: group "g", rule "A": label "a": template: __alert_A:1: undefined variable "$x"`},
		{"a bad template in an annotation", in("alert: A\n    expr: up\n    annotations:\n      b: c\n      a: '{{ nothing }}'"), `f.yml:8: group "g", rule "A": annotation "a": template: __alert_A:1: function "nothing" not defined`},
		{"a recording rule with what only alerts have", in("record: a\n    expr: up\n    for: 5m"), `f.yml:4: group "g", rule "a": invalid field 'for' in recording rule`},
		{"a recording rule with resolve_on_absent", in("record: a\n    expr: up\n    resolve_on_absent: true"), `f.yml:6: group "g", rule "a": invalid field 'resolve_on_absent' in recording rule`},
		{"a bad resolve_on_absent", in("alert: A\n    expr: up\n    resolve_on_absent: perhaps"), `f.yml:6: group "g", rule "A": resolve_on_absent: expected true or false`},
		{"a bad name of a series", in("record: 'a{b}'\n    expr: up"), `f.yml:4: group "g", rule "a{b}": braces present in the recording rule name; should it be in expr?: a{b}`},
		{"all faults at once", "groups:\n- name: g\n  interval: 5x\n  rules:\n  - {alert: A, expr: '('}\n  - {alert: B, expr: up, for: x, labels: {__name__: y}}\n- name: h\n  rules:\n  - {expr: up, x: y}\n",
			`f.yml:3: group "g": interval: unknown unit "x" in duration "5x"
f.yml:5: group "g", rule "A": could not parse expression: 1:2: parse error: unclosed left parenthesis
f.yml:6: group "g", rule "B": for: not a valid duration string: "x"
f.yml:6: group "g", rule "B": invalid label name: __name__
f.yml:9: group "h", rule "#1": unknown key "x": expected record, alert, expr, for, keep_firing_for, labels, annotations or resolve_on_absent
f.yml:9: group "h", rule "#1": one of 'record' or 'alert' must be set`},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			got := ""
			if _, err := rule.Parse("f.yml", []byte(test.content)); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range rule.Defaults() {
		for _, r := range g.Rules {
			seen[r.Name] = true
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s lacks a summary, a description or a severity", r.Name)
			}
			if want := "README.md#runbook-" + strings.ToLower(r.Name); string(r.Annotations["runbook_url"]) != want {
				t.Errorf("%s has the runbook %s", r.Name, r.Annotations["runbook_url"])
			}
			if r.Data == "" {
				t.Errorf("%s has no data expression", r.Name)
			}
		}
	}
	for _, name := range []string{"SporeHighCPU", "SporeHighMemory", "SporeHighFlash", "SporeWeakSignal", "DataMgmtFewHealthyPeers", "DataMgmtFewPeers",
		"SourceSilent", "SourceFieldSilent", "PropletOffline", "DeadLetters", "JournalUnhealthy", "StoreUnhealthy", "Heartbeat"} {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(in("alert: A\n    expr: cpu > 80\n    for: 5m\n    labels: {a: b}\n    annotations: {c: '{{ $value }}'}"))
	f.Add("groups:\n- name: g\n  interval: 1s\n  rules:\n  - &a {alert: A, expr: up}\n  - {<<: *a, alert: B}\n")
	f.Fuzz(func(t *testing.T, content string) {
		groups, err := rule.Parse("f.yml", []byte(content))
		if err != nil && (len(groups) > 0 || !strings.HasPrefix(err.Error(), "f.yml")) {
			t.Errorf("%d groups and %v", len(groups), err)
		}
		for _, g := range groups {
			for _, r := range g.Rules {
				if _, err := promQL.ParseExpr(r.Data); r.Data != "" && err != nil {
					t.Errorf("%s has the data expression %s: %v", r.Expr, r.Data, err)
				}
			}
		}
	})
}
