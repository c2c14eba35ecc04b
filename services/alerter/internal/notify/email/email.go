// Package email sends mails by SMTP.
package email

import (
	"context"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/chart"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

// Integration tells the addresses of one e-mail configuration.
type Integration struct {
	config    *amconfig.Email
	templates *render.Templates
	server    *Server
}

var _ notice.Integration = (*Integration)(nil)

// New returns the integration of a configuration that is complete.
func New(c *amconfig.Email, t *render.Templates, environment secret.Environment) (*Integration, error) {
	server, err := NewServer(c, environment)
	return &Integration{config: c, templates: t, server: server}, err
}

// Name returns "email".
func (i *Integration) Name() string { return "email" }

// SendResolved reports whether resolved alerts are told of.
func (i *Integration) SendResolved() bool { return i.config.SendResolved }

// Close does nothing: no connection outlives a mail.
func (i *Integration) Close() {}

// Send sends the mail. A mail server's 4xx is worth another try, its 5xx is not.
func (i *Integration) Send(ctx context.Context, m *notice.Message) error {
	mail, err := Compose(i.config, i.templates.For(m), m, picture(ctx, m))
	if err != nil {
		return notice.Failure(err)
	}
	return i.server.Send(ctx, mail)
}

// picture draws the first alert's series. A mail without it is better than none,
// so that its faults are passed over.
func picture(ctx context.Context, m *notice.Message) []byte {
	if m.Chart == nil {
		return nil
	}
	for _, alerts := range [][]*alert.Alert{m.Firing, m.Resolved} {
		if len(alerts) == 0 {
			continue
		}
		series, err := m.Chart(ctx, alerts[0])
		if err != nil {
			return nil
		}
		png, err := chart.PNG(series)
		if err != nil {
			return nil
		}
		return png
	}
	return nil
}
