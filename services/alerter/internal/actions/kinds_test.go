package actions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/rule"
)

func newJob(t *testing.T, action string, sinkURL string) *job {
	t.Helper()
	body := `{"name":"too_hot","text":"select *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30","action":` +
		strings.ReplaceAll(action, "SINK", sinkURL) + `}`
	group, err := rule.FromAPI(line1, json.RawMessage(body))
	if err != nil {
		t.Fatal(err)
	}
	r := group.Rules[0]
	a := &alert.Alert{Labels: labels, Value: 31.5}
	return &job{&r.API.Actions[0], alertEvent(a, r, line1), line1, "c-1", "id-1"}
}

const fiware = "Fiware-Correlator=c-1 Fiware-Service=factory Fiware-Servicepath=/line1"

func TestActionsSendWhatPerseoSends(t *testing.T) {
	for _, c := range []struct{ name, action, want string }{
		{"an SMS, whose numbers are split at blanks",
			`{"type":"sms","template":"Room ${id} is at ${t}","parameters":{"to":"+34600123456 tel:+34600123457"}}`,
			"POST /sms Content-Type=application/json Api_key=key Api_secret=secret\n" +
				`{"to":["tel:+34600123456","tel:+34600123457"],"message":"Room sensor:7 is at 31.5","from":"tel:22012"}`},
		{"a post of the template",
			`{"type":"post","template":"${id} <${t}>","parameters":{"url":"SINK/to/${type}"}}`,
			"POST /to/Room " + fiware + "\nsensor:7 <31.5>"},
		{"a post of JSON with everything that it may have",
			`{"type":"post","template":"no","parameters":{"url":"SINK/x?a=1","method":"put","qs":{"q":"${t}"},"headers":{"X-Own":"${alertname}","Content-type":"text/x"},"json":{"v":"${value}","n":"${nothing}","s":"${subservice}"}}}`,
			"PUT /x?a=1&q=31.5 Content-Type=text/x " + fiware + " X-Own=too_hot\n" + `{"n":null,"s":"/line1","v":31.5}`},
		{"an update of the entity itself",
			`{"type":"update","parameters":{"attributes":[{"name":"abnormal","type":"Boolean","value":"true"},{"name":"temp_${type}","type":"Number","value":"${temperature}"},{"name":"said","type":"Text","value":"${t}"},{"name":"raw","value":"${t}"},{"name":"gone","type":"None","value":"x"},{"name":"lost","type":"Text","value":"${nothing}"},{"name":"when","type":"DateTime","value":"1763726400000"}]}}`,
			"POST /v2/op/update Content-Type=application/json " + fiware + "\n" +
				`{"actionType":"append","entities":[{"abnormal":{"type":"Boolean","value":true},"gone":{"type":"None","value":null},"id":"sensor:7","lost":{"type":"Text","value":null},"raw":{"value":31.5},"said":{"type":"Text","value":"31.5"},"temp_Room":{"type":"Number","value":31.5},"type":"Room","when":{"type":"DateTime","value":"2025-11-21T12:00:00.000Z"}}]}`},
		{"an update of another entity",
			`{"type":"update","parameters":{"id":"${id}_mirror","type":"Mirror","actionType":"update","attributes":[{"name":"a","type":"Number","value":7}]}}`,
			"POST /v2/op/update Content-Type=application/json " + fiware + "\n" +
				`{"actionType":"update","entities":[{"a":{"type":"Number","value":7},"id":"sensor:7_mirror","type":"Mirror"}]}`},
		{"a tweet",
			`{"type":"twitter","template":"It is ${t} in here + there"}`,
			"POST /tweet Content-Type=application/x-www-form-urlencoded\nstatus=It+is+31.5+in+here+%2B+there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, time.Now, "[]")
			x, err := b.sender.send(t.Context(), newJob(t, c.action, b.sink.URL))
			if err != nil {
				t.Fatal(err)
			}
			got := b.sink.got()
			if len(got) != 1 || got[0] != c.want {
				t.Errorf("%s", cmp.Diff(c.want, strings.Join(got, "\n\n")))
			}
			if _, body, _ := strings.Cut(c.want, "\n"); x.sent != len(body) || x.received != len("thanks") || x.code != 200 {
				t.Errorf("sizes: %+v", x)
			}
		})
	}
}

func TestEmailHasItsTemplatesFilledIn(t *testing.T) {
	b := newBench(t, time.Now, "[]")
	action := `{"type":"email","template":"Room ${id} is at ${t}","parameters":{"to":"ops@example.org","from":"cep@example.org","subject":"hot ${id}","cc":"boss@example.org"}}`
	if _, err := b.sender.send(t.Context(), newJob(t, action, "")); err != nil {
		t.Fatal(err)
	}
	html := `{"type":"email","template":"no","parameters":{"to":"a@example.org","html":"<b>${t}</b>"}}`
	if _, err := b.sender.send(t.Context(), newJob(t, html, "")); err != nil {
		t.Fatal(err)
	}
	want := []Mail{
		{ID: "id-1", From: "cep@example.org", To: "ops@example.org", CC: "boss@example.org", Subject: "hot sensor:7", Text: "Room sensor:7 is at 31.5"},
		{ID: "id-1", To: "a@example.org", HTML: "<b>31.5</b>"},
	}
	if diff := cmp.Diff(want, b.post.mail); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresSayWhetherToTryAgain(t *testing.T) {
	const action = `{"type":"post","parameters":{"url":"SINK/?secret=x"}}`
	for _, c := range []struct {
		name   string
		action string
		status int
		retry  bool
		after  time.Duration
		want   string
	}{
		{"a server's fault is tried again", action, 503, true, 0, "answered 503 Service Unavailable: thanks"},
		{"too much is tried again when they say", action, 429, true, 7 * time.Second, "answered 429"},
		{"a refusal is final", action, 403, false, 0, "answered 403"},
		{"nobody there is tried again, and no secret is told", `{"type":"post","parameters":{"url":"http://127.0.0.1:1/?secret=x"}}`, 0, true, 0, "connection refused"},
		{"no address", `{"type":"post","parameters":{}}`, 0, false, 0, "parameter url is missing"},
		{"no address of HTTP", `{"type":"post","parameters":{"url":"file:///etc/passwd"}}`, 0, false, 0, "is not the address of an HTTP server"},
		{"nobody to send to", `{"type":"sms"}`, 0, false, 0, "parameter to is missing"},
		{"nothing to update", `{"type":"update"}`, 0, false, 0, "parameter attributes is missing"},
		{"an update that would mean other entities", `{"type":"update","parameters":{"filter":{"type":"Room"},"attributes":[{"name":"a","value":1}]}}`, 0, false, 0, "filter is not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, time.Now, "[]")
			b.sink.statuses = []int{c.status}
			_, err := b.sender.send(t.Context(), newJob(t, c.action, b.sink.URL))
			var f *notice.Error
			if !errors.As(err, &f) || f.Retry != c.retry || f.After != c.after || f.Code != c.status || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestActionsWithoutTheirSettingsSayWhatIsMissing(t *testing.T) {
	s := sender{mailer: &SMTP{}}
	for action, want := range map[string]string{
		`{"type":"sms"}`: "no SMS gateway", `{"type":"update"}`: "no context broker",
		`{"type":"email","parameters":{"to":"a@b"}}`: "no mail server", `{"type":"twitter"}`: "keys for Twitter",
	} {
		_, err := s.send(context.Background(), newJob(t, action, ""))
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, new(unready)) {
			t.Errorf("%s: %v", action, err)
		}
	}
}
