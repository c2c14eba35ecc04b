package rule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// costly are expressions that must never be evaluated, and what is said of them.
var costly = map[string]struct{ expr, want string }{
	"billions of steps":              {`count_over_time(vector(1)[100000h:1ms])`, "the query's subqueries have 360000000000 steps, more than 4500000"},
	"thousands of terms":             {strings.Repeat("up+", 8000) + "up", "more than 10000 names"},
	"signs without end":              {strings.Repeat("-", 50_000) + "1", "more than 10000 names"},
	"a text without end":             {`up{a="` + strings.Repeat("b", 70_000) + `"}`, "expected at most 65536"},
	"a label that is doubled":        {strings.Repeat("label_join(", 40) + "up" + strings.Repeat(`,"a","","a","a")`, 40), "times as long"},
	"a regular expression to repeat": {`up{a=~"` + strings.Repeat("x{1000}", 11) + `"}`, "repeat more than 10000"},
	"conditions in conditions":       {strings.Repeat("label_replace(", 40) + "up > 1" + strings.Repeat(`,"a","$1","b","(.)")`, 40), "nested too deep in conditions"},
	"joins of joins":                 {strings.Repeat("up * on (a) group_left (b) (", 40) + "up > 1" + strings.Repeat(" > 1)", 40), "more than 10000"},
}

// Neither a tenant nor a file nor a stored rule may have them evaluated.
func TestRulesThatCostTooMuch(t *testing.T) {
	for name, row := range costly {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			text, _ := json.Marshal(row.expr)
			_, err := rule.FromAPI(tenant, json.RawMessage(`{"name":"a","text":`+string(text)+`,`+post+`}`))
			said(t, "a tenant", err, row.want)
			file := fmt.Sprintf("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: %s\n", text)
			_, err = rule.Parse("f.yml", []byte(file))
			said(t, "a file", err, row.want)
			if err != nil && !strings.HasPrefix(err.Error(), `f.yml:5: group "g", rule "A": `) {
				t.Errorf("a file: %.100s", err)
			}
			if strings.Contains(row.want, "steps") || strings.Contains(row.want, "names") {
				_, err = rule.Parse("f.yml", []byte(strings.Replace(file, "alert", "record", 1)))
				said(t, "a recording rule", err, row.want)
			}
			if took := time.Since(began); took > time.Minute { // what costs too much takes hours
				t.Errorf("it took %s", took)
			}
		})
	}
}

func said(t *testing.T, who string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: got %.300v, want %q", who, err, want)
	}
}

func TestTextsOfRulesThatAreTooLong(t *testing.T) {
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint("l", i)] = "x"
	}
	for name, row := range map[string]struct {
		labels, annotations map[string]string
		want                string
	}{
		"a long annotation":              {nil, map[string]string{"a": strings.Repeat("x", 33_000)}, "the labels and annotations have 3"},
		"a long label and an annotation": {map[string]string{"l": strings.Repeat("x", 17_000)}, map[string]string{"a": strings.Repeat("x", 17_000)}, "expected at most 32768"},
		"many labels":                    {many, nil, "labels: expected at most 64"},
		"texts that are long":            {nil, map[string]string{"a": strings.Repeat("x", 16_000), "b": strings.Repeat("x", 16_000)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			body, _ := json.Marshal(map[string]any{"name": "a", "text": "up > 1", "action": []any{}, "labels": row.labels, "annotations": row.annotations})
			_, err := rule.FromAPI(tenant, body)
			said(t, "a tenant", err, row.want)
			file, _ := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "rules": []any{
				map[string]any{"alert": "A", "expr": "up", "labels": row.labels, "annotations": row.annotations}}}}})
			_, err = rule.Parse("f.yml", file)
			said(t, "a file", err, row.want)
		})
	}
}

func TestABodyThatIsTooLong(t *testing.T) {
	body, _ := json.Marshal(map[string]any{"name": "a", "text": "up > 1", "action": map[string]any{"type": "sms", "template": strings.Repeat("${a}", 70_000)}})
	_, err := rule.FromAPI(tenant, body)
	said(t, "a tenant", err, "bytes: expected at most 262144")
}

// What a template makes of long labels stays short, and the same each time: alerts
// are told apart by their labels.
func TestTextsOfAlertsThatBecomeTooLong(t *testing.T) {
	long := strings.Repeat("x", 2000)
	r := &rule.Rule{Key: "k", Name: "Hot", Expr: "up" + strings.Repeat(" ", 5000), Labels: model.LabelSet{"copy": "{{ $labels.long }}", "short": "{{ $labels.node }}"},
		Annotations: model.LabelSet{"a": model.LabelValue(strings.Repeat("{{ $labels.long }}", 10)), "b": model.LabelValue(strings.Repeat("{{ $labels.long }}", 10))}}
	in := rule.Input{At: start, ExternalURL: "http://weir", Result: []rule.Sample{{Labels: model.LabelSet{"long": model.LabelValue(long), "node": "1"}, Value: 1}}}
	out, err := r.Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	a := out.Transitions[0].Alert
	if got := a.Labels["copy"]; got != "<error expanding template: more than 1024 bytes>" || a.Labels["short"] != "1" {
		t.Errorf("label %.100s", got)
	}
	if len(a.Annotations["a"]) != 20_000 || a.Annotations["b"] != "<error expanding template: the texts have more than 32768 bytes together>" {
		t.Errorf("annotations of %d and %d bytes", len(a.Annotations["a"]), len(a.Annotations["b"]))
	}
	if a.GeneratorURL != "" {
		t.Errorf("a link of %d bytes", len(a.GeneratorURL))
	}
	in.Active = []*alert.Alert{&a}
	if out, err = r.Evaluate(in); err != nil || len(out.Transitions)+len(out.Refreshed) > 0 {
		t.Errorf("then %v, %v", out, err)
	}
}

// A rule that nobody limited has a limit.
func TestARuleOfTooManyAlerts(t *testing.T) {
	for _, r := range []*rule.Rule{{Key: "k", Name: "Hot"}, {Key: "k", Name: "hot", Record: true}, {Key: "k", Name: "Hot", Limit: 1_000_000}} {
		out, err := r.Evaluate(rule.Input{At: start, Result: make([]rule.Sample, rule.MaxAlerts+1)})
		if !errors.Is(err, rule.ErrLimit) || len(out.Transitions)+len(out.Samples) > 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// A stored rule that is refused now keeps its key, so that its alerts stay.
func TestAStoredRuleThatIsRefused(t *testing.T) {
	body := func(text string) json.RawMessage {
		return json.RawMessage(`{"name":"a","text":"` + text + `",` + post + `,"labels":{"team":"x"},"severity":"critical"}`)
	}
	good, err := rule.FromAPI(tenant, body("up > 1"))
	if err != nil {
		t.Fatal(err)
	}
	bad := body("count_over_time(vector(1)[100000h:1ms])")
	_, err = rule.FromAPI(tenant, bad)
	g := rule.Unusable(&alert.RuleChange{Tenant: tenant, Name: "a", Body: bad}, err)
	if r := g.Rules[0]; g.Key != good.Key || r.Key != good.Rules[0].Key || !strings.Contains(r.Fault, "steps") || !strings.HasPrefix(r.Expr, "count_over_time") {
		t.Errorf("got %+v %+v", g, r)
	}
	if g = rule.Unusable(&alert.RuleChange{Tenant: tenant, Name: "a", Body: json.RawMessage(`[]`)}, err); g.Key != good.Key || len(g.Rules) != 1 {
		t.Errorf("of no rule: %+v", g)
	}
}
