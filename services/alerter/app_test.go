package alerter_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"weir/pkg/journal"
	"weir/pkg/journal/natstest"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/frame"
	"weir/services/alerter"
	"weir/services/alerter/internal/ledger"
)

func TestAnAlertReachesItsReceiverAndIsResolvedByAReload(t *testing.T) {
	p := newPlace(t)
	app := p.start()
	eventually(t, "the sink is told", func() bool { return p.sink.has("firing Hot") })
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - alert: Hot\n    expr: vector(70) > 80\n")
	eventually(t, "the sink is told of the end", func() bool { return p.sink.has("resolved Hot") })
	if got := metric(app, `weir_alerter_transitions_total{to="resolved"}`); got != "1" {
		t.Errorf("transitions: %s", got)
	}
	eventually(t, "it is counted", func() bool {
		return metric(app, `weir_alerter_notices_total{receiver="sink",integration="webhook[0]",outcome="sent"}`) == "2" &&
			metric(app, `weir_alerter_reloads_total{taken="true"}`) == "1"
	})
}

func TestARestartTellsNobodyAgain(t *testing.T) {
	p := newPlace(t)
	app := p.start()
	eventually(t, "the sink is told and that is stored", func() bool {
		return metric(app, `weir_alerter_notices_total{receiver="sink",integration="webhook[0]",outcome="sent"}`) == "1" && p.health().NoticesOwed == 0
	})
	p.stop(app)
	app = p.start()
	eventually(t, "it is evaluated, and owes nothing", func() bool {
		h := p.health()
		return h.LastEvaluationAgeMS >= 0 && h.Firing == 1 && h.NoticesOwed == 0 && h.State == schema.AlerterRunning
	})
	p.stop(app)
	if n := p.sink.taken(); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// The sink is the second integration then, and the first of its kind as before.
func TestAReceiverThatGetsAnIntegrationOfAnotherKindTellsTheOthersNothingAgain(t *testing.T) {
	p := newPlace(t)
	app := p.start()
	sent := func(integration, number string) func() bool {
		return func() bool {
			return metric(app, `weir_alerter_notices_total{receiver="sink",integration="`+integration+`",outcome="sent"}`) == number
		}
	}
	eventually(t, "the sink is told", sent("webhook[0]", "1"))
	p.write("alertmanager.yml", `
route: {receiver: sink, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: sink
    pagerduty_configs: [{routing_key: k, url: '`+p.sink.URL+`/pagerduty'}]
    webhook_configs: [{url: '`+p.sink.URL+`'}]
`)
	eventually(t, "PagerDuty is told", sent("pagerduty[0]", "1"))
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - alert: Hot\n    expr: vector(70) > 80\n")
	eventually(t, "PagerDuty is told of the end", sent("pagerduty[0]", "2"))
	eventually(t, "the sink is told of the end", sent("webhook[0]", "2"))
	if n := p.sink.taken(); n != 4 {
		t.Errorf("%d messages, expected two for each", n)
	}
}

func TestABadFileChangesNothing(t *testing.T) {
	p := newPlace(t)
	app := p.start()
	eventually(t, "the sink is told", func() bool { return p.sink.has("firing Hot") })
	p.write("rules/bad.yml", "groups:\n- name: b\n  rules:\n  - alert: Bad\n    expr: 'rate('\n")
	eventually(t, "the fault shows", func() bool { return strings.Contains(p.health().ConfigError, "bad.yml") })
	if h := p.health(); h.State != schema.AlerterDegraded || h.Firing != 1 || h.Groups != 1 {
		t.Errorf("health %+v", h)
	}
	if w := call(app, "POST", "/-/reload", ""); w.Code != 500 || !strings.Contains(w.Body.String(), "bad.yml") {
		t.Errorf("reload: %d %s", w.Code, w.Body)
	}
	if got := metric(app, "weir_alerter_config_ok"); got != "0" {
		t.Errorf("config_ok: %s", got)
	}
	if err := os.Remove(p.path("rules/bad.yml")); err != nil {
		t.Fatal(err)
	}
	if err := app.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h := p.health(); h.ConfigError != "" {
		t.Errorf("health %+v", h)
	}
}

func TestNewListsAllFaults(t *testing.T) {
	p := newPlace(t)
	p.write("rules/bad.yml", "groups:\n- name: b\n  rules:\n  - alert: Bad\n    expr: 'rate('\n")
	p.write("alertmanager.yml", "route: {receiver: nobody}\n")
	p.settings = func(c *alerter.Config) { c.Rules = append(c.Rules, p.path("nowhere.yml")) }
	_, err := alerter.New(p.config())
	for _, want := range []string{"bad.yml", "nowhere.yml", "nobody"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error without %s: %v", want, err)
		}
	}
	if _, err := alerter.New(alerter.Config{FallbackReceiver: "x"}); err == nil || !strings.Contains(err.Error(), "NATS") || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("error %v", err)
	}
}

func TestAnUnknownFallbackReceiverIsAFault(t *testing.T) {
	p := newPlace(t)
	p.settings = func(c *alerter.Config) { c.FallbackReceiver = "nobody" }
	if _, err := alerter.New(p.config()); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutRoutesAlertsGoToTheLog(t *testing.T) {
	p := newPlace(t)
	p.settings = func(c *alerter.Config) { c.AlertmanagerConfig = "" }
	p.start()
	eventually(t, "the log has it", func() bool { return strings.Contains(p.log.String(), "msg=alert status=firing name=Hot receiver=log") })
}

func TestWeirsPartsAreSeriesOfTheirOwn(t *testing.T) {
	p := newPlace(t)
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: weir_component_up == 0\n")
	p.start()
	eventually(t, "what is not there is told", func() bool { return p.health().Firing == 2 }) // ingest, aggregator
	if h := p.health(); h.EvaluationError != "" {
		t.Errorf("health %+v", h)
	}
}

func TestWithoutAnAggregatorRulesFailAndSaySo(t *testing.T) {
	p := newPlace(t)
	p.write("rules/up.yml", "groups:\n- name: other\n  rules:\n  - alert: Up\n    expr: up == 0\n")
	app := p.start()
	eventually(t, "the failure shows", func() bool {
		h := p.health()
		return strings.Contains(h.EvaluationError, "rule Up of group other") && h.Firing == 1
	})
	w := call(app, "GET", "/api/v1/rules", "")
	if !strings.Contains(w.Body.String(), `"health":"err"`) || !strings.Contains(w.Body.String(), `"health":"ok"`) {
		t.Errorf("rules: %s", w.Body)
	}
	logged := func() (n int) { // of this rule: on a slow machine another may fail, too
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, "a rule cannot be evaluated") && strings.Contains(line, "rule=Up") {
				n++
			}
		}
		return n
	}
	eventually(t, "the log says it, a moment after the health", func() bool { return logged() > 0 })
	if n := logged(); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestATenantsRuleIsEvaluatedAndGoesWithARestart(t *testing.T) {
	p := newPlace(t)
	p.write("rules/hot.yml", "groups: []\n")
	app := p.start()
	rule := `{"name":"always","text":"vector(1)","action":{"type":"post","template":"x","parameters":{"url":"` + p.sink.URL + `/action"}}}`
	if w := call(app, "POST", "/rules", rule, "Fiware-Service", "factory", "Fiware-ServicePath", "/line1"); w.Code != 200 {
		t.Fatalf("create: %d %s", w.Code, w.Body)
	}
	// Whoever runs counts a firing before acting on it; after a restart it is no news.
	eventually(t, "it fires, and that is acted on", func() bool { return p.health().Firing == 1 && p.sink.has("/action") })
	p.stop(app)
	app = p.start()
	if h := p.health(); h.Groups != 1 || h.Firing != 1 {
		t.Errorf("health %+v", h)
	}
	if w := call(app, "DELETE", "/rules/always", "", "Fiware-Service", "factory", "Fiware-ServicePath", "/line1"); w.Code != 200 {
		t.Fatalf("delete: %d %s", w.Code, w.Body)
	}
	eventually(t, "it is resolved", func() bool { h := p.health(); return h.Firing == 0 && h.Groups == 0 })
	p.stop(app)
	created, fired := uint64(0), uint64(0)
	for _, f := range p.frames() {
		for _, o := range f.Operations {
			for _, d := range o.Counters {
				if o.Tenant != (schema.Tenant{Service: "factory", Subservice: "line1"}) {
					t.Errorf("counted for %v", o.Tenant)
				}
				switch d.Counter {
				case schema.OkRuleCreation:
					created += d.Delta
				case schema.FiredRules:
					fired += d.Delta
				}
			}
		}
	}
	if created != 1 || fired != 1 {
		t.Errorf("counted %d creations, %d firings", created, fired)
	}
}

// frames returns the journal.
func (p *place) frames() (all []*schema.Frame) {
	p.t.Helper()
	j, err := journal.Open(p.t.Context(), p.nc, journal.Config{})
	if err != nil {
		p.t.Fatal(err)
	}
	b, err := j.Bounds(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := j.Read(p.t.Context(), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Close()
	for range b.Last {
		m, err := r.Next(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		f, err := frame.Decode(m.Data)
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestRecordedSeriesGoIntoTheJournal(t *testing.T) {
	p := newPlace(t)
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - record: job:one\n    expr: vector(1)\n    labels: {zone: a}\n")
	app := p.start()
	eventually(t, "something is recorded", func() bool { return len(p.frames()) > 1 })
	p.write("rules/hot.yml", "groups: []\n")
	eventually(t, "the rule is gone", func() bool { return p.health().Groups == 0 })
	p.stop(app)
	var payloads []string
	for _, f := range p.frames() {
		for _, e := range f.Events {
			if e.Route != schema.RouteRule || e.Topic != decode.RecordedTopic {
				t.Errorf("event %+v", e)
			}
			topic, _ := decode.ParseRuleTopic(e.Topic)
			if _, rejection := decode.New().Decode(topic, e.Payload); rejection != nil {
				t.Errorf("%s: %s", e.Payload, rejection.Detail)
			}
			payloads = append(payloads, string(e.Payload))
		}
	}
	if !strings.Contains(payloads[0], `"samples":[{"labels":{"__name__":"job:one","zone":"a"},"value":1}]`) {
		t.Errorf("first %s", payloads[0])
	}
	if last := payloads[len(payloads)-1]; !strings.Contains(last, `"samples":[],"ended":[{"__name__":"job:one","zone":"a"}]`) {
		t.Errorf("last %s", last)
	}
}

func TestASecondAlerterShutsOutTheFirst(t *testing.T) {
	p := newPlace(t)
	first := p.start()
	eventually(t, "it fires", func() bool { return p.health().Firing == 1 })
	second := p.start()
	if w := call(first, "POST", "/api/v2/silences", `{"matchers":[{"name":"a","value":"b","isRegex":false,"isEqual":true}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"x","comment":"y"}`); w.Code != 500 {
		t.Errorf("the first takes a silence: %d %s", w.Code, w.Body)
	}
	if err := <-first.Failed(); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("failed with %v", err)
	}
	select {
	case err := <-second.Failed():
		t.Errorf("the second failed: %v", err)
	default:
	}
}

func TestAReceiverThatComesBackIsTold(t *testing.T) {
	p := newPlace(t)
	p.sink.failing(true)
	app := p.start()
	eventually(t, "an attempt fails, and the notice is still owed", func() bool {
		h := p.health()
		return h.NoticesFailing == 1 && h.NoticesOwed == 1 && h.NoticeReceiver == "sink" && h.NoticeError != ""
	})
	p.stop(app)
	p.sink.failing(false)
	p.start()
	eventually(t, "it is told", func() bool { return p.sink.has("firing Hot") })
	eventually(t, "nothing is owed", func() bool { h := p.health(); return h.NoticesOwed == 0 && h.NoticesFailing == 0 })
}

// The alert goes on, and with it what is known of the attempts to tell whom the
// configuration names no more.
func TestAReceiverThatIsTakenAwayFailsNoMore(t *testing.T) {
	p := newPlace(t)
	p.sink.failing(true)
	app := p.start()
	eventually(t, "an attempt fails", func() bool { return p.health().NoticesFailing == 1 })
	p.write("alertmanager.yml", "route: {receiver: log}\nreceivers: [{name: log}]\n")
	eventually(t, "nobody is owed anything, and all is well", func() bool {
		h := p.health()
		return h.NoticesFailing == 0 && h.NoticeError == "" && h.State == schema.AlerterRunning
	})
	if got := metric(app, "weir_alerter_notice_groups_failing"); got != "0" {
		t.Errorf("%s groups fail", got)
	}
	if firing := p.health().Firing; firing != 1 {
		t.Errorf("%d alerts fire", firing)
	}
}

func TestAFailedStartLeavesNothingRunning(t *testing.T) {
	p := newPlace(t)
	app, err := alerter.New(p.config())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Start(ctx); err == nil {
		t.Error("it has started")
	}
	var b strings.Builder
	app.WriteMetrics(&b) // must not need what was never there
	if !strings.Contains(b.String(), "weir_alerter_config_ok") {
		t.Errorf("metrics: %s", b.String())
	}
}

func TestTheShippedRulesAreEvaluated(t *testing.T) {
	p := newPlace(t)
	p.settings = func(c *alerter.Config) { c.DefaultRules = true }
	app := p.start()
	var answer struct {
		Data struct{ Groups []struct{ File string } }
	}
	w := call(app, "GET", "/api/v1/rules", "")
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Data.Groups) < 2 {
		t.Errorf("%v: %s", err, w.Body)
	}
}

// The journal's server is gone, and with it the alerter's own stream.
func TestAnAlertAboutABrokenJournalGoesOut(t *testing.T) {
	p := newPlace(t)
	server := natstest.Run(t)
	p.nc = natstest.Connect(t, server)
	p.write("rules/hot.yml", "groups:\n- name: g\n  rules:\n  - alert: Broken\n    expr: weir_component_up{component=\"journal\"} == 0\n    for: 1s\n")
	app := p.start()
	eventually(t, "rules are evaluated", func() bool { return metric(app, "weir_alerter_rule_evaluations_total") != "0" })
	server.Stop()
	eventually(t, "the receiver hears of it", func() bool { return p.sink.has("firing Broken") })
	eventually(t, "the alerter says that it cannot store it", func() bool {
		return metric(app, "weir_alerter_ledger_degraded") == "1" && strings.Contains(p.log.String(), "alerts cannot be stored")
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := app.Stop(ctx); err == nil {
		t.Error("what could not be stored is not told")
	}
}

// As when a version of a checkout takes the place of another.
func TestADirectoryOfRulesMayBeReplaced(t *testing.T) {
	p := newPlace(t)
	p.start()
	eventually(t, "the rule fires", func() bool { return p.sink.has("firing Hot") })
	if err := os.RemoveAll(p.path("rules")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is missed", func() bool { return strings.Contains(p.health().ConfigError, "no such file") })
	p.write("rules/cold.yml", "groups:\n- name: g\n  rules:\n  - alert: Cold\n    expr: vector(1)\n")
	eventually(t, "another rule fires", func() bool { return p.sink.has("firing Cold") })
	p.write("rules/more.yml", "groups:\n- name: more\n  rules:\n  - alert: Colder\n    expr: vector(1)\n")
	eventually(t, "and one of a new file", func() bool { return p.sink.has("firing Colder") })
}
