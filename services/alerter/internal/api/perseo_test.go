package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/alert"
)

func decode(t *testing.T, answer string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(answer), v); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
}

const (
	eplText = `select *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30`
	tooHot  = `{"name":"too_hot","text":"` + eplText + `","action":{"type":"email","template":"Room ${id} is at ${t}","parameters":{"to":"ops@example.org","from":"cep@example.org","subject":"hot ${id}"},"interval":"30e3"}}`
	factory = "Fiware-Service: Factory"
	line1   = "Fiware-ServicePath: /line1"
)

func TestARulesLife(t *testing.T) {
	h := newHarness(t)
	code, answer, header := h.ask("POST /rules", tooHot, factory, line1, "Fiware-Correlator: c-1")
	if want := `{"error":null,"data":[false,[],{"acknowledged":true,"insertedId":"00000000-0000-4000-8000-000000000001"},null]}`; code != 200 || answer != want || header.Get("Fiware-Correlator") != "c-1" {
		t.Errorf("create: %d %s %v", code, answer, header)
	}
	stored := h.events[0].Rule
	if stored.Tenant != (alert.Tenant{Service: "factory", Subservice: "line1"}) || stored.Name != "too_hot" || string(stored.Body) != tooHot || !stored.UpdatedAt.Equal(noon) {
		t.Errorf("stored %+v", stored)
	}
	agrees(t, "rule.json", h.ok("GET /rules/too_hot", "", factory, line1))

	code, answer, header = h.ask("GET /rules?options=count", "", factory, line1)
	agrees(t, "rule_list.json", answer)
	if code != 200 || header.Get("Fiware-Total-Count") != "1" || header.Get("Fiware-Correlator") == "" || header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("list: %d %v", code, header)
	}

	h.now = noon.Add(1)
	h.ok("PUT /rules/too_hot", strings.Replace(strings.Replace(tooHot, ">30", ">40", 1), `"too_hot"`, `"ignored"`, 1), factory, line1)
	changed := h.events[1].Rule
	if changed.ID != stored.ID || !strings.Contains(string(changed.Body), `>40`) || !strings.Contains(string(changed.Body), `"name":"too_hot"`) || changed.UpdatedAt.Equal(noon) {
		t.Errorf("changed %+v", changed)
	}
	for _, deleted := range []string{"1", "0"} {
		if got, want := h.ok("DELETE /rules/too_hot", "", factory, line1), `{"error":null,"data":[[],{"acknowledged":true,"deletedCount":`+deleted+`}]}`; got != want {
			t.Errorf("delete: %s", got)
		}
	}
	if len(h.events) != 3 || !h.events[2].Rule.Deleted || len(h.state.Rules) != 0 {
		t.Errorf("events %+v", h.events)
	}
	want := "incomingTransactions=6 ruleCreation=1 okRuleCreation=1 ruleUpdate=1 okRuleUpdate=1 ruleDelete=2 okRuleDelete=2"
	if got := h.counted.of("factory", "line1"); got != want {
		t.Errorf("counted\ngot  %s\nwant %s", got, want)
	}
	if timed := h.counted.all[schemaTenant("factory", "line1")]["timed"]; timed != 6 {
		t.Errorf("timed %d transactions", timed)
	}
}

func TestTenantsSeeTheirOwnRulesOnly(t *testing.T) {
	h := newHarness(t)
	h.ok("POST /rules", tooHot, factory, line1)
	h.ok("POST /rules", tooHot, factory)
	h.ok("POST /rules", tooHot)
	for i, headers := range [][]string{{factory, line1}, {factory, "Fiware-ServicePath: /"}, {"Fiware-Service: unknownt"}} {
		var list struct {
			Data  []struct{ Service, Subservice string }
			Count int
		}
		decode(t, h.ok("GET /rules", "", headers...), &list)
		want := []string{"{factory /line1}", "{factory /}", "{unknownt /}"}[i]
		if list.Count != 1 || fmt.Sprint(list.Data[0]) != want {
			t.Errorf("%v: %+v", headers, list)
		}
	}
	if h.state.Rules[alert.RuleName{Tenant: alert.Tenant{Service: "unknownt", Subservice: "root-subserv"}, Name: "too_hot"}] == nil {
		t.Errorf("rules %v", h.state.Rules)
	}
	if code, answer, _ := h.ask("GET /rules/too_hot", "", factory, "Fiware-ServicePath: /line2"); code != 404 || answer != `{"error":"rule not found too_hot","data":null}` {
		t.Errorf("got %d %s", code, answer)
	}
}

func TestRulesAreListedInPages(t *testing.T) {
	h := newHarness(t)
	for _, name := range []string{"c", "a", "b"} {
		h.ok("POST /rules", strings.Replace(tooHot, "too_hot", name, 1))
	}
	for query, want := range map[string]string{"": "abc", "?limit=2": "ab", "?limit=2&offset=2": "c", "?offset=9": "", "?limit=0": ""} {
		var list struct {
			Data  []struct{ Name string }
			Count int
		}
		decode(t, h.ok("GET /rules"+query, ""), &list)
		got := ""
		for _, r := range list.Data {
			got += r.Name
		}
		if got != want || list.Count != 3 {
			t.Errorf("%s: got %s of %d", query, got, list.Count)
		}
	}
}

func TestRulesAreRefusedInPerseosWords(t *testing.T) {
	long := strings.Repeat("a", 51)
	with := func(from, to string) string { return strings.Replace(tooHot, from, to, 1) }
	for _, c := range []struct {
		name, request, body string
		headers             []string
		code                int
		want                string // the whole body, or its beginning if it ends with …
		counted             string
	}{
		{"a name that is no text", "POST /rules", `{"text":"x","action":[]}`, nil, 400, `{"error":"name must be a string undefined","data":null}`, "creation"},
		{"an empty name", "POST /rules", with("too_hot", ""), nil, 400, `{"error":"missing rule name \"\"","data":null}`, "creation"},
		{"a name that is too long", "POST /rules", with("too_hot", long), nil, 400, `{"error":"rule name too long ` + long + `","data":null}`, "creation"},
		{"a name with a blank", "POST /rules", with("too_hot", "a b"), nil, 400, `{"error":"invalid char in name a b","data":null}`, "creation"},
		{"nothing to watch", "POST /rules", `{"name":"a","action":[]}`, nil, 400, `{"error":"empty rule, missing text or nosignal {\"name\":\"a\",\"action\":[]}","data":null}`, "creation"},
		{"a rule that exists", "POST /rules", with("too_hot", "old"), nil, 400, `{"error":"rule exists old","data":null}`, "creation"},
		{"no action at all", "POST /rules", `{"name":"a","text":"up < 1"}`, nil, 400, `{"error":"missing action","data":null}`, "creation"},
		{"an action without a type", "POST /rules", with(`"type":"email",`, ""), nil, 400, `{"error":"missing type in action [object Object]","data":null}`, "creation"},
		{"an action of another type", "POST /rules", with(`"email"`, `"fax"`), nil, 400, `{"error":"unknown action type fax","data":null}`, "creation"},
		{"an interval of checks that is too short", "POST /rules", `{"name":"a","nosignal":{"checkInterval":0,"reportInterval":1,"type":"x","attribute":"y"},"action":[]}`, nil, 400, `{"error":"invalid check interval 0","data":null}`, "creation"},
		{"an update of the id", "POST /rules", with(`"email","template":"Room ${id} is at ${t}","parameters":{`, `"update","parameters":{"attributes":[{"name":"id"}],`), nil, 400, `{"error":"id as attribute {\"name\":\"id\"}","data":null}`, "creation"},
		{"EPL that says more than a threshold", "POST /rules", with(">30", ">avg(ev.t)"), nil, 400, `{"error":"EPL text: …`, "creation"},
		{"another name in the text", "PUT /rules/old", with("select *", `select \"other\" as ruleName, *`), nil, 400, `{"error":"invalid name in EPL text, expecting old","data":null}`, "update"},
		{"an update of a rule that there is not", "PUT /rules/new", tooHot, nil, 404, `{"error":"rule not found new","data":null}`, "update"},
		{"an update that is no object", "PUT /rules/old", `[]`, nil, 400, `{"error":"a rule must be an object","data":null}`, "update"},
		{"a rule that is no object", "POST /rules", `null`, nil, 400, `{"error":"…`, "creation"},
		{"a rule that there is not", "GET /rules/new", "", nil, 404, `{"error":"rule not found new","data":null}`, ""},
		{"a limit that is no number", "GET /rules?limit=x", "", nil, 400, `{"error":"parameter limit: …`, ""},
		{"another content type", "POST /rules", tooHot, []string{"Content-Type: text/plain"}, 400, `{"message":"invalid content-type"}`, ""},
		{"broken JSON", "POST /rules", `{"name":`, nil, 500, `{"error":"unexpected end of JSON input","data":null}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.ok("POST /rules", with("too_hot", "old"))
			h.counted.all = map[tenantKey]map[string]uint64{}
			code, answer, _ := h.ask(c.request, c.body, c.headers...)
			want, prefix := strings.CutSuffix(c.want, "…")
			if code != c.code || answer != want && !(prefix && strings.HasPrefix(answer, want)) {
				t.Errorf("got  %d %s\nwant %d %s", code, answer, c.code, c.want)
			}
			counted := "incomingTransactions=1 incomingTransactionsErrors=1"
			switch c.counted {
			case "creation":
				counted += " ruleCreation=1 failedRuleCreation=1"
			case "update":
				counted += " ruleUpdate=1 failedRuleUpdate=1"
			}
			if got := h.counted.of("unknownt", "root-subserv"); got != counted {
				t.Errorf("counted %s, want %s", got, counted)
			}
			if len(h.events) != 1 {
				t.Errorf("something was stored: %+v", h.events)
			}
		})
	}
}

func TestSizesAreCounted(t *testing.T) {
	h := newHarness(t)
	answer := h.ok("POST /rules", tooHot)
	_, refused, _ := h.ask("POST /rules", tooHot, "Content-Type: text/plain")
	_, broken, _ := h.ask("POST /rules", "{")
	got := h.counted.all[schemaTenant("unknownt", "root-subserv")]
	if want := uint64(2 * len(tooHot)); got["incomingTransactionsRequestSize"] != want { // none for what is no JSON
		t.Errorf("requests: got %d, want %d", got["incomingTransactionsRequestSize"], want)
	}
	if want := uint64(len(answer) + len(refused) + len(broken)); got["incomingTransactionsResponseSize"] != want {
		t.Errorf("answers: got %d, want %d", got["incomingTransactionsResponseSize"], want)
	}
}

func TestTenantsAreWhatPerseoTakesForOne(t *testing.T) {
	for _, c := range []struct {
		name, service, path string
		want                string // the tenant, or the error
	}{
		{"none is the default", "", "", "unknownt root-subserv"},
		{"the service in lower case", "Factory", "/Line1", "factory Line1"},
		{"levels", "a", "/b/c", "a b/c"},
		{"nine levels", "a", "/1/2/3/4/5/6/7/8/9", "a 1/2/3/4/5/6/7/8/9"},
		{"ten levels", "a", "/1/2/3/4/5/6/7/8/9/0", "service/subservice: '/1/2/3/4/5/6/7/8/9/0' has more than 9 levels"},
		{"a service with a dash", "a-b", "/", "service/subservice: invalid character '-'"},
		{"a path with a comma", "a", "/a,/b", "service/subservice: invalid character ','"},
		{"a path that is not absolute", "a", "b", "service/subservice: 'b' is not absolute"},
		{"an empty level", "a", "/b/", "service/subservice: empty name"},
		{"a name that is too long", strings.Repeat("a", 51), "/", "service/subservice: '" + strings.Repeat("a", 51) + "' is longer than 50 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant, err := parseTenant(c.service, c.path)
			got := tenant.Service + " " + tenant.Subservice
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	h := newHarness(t)
	if code, answer, _ := h.ask("GET /rules", "", "Fiware-Service: a-b"); code != 400 || answer != `{"error":"service/subservice: invalid character '-'","data":null}` || len(h.counted.all) != 0 {
		t.Errorf("got %d %s, counted %v", code, answer, h.counted.all)
	}
}

func TestALedgerThatCannotBeWrittenFailsTheRule(t *testing.T) {
	h := newHarness(t)
	h.broken = true
	if code, answer, _ := h.ask("POST /rules", tooHot); code != 500 || !strings.Contains(answer, "the stream is away") {
		t.Errorf("got %d %s", code, answer)
	}
	if got := h.counted.of("unknownt", "root-subserv"); got != "incomingTransactions=1 incomingTransactionsErrors=1 ruleCreation=1 failedRuleCreation=1" {
		t.Errorf("counted %s", got)
	}
}

func TestActionsAreDoneForOthers(t *testing.T) {
	h := newHarness(t)
	if code, answer, header := h.ask("POST /actions/do", `{"ruleName":"too_hot","id":"sensor:7","type":"Room","t":"31.5","service":"factory","subservice":"/line1"}`, "Fiware-Correlator: c-1"); code != 200 || answer != "" || header.Get("Fiware-Correlator") != "c-1" {
		t.Errorf("flat: %d %q", code, answer)
	}
	h.ok("POST /actions/do", `{"ev":{"ruleName":"too_hot","t":2}}`, factory, line1, "Fiware-Correlator: c-2")
	want := []string{"c-1 factory/line1 too_hot 31.5", "c-2 factory/line1 too_hot 2"}
	if fmt.Sprint(h.doer.asked) != fmt.Sprint(want) {
		t.Errorf("asked %v", h.doer.asked)
	}
	for _, c := range []struct {
		name, body string
		err        error
		code       int
		want       string
	}{
		{"no rule named", `{}`, fmt.Errorf("%w for action {}", actions.ErrNoRuleName), 400, `{"error":"missing rule name for action {}","data":null}`},
		{"a loop", `{}`, fmt.Errorf("%w: too many", actions.ErrLoop), 500, `{"error":"loop detected: too many","data":null}`},
		{"no event", `[`, errors.New("not asked"), 400, `{"error":"read the event: …`},
		{"a tenant that is none", `{"service":"a-b"}`, errors.New("not asked"), 400, `{"error":"service/subservice: invalid character '-'","data":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.doer.err = c.err
			code, answer, _ := h.ask("POST /actions/do", c.body)
			want, prefix := strings.CutSuffix(c.want, "…")
			if code != c.code || answer != want && !(prefix && strings.HasPrefix(answer, want)) {
				t.Errorf("got %d %s", code, answer)
			}
		})
	}
	if len(h.counted.all) != 0 {
		t.Errorf("counted as incoming: %v", h.counted.all)
	}
}

// A tenant's rules are bounded. Those that are there go on, also if they are more,
// and can be changed; another tenant is not concerned.
func TestATenantHasSoManyRulesAndNoMore(t *testing.T) {
	h := newHarness(t)
	for i := range MaxRules + 1 { // of a version that had no such bound
		name := fmt.Sprint("r", i)
		body := []byte(strings.Replace(tooHot, "too_hot", name, 1))
		r := &alert.RuleChange{Tenant: alert.Tenant{Service: "factory", Subservice: "line1"}, Name: name, ID: name, Body: body}
		if err := h.Append(t.Context(), alert.Event{At: noon, Rule: r}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{MaxRules + 1, MaxRules} {
		code, answer, _ := h.ask("POST /rules", tooHot, factory, line1)
		want := fmt.Sprintf(`{"error":"too many rules: the service path has %d, at most 1000: delete one to create another","data":null}`, n)
		if code != 400 || answer != want {
			t.Errorf("got  %d %s\nwant %s", code, answer, want)
		}
		h.ok(fmt.Sprint("DELETE /rules/r", n-1), "", factory, line1)
	}
	h.ok("PUT /rules/r0", strings.Replace(tooHot, "too_hot", "r0", 1), factory, line1)
	h.ok("POST /rules", tooHot, factory, line1)
	h.ok("POST /rules", tooHot, factory)
	want := "incomingTransactions=6 incomingTransactionsErrors=2 ruleCreation=3 okRuleCreation=1 failedRuleCreation=2 ruleUpdate=1 okRuleUpdate=1 ruleDelete=2 okRuleDelete=2"
	if got := h.counted.of("factory", "line1"); got != want {
		t.Errorf("counted\ngot  %s\nwant %s", got, want)
	}
}
