package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/devices/sinks"
	"weir/pkg/golden"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
)

func TestPayloads(t *testing.T) {
	for _, row := range []struct {
		name, keys, golden string
		message            *notice.Message
	}{
		{"an alert fires", "", "firing.json", notifytest.Firing()},
		{"an alert is resolved", "", "resolved.json", notifytest.Resolved()},
		{"some alerts", "", "many.json", notifytest.Many(2)},
		{"what fires is left out last", ", max_alerts: 2", "truncated.json", notifytest.Many(2)},
		{"a payload of one's own", ", payload: {text: '{{ .Status }}: {{ .CommonLabels.alertname }}', n: '{{ .Alerts | len }}', list: [1, '{{ .Receiver }}']}", "custom.json", notifytest.Firing()},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &notifytest.Receiver(t, "", "  webhook_configs: [{url: 'https://example.org/hook'"+row.keys+"}]").Webhook[0]
			payload, _, err := Compose(c, notifytest.Templates(t), row.message, string(c.URL))
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, row.golden, notifytest.JSON(t, payload))
		})
	}
}

func integration(t *testing.T, keys string) *Integration {
	t.Helper()
	return notifytest.New(t, New, &notifytest.Receiver(t, "", "  webhook_configs: [{"+keys+"}]").Webhook[0])
}

func TestAnAddressMayBeATemplateAndRequestsMayBeAuthorized(t *testing.T) {
	sink := sinks.NewWebhook()
	url := notifytest.Serve(t, sink)
	i := integration(t, "url: '"+url+"/{{ .CommonLabels.service }}', http_config: {basic_auth: {username: weir, password: '${TOKEN}'}, http_headers: {X-Line: {values: ['1']}}}")
	if err := i.Send(t.Context(), notifytest.Firing()); err != nil {
		t.Fatal(err)
	}
	got := sink.Taken()[0]
	var body struct{ Version, GroupKey string }
	if err := json.Unmarshal(got.Body, &body); err != nil {
		t.Fatal(err)
	}
	if got.Path != "/factory" || got.Header.Get("Idempotency-Key") != "9f2c1d" || got.Header.Get("X-Line") != "1" ||
		got.Header.Get("Authorization") != "Basic d2Vpcjp4b3hiLTEtc2VjcmV0" || body.Version != "4" || body.GroupKey != notifytest.Firing().GroupKey {
		t.Errorf("the webhook got %+v %+v", got, body)
	}
}

func TestAny2xxIsSuccess(t *testing.T) {
	for status, retry := range map[int]bool{400: false, 403: false, 408: true, 410: false, 429: true, 500: true, 504: true} {
		sink := sinks.NewWebhook()
		i := integration(t, "url: '"+notifytest.Serve(t, sink)+"/hook?token=geheim'")
		sink.FailNext(sinks.Failure{Status: status, Body: "no /hook?token=geheim here"})
		e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing()))
		if e.Retry != retry || e.Code != status || strings.Contains(e.Error(), "geheim") {
			t.Errorf("%d: %+v: %v", status, *e, e)
		}
		sink.FailNext(sinks.Failure{Status: 204})
		if err := i.Send(t.Context(), notifytest.Firing()); err != nil {
			t.Errorf("204: %v", err)
		}
	}
}
