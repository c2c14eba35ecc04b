// Package route decides who is to be told of which alerts, and when: the routes
// of alertmanager.yml, grouping, inhibition, silences and mute times. It is
// pure: what is due follows from the configuration, the alerts, the notices so
// far, the silences and the time, all of which are parameters.
package route

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
)

// DefaultFallbackAfter is after how long of failure the fallback receiver is
// told as well, unless Options say otherwise.
const DefaultFallbackAfter = 5 * time.Minute

// Options are what Alertmanager's file does not know of.
type Options struct {
	FallbackReceiver string        // told as well when another fails for long; "" for none
	FallbackAfter    time.Duration // how long is long; 0 is DefaultFallbackAfter
}

// Router decides by one configuration. What it works out of alerts it remembers
// while they are known, so it is not for concurrent use; its answers do not
// depend on what it remembers.
type Router struct {
	root         *node
	intervals    map[string]*schedule
	inhibit      []*inhibitRule
	integrations map[string][]integration // by receiver
	fallback     string
	after        time.Duration

	known known
}

// integration is one thing that a receiver notifies.
type integration struct {
	key          string // "slack[0]"
	index        int
	sendResolved bool
}

// New returns a router. An error says that the fallback receiver is not one of
// the configuration.
func New(c *amconfig.Config, o Options) (*Router, error) {
	r := &Router{
		intervals: schedules(c.TimeIntervals), inhibit: inhibitRules(c.InhibitRules),
		integrations: map[string][]integration{}, fallback: o.FallbackReceiver, after: o.FallbackAfter,
	}
	if r.after == 0 {
		r.after = DefaultFallbackAfter
	}
	for i := range c.Receivers {
		name := c.Receivers[i].Name
		r.integrations[name] = nil
		for _, in := range c.Receivers[i].Integrations() {
			r.integrations[name] = append(r.integrations[name], integration{in.Key(), in.Index, in.SendResolved})
		}
	}
	if _, ok := r.integrations[r.fallback]; r.fallback != "" && !ok {
		return nil, fmt.Errorf("fallback receiver %q is none of the receivers of the routes' file", r.fallback)
	}
	r.root = r.newNode(c.Route, nil, 0)
	r.known = newKnown()
	return r, nil
}

// Plan is what is due.
type Plan struct {
	Due  []Due     // now, ordered by key
	Next time.Time // when to look again if nothing happens before, zero for never
	Owed int       // notices whose time has come, those included that wait for their next attempt

	// Failing has those of them whose last attempt failed, ascending. What was
	// attempted as an older configuration had it, and nobody is owed now, is none.
	Failing []alert.NoticeKey
}

// Due is one notice that is to be sent now.
type Due struct {
	Key           alert.NoticeKey
	ID            string // the same for the same news, in each attempt and after a restart
	RouteID       string
	GroupLabels   model.LabelSet
	Receiver      string // as Key.Receiver
	Index         int    // of the integration among all of its receiver
	Reason        Reason
	GroupInterval time.Duration  // of the route
	Fallback      bool           // it stands in for a receiver that has failed for long
	Firing        []*alert.Alert // all of the group that fire and are not muted, in alert.Compare's order
	Resolved      []*alert.Alert // those whose end is not told yet, in the same order
}

// Reason says why a notice is due, or why none is.
type Reason string

// The reasons for which a notice is due, or was when its time came.
const (
	NewAlerts      Reason = "new alerts"
	ResolvedAlerts Reason = "resolved"
	Repeat         Reason = "repeat"
	Unmuted        Reason = "unmuted" // it would have been told earlier, but was muted then
)

// The reasons for which none is.
const (
	GroupWait       Reason = "group_wait"
	GroupInterval   Reason = "group_interval"
	NothingNew      Reason = "nothing new"
	Backoff         Reason = "waits for the next attempt"
	MutedBySilence  Reason = "muted by silence"
	MutedByInhibit  Reason = "muted by inhibition"
	MutedByInterval Reason = "muted by time interval"
)

// Receivers returns the names of the receivers to which an alert of these
// labels goes, in the order of the routes.
func (r *Router) Receivers(labels model.LabelSet) []string {
	var names []string
	for _, n := range r.root.match(labels, nil) {
		names = append(names, n.receiver)
	}
	return names
}
