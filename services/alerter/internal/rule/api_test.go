package rule_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

var tenant = alert.Tenant{Service: "factory", Subservice: "line1"}

const post = `"action":{"type":"post","parameters":{"url":"http://x"}}`

const temperature = `label_replace(temperature, "series", "$1", "__name__", "(.+)")`

const roomTemperature = `label_replace(temperature{type="Room"}, "series", "$1", "__name__", "(.+)")`

func TestExpressionsOfTenantsRules(t *testing.T) {
	epl := func(text string) string {
		quoted, _ := json.Marshal(text)
		return `"text":` + string(quoted)
	}
	tests := []struct{ what, condition, want string }{
		{"a PromQL expression", `"text":"max by (device) (temperature) > 30"`, `max by (device) (temperature) > 30`},
		{"a metric called select", `"text":"select > 3"`, `label`},
		{"the example of the contract", epl(`select *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30`), temperature + ` > 30`},
		{"with the rule's name", epl(`select "hot" as ruleName, *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30`), temperature + ` > 30`},
		{"in capitals, over lines", epl("SELECT *\n FROM iotEvent AS ev\n WHERE CAST(CAST(ev.temperature?, string), FLOAT) >= -30.5e0"), temperature + ` >= -30.5`},
		{"without a name of the event", epl(`select * from iotEvent where cast(cast(temperature?,String),double) < 30`), temperature + ` < 30`},
		{"without as", epl(`select * from iotEvent ev where cast(ev.temperature?,float) < 30`), temperature + ` < 30`},
		{"a pattern", epl(`select *,ev.temperature? as t from pattern [every ev=iotEvent(cast(cast(temperature?,String),float)>1.5 and type="Room")]`), roomTemperature + ` > 1.5`},
		{"a pattern without a name", epl(`select * from pattern [every iotEvent(cast(cast(temperature?,String),float)>1.5)]`), temperature + ` > 1.5`},
		{"a filter of the stream", epl(`select * from iotEvent(cast(cast(temperature?,String),float)>1.5) as ev where ev.type = 'Room'`), roomTemperature + ` > 1.5`},
		{"the number first", epl(`select * from iotEvent where 30 < cast(cast(temperature?,String),float)`), temperature + ` > 30`},
		{"equality", epl(`select * from iotEvent where cast(cast(temperature?,String),float) = 30`), temperature + ` == 30`},
		{"inequality", epl(`select * from iotEvent where cast(cast(temperature?,String),float) <> 30`), temperature + ` != 30`},
		{"between", epl(`select * from iotEvent where (cast(cast(temperature?,String),float) > 3) and (cast(cast(temperature?,String),float) < 30)`), temperature + ` > 3 < 30`},
		{"id and type", epl(`select * from iotEvent as ev where ev.type = "Room" and ev.id = "a\"b" and cast(cast(ev.temperature?,String),float) > 30`),
			`label_replace(temperature{type="Room",device="a\"b"}, "series", "$1", "__name__", "(.+)") > 30`},
		{"not this type", epl(`select * from iotEvent where cast(type?,String) != "Room" and cast(cast(temperature?,String),float) > 30`),
			`label_replace(temperature{type!="Room"}, "series", "$1", "__name__", "(.+)") > 30`},
		{"a series' full name", epl(`select * from iotEvent where cast(cast(spore_node_cpu_usage_percent?,String),float) > 80`), `spore_node_cpu_usage_percent > 80`},
		{"fields of a threshold", `"attribute":"temperature","op":">","value":30`, temperature + ` > 30`},
		{"a value as text, type, id and other labels", `"attribute":"no-signal","op":"=","value":"3e1","type":"Room","id":"r1","match":{"zone":"a"}`,
			`label_replace(no_signal{device="r1",type="Room",zone="a"}, "series", "$1", "__name__", "(.+)") == 30`},
		{"an attribute with a dot, whose series has two underscores", `"attribute":"air.temp","op":">","value":30`,
			`label_replace(air__temp, "series", "$1", "__name__", "(.+)") > 30`},
		{"an attribute that a kind of source has too", `"attribute":"cpu_usage_percent","op":">","value":30,"type":"Room"`,
			`label_replace({__name__=~"cpu_usage_percent|spore_node_cpu_usage_percent|proplet_cpu_usage_percent|proplet_task_cpu_usage_percent",type="Room"}, "series", "$1", "__name__", "(.+)") > 30`},
		{"a full name with labels", `"attribute":"spore_node_cpu_usage_percent","op":"<=","value":3,"match":{"node":"n1"}`, `spore_node_cpu_usage_percent{node="n1"} <= 3`},
		{"a metric", `"metric":"temperature","op":"!=","value":-3.5`, `temperature != -3.5`},
		{"a metric of any name", `"metric":"temp.now","op":">","value":1`, `{__name__="temp.now"} > 1`},
		{"no signal of any", `"nosignal":{"checkInterval":1,"reportInterval":300}`, `weir_source_silence_seconds > 300`},
		{"no signal, as texts", `"nosignal":{"checkInterval":"1","reportInterval":"300","id":"r1","type":"Room"}`, `weir_source_silence_seconds{source="r1",type="Room"} > 300`},
		{"no signal of some", `"nosignal":{"checkInterval":2,"reportInterval":5,"idRegexp":"^r|x$"}`, `weir_source_silence_seconds{source=~"(?s:.*?)(?:^r|x$)(?s:.*)"} > 5`},
		{"no signal of an attribute", `"nosignal":{"checkInterval":1,"reportInterval":300,"id":"r1","attribute":"temperature"}`,
			`weir_source_silence_seconds{source="r1"} > 300 or weir_source_field_silence_seconds{source="r1",field="temperature"} > 300`},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			if test.want == "label" {
				test.want = "select > 3"
				if _, err := rule.FromAPI(tenant, json.RawMessage(`{"name":"hot",`+test.condition+`,`+post+`}`)); err == nil || !strings.Contains(err.Error(), "EPL") {
					t.Errorf("what starts as EPL is EPL: %v", err)
				}
				return
			}
			g, err := rule.FromAPI(tenant, json.RawMessage(`{"name":"hot",`+test.condition+`,`+post+`}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Rules[0].Expr; got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
			if g.Rules[0].Data == "" {
				t.Errorf("there is no data expression")
			}
		})
	}
}

func TestWhatATenantsRuleHas(t *testing.T) {
	g, err := rule.FromAPI(tenant, json.RawMessage(`{
		"_id": "65a0", "name": "too_hot", "service": "factory", "misc": {"x": 1},
		"text": "select *, \"too_hot\" as ruleName, ev.temperature? as t, ev.id as who, ev.unit? from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30",
		"action": [
			{"type": "email", "template": "Room ${id} is at ${t}", "parameters": {"to": "ops@example.org", "n": 1.0}, "interval": "30e3"},
			{"type": "update", "parameters": {"attributes": [{"name": "abnormal", "value": "true"}]}}
		],
		"for": "5m", "keep_firing_for": "1m", "labels": {"team": "a", "service": "other"}, "severity": "critical",
		"annotations": {"description": "{{ $labels.device }}"}, "resolve_on_absent": true}`))
	if err != nil {
		t.Fatal(err)
	}
	labels := model.LabelSet{"team": "a", "severity": "critical", "service": "factory", "subservice": "line1"}
	want := rule.Group{Key: "api;factory/line1;too_hot", Name: "too_hot", Tenant: &tenant, Rules: []*rule.Rule{{
		Key: "api;factory/line1;too_hot;too_hot;" + labels.Fingerprint().String(), Name: "too_hot",
		Expr: temperature + " > 30", Data: temperature, For: 5 * time.Minute, KeepFiringFor: time.Minute,
		Labels: labels, ResolveOnAbsent: true,
		Annotations: model.LabelSet{"summary": "too_hot: temperature is {{ $value }} (limit: > 30)", "description": "{{ $labels.device }}"},
		API: &rule.API{
			ID: "65a0", Text: g.Rules[0].API.Text, Attribute: "temperature",
			Select: map[string]string{"t": "temperature", "who": "id", "unit": "unit"},
			Actions: []rule.Action{
				{Type: "email", Template: "Room ${id} is at ${t}", Parameters: map[string]any{"to": "ops@example.org", "n": json.Number("1.0")}, Interval: 30 * time.Second, Raw: g.Rules[0].API.Actions[0].Raw},
				{Type: "update", Parameters: map[string]any{"attributes": []any{map[string]any{"name": "abnormal", "value": "true"}}}, Raw: g.Rules[0].API.Actions[1].Raw},
			},
		},
	}}}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Error(diff)
	}

	g, err = rule.FromAPI(tenant, json.RawMessage(`{"name":"quiet","nosignal":{"checkInterval":2,"reportInterval":90,"type":"Room","attribute":"x"},"action":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := g.Rules[0]
	if g.Interval != 2*time.Minute || !r.ResolveOnAbsent || len(r.API.Actions) != 0 {
		t.Errorf("%+v", g)
	}
	if diff := cmp.Diff(&rule.NoSignal{CheckInterval: 2 * time.Minute, ReportInterval: 90 * time.Second, Type: "Room", Attribute: "x"}, r.API.NoSignal); diff != "" {
		t.Error(diff)
	}
}

func TestTenantsRulesThatAreRefused(t *testing.T) {
	const text = `"text":"up > 3"`
	const long = "a23456789_b23456789_c23456789_d23456789_e23456789_f"
	understood := "understood are PromQL expressions, and EPL of the form select *, ev.ATTRIBUTE? as NAME from iotEvent as ev where cast(cast(ev.ATTRIBUTE?,String),float) > NUMBER" +
		` and type = "TYPE" and id = "ID", the condition also within from pattern [every ev=iotEvent(…)]`
	epl := func(text string) string {
		quoted, _ := json.Marshal(text)
		return `{"name":"a","text":` + string(quoted) + `,` + post + `}`
	}
	tests := []struct{ what, body, want string }{
		{"no JSON", `{`, "no JSON: unexpected end of JSON input"},
		{"no object", `[]`, "the rule: expected an object"},
		{"parameters that are no object", `{"name":"a",` + text + `,"action":{"type":"post","parameters":"x"}}`, "action parameters: expected an object"},
		{"nosignal that is no object", `{"name":"a","nosignal":"x","action":[]}`, "nosignal: expected an object"},
		{"no name", `{` + text + `,` + post + `}`, "name must be a string undefined"},
		{"a number as name", `{"name":5,` + text + `}`, "name must be a string number"},
		{"an empty name", `{"name":"",` + text + `}`, `missing rule name ""`},
		{"a long name", `{"name":"` + long + `",` + text + `}`, "rule name too long " + long},
		{"a name with a blank", `{"name":"a b",` + text + `}`, "invalid char in name a b"},
		{"no condition", `{"name":"a", ` + post + `}`, `empty rule, missing text or nosignal {"name":"a",` + post + `}`},
		{"an empty text", `{"name":"a","text":"",` + post + `}`, `empty rule, missing text or nosignal {"name":"a","text":"",` + post + `}`},
		{"a text that is none", `{"name":"a","text":5,` + post + `}`, "text: expected a string"},
		{"two conditions", `{"name":"a",` + text + `,"nosignal":{"checkInterval":1},` + post + `}`, "a rule has one of text, nosignal and threshold fields (metric or attribute, op, value)"},
		{"no action", `{"name":"a",` + text + `}`, "missing action"},
		{"no action either", `{"name":"a",` + text + `,"action":null}`, "missing action"},
		{"an action without a type", `{"name":"a",` + text + `,"action":{}}`, "missing type in action [object Object]"},
		{"an action that is a text", `{"name":"a",` + text + `,"action":"email"}`, "missing type in action email"},
		{"an unknown action", `{"name":"a",` + text + `,"action":{"type":"fax"}}`, "unknown action type fax"},
		{"an unknown action among others", `{"name":"a",` + text + `,"action":[{"type":"sms"},{"type":"fax"}]}`, "unknown action type fax"},
		{"an interval that is none", `{"name":"a",` + text + `,"action":{"type":"sms","interval":"soon"}}`, "invalid action interval soon"},
		{"an update of the id", `{"name":"a",` + text + `,"action":{"type":"update","parameters":{"attributes":[{"name":"x"},{"name": "id"}]}}}`, `id as attribute {"name":"id"}`},
		{"an update of the type", `{"name":"a",` + text + `,"action":{"type":"update","parameters":{"attributes":[{"name":"type"}]}}}`, `type as attribute {"name":"type"}`},
		{"a check interval of 0", `{"name":"a","nosignal":{"checkInterval":0,"reportInterval":3},` + post + `}`, "invalid check interval 0"},
		{"no check interval", `{"name":"a","nosignal":{"reportInterval":3},` + post + `}`, "invalid check interval undefined"},
		{"a check interval that is no number", `{"name":"a","nosignal":{"checkInterval":"x"},` + post + `}`, "invalid check interval x"},
		{"no report interval", `{"name":"a","nosignal":{"checkInterval":1},` + post + `}`, "invalid report interval undefined"},
		{"id and idRegexp", `{"name":"a","nosignal":{"checkInterval":1,"reportInterval":3,"id":"a","idRegexp":"b"},` + post + `}`, "nosignal has an id or an idRegexp"},
		{"a bad idRegexp", `{"name":"a","nosignal":{"checkInterval":1,"reportInterval":3,"idRegexp":"("},` + post + `}`, "invalid idRegexp (: error parsing regexp: missing closing ): `(`"},
		{"neither PromQL nor EPL", `{"name":"a","text":"hot > ",` + post + `}`, "text is no PromQL expression (1:7: parse error: unexpected end of input), and no EPL: " + understood},
		{"a range", `{"name":"a","text":"up[5m]",` + post + `}`, "text: the expression's result is a range vector: expected an instant vector or a scalar"},
		{"another name in the EPL", epl(`select "b" as ruleName from iotEvent where cast(cast(t?,String),float)>3`), "invalid name in EPL text, expecting a"},
		{"EPL with a window", epl(`select * from iotEvent.win:time(5 min) where cast(cast(t?,String),float)>3`), "EPL text: .: expected a name: " + understood},
		{"EPL with an average", epl(`select avg(t) from iotEvent where cast(cast(t?,String),float)>3`), "EPL text: (: expected from: " + understood},
		{"EPL with a function of two events", epl(`select * from pattern [every ev=iotEvent(cast(cast(t?,String),float)>3) -> iotEvent]`), "EPL text: -: expected ]: " + understood},
		{"EPL with or", epl(`select * from iotEvent where cast(cast(t?,String),float)>3 or cast(cast(t?,String),float)<1`), "EPL text: or is not understood there: " + understood},
		{"EPL with not", epl(`select * from iotEvent where not cast(cast(t?,String),float)>3`), "EPL text: not is not understood there: " + understood},
		{"EPL of two attributes", epl(`select * from iotEvent where cast(cast(t?,String),float)>3 and cast(cast(u?,String),float)<1`), "EPL text: it compares two attributes, t and u: " + understood},
		{"EPL that compares two attributes", epl(`select * from iotEvent where cast(cast(t?,String),float) > cast(cast(u?,String),float)`), "EPL text: cast: expected a number: " + understood},
		{"EPL that compares a text", epl(`select * from iotEvent where ev.colour? = "red"`), "EPL text: colour is compared with a text, which only type and id may be: " + understood},
		{"EPL that compares no number", epl(`select * from iotEvent where type = "Room"`), "EPL text: it compares no attribute with a number: " + understood},
		{"EPL without a condition", epl(`select * from iotEvent`), "EPL text: it compares no attribute with a number: " + understood},
		{"EPL that ends early", epl(`select * from iotEvent where cast(`), "EPL text: the end: expected a name: " + understood},
		{"EPL with a comment", epl(`select * from iotEvent /* all */`), `EPL text: "/* all */" is not understood: ` + understood},
		{"EPL of another stream", epl(`select * from other where cast(cast(t?,String),float)>3`), "EPL text: other: expected iotEvent: " + understood},
		{"a bad op", `{"name":"a","attribute":"t","op":"~","value":3,` + post + `}`, `op "~": expected >, >=, <, <=, == or !=`},
		{"a value that is none", `{"name":"a","attribute":"t","op":">","value":"hot",` + post + `}`, `value hot: expected a number`},
		{"no value", `{"name":"a","attribute":"t","op":">",` + post + `}`, `value undefined: expected a number`},
		{"metric and attribute", `{"name":"a","attribute":"t","metric":"t","op":">","value":3,` + post + `}`, `a threshold has a metric or an attribute`},
		{"a bad label to match", `{"name":"a","attribute":"t","op":">","value":3,"match":{"__name__":"x"},` + post + `}`, `match: invalid label name "__name__"`},
		{"a bad for", `{"name":"a",` + text + `,` + post + `,"for":"soon"}`, `for: not a valid duration string: "soon"`},
		{"a for that is no text", `{"name":"a",` + text + `,` + post + `,"for":5}`, `for: expected a string`},
		{"a bad label", `{"name":"a",` + text + `,` + post + `,"labels":{"__name__":"x"}}`, `invalid label name: __name__`},
		{"a bad template", `{"name":"a",` + text + `,` + post + `,"annotations":{"x":"{{ nothing }}"}}`, `annotation "x": template: __alert_a:1: function "nothing" not defined`},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			_, err := rule.FromAPI(tenant, json.RawMessage(test.body))
			var refused *rule.APIError
			if !errors.As(err, &refused) || refused.Code != 400 {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, refused.Text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzFromAPI(f *testing.F) {
	f.Add(`{"name":"hot","text":"select *, ev.t? as t from iotEvent as ev where cast(cast(ev.t?,String),float)>30 and type=\"Room\"",` + post + `}`)
	f.Add(`{"name":"hot","nosignal":{"checkInterval":"1","reportInterval":300,"idRegexp":"^r","attribute":"x"},"action":[{"type":"sms","interval":"30e3"}]}`)
	f.Add(`{"name":"hot","attribute":"t","op":">","value":"3","match":{"a":"b"},"for":"5m",` + post + `}`)
	f.Fuzz(func(t *testing.T, body string) { checkFromAPI(t, body) })
}

func FuzzEPL(f *testing.F) {
	f.Add(`select *, "hot" as ruleName, ev.t? as t from pattern [every ev=iotEvent(cast(cast(t?,String),float)>-1.5e3 and (type="Room"))] where 3 < t?`)
	f.Fuzz(func(t *testing.T, text string) {
		quoted, _ := json.Marshal("select " + text)
		checkFromAPI(t, `{"name":"hot","text":`+string(quoted)+`,`+post+`}`)
	})
}

// checkFromAPI checks that a rule is refused, or can be evaluated.
func checkFromAPI(t *testing.T, body string) {
	t.Helper()
	g, err := rule.FromAPI(tenant, json.RawMessage(body))
	var refused *rule.APIError
	switch {
	case errors.As(err, &refused):
		if refused.Text == "" {
			t.Errorf("%s is refused without a word", body)
		}
	case err != nil:
		t.Errorf("%s: %v", body, err)
	default:
		r := g.Rules[0]
		for _, expr := range []string{r.Expr, r.Data} {
			if _, err := promQL.ParseExpr(expr); expr != "" && err != nil {
				t.Errorf("%s: %s: %v", body, expr, err)
			}
		}
		if r.Labels["service"] != "factory" || r.Labels["subservice"] != "line1" {
			t.Errorf("%s: labels %s", body, r.Labels)
		}
	}
}
