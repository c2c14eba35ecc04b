// Package webhook tells anybody who takes Alertmanager's webhooks.
package webhook

import (
	"context"

	"github.com/prometheus/alertmanager/template"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

// Payload is the body, version 4.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type Payload struct {
	*template.Data

	Version         string `json:"version"`
	GroupKey        string `json:"groupKey"`
	TruncatedAlerts uint64 `json:"truncatedAlerts"`
}

// Compose builds the payload of a message: a *Payload, or what the configuration
// wants instead; and the address that it goes to. Its error is that of a
// template.
func Compose(c *amconfig.Webhook, t *render.Templates, m *notice.Message, url string) (payload any, address string, err error) {
	few, left := truncate(m, c.MaxAlerts)
	p := t.For(few)
	payload = &Payload{Data: p.Data, Version: "4", GroupKey: m.GroupKey, TruncatedAlerts: left}
	if c.Payload != nil {
		payload = p.Tree("payload", c.Payload)
	}
	address = p.Text("url", url)
	return payload, address, p.Err()
}

// truncate returns the message with at most max of its alerts, and how many it
// left out. What fires is left out last.
func truncate(m *notice.Message, limit uint64) (*notice.Message, uint64) {
	all := uint64(len(m.Firing) + len(m.Resolved))
	if limit == 0 || all <= limit {
		return m, 0
	}
	few := *m
	few.Firing = m.Firing[:min(uint64(len(m.Firing)), limit)]
	few.Resolved = m.Resolved[:limit-uint64(len(few.Firing))]
	return &few, all - limit
}

// Integration tells one address.
type Integration struct {
	config    *amconfig.Webhook
	templates *render.Templates
	client    *httpsend.Client
	url       secret.Source
}

var _ notice.Integration = (*Integration)(nil)

// New returns the integration of a configuration that is complete.
func New(c *amconfig.Webhook, t *render.Templates, o httpsend.Options) (*Integration, error) {
	url := secret.Source{Inline: c.URL, File: c.URLFile, Environment: o.Environment}
	if err := url.Check(); err != nil {
		return nil, err
	}
	client, err := httpsend.New(c.HTTPConfig, nil, o)
	return &Integration{config: c, templates: t, client: client, url: url}, err
}

// Name returns "webhook".
func (i *Integration) Name() string { return "webhook" }

// SendResolved reports whether resolved alerts are told of.
func (i *Integration) SendResolved() bool { return i.config.SendResolved }

// Close closes idle connections.
func (i *Integration) Close() { i.client.Close() }

// Send posts the payload. Any 2xx is an acknowledgement. The header
// Idempotency-Key is the message's ID, the same for each attempt.
func (i *Integration) Send(ctx context.Context, m *notice.Message) error {
	url, err := i.url.Read()
	if err != nil {
		return notice.Failure(err)
	}
	payload, address, err := Compose(i.config, i.templates, m, url)
	if err != nil {
		return notice.Failure(err)
	}
	body, err := render.JSON(payload)
	if err != nil {
		return notice.Failure(err)
	}
	ctx, cancel := notice.WithTimeout(ctx, i.config.Timeout)
	defer cancel()
	answer, err := i.client.Do(ctx, httpsend.Request{URL: address, Body: body, Header: map[string]string{"Idempotency-Key": m.ID}})
	if err != nil {
		return err
	}
	if !answer.OK() {
		return answer.Refused()
	}
	return nil
}
