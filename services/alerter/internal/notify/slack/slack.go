// Package slack tells Slack, by an incoming webhook or by chat.postMessage.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

// Integration tells one channel of Slack.
type Integration struct {
	config    *amconfig.Slack
	templates *render.Templates
	client    *httpsend.Client
	url       secret.Source
	token     secret.Source
}

var _ notice.Integration = (*Integration)(nil)

func usesToken(c *amconfig.Slack) bool { return c.AppToken != "" || c.AppTokenFile != "" }

// New returns the integration of a configuration that is complete.
func New(c *amconfig.Slack, t *render.Templates, o httpsend.Options) (*Integration, error) {
	i := &Integration{
		config: c, templates: t,
		url:   secret.Source{Inline: c.APIURL.Secret, File: c.APIURLFile, Environment: o.Environment},
		token: secret.Source{Inline: c.AppToken, File: c.AppTokenFile, Environment: o.Environment},
	}
	var bearer *secret.Source
	if usesToken(c) {
		i.url, bearer = secret.Source{Inline: amconfig.Secret(c.AppURL.URL.String()), Environment: o.Environment}, &i.token
	}
	if err := i.url.Check(); err != nil {
		return nil, err
	}
	var err error
	i.client, err = httpsend.New(c.HTTPConfig, bearer, o)
	return i, err
}

// Name returns "slack".
func (i *Integration) Name() string { return "slack" }

// SendResolved reports whether resolved alerts are told of.
func (i *Integration) SendResolved() bool { return i.config.SendResolved }

// Close closes idle connections.
func (i *Integration) Close() { i.client.Close() }

// Send tells Slack.
func (i *Integration) Send(ctx context.Context, m *notice.Message) error {
	payload, err := Compose(i.config, i.templates.For(m), m)
	if err != nil {
		return notice.Failure(err)
	}
	body, err := render.JSON(payload)
	if err != nil {
		return notice.Failure(err)
	}
	url, err := i.url.Read()
	if err != nil {
		return notice.Failure(err)
	}
	token, _ := i.token.Read()
	ctx, cancel := notice.WithTimeout(ctx, i.config.Timeout)
	defer cancel()
	answer, err := i.client.Do(ctx, httpsend.Request{URL: url, Body: body, Secrets: []string{token}})
	if err != nil {
		return err
	}
	return judge(answer)
}

// passing are the errors of chat.postMessage that pass by themselves.
// https://api.slack.com/methods/chat.postMessage#errors
var passing = []string{"ratelimited", "rate_limited", "message_limit_exceeded", "fatal_error", "internal_error", "request_timeout", "service_unavailable"}

// judge says whether Slack took the message. It did if it says so: a webhook with
// the text "ok", chat.postMessage with {"ok":true}. An empty 200 is what something
// on the way may answer.
// https://api.slack.com/messaging/webhooks#handling_errors
func judge(a *httpsend.Answer) error {
	if !a.OK() {
		return a.Refused()
	}
	text := bytes.TrimSpace(a.Body)
	if string(text) == "ok" {
		return nil
	}
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &said) != nil || said.OK == nil {
		return a.Error(true, "neither ok nor an error of Slack's")
	}
	if *said.OK {
		return nil
	}
	return a.Error(slices.Contains(passing, said.Error), "an error")
}
