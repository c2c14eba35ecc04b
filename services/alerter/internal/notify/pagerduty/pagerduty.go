// Package pagerduty tells PagerDuty by its Events API version 2.
package pagerduty

import (
	"context"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

// Integration tells one service of PagerDuty.
type Integration struct {
	config    *amconfig.PagerDuty
	templates *render.Templates
	client    *httpsend.Client
	key       secret.Source
}

var _ notice.Integration = (*Integration)(nil)

// New returns the integration of a configuration that is complete.
func New(c *amconfig.PagerDuty, t *render.Templates, o httpsend.Options) (*Integration, error) {
	key := secret.Source{Inline: c.RoutingKey, File: c.RoutingKeyFile, Environment: o.Environment}
	if err := key.Check(); err != nil {
		return nil, err
	}
	client, err := httpsend.New(c.HTTPConfig, nil, o)
	return &Integration{config: c, templates: t, client: client, key: key}, err
}

// Name returns "pagerduty".
func (i *Integration) Name() string { return "pagerduty" }

// SendResolved reports whether resolved alerts are told of.
func (i *Integration) SendResolved() bool { return i.config.SendResolved }

// Close closes idle connections.
func (i *Integration) Close() { i.client.Close() }

// Send triggers or resolves the group's incident. PagerDuty answers 202.
func (i *Integration) Send(ctx context.Context, m *notice.Message) error {
	key, err := i.key.Read()
	if err != nil {
		return notice.Failure(err)
	}
	event, err := Compose(i.config, i.templates.For(m), m, key)
	if err != nil {
		return notice.Failure(err)
	}
	body, err := event.Encode()
	if err != nil {
		return notice.Failure(err)
	}
	ctx, cancel := notice.WithTimeout(ctx, i.config.Timeout)
	defer cancel()
	answer, err := i.client.Do(ctx, httpsend.Request{URL: i.config.URL.URL.String(), Body: body, Secrets: []string{event.RoutingKey}})
	if err != nil {
		return err
	}
	if !answer.OK() {
		return answer.Refused()
	}
	return nil
}
