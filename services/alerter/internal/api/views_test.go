package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/rule"
)

// ruled has a group of an alerting and a recording rule, one alert of the former
// firing without data, one firing and one pending.
func ruled(t *testing.T) *harness {
	h := newHarness(t)
	hot := &rule.Rule{Key: "f;g/Hot", Name: "Hot", Expr: "temperature > 30", For: time.Minute, Labels: model.LabelSet{"severity": "page"}, Annotations: model.LabelSet{"summary": "{{ $value }}"}}
	record := &rule.Rule{Key: "f;g/a:b", Record: true, Name: "a:b", Expr: "sum(a)"}
	tenant := alert.Tenant{Service: "factory", Subservice: "line1"}
	cold := &rule.Rule{Key: "c", Name: "cold", Expr: "up < 1"}
	h.config.Groups = func() []evaluate.Status {
		return []evaluate.Status{
			{
				Group: &rule.Group{Key: "f;g", File: "f", Name: "g", Limit: 7}, Interval: 15 * time.Second, Last: noon, Took: 3 * time.Millisecond,
				Rules: []evaluate.RuleStatus{
					{Rule: hot, Last: noon, Took: 2 * time.Millisecond},
					{Rule: record, Err: errors.New("no such thing"), Last: noon, Took: time.Millisecond},
				},
			},
			{
				Group: &rule.Group{Key: "api;factory/line1;cold", Name: "cold", Tenant: &tenant}, Interval: time.Second,
				Rules: []evaluate.RuleStatus{{Rule: cold}},
			},
		}
	}
	a := h.fire("f;g/Hot", model.LabelSet{"alertname": "Hot", "node": "n1", "severity": "page"}, noon.Add(-time.Minute))
	a.NoDataSince = noon.Add(-30 * time.Second)
	h.transition(alert.Firing, *a, a.NoDataSince)
	h.transition(alert.Inactive, alert.Alert{ID: "p", Rule: "f;g/Hot", Labels: model.LabelSet{"alertname": "Hot", "node": "n2", "severity": "page"}, Status: alert.Pending, Value: 1e9, ActiveAt: noon}, noon)
	h.fire("", model.LabelSet{"alertname": "FromOutside"}, noon)
	return h
}

func TestRulesAndAlertsAreShownAsPrometheusShowsThem(t *testing.T) {
	h := ruled(t)
	agrees(t, "rules.json", h.ok("GET /internal/rules", ""))
	agrees(t, "prometheus_rules.json", h.ok("GET /api/v1/rules?type=record", ""))
	agrees(t, "prometheus_alerts.json", h.ok("GET /api/v1/alerts", ""))
	envelope := h.ok("GET /api/v1/alerts", "")
	if bare := h.ok("GET /internal/alerts", ""); !strings.Contains(envelope, `"alerts":`+strings.TrimSpace(bare)) {
		t.Errorf("got %s", bare)
	}
	if code, answer, _ := h.ask("GET /api/v1/rules?type=x", ""); code != 400 || !strings.Contains(answer, `"errorType":"bad_data"`) {
		t.Errorf("got %d %s", code, answer)
	}
}

func TestTransitionsAreThoseIntoFiring(t *testing.T) {
	h := ruled(t)
	ms := func(d time.Duration) string { return fmt.Sprint(noon.Add(d).UnixMilli()) }
	for _, c := range []struct{ name, query, want string }{
		{"all", "from=0&to=" + ms(0), `[{"at":1795262340000,"to":"firing","labels":{"alertname":"Hot","node":"n1","severity":"page"}},{"at":1795262400000,"to":"firing","labels":{"alertname":"FromOutside"}}]`},
		{"from is not among them", "from=" + ms(-time.Minute) + "&to=" + ms(-time.Millisecond), "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.TrimSpace(h.ok("GET /internal/transitions?"+c.query, "")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if code, _, _ := h.ask("GET /internal/transitions?from=x&to=1", ""); code != http.StatusBadRequest {
		t.Errorf("got %d", code)
	}
}

func TestAPersonAcknowledgesAnAlert(t *testing.T) {
	h := ruled(t)
	fp := model.LabelSet{"alertname": "Hot", "node": "n1", "severity": "page"}.Fingerprint().String()
	for _, c := range []struct {
		name, fingerprint, body string
		code                    int
		want                    string
	}{
		{"what is no fingerprint", "xyz", `{"by":"ada"}`, 400, "expected 16 hex digits"},
		{"nobody", fp, `{}`, 400, "by: expected the name"},
		{"no JSON", fp, `x`, 400, "read the request's JSON"},
		{"an alert that there is not", "0000000000000001", `{"by":"ada"}`, 404, "no active alert has the fingerprint"},
		{"one without data is resolved by it", fp, `{"by":"ada","comment":"known"}`, 200, `"status":"resolved"`},
		{"one that is over", fp, `{"by":"ada"}`, 404, "no active alert"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, answer, _ := h.ask("POST /api/alerts/"+c.fingerprint+"/ack", c.body)
			if code != c.code || !strings.Contains(answer, c.want) {
				t.Errorf("got %d %s", code, answer)
			}
		})
	}
	h.broken = true
	fp = model.LabelSet{"alertname": "FromOutside"}.Fingerprint().String()
	if code, _, _ := h.ask("POST /api/alerts/"+fp+"/ack", `{"by":"ada"}`); code != 500 {
		t.Errorf("a ledger that cannot be written: %d", code)
	}
}

func TestAChangeThatComesTooLateIsWorkedOutAnew(t *testing.T) {
	h := ruled(t)
	fp := model.LabelSet{"alertname": "Hot", "node": "n1", "severity": "page"}.Fingerprint().String()
	h.stale = staleTries - 1
	h.ok("POST /api/alerts/"+fp+"/ack", `{"by":"ada"}`)
	h.stale = staleTries - 1
	h.ok("POST /api/v2/alerts", `[{"labels":{"a":"b"}}]`)
	h.stale = staleTries
	if code, answer, _ := h.ask("POST /api/v2/alerts", `[{"labels":{"a":"c"}}]`); code != 500 || !strings.Contains(answer, "somebody was faster") {
		t.Errorf("got %d %s", code, answer)
	}
}

func TestReloadSaysWhyNothingChanged(t *testing.T) {
	h := newHarness(t)
	if got := h.ok("POST /-/reload", ""); got != "" {
		t.Errorf("got %q", got)
	}
	h.reload = errors.New("rules.yml: line 3: no such thing")
	if code, answer, _ := h.ask("POST /-/reload", ""); code != 500 || !strings.Contains(answer, "rules.yml: line 3: no such thing") {
		t.Errorf("got %d %s", code, answer)
	}
}

// told is a history with an event of each kind.
func told(t *testing.T) *harness {
	h := newHarness(t)
	a := h.fire("r", model.LabelSet{"alertname": "Hot", "node": "n1", "service": "factory", "subservice": "line1"}, noon.Add(-time.Minute))
	tenant := alert.Tenant{Service: "factory", Subservice: "line1"}
	notice := alert.Notice{
		NoticeKey: alert.NoticeKey{Group: "g", Receiver: "team", Integration: "slack[0]"}, ID: "n", GroupLabels: model.LabelSet{"alertname": "Hot"}, Reason: "new alerts",
		Firing: []alert.ID{a.ID}, Outcome: alert.Retrying, Error: "busy", Code: 503, Attempt: 1, Took: 12345 * time.Microsecond, NextAttempt: noon,
	}
	sent := notice
	sent.Outcome, sent.Error, sent.Code, sent.Attempt, sent.NextAttempt, sent.Resolved = alert.Sent, "", 200, 2, time.Time{}, []alert.ID{"00000000000000ff-1-2"}
	acked := *a
	acked.Acknowledged = &alert.Ack{By: "ada", Comment: "known", At: noon.Add(time.Second)}
	posted := *h.fire("", model.LabelSet{"alertname": "Outside"}, noon.Add(-30*time.Second))
	silence := alert.Silence{ID: "s", Matchers: []alert.Matcher{{Name: "a", Value: "b", IsEqual: true}}, StartsAt: noon, EndsAt: noon.Add(time.Hour), CreatedBy: "ada"}
	events := []alert.Event{
		{At: noon.Add(-20 * time.Second), Notice: &notice},
		{At: noon, Notice: &sent},
		{At: noon, Transition: &alert.Transition{From: alert.Firing, Reason: alert.ReasonPosted, Alert: posted}}, // is no history
		{At: noon.Add(time.Second), Transition: &alert.Transition{From: alert.Firing, Reason: alert.ReasonAcknowledged, Alert: acked}},
		{At: noon.Add(2 * time.Second), Silence: &silence},
		{At: noon.Add(3 * time.Second), Rule: &alert.RuleChange{Tenant: tenant, Name: "too_hot", Deleted: true}},
		{At: noon.Add(4 * time.Second), Action: &alert.Action{ActionKey: alert.ActionKey{RuleKey: "r", Entity: "e"}, Tenant: tenant, Rule: "too_hot", Type: "sms", Alert: a.ID, Outcome: alert.Failed, Error: "no", Code: 403, Attempt: 1}},
	}
	if err := h.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHistoryTellsWhatHappened(t *testing.T) {
	agrees(t, "history.json", told(t).ok("GET /api/alerts/history", ""))
}

func TestHistoryIsFiltered(t *testing.T) {
	h := told(t)
	fp := model.LabelSet{"alertname": "Hot", "node": "n1", "service": "factory", "subservice": "line1"}.Fingerprint().String()
	for _, c := range []struct{ name, query, want string }{
		{"all, newest first", "", "9action 8rule 7silence 6transition 4notice 3notice 2transition 1transition"},
		{"a kind", "kind=notice", "4notice 3notice"},
		{"a receiver", "receiver=team", "4notice 3notice"},
		{"a receiver that there is not", "receiver=x", ""},
		{"an alert's name", "alertname=Outside", "2transition"},
		{"an alert", "fingerprint=" + fp, "9action 6transition 4notice 3notice 1transition"},
		{"an alert that is forgotten", "fingerprint=00000000000000ff", "4notice"},
		{"a tenant", "service=factory&subservice=line1", "9action 8rule 6transition 4notice 3notice 1transition"},
		{"another tenant", "service=factory&subservice=line2", ""},
		{"a time", "from=2026-11-21T12:00:00Z&to=2026-11-21T12:00:02Z", "7silence 6transition 4notice"},
		{"a time in seconds", "from=" + fmt.Sprint(noon.Add(3*time.Second).Unix()), "9action 8rule"},
		{"a page", "limit=2&offset=1", "8rule 7silence"},
		{"a page behind the last", "offset=100", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var page struct {
				Events []struct {
					Number int
					Kind   string
				}
			}
			decode(t, h.ok("GET /api/alerts/history?"+c.query, ""), &page)
			var got []string
			for _, e := range page.Events {
				got = append(got, fmt.Sprintf("%d%s", e.Number, e.Kind))
			}
			if strings.Join(got, " ") != strings.ReplaceAll(c.want, "  ", " ") {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
	for _, query := range []string{"kind=x", "limit=-1", "offset=a", "from=yesterday", "to=NaN", "to=1e300"} {
		if code, answer, _ := h.ask("GET /api/alerts/history?"+query, ""); code != 400 || !strings.Contains(answer, `{"error":`) {
			t.Errorf("%s: %d %s", query, code, answer)
		}
	}
}

// many is a history of notices that told of very many alerts, and of others.
func many(t *testing.T, notices int) *harness {
	h := newHarness(t)
	var ids []alert.ID
	for i := range 150 {
		a := h.fire("r", model.LabelSet{"alertname": "Hot", "node": model.LabelValue(fmt.Sprintf("n%03d", i)), "service": "factory", "subservice": "line1"}, noon)
		ids = append(ids, a.ID)
	}
	for range notices {
		n := alert.Notice{NoticeKey: alert.NoticeKey{Group: "g", Receiver: "team"}, GroupLabels: model.LabelSet{"alertname": "Hot"}, Firing: ids, Outcome: alert.Sent}
		if err := h.Append(t.Context(), alert.Event{At: noon, Notice: &n}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestHistoryOfANoticeOfManyAlertsIsFoundByAnyOfThem(t *testing.T) {
	h := many(t, 1)
	print := func(node, service string) string {
		return model.LabelSet{"alertname": "Hot", "node": model.LabelValue(node), "service": model.LabelValue(service), "subservice": "line1"}.Fingerprint().String()
	}
	for _, c := range []struct {
		name, query string
		want        int
	}{
		{"one that is remembered", "fingerprint=" + print("n000", "factory"), 1},
		{"one that is not", "fingerprint=" + print("n149", "factory"), 1},
		{"one that is not, by its name and tenant too", "alertname=Hot&service=factory&fingerprint=" + print("n149", "factory"), 1},
		{"one that is not, by another name", "alertname=Cold&fingerprint=" + print("n149", "factory"), 0},
		{"one that is not, of another tenant", "service=other&fingerprint=" + print("n149", "factory"), 0},
		{"one that there is not", "fingerprint=" + print("n150", "factory"), 0},
		{"its name", "alertname=Hot", 1},
		{"another name", "alertname=Cold", 0},
		{"its tenant", "service=factory", 1},
		{"another tenant", "service=other", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var page historyPage
			decode(t, h.ok("GET /api/alerts/history?kind=notice&"+c.query, ""), &page)
			if page.Total != c.want || len(page.Events) != c.want || c.want == 1 && (page.Events[0].More != 50 || len(page.Events[0].Alerts) != 100) {
				t.Errorf("got %+v", page)
			}
		})
	}
}

// historyPage is an answer of the history.
type historyPage struct {
	Events               []historyEvent
	Total, Limit, Offset int
}

func TestHistoryComesInPagesOfBoundedSize(t *testing.T) {
	const n = 400
	h := many(t, n)
	seen, requests := map[uint64]bool{}, 0
	for len(seen) < n {
		var page historyPage
		answer := h.ok(fmt.Sprintf("GET /api/alerts/history?kind=notice&limit=10000&offset=%d", len(seen)), "")
		decode(t, answer, &page)
		if len(answer) > historyBytes+1000 || page.Limit != historyLimit || page.Total != n || len(page.Events) == 0 {
			t.Fatalf("%d bytes, %d events of %d, at most %d", len(answer), len(page.Events), page.Total, page.Limit)
		}
		for i, e := range page.Events {
			if i > 0 && e.Number >= page.Events[i-1].Number || seen[e.Number] {
				t.Fatalf("event %d is out of place", e.Number)
			}
			seen[e.Number] = true
		}
		requests++
	}
	if requests < 2 {
		t.Error("all fits into one answer: nothing was tested")
	}
	var page historyPage
	decode(t, h.ok("GET /api/alerts/history?limit=0", ""), &page)
	if len(page.Events) != 0 || page.Total != n+150 {
		t.Errorf("a page of nothing: %d of %d", len(page.Events), page.Total)
	}
}

func TestAGeneratorsAddressLeadsToItsValue(t *testing.T) {
	for target, want := range map[string]string{
		"/graph?g0.expr=up+%3E+0&g0.tab=1": "302 /api/v1/query?query=up+%3E+0",
		"/graph":                           "400 ",
	} {
		w := httptest.NewRecorder()
		New(Config{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("Location")); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

func TestReloadTakesBothMethods(t *testing.T) {
	h := newHarness(t)
	for _, method := range []string{"POST", "PUT"} {
		if code, answer, _ := h.ask(method+" /-/reload", ""); code != 200 {
			t.Errorf("%s: %d %s", method, code, answer)
		}
	}
}
