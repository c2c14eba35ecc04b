package pagerduty

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"weir/devices/sinks"
	"weir/pkg/golden"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
)

const key = "0123456789abcdef0123456789abcdef"

const everything = `  pagerduty_configs:
  - routing_key: ` + key + `
    client: bridge
    client_url: '{{ .ExternalURL }}'
    description: '{{ .CommonAnnotations.summary }}'
    source: '{{ .CommonLabels.source }}'
    severity: '{{ .CommonLabels.severity }}'
    class: cpu
    component: '{{ .CommonLabels.source }}'
    group: '{{ .CommonLabels.service }}'
    details:
      place: '{{ .CommonLabels.subservice }}'
      firing: '{{ .Alerts.Firing | len }}'
      nested: {list: ['{{ .Status }}', 2]}
    images:
    - {src: 'https://weir.example/chart.png', alt: chart, href: '{{ .ExternalURL }}'}
    - {src: '{{ .CommonLabels.absent }}'}
    links:
    - {href: '{{ .CommonAnnotations.runbook_url }}', text: runbook}
`

const bare = "  pagerduty_configs: [{routing_key: " + key + "}]"

func TestEvents(t *testing.T) {
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
			c := &notifytest.Receiver(t, "", row.receiver).PagerDuty[0]
			event, err := Compose(c, notifytest.Templates(t).For(row.message), row.message, key)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, row.golden, notifytest.JSON(t, event))
		})
	}
}

func TestSeveritiesAreThoseThatPagerDutyTakes(t *testing.T) {
	for _, row := range []struct{ configured, label, want string }{
		{"", "critical", "critical"}, {"", "page", "critical"}, {"", "warning", "warning"}, {"", "info", "info"}, {"", "", "error"},
		{"{{ .CommonLabels.severity }}", "Warning", "warning"}, {"{{ .CommonLabels.severity }}", "odd", "error"}, {"info", "critical", "info"},
	} {
		c := &notifytest.Receiver(t, "", bare).PagerDuty[0]
		c.Severity = row.configured
		m := notifytest.Firing()
		m.Firing[0].Labels["severity"] = model.LabelValue(row.label)
		event, err := Compose(c, notifytest.Templates(t).For(m), m, key)
		if err != nil || event.Payload.Severity != row.want {
			t.Errorf("%+v: severity %q, %v", row, event.Payload.Severity, err)
		}
	}
}

func integration(t *testing.T, global, receiver string) *Integration {
	t.Helper()
	return notifytest.New(t, New, &notifytest.Receiver(t, global, receiver).PagerDuty[0])
}

func TestAnEventThatIsTooLargeGoesWithoutDetails(t *testing.T) {
	sink := sinks.NewPagerDuty()
	i := integration(t, "global: {pagerduty_url: '"+notifytest.Serve(t, sink)+"/v2/enqueue'}", "  pagerduty_configs: [{routing_key: '${KEY}', description: '{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}'}]")
	if err := i.Send(t.Context(), notifytest.Many(2000)); err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := sink.Taken()[0].JSON(&e); err != nil {
		t.Fatal(err)
	}
	if len(e.Payload.CustomDetails) != 1 || e.Payload.CustomDetails["error"] != tooLarge {
		t.Errorf("details %v", e.Payload.CustomDetails)
	}
	if n := utf8.RuneCountInString(e.Payload.Summary); n != maxSummary {
		t.Errorf("a summary of %d characters, want %d", n, maxSummary)
	}
}

func TestTriggerAndResolveHaveTheSameKey(t *testing.T) {
	sink := sinks.NewPagerDuty()
	i := integration(t, "global: {pagerduty_url: '"+notifytest.Serve(t, sink)+"'}", "  pagerduty_configs: [{routing_key: '${KEY}'}]")
	for _, m := range []*notice.Message{notifytest.Firing(), notifytest.Resolved()} {
		if err := i.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var first, second sinks.PagerDutyEvent
	if err := sink.Taken()[0].JSON(&first); err != nil {
		t.Fatal(err)
	}
	if err := sink.Taken()[1].JSON(&second); err != nil {
		t.Fatal(err)
	}
	if first.DedupKey != second.DedupKey || first.EventAction != "trigger" || second.EventAction != "resolve" {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name    string
		failure sinks.Failure
		retry   bool
		after   time.Duration
	}{
		{"400 is final", sinks.Failure{Status: 400, Body: `{"errors":["the key ` + key + ` is wrong"]}`}, false, 0},
		{"429 is tried again when PagerDuty says", sinks.Failure{Status: 429, RetryAfter: "120"}, true, 2 * time.Minute},
		{"500 is tried again", sinks.Failure{Status: 500}, true, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			sink := sinks.NewPagerDuty()
			sink.FailNext(row.failure)
			i := integration(t, "global: {pagerduty_url: '"+notifytest.Serve(t, sink)+"'}", "  pagerduty_configs: [{routing_key: '${KEY}'}]")
			e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing()))
			if e.Retry != row.retry || e.After != row.after || e.Code != row.failure.Status || strings.Contains(e.Error(), key) {
				t.Errorf("%+v: %v", *e, e)
			}
		})
	}
}
