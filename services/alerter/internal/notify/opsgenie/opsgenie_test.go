package opsgenie

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/prometheus/common/model"

	"weir/devices/sinks"
	"weir/pkg/golden"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
)

const everything = `  opsgenie_configs:
  - api_key: secret-key
    message: '{{ .CommonLabels.alertname }}'
    description: '{{ .CommonAnnotations.summary }}'
    source: weir
    entity: '{{ .CommonLabels.source }}'
    details: {severity: 'of {{ .CommonLabels.severity }}', place: line 1}
    responders:
    - {name: 'a, b', type: teams}
    - {username: 'ops@example.org', type: USER}
    - {name: '{{ .CommonLabels.absent }}', type: team}
    tags: 'cpu,, {{ .CommonLabels.service }} '
    note: look
    priority: p1
    actions: 'restart,hush'
    update_alerts: true
`

const bare = "  opsgenie_configs: [{api_key: secret-key}]"

func TestCalls(t *testing.T) {
	for _, row := range []struct {
		name, receiver, golden string
		message                *notice.Message
	}{
		{"an alert fires, nothing configured", bare, "firing.json", notifytest.Firing()},
		{"an alert is resolved", bare, "resolved.json", notifytest.Resolved()},
		{"some alerts", bare, "many.json", notifytest.Many(3)},
		{"all keys", everything, "everything.json", notifytest.Firing()},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &notifytest.Receiver(t, "", row.receiver).OpsGenie[0]
			calls, err := Compose(c, notifytest.Templates(t).For(row.message), row.message)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, row.golden, notifytest.JSON(t, calls))
		})
	}
}

func TestTextsAreKeptToOpsGeniesLimits(t *testing.T) {
	c := &notifytest.Receiver(t, "", bare).OpsGenie[0]
	long := strings.Repeat("🔥", 30_000)
	c.Message, c.Description, c.Note, c.Entity, c.Source = long, long, long, long, long
	c.Tags, c.Actions = strings.Repeat(long[:400]+",", 30), strings.Repeat(long[:400]+",", 30)
	c.Details = map[string]string{"a": long, "b": "x"}
	m := notifytest.Firing()
	calls, err := Compose(c, notifytest.Templates(t).For(m), m)
	if err != nil {
		t.Fatal(err)
	}
	a := calls[0].Body.(*Alert)
	details := 0
	for k, v := range a.Details {
		details += units(k) + units(v)
	}
	for text, most := range map[string]int{a.Message: maxMessage, a.Description: maxDescription, a.Note: maxNote, a.Entity: maxEntity, a.Tags[0]: maxTag, a.Source: maxSource} {
		if n := len(utf16.Encode([]rune(text))); n > most || n < most-1 {
			t.Errorf("a text of %d UTF-16 units, want %d", n, most)
		}
	}
	if len(a.Tags) != maxTags || len(a.Actions) != maxActions || details > maxDetails {
		t.Errorf("%d tags, %d actions, details of %d", len(a.Tags), len(a.Actions), details)
	}
}

func integration(t *testing.T, global, receiver string) *Integration {
	t.Helper()
	return notifytest.New(t, New, &notifytest.Receiver(t, global, receiver).OpsGenie[0])
}

func TestJiraServiceManagementTakesTheSameCalls(t *testing.T) {
	sink := sinks.NewOpsGenie()
	i := integration(t, "global: {opsgenie_api_key: '${KEY}'}", "  opsgenie_configs: [{api_url: '"+notifytest.Serve(t, sink)+"/jsm/ops/integration'}]")
	for _, m := range []*notice.Message{notifytest.Firing(), notifytest.Resolved()} {
		if err := i.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := sink.Taken()
	if len(got) != 2 || got[0].Path != "/jsm/ops/integration/v2/alerts" || got[0].Header.Get("Authorization") != "GenieKey 0123456789abcdef0123456789abcdef" ||
		got[1].Path != "/jsm/ops/integration/v2/alerts/"+notifytest.Firing().DedupKey()+"/close" || got[1].Query != "identifierType=alias" {
		t.Errorf("OpsGenie got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name    string
		message *notice.Message
		status  int
		fine    bool
		retry   bool
	}{
		{"closing what is not open is fine", notifytest.Resolved(), 404, true, false},
		{"404 to an alert is final", notifytest.Firing(), 404, false, false},
		{"422 is final", notifytest.Firing(), 422, false, false},
		{"429 is tried again", notifytest.Firing(), 429, false, true},
		{"502 is tried again", notifytest.Resolved(), 502, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			sink := sinks.NewOpsGenie()
			sink.FailNext(sinks.Failure{Status: row.status, Body: "what about secret-key?"})
			err := integration(t, "", "  opsgenie_configs: [{api_key: secret-key, api_url: '"+notifytest.Serve(t, sink)+"'}]").Send(t.Context(), row.message)
			if row.fine {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := notifytest.Failed(t, err)
			if e.Retry != row.retry || e.Code != row.status || strings.Contains(e.Error(), "secret-key") {
				t.Errorf("%+v: %v", *e, e)
			}
		})
	}
}

func TestACommonLabelIsADetail(t *testing.T) {
	m := notifytest.Firing()
	m.Firing[0].Labels["place"] = model.LabelValue("roof")
	calls, err := Compose(&notifytest.Receiver(t, "", bare).OpsGenie[0], notifytest.Templates(t).For(m), m)
	if err != nil || calls[0].Body.(*Alert).Details["place"] != "roof" {
		t.Errorf("%+v, %v", calls, err)
	}
}
