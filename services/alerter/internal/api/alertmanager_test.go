package api

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// hot fires two alerts, one of them silenced, has another pending and one
// resolved.
func hot(t *testing.T) *harness {
	h := newHarness(t)
	h.fire("r1", model.LabelSet{"alertname": "Hot", "node": "n1", "severity": "critical"}, noon.Add(-10*time.Minute))
	h.fire("r1", model.LabelSet{"alertname": "Hot", "node": "n2"}, noon.Add(-5*time.Minute))
	h.fire("r2", model.LabelSet{"alertname": "Inhibited", "node": "n1"}, noon.Add(-4*time.Minute))
	pending := alert.Alert{ID: "p", Rule: "r3", Labels: model.LabelSet{"alertname": "Soon"}, Status: alert.Pending, ActiveAt: noon}
	h.transition(alert.Inactive, pending, noon)
	over := h.fire("r1", model.LabelSet{"alertname": "Over"}, noon.Add(-3*time.Minute))
	over.Status, over.ResolvedAt = alert.Resolved, noon.Add(-time.Minute)
	h.transition(alert.Firing, *over, noon.Add(-time.Minute))
	silence := alert.Silence{
		ID: "5c8f5f9e-0000-4000-8000-000000000001", Matchers: []alert.Matcher{{Name: "node", Value: "n2", IsEqual: true}},
		StartsAt: noon.Add(-time.Hour), EndsAt: noon.Add(time.Hour), UpdatedAt: noon.Add(-time.Hour), CreatedBy: "ada", Comment: "known",
	}
	if err := h.Append(t.Context(), alert.Event{At: noon, Silence: &silence}); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAlertmanagersDocumentsHaveItsShapes(t *testing.T) {
	h := hot(t)
	for name, path := range map[string]string{
		"alerts.json": "/api/v2/alerts", "groups.json": "/api/v2/alerts/groups", "silences.json": "/api/v2/silences",
		"silence.json": "/api/v2/silence/5c8f5f9e-0000-4000-8000-000000000001", "receivers.json": "/api/v2/receivers",
	} {
		code, answer, header := h.ask("GET "+path, "")
		if code != http.StatusOK || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, code, header)
		}
		agrees(t, name, answer)
	}
	agrees(t, "status.json", strings.ReplaceAll(h.ok("GET /api/v2/status", ""), runtime.Version(), "go1"))
}

func names(t *testing.T, answer string) string {
	t.Helper()
	var alerts []struct {
		Labels map[string]string `json:"labels"`
	}
	if err := json.Unmarshal([]byte(answer), &alerts); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	var all []string
	for _, a := range alerts {
		all = append(all, a.Labels["alertname"]+a.Labels["node"])
	}
	return strings.Join(all, " ")
}

func TestAlertsAreFiltered(t *testing.T) {
	h := hot(t)
	for _, c := range []struct{ name, query, want string }{
		{"all that fire, whatever mutes them", "", "Hotn1 Hotn2 Inhibitedn1"},
		{"only those of a label", "filter=node%3Dn1", "Hotn1 Inhibitedn1"},
		{"matchers with quotes", `filter=node%3D%22n1%22&filter=alertname%3D~%22Ho.*%22`, "Hotn1"},
		{"a label that must be missing", `filter=severity%3D%22%22&filter=alertname%3DHot`, "Hotn2"},
		{"a label that must be there", `filter=severity!%3D%22%22`, "Hotn1"},
		{"not those that are silenced", "silenced=false", "Hotn1 Inhibitedn1"},
		{"not those that are inhibited", "inhibited=false", "Hotn1 Hotn2"},
		{"only those that are suppressed", "active=false", "Hotn2 Inhibitedn1"},
		{"those of a receiver", "receiver=page.%2B", "Hotn1"},
		{"the receiver's name in full", "receiver=page", ""},
		{"what amtool asks for by default", "active=true&inhibited=false&silenced=false&unprocessed=false", "Hotn1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names(t, h.ok("GET /api/v2/alerts?"+c.query, "")); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestGroupsAreFiltered(t *testing.T) {
	h := hot(t)
	for _, c := range []struct{ name, query, want string }{
		{"each receiver's groups, ordered by their labels", "", "pager:Hotn1 team:Hotn2 Hotn1 team:Inhibitedn1"},
		{"a receiver's", "receiver=pager", "pager:Hotn1"},
		{"without what is silenced", "silenced=false", "pager:Hotn1 team:Hotn1 team:Inhibitedn1"},
		{"without groups that are muted as a whole", "muted=false", "pager:Hotn1 team:Hotn2 Hotn1"},
		{"without what a matcher does not match", "filter=node%3Dn2", "team:Hotn2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var groups []struct {
				Receiver struct{ Name string }
				Alerts   json.RawMessage
			}
			if err := json.Unmarshal([]byte(h.ok("GET /api/v2/alerts/groups?"+c.query, "")), &groups); err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, g := range groups {
				all = append(all, g.Receiver.Name+":"+names(t, string(g.Alerts)))
			}
			if got := strings.Join(all, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAlertmanagersRequestsAreRefusedInItsWay(t *testing.T) {
	h := hot(t)
	for _, c := range []struct {
		name, request, body string
		code                int
		want                string // within the JSON text
	}{
		{"a matcher that is none", "GET /api/v2/alerts?filter=a", "", 400, "bad matcher format"},
		{"a matcher in braces", "GET /api/v2/alerts/groups?filter=%7Ba%3Db%7D", "", 400, "unexpected open or close brace"},
		{"a receiver that is no expression", "GET /api/v2/alerts?receiver=(", "", 400, "failed to parse receiver param"},
		{"a flag that is neither", "GET /api/v2/alerts?active=maybe", "", 400, "neither true nor false"},
		{"receivers' labels, which there are not", "GET /api/v2/alerts?receiver_matchers=a%3Db", "", 400, "not supported"},
		{"a silence's matcher that is none", "GET /api/v2/silences?filter=%22", "", 400, "matcher"},
		{"alerts that are no JSON", "POST /api/v2/alerts", `[`, 400, "read the request's JSON"},
		{"an alert without labels", "POST /api/v2/alerts", `[{"labels":{"a":""}}]`, 400, "at least one label pair required"},
		{"an alert that ends before it begins", "POST /api/v2/alerts",
			`[{"labels":{"a":"b"},"startsAt":"2026-11-21T12:00:00Z","endsAt":"2026-11-21T11:00:00Z"}]`, 400, "start time must be before end time"},
		{"a silence that ends before it begins", "POST /api/v2/silences",
			`{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-11-21T12:00:00Z","endsAt":"2026-11-21T11:00:00Z","createdBy":"a","comment":"c"}`, 400, "start time must be before end time"},
		{"a silence in the past", "POST /api/v2/silences",
			`{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-11-21T10:00:00Z","endsAt":"2026-11-21T11:00:00Z","createdBy":"a","comment":"c"}`, 400, "end time can't be in the past"},
		{"a silence without matchers", "POST /api/v2/silences", `{"matchers":[],"endsAt":"2026-11-21T13:00:00Z"}`, 400, "at least one matcher"},
		{"a silence of everything", "POST /api/v2/silences",
			`{"matchers":[{"name":"a","value":".*","isRegex":true}],"endsAt":"2026-11-21T13:00:00Z"}`, 400, "must not match the empty string"},
		{"a silence whose expression is none", "POST /api/v2/silences",
			`{"matchers":[{"name":"a","value":"(","isRegex":true}],"endsAt":"2026-11-21T13:00:00Z"}`, 400, "invalid regular expression"},
		{"a silence whose expressions are too large", "POST /api/v2/silences",
			`{"matchers":[` + strings.Repeat(`{"name":"a","value":"x{1000}","isRegex":true},`, 11) + `{"name":"a","value":"b"}],"endsAt":"2026-11-21T13:00:00Z"}`, 400, "repeat more than 10000"},
		{"a filter that is too large", "GET /api/v2/alerts?filter=a%3D~%22" + strings.Repeat("x{1000}", 11) + "%22", "", 400, "repeat more than 10000"},
		{"a receiver that is too large", "GET /api/v2/alerts?receiver=" + strings.Repeat("x{1000}", 11), "", 400, "repeat more than 10000"},
		{"an update of a silence that there is not", "POST /api/v2/silences",
			`{"id":"x","matchers":[{"name":"a","value":"b","isRegex":false}],"endsAt":"2026-11-21T13:00:00Z"}`, 404, "silence not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, answer, _ := h.ask(c.request, c.body)
			var text string
			if err := json.Unmarshal([]byte(answer), &text); err != nil || code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("got %d %s (%v), want %d and %q", code, answer, err, c.code, c.want)
			}
		})
	}
	for _, request := range []string{"POST /api/v2/alerts", "POST /api/v2/silences"} {
		if code, answer, _ := h.ask(request, "[]", "Content-Type: text/plain"); code != 415 || !strings.Contains(answer, "only [application/json]") {
			t.Errorf("%s: %d %s", request, code, answer)
		}
	}
	for _, request := range []string{"GET /api/v2/silence/x", "DELETE /api/v2/silence/x"} {
		if code, answer, _ := h.ask(request, ""); code != 404 || answer != "" {
			t.Errorf("%s: %d %q", request, code, answer)
		}
	}
}

func TestALedgerThatCannotBeWrittenIsTold(t *testing.T) {
	h := hot(t)
	h.broken = true
	for request, body := range map[string]string{
		"POST /api/v2/alerts":   `[{"labels":{"a":"b"}}]`,
		"POST /api/v2/silences": `{"matchers":[{"name":"a","value":"b","isRegex":false}],"endsAt":"2026-11-21T13:00:00Z"}`,
		"DELETE /api/v2/silence/5c8f5f9e-0000-4000-8000-000000000001": "",
	} {
		if code, answer, _ := h.ask(request, body); code != 500 || !strings.Contains(answer, "the stream is away") {
			t.Errorf("%s: %d %s", request, code, answer)
		}
	}
}

const post = `[{"labels":{"alertname":"Disk","empty":""},"annotations":{"a":"b"},"generatorURL":"http://x"}]`

func TestAPostedAlertFiresUntilItsEnd(t *testing.T) {
	h := newHarness(t)
	h.ok("POST /api/v2/alerts", post)
	agrees(t, "posted.json", h.ok("GET /api/v2/alerts", ""))

	h.ok("POST /api/v2/alerts", post)
	if len(h.events) != 1 {
		t.Errorf("the same alert at the same moment was stored again")
	}
	h.now = noon.Add(time.Minute)
	h.ok("POST /api/v2/alerts", post)
	if last := h.events[len(h.events)-1].Transition; len(h.state.Alerts) != 1 || !last.Alert.EndsAt.Equal(noon.Add(6*time.Minute)) || !last.Alert.FiredAt.Equal(noon) {
		t.Errorf("posted again it must go on for longer: %+v", last)
	}

	h.now = noon.Add(2 * time.Minute)
	h.ok("POST /api/v2/alerts", `[{"labels":{"alertname":"Disk"},"endsAt":"2026-11-21T12:01:30Z"}]`)
	last := h.events[len(h.events)-1].Transition
	if last.From != alert.Firing || last.Alert.Status != alert.Resolved || !last.Alert.ResolvedAt.Equal(noon.Add(90*time.Second)) || last.Reason != alert.ReasonPosted {
		t.Errorf("got %+v", last)
	}
	before := len(h.events)
	h.ok("POST /api/v2/alerts", `[{"labels":{"alertname":"Disk"},"endsAt":"2026-11-21T12:01:30Z"}]`)
	if len(h.events) != before {
		t.Errorf("the end of what is over was stored")
	}
	h.ok("POST /api/v2/alerts", post)
	if len(h.state.Alerts) != 2 {
		t.Errorf("posted anew it must be another occurrence: %v", h.state.Alerts)
	}
}

func TestAPostedAlertFiresAtOnceWheneverItSaysThatItBegins(t *testing.T) {
	const labels = `{"labels":{"alertname":"Disk"}`
	for _, c := range []struct {
		name, body string
		fired      time.Duration // after noon, when it is posted
	}{
		{"with its end alone", `,"endsAt":"2026-11-21T13:00:00Z"}`, 0},
		{"by a clock that is ahead", `,"startsAt":"2026-11-21T12:05:00Z"}`, 0},
		{"by a clock that is ahead, and with an end", `,"startsAt":"2026-11-21T12:05:00Z","endsAt":"2026-11-21T13:00:00Z"}`, 0},
		{"that began earlier", `,"startsAt":"2026-11-21T11:59:00Z"}`, -time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.ok("POST /api/v2/alerts", "["+labels+c.body+"]")
			h.now = noon.Add(time.Second)
			h.ok("POST /api/v2/alerts", "["+labels+c.body+"]")
			if len(h.state.Alerts) != 1 {
				t.Fatalf("got %v", h.state.Alerts)
			}
			for _, a := range h.state.Alerts {
				if at := noon.Add(c.fired); a.Status != alert.Firing || !a.FiredAt.Equal(at) || !a.ActiveAt.Equal(at) {
					t.Errorf("%s since %s, fired at %s; expected firing since %s", a.Status, a.ActiveAt, a.FiredAt, at)
				}
			}
		})
	}
}

func TestGoodAlertsAreTakenBesideBadOnes(t *testing.T) {
	h := newHarness(t)
	code, answer, _ := h.ask("POST /api/v2/alerts", `[{"labels":{}},{"labels":{"alertname":"A"}},{"labels":{"alertname":"A"},"annotations":{"x":"later"}}]`)
	if code != 400 || !strings.Contains(answer, "alert 1 of the request") || len(h.events) != 1 || h.events[0].Transition.Alert.Annotations["x"] != "later" {
		t.Errorf("got %d %s, events %+v", code, answer, h.events)
	}
}

func TestAPostedAlertThatIsTooLargeDelaysNoOther(t *testing.T) {
	h := newHarness(t)
	long := strings.Repeat("x", 600<<10)
	code, answer, _ := h.ask("POST /api/v2/alerts", `[{"labels":{"alertname":"A"},"annotations":{"summary":"hot","x":"`+long+`"},"generatorURL":"http://`+long+`"},
		{"labels":{"alertname":"B","x":"`+long+`"}},{"labels":{"alertname":"C"}}]`)
	if code != 400 || !strings.Contains(answer, "alert 2 of the request: its labels have 614411 bytes") {
		t.Errorf("got %d %.200s", code, answer)
	}
	var names []string
	for _, e := range h.events {
		a := e.Transition.Alert
		names = append(names, a.Name())
		if n := alert.Bytes(a.Annotations); n > alert.MaxAnnotations || a.Name() == "A" && a.Annotations["summary"] != "hot" || a.GeneratorURL != "" {
			t.Errorf("%s: %d bytes of annotations, %q", a.Name(), n, a.Annotations["summary"])
		}
	}
	if got := strings.Join(names, " "); got != "A C" {
		t.Errorf("taken: %s", got)
	}
	h.ok("POST /api/v2/alerts", `[{"labels":{"alertname":"A"},"annotations":{"summary":"hot","x":"`+long+`"},"generatorURL":"http://`+long+`"}]`)
	if len(h.events) != 2 {
		t.Error("the same alert at the same moment was stored again")
	}
}

const silenceBody = `{"matchers":[{"name":"node","value":"n1","isRegex":false,"isEqual":true}],"startsAt":"2026-11-21T12:00:00.000Z","endsAt":"2026-11-21T14:00:00.000Z","createdBy":"ada","comment":"c"`

func TestSilencesComeAndGo(t *testing.T) {
	h := newHarness(t)
	create := func(rest string) string {
		t.Helper()
		var answer struct{ SilenceID string }
		if err := json.Unmarshal([]byte(h.ok("POST /api/v2/silences", silenceBody+rest+"}")), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.SilenceID
	}
	id := create(`,"annotations":{"ticket":"7"}`)
	if s := h.state.Silences[id]; s == nil || s.Annotations["ticket"] != "7" || !s.Matchers[0].IsEqual {
		t.Fatalf("got %+v", s)
	}
	if again := create(`,"comment":"longer","id":"` + id + `"`); again != id || h.state.Silences[id].Comment != "longer" {
		t.Errorf("an update that leaves the past as it was keeps the ID: %s", again)
	}
	h.now = noon.Add(time.Hour)
	other := create(`,"matchers":[{"name":"node","value":"n2","isRegex":false}],"id":"` + id + `"`)
	if other == id || !h.state.Silences[id].EndsAt.Equal(h.now) || !h.state.Silences[other].StartsAt.Equal(h.now) || !h.state.Silences[other].Matchers[0].IsEqual {
		t.Errorf("an update of the matchers ends the old one: %+v %+v", h.state.Silences[id], h.state.Silences[other])
	}
	if code, answer, _ := h.ask("DELETE /api/v2/silence/"+other, ""); code != 200 || answer != "" {
		t.Errorf("delete: %d %q", code, answer)
	}
	before := len(h.events)
	h.ok("DELETE /api/v2/silence/"+other, "")
	if len(h.events) != before || silenceState(h.state.Silences[other], h.now) != silenceExpired {
		t.Errorf("what has ended ends no more: %+v", h.state.Silences[other])
	}
	pending := create(`,"startsAt":"2026-11-21T13:30:00Z"`)
	h.ok("DELETE /api/v2/silence/"+pending, "")
	if s := h.state.Silences[pending]; !s.StartsAt.Equal(h.now) || !s.EndsAt.Equal(h.now) {
		t.Errorf("a pending silence that is deleted never begins: %+v", s)
	}
}

func TestSilencesAreListedByStateAndFilter(t *testing.T) {
	h := newHarness(t)
	add := func(id, node string, from, to time.Duration) {
		s := alert.Silence{ID: id, Matchers: []alert.Matcher{{Name: "node", Value: node, IsEqual: true}, {Name: "a", Value: "b.*", IsRegex: true}}, StartsAt: noon.Add(from), EndsAt: noon.Add(to)}
		if err := h.Append(t.Context(), alert.Event{At: noon, Silence: &s}); err != nil {
			t.Fatal(err)
		}
	}
	add("later", "n1", time.Hour, 2*time.Hour)
	add("soon", "n1", time.Minute, 3*time.Hour)
	add("long", "n2", -time.Hour, 9*time.Hour)
	add("short", "n1", -time.Hour, time.Hour)
	add("old", "n1", -3*time.Hour, -2*time.Hour)
	add("gone", "n1", -3*time.Hour, -time.Hour)
	for _, c := range []struct{ name, query, want string }{
		{"all, active ones first", "", "short long soon later gone old"},
		{"without expired ones", "expired=false", "short long soon later"},
		{"only pending ones", "active=false&expired=false", "soon later"},
		{"those with a matcher", "filter=node%3D%22n2%22", "long"},
		{"those with the same expression", "filter=a!~%22b.*%22&filter=node%3Dn1&pending=false&expired=false", "short"},
		{"the same text in another role", "filter=node%3D~%22n2%22", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var silences []silenceDocument
			var got []string
			if err := json.Unmarshal([]byte(h.ok("GET /api/v2/silences?"+c.query, "")), &silences); err != nil {
				t.Fatal(err)
			}
			for _, s := range silences {
				got = append(got, s.ID)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func FuzzMatchers(f *testing.F) {
	for _, s := range []string{`a=b`, `a="b"`, `a=~"x.*"`, `{a="b"}`, `"a b"!="c"`, `a`, "", `a=~"("`, "a=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMatcher(text)
		if err != nil {
			return
		}
		again, err := compile(ownMatcher(m))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if again.String() != m.String() {
			t.Errorf("%q: %s became %s", text, m, again)
		}
		matchesLabels(labels.Matchers{m}, model.LabelSet{"a": "b"})
	})
}
