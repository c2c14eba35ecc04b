package slack

import (
	"context"
	"os"
	"path/filepath"
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

const everything = `  slack_configs:
  - channel: '#{{ .CommonLabels.service }}'
    api_url: https://hooks.slack.com/services/T/B/x
    username: bridge
    icon_emoji: ':wave:'
    title: '{{ .CommonLabels.alertname }}'
    title_link: '{{ .ExternalURL }}/alerts'
    pretext: '*{{ .Status }}*'
    text: '{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}'
    message_text: '{{ .Alerts | len }} alerts'
    footer: weir
    short_fields: true
    link_names: true
    mrkdwn_in: [text]
    fields:
    - {title: Service, value: '{{ .CommonLabels.service }}'}
    - {title: Place, value: '{{ .CommonLabels.subservice }}', short: false}
    actions:
    - {type: button, text: Runbook, url: '{{ (index .Alerts 0).Annotations.runbook_url }}', style: primary}
    - {type: button, text: Hush, name: hush, value: '1', confirm: {text: 'Really?'}}
`

const bare = "  slack_configs: [{channel: '#ops', api_url: 'https://hooks.slack.com/services/T/B/x'}]"

func TestPayloads(t *testing.T) {
	for _, row := range []struct {
		name, receiver, golden string
		message                *notice.Message
	}{
		{"an alert fires, nothing configured", bare, "firing.json", notifytest.Firing()},
		{"an alert is resolved", bare, "resolved.json", notifytest.Resolved()},
		{"more alerts than a message lists", bare, "many.json", notifytest.Many(25)},
		{"all keys", everything, "everything.json", notifytest.Firing()},
		{"a bot's message has an id", "  slack_configs: [{channel: '#ops', app_token: xoxb-1}]", "bot.json", notifytest.Firing()},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &notifytest.Receiver(t, "", row.receiver).Slack[0]
			payload, err := Compose(c, notifytest.Templates(t).For(row.message), row.message)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, row.golden, notifytest.JSON(t, payload))
		})
	}
}

func TestColoursFollowSeverityAndStatus(t *testing.T) {
	for severity, want := range map[string]string{"critical": "danger", "page": "danger", "error": "danger", "warning": "warning", "info": "#439FE0", "": "danger", "odd": "danger"} {
		m := notifytest.Firing()
		m.Firing[0].Labels["severity"] = model.LabelValue(severity)
		c := &notifytest.Receiver(t, "", bare).Slack[0]
		payload, err := Compose(c, notifytest.Templates(t).For(m), m)
		if err != nil || payload.Attachments[0].Color != want {
			t.Errorf("severity %q: colour %q, %v; want %q", severity, payload.Attachments[0].Color, err, want)
		}
	}
}

func TestTextsAreKeptToSlacksLimits(t *testing.T) {
	m := notifytest.Firing()
	m.Firing[0].Annotations["summary"] = model.LabelValue(strings.Repeat("🔥", maxText+1))
	c := &notifytest.Receiver(t, "", bare).Slack[0]
	long := "{{ .CommonAnnotations.summary }}"
	c.Title, c.Text, c.MessageText, c.Footer = long, long, long, long
	payload, err := Compose(c, notifytest.Templates(t).For(m), m)
	if err != nil {
		t.Fatal(err)
	}
	a := payload.Attachments[0]
	for text, want := range map[string]int{a.Title: maxTitle, a.Text: maxAttachmentText, payload.Text: maxText, a.Footer: maxFooter} {
		if got := utf8.RuneCountInString(text); got != want || !strings.HasSuffix(text, "🔥…") {
			t.Errorf("a text of %d characters, want %d", got, want)
		}
	}
}

func integration(t *testing.T, global, receiver string) *Integration {
	t.Helper()
	return notifytest.New(t, New, &notifytest.Receiver(t, global, receiver).Slack[0])
}

func TestAWebhookTakesTheMessage(t *testing.T) {
	sink := sinks.NewSlack()
	url := notifytest.Serve(t, sink)
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(url+"/services/T/B/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, receiver := range map[string]string{
		"api_url": "  slack_configs: [{api_url: '" + url + "/services/T/B/x'}]", "api_url_file": "  slack_configs: [{api_url_file: " + file + "}]",
	} {
		sink.Reset()
		if err := integration(t, "", receiver).Send(t.Context(), notifytest.Firing()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := sink.Taken(); len(got) != 1 || got[0].Path != "/services/T/B/x" || got[0].Header.Get("User-Agent") != "weir/test" {
			t.Errorf("%s: Slack got %+v", name, got)
		}
	}
}

func TestABotPostsWithItsToken(t *testing.T) {
	sink := sinks.NewSlack()
	url := notifytest.Serve(t, sink)
	i := integration(t, "global: {slack_app_token: '${TOKEN}', slack_app_url: '"+url+sinks.ChatPostMessage+"'}", "  slack_configs: [{channel: '#ops'}]")
	if err := i.Send(t.Context(), notifytest.Firing()); err != nil {
		t.Fatal(err)
	}
	if got := sink.Taken(); len(got) != 1 || got[0].Header.Get("Authorization") != "Bearer xoxb-1-secret" {
		t.Errorf("Slack got %+v", got)
	}
}

func TestOnlyOkIsSuccess(t *testing.T) {
	for _, row := range []struct {
		name    string
		failure sinks.Failure
		retry   bool
		after   time.Duration
		text    string
	}{
		{"an empty 200", sinks.Failure{Status: 200}, true, 0, "neither ok nor an error"},
		{"a page of something on the way", sinks.Failure{Status: 200, Body: "<html>log in</html>"}, true, 0, "log in"},
		{"an error of chat.postMessage", sinks.Failure{Status: 200, Body: `{"ok":false,"error":"channel_not_found"}`}, false, 0, "channel_not_found"},
		{"an error of chat.postMessage that passes", sinks.Failure{Status: 200, Body: `{"ok":false,"error":"internal_error"}`}, true, 0, "internal_error"},
		{"a webhook's error", sinks.Failure{Status: 400, Body: "invalid_payload"}, false, 0, "invalid_payload"},
		{"a webhook that is no more", sinks.Failure{Status: 404, Body: "no_service"}, false, 0, "no_service"},
		{"too many", sinks.Failure{Status: 429, RetryAfter: "30"}, true, 30 * time.Second, "429"},
		{"a fault of Slack's", sinks.Failure{Status: 503}, true, 0, "503"},
	} {
		t.Run(row.name, func(t *testing.T) {
			sink := sinks.NewSlack()
			i := integration(t, "", "  slack_configs: [{api_url: '"+notifytest.Serve(t, sink)+"/services/secret-path'}]")
			sink.FailNext(row.failure)
			e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing()))
			if e.Retry != row.retry || e.After != row.after || e.Code != row.failure.Status || !strings.Contains(e.Error(), row.text) {
				t.Errorf("%+v: %v", *e, e)
			}
			if strings.Contains(e.Error(), "secret-path") {
				t.Errorf("the error shows the address: %v", e)
			}
		})
	}
}

func TestASinkThatHangsIsLeftAtTheTimeout(t *testing.T) {
	sink := sinks.NewSlack()
	i := integration(t, "", "  slack_configs: [{api_url: '"+notifytest.Serve(t, sink)+"/services/secret-path', timeout: 20ms}]")
	sink.FailNext(sinks.Failure{Hang: true})
	e := notifytest.Failed(t, i.Send(context.Background(), notifytest.Firing()))
	if !e.Retry || strings.Contains(e.Error(), "secret-path") {
		t.Errorf("%+v: %v", *e, e)
	}
}

func TestOnlyAddressesBecomeLinks(t *testing.T) {
	m := notifytest.Firing()
	m.Firing[0].Annotations["runbook_url"] = "README.md#runbook"
	payload, err := Compose(&notifytest.Receiver(t, "", bare).Slack[0], notifytest.Templates(t).For(m), m)
	if err != nil {
		t.Fatal(err)
	}
	if text := notifytest.JSON(t, payload); !strings.Contains(string(text), "(runbook: README.md#runbook)") {
		t.Errorf("got %s", text)
	}
}
