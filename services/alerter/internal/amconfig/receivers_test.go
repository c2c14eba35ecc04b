package amconfig

import (
	"strings"
	"testing"
)

func parseReceiver(t *testing.T, global, receiver string) *Receiver {
	t.Helper()
	c, err := Parse([]byte("route: {receiver: r}\n"+global+"\nreceivers:\n- name: r\n"+receiver), "/etc/weir")
	if err != nil {
		t.Fatal(err)
	}
	return &c.Receivers[0]
}

func TestReceiversFallBackOnGlobal(t *testing.T) {
	r := parseReceiver(t, `
global:
  slack_api_url_file: slack.url
  smtp_smarthost: mail.example.org:587
  smtp_from: weir@example.org
  smtp_auth_username: weir
  smtp_auth_password_file: password
  smtp_require_tls: false
  opsgenie_api_key: k
  opsgenie_api_url: https://api.atlassian.com/jsm/ops/integration
  http_config: {proxy_url: 'http://proxy.example:3128'}
`, `
  slack_configs: [{channel: c}, {app_token: t}, {api_url: 'https://hooks.example/x', http_config: {follow_redirects: false}}]
  email_configs: [{to: a@b.c}, {to: a@b.c, require_tls: true, smarthost: 'other:25', auth_password: p}]
  opsgenie_configs: [{}]
  pagerduty_configs: [{routing_key_file: key}]
  webhook_configs: [{url_file: /abs/url}]
`)
	s, e := r.Slack, r.Email
	if s[0].APIURLFile != "/etc/weir/slack.url" || s[1].APIURLFile != "" || s[1].AppURL.String() != "https://slack.com/api/chat.postMessage" || s[2].APIURLFile != "" || s[2].HTTPConfig.FollowRedirects || !s[0].HTTPConfig.FollowRedirects {
		t.Errorf("Slack: %+v", s)
	}
	if e[0].Smarthost.String() != "mail.example.org:587" || *e[0].RequireTLS || e[0].AuthPasswordFile != "/etc/weir/password" || e[0].Hello != "localhost" ||
		!*e[1].RequireTLS || e[1].AuthPasswordFile != "" || e[1].Smarthost.Host != "other" || e[1].From != "weir@example.org" || !e[0].Threading.Enabled {
		t.Errorf("e-mail: %+v", e)
	}
	if o := r.OpsGenie[0]; o.APIURL.String() != "https://api.atlassian.com/jsm/ops/integration/" || o.APIKey != "k" {
		t.Errorf("OpsGenie: %+v", o)
	}
	if p := r.PagerDuty[0]; p.RoutingKeyFile != "/etc/weir/key" || p.Source != p.Client || len(p.Details) != 4 || p.URL.String() != "https://events.pagerduty.com/v2/enqueue" {
		t.Errorf("PagerDuty: %+v", p)
	}
	if w := r.Webhook[0]; w.URLFile != "/abs/url" || w.HTTPConfig.ProxyURL.String() != "http://proxy.example:3128" {
		t.Errorf("webhook: %+v", w)
	}
}

func TestResolvedAlertsAreSentAsAlertmanagerDoes(t *testing.T) {
	r := parseReceiver(t, "", `
  slack_configs: [{api_url: 'https://hooks.example/x'}]
  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25'}]
  opsgenie_configs: [{api_key: k}]
  pagerduty_configs: [{routing_key: k}]
  webhook_configs: [{url: 'https://hook.example'}]
`)
	if r.Slack[0].SendResolved || r.Email[0].SendResolved || !r.OpsGenie[0].SendResolved || !r.PagerDuty[0].SendResolved || !r.Webhook[0].SendResolved {
		t.Errorf("%+v", r.Integrations())
	}
}

func TestWhatIsWrongWithAReceiverIsSaid(t *testing.T) {
	for receiver, want := range map[string]string{
		"  slack_configs: [{api_url: 'https://a.example', api_url_file: b}]":                                      "at most one of api_url and api_url_file",
		"  slack_configs: [{api_url: 'https://a.example', app_token: b}]":                                         "at most one of api_url or api_url_file and app_token or app_token_file",
		"  slack_configs: [{channel: c}]":                                                                         "no Slack API address and no app token",
		"  slack_configs: [{app_token: t, http_config: {authorization: {credentials: c}}}]":                       "http_config.authorization is not for a Slack app token",
		"  slack_configs: [{api_url: 'https://a.example', update_message: true}]":                                 "update_message",
		"  slack_configs: [{api_url: 'https://a.example', fields: [{title: t}]}]":                                 "fields[0].value is missing",
		"  slack_configs: [{api_url: 'https://a.example', actions: [{type: button, text: t}]}]":                   "actions[0]: name or url is missing",
		"  slack_configs: [{api_url: 'https://a.example', actions: [{type: b, text: t, name: n, confirm: {}}]}]":  "confirm.text is missing",
		"  email_configs: [{from: d@e.f, smarthost: 'g:25'}]":                                                     "to is missing",
		"  email_configs: [{to: a@b.c, from: d@e.f}]":                                                             "no smarthost",
		"  email_configs: [{to: a@b.c, smarthost: 'g:25'}]":                                                       "no from",
		"  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25', headers: {subject: a, Subject: b}}]":       "Subject is given twice",
		"  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25', threading: {enabled: true}}]":              "expected none or daily",
		"  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25', auth_password: a, auth_password_file: b}]": "at most one of auth_password",
		"  pagerduty_configs: [{}]":                                              "routing_key or routing_key_file is missing",
		"  pagerduty_configs: [{service_key: v1}]":                               "service_key",
		"  opsgenie_configs: [{}]":                                               "no api_key",
		"  opsgenie_configs: [{api_key: k, responders: [{name: n, type: dog}]}]": "expected one of team",
		"  opsgenie_configs: [{api_key: k, responders: [{type: team}]}]":         "id, username or name is missing",
		"  webhook_configs: [{}]":                                                "url or url_file is missing",
		"  webhook_configs: [{url: 'ftp://geheim.example'}]":                     "expected http or https",
	} {
		_, err := Parse([]byte("route: {receiver: r}\nreceivers:\n- name: r\n"+receiver), "")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 4") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want %q with its line", receiver, err, want)
		}
	}
}
