package amconfig

import "fmt"

// Integration is one thing that a receiver notifies: the Index-th of all of its
// receiver, in the order in which notify builds them.
type Integration struct {
	Name         string // the kind: "slack", "email", "pagerduty", "opsgenie", "webhook"
	Index        int
	SendResolved bool
}

// Key names the integration within its receiver: "slack[0]".
func (i Integration) Key() string { return fmt.Sprintf("%s[%d]", i.Name, i.Index) }

// Integrations returns the receiver's integrations in the order Slack, Email,
// PagerDuty, OpsGenie, Webhook, each kind in the order of the file.
func (r *Receiver) Integrations() []Integration {
	var all []Integration
	add := func(name string, sendResolved bool) {
		all = append(all, Integration{Name: name, Index: len(all), SendResolved: sendResolved})
	}
	for i := range r.Slack {
		add("slack", r.Slack[i].SendResolved)
	}
	for i := range r.Email {
		add("email", r.Email[i].SendResolved)
	}
	for i := range r.PagerDuty {
		add("pagerduty", r.PagerDuty[i].SendResolved)
	}
	for i := range r.OpsGenie {
		add("opsgenie", r.OpsGenie[i].SendResolved)
	}
	for i := range r.Webhook {
		add("webhook", r.Webhook[i].SendResolved)
	}
	return all
}
