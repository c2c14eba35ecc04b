package notify

import (
	"strings"
	"testing"

	"weir/devices/sinks"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notifytest"
)

func configuration(t *testing.T, receivers string) *amconfig.Config {
	t.Helper()
	c, err := amconfig.Parse([]byte("route: {receiver: all}\nreceivers:\n"+receivers), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func environment(name string) (string, bool) { return notifytest.Options().Environment(name) }

func TestIntegrationsAreInTheOrderOfTheConfiguration(t *testing.T) {
	c := configuration(t, `
- name: nobody
- name: all
  webhook_configs: [{url: 'http://a.example/1'}, {url: 'http://a.example/2', send_resolved: false}]
  opsgenie_configs: [{api_key: k}]
  pagerduty_configs: [{routing_key: k}]
  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25'}]
  slack_configs: [{api_url: 'http://a.example/s'}]
`)
	all, err := Build(c, Options{Version: "1", Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	if none, there := all["nobody"]; !there || len(none) != 0 {
		t.Errorf("the receiver without integrations: %v, %v", none, there)
	}
	want := c.Receiver("all").Integrations()
	if len(all["all"]) != len(want) {
		t.Fatalf("%d integrations, want %d", len(all["all"]), len(want))
	}
	for i, one := range all["all"] {
		if one.Name() != want[i].Name || one.SendResolved() != want[i].SendResolved {
			t.Errorf("%d: %s %v, want %+v", i, one.Name(), one.SendResolved(), want[i])
		}
	}
	CloseIdle(all)
}

func TestAllThatCannotBeBuiltIsReported(t *testing.T) {
	c := configuration(t, `
- name: all
  slack_configs: [{api_url: '${NOBODY1}'}]
  webhook_configs: [{url: '${NOBODY2}'}, {url: 'http://a.example', http_config: {tls_config: {ca_file: /nowhere.pem}}}]
- name: other
  opsgenie_configs: [{api_key: '${NOBODY3}'}]
  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25', auth_username: x, auth_password: '${NOBODY4}'}]
  pagerduty_configs: [{routing_key: '${NOBODY5}'}]
`)
	_, err := Build(c, Options{Environment: environment})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"NOBODY1", "NOBODY2", "nowhere.pem", "NOBODY3", "NOBODY4", "NOBODY5", `receiver "all": webhook_configs[1]`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestResolvedAlertsGoToThoseWhoWantThemOnly(t *testing.T) {
	sink := sinks.NewWebhook()
	all, err := Build(configuration(t, "- name: all\n  webhook_configs: [{url: '"+notifytest.Serve(t, sink)+"', send_resolved: false}]"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseIdle(all) })
	for _, m := range []*Message{notifytest.Many(2), notifytest.Resolved()} {
		if err := all["all"][0].Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var body struct{ Alerts []struct{ Status string } }
	if err := sink.Taken()[0].JSON(&body); err != nil {
		t.Fatal(err)
	}
	if len(sink.Taken()) != 1 || len(body.Alerts) != 2 {
		t.Errorf("%d requests, the first with %+v", len(sink.Taken()), body)
	}
}

func TestTheTrialFiresAndIsResolvedUnderOneKey(t *testing.T) {
	messages := Trial("on-call", "https://weir.example", notifytest.Began)
	if len(messages) != 2 || len(messages[0].Firing) != 1 || len(messages[1].Resolved) != 1 || messages[0].DedupKey() != messages[1].DedupKey() || messages[0].ID == messages[1].ID {
		t.Fatalf("%+v", messages)
	}
	if a := messages[1].Resolved[0]; a.Name() != TrialAlert || a.Status != alert.Resolved || messages[0].Firing[0].Status != alert.Firing {
		t.Errorf("%+v", a)
	}
	sink := sinks.NewPagerDuty()
	all, err := Build(configuration(t, "- name: all\n  pagerduty_configs: [{routing_key: '${KEY}', url: '"+notifytest.Serve(t, sink)+"'}]"), Options{Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseIdle(all) })
	for _, m := range messages {
		if err := all["all"][0].Send(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
}
