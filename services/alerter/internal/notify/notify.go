// Package notify tells receivers of alerts. It builds the integrations that a
// configuration names; each kind is a package of its own, which turns a Message
// into the vendor's payload (pure) and sends it (a thin shell).
package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/email"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/opsgenie"
	"weir/services/alerter/internal/notify/pagerduty"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/slack"
	"weir/services/alerter/internal/notify/webhook"
)

// The types that integrations share.
type (
	// Message is what one integration is to tell.
	Message = notice.Message
	// Series is a line to be drawn.
	Series = notice.Series
	// Integration is one way to tell one receiver.
	Integration = notice.Integration
	// Error says that a receiver was not told, and whether to try again.
	Error = notice.Error
)

// Options are what all integrations share.
type Options struct {
	Version     string                           // of the program, for User-Agent
	Environment func(name string) (string, bool) // nil: os.LookupEnv
}

// Build returns the integrations of each receiver, in the order of
// amconfig.Receiver.Integrations. A receiver without any is there with none. The
// error lists what cannot be built: an environment that lacks a variable,
// templates or certificates that cannot be read.
//
// What is built anew replaces what was built before; CloseIdle the latter.
func Build(c *amconfig.Config, o Options) (map[string][]Integration, error) {
	templates, err := render.Load(c.Templates)
	if err != nil {
		return nil, err
	}
	environment := o.Environment
	if environment == nil {
		environment = os.LookupEnv
	}
	b := builder{templates, httpsend.Options{Environment: environment, UserAgent: "weir/" + cmp.Or(o.Version, "dev")}}
	all := make(map[string][]Integration, len(c.Receivers))
	var faults []error
	for i := range c.Receivers {
		built, err := b.receiver(&c.Receivers[i])
		all[c.Receivers[i].Name] = built
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return all, nil
}

type builder struct {
	templates *render.Templates
	http      httpsend.Options
}

func (b builder) receiver(r *amconfig.Receiver) (built []Integration, _ error) {
	var faults []error
	add := func(kind string, i int, one Integration, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("receiver %q: %s_configs[%d]: %w", r.Name, kind, i, err))
			return
		}
		built = append(built, selective{one})
	}
	for i := range r.Slack {
		one, err := slack.New(&r.Slack[i], b.templates, b.http)
		add("slack", i, one, err)
	}
	for i := range r.Email {
		one, err := email.New(&r.Email[i], b.templates, b.http.Environment)
		add("email", i, one, err)
	}
	for i := range r.PagerDuty {
		one, err := pagerduty.New(&r.PagerDuty[i], b.templates, b.http)
		add("pagerduty", i, one, err)
	}
	for i := range r.OpsGenie {
		one, err := opsgenie.New(&r.OpsGenie[i], b.templates, b.http)
		add("opsgenie", i, one, err)
	}
	for i := range r.Webhook {
		one, err := webhook.New(&r.Webhook[i], b.templates, b.http)
		add("webhook", i, one, err)
	}
	return built, errors.Join(faults...)
}

// selective keeps resolved alerts from an integration that does not want them.
type selective struct{ Integration }

// Send tells the integration what it wants to hear. Nothing is no news: that
// succeeds.
func (s selective) Send(ctx context.Context, m *Message) error {
	if !s.SendResolved() && len(m.Resolved) > 0 {
		firing := *m
		firing.Resolved = nil
		m = &firing
	}
	if len(m.Firing)+len(m.Resolved) == 0 {
		return nil
	}
	return s.Integration.Send(ctx, m)
}

// CloseIdle closes the connections of integrations that are not used any more.
// What is being sent goes on.
func CloseIdle(all map[string][]Integration) {
	for _, integrations := range all {
		for _, i := range integrations {
			if s, ok := i.(selective); ok {
				i = s.Integration
			}
			if c, ok := i.(interface{ Close() }); ok {
				c.Close()
			}
		}
	}
}
