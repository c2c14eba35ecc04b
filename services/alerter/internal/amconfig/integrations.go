package amconfig

import "fmt"

// Integration is one thing that a receiver notifies: the Index-th of all of its
// receiver, in the order in which notify builds them.
type Integration struct {
	Name         string // the kind: "slack", "email", "pagerduty", "opsgenie", "webhook"
	Number       int    // among those of its kind, as in the file
	Index        int
	SendResolved bool
}

// Key names the integration within its receiver: "slack[0]" is slack_configs[0].
// What was told is remembered under it, so it does not count the other kinds: else
// a receiver that gets one more would be told everything again by all behind it.
func (i Integration) Key() string { return fmt.Sprintf("%s[%d]", i.Name, i.Number) }

// Integrations returns the receiver's integrations in the order Slack, Email,
// PagerDuty, OpsGenie, Webhook, each kind in the order of the file.
func (r *Receiver) Integrations() []Integration {
	var all []Integration
	add := func(name string, number int, sendResolved bool) {
		all = append(all, Integration{Name: name, Number: number, Index: len(all), SendResolved: sendResolved})
	}
	for i := range r.Slack {
		add("slack", i, r.Slack[i].SendResolved)
	}
	for i := range r.Email {
		add("email", i, r.Email[i].SendResolved)
	}
	for i := range r.PagerDuty {
		add("pagerduty", i, r.PagerDuty[i].SendResolved)
	}
	for i := range r.OpsGenie {
		add("opsgenie", i, r.OpsGenie[i].SendResolved)
	}
	for i := range r.Webhook {
		add("webhook", i, r.Webhook[i].SendResolved)
	}
	return all
}
