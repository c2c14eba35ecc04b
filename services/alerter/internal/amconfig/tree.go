package amconfig

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/strictyaml"
)

// routeSection is a route as it is written: what it leaves out, it inherits.
type routeSection struct {
	strictyaml.At
	Receiver            string          `yaml:"receiver"`
	GroupBy             []string        `yaml:"group_by"`
	GroupWait           *model.Duration `yaml:"group_wait"`
	GroupInterval       *model.Duration `yaml:"group_interval"`
	RepeatInterval      *model.Duration `yaml:"repeat_interval"`
	Match               equalities      `yaml:"match"`
	MatchRE             patterns        `yaml:"match_re"`
	Matchers            matcherLines    `yaml:"matchers"`
	MuteTimeIntervals   []string        `yaml:"mute_time_intervals"`
	ActiveTimeIntervals []string        `yaml:"active_time_intervals"`
	Continue            bool            `yaml:"continue"`
	Routes              []*routeSection `yaml:"routes"`
}

// Validate says what is wrong with the route alone.
func (r *routeSection) Validate() (found []string) {
	if !slices.Contains(r.GroupBy, "...") {
		_, found = labelNames("group_by", r.GroupBy)
	} else if len(slices.Compact(slices.Clone(r.GroupBy))) > 1 {
		found = append(found, "group_by: '...' and other labels exclude each other")
	}
	if r.GroupInterval != nil && *r.GroupInterval == 0 {
		found = append(found, "group_interval cannot be zero")
	}
	if r.RepeatInterval != nil && *r.RepeatInterval == 0 {
		found = append(found, "repeat_interval cannot be zero")
	}
	return found
}

// rootFaults says what a root route may not be: it is where an alert goes that
// goes nowhere else.
func (r *routeSection) rootFaults() (found strictyaml.Faults) {
	for _, f := range []struct {
		bad  bool
		text string
	}{
		{r.Receiver == "", "the root route must name a receiver"},
		{len(r.Match.all)+len(r.MatchRE.all)+len(r.Matchers.all) > 0, "the root route must not have matchers"},
		{len(r.MuteTimeIntervals) > 0, "the root route must not have mute_time_intervals"},
		{len(r.ActiveTimeIntervals) > 0, "the root route must not have active_time_intervals"},
		{r.Continue, "the root route must not have continue"},
	} {
		if f.bad {
			found.Add(r.Line(), "%s", f.text)
		}
	}
	return found
}

// undefined says which receivers and time intervals the routes name that there
// are not.
func (r *routeSection) undefined(receiver, interval func(string) bool) (found strictyaml.Faults) {
	if r.Receiver != "" && !receiver(r.Receiver) {
		found.Add(r.Line(), "undefined receiver %q", r.Receiver)
	}
	for _, name := range slices.Concat(r.MuteTimeIntervals, r.ActiveTimeIntervals) {
		if !interval(name) {
			found.Add(r.Line(), "undefined time interval %q", name)
		}
	}
	for _, child := range r.Routes {
		found = append(found, child.undefined(receiver, interval)...)
	}
	return found
}

// route returns the route with what it inherits filled in.
func (r *routeSection) route(parent *Route) *Route {
	made := *parent
	made.Line, made.Continue, made.Routes = r.Line(), r.Continue, nil
	made.Matchers = sorted(r.Match.all, r.MatchRE.all, r.Matchers.all)
	made.MuteTimeIntervals, made.ActiveTimeIntervals = r.MuteTimeIntervals, r.ActiveTimeIntervals // these are not inherited
	if r.Receiver != "" {
		made.Receiver = r.Receiver
	}
	if r.GroupBy != nil {
		made.GroupBy, made.GroupByAll = nil, slices.Contains(r.GroupBy, "...")
		if !made.GroupByAll {
			made.GroupBy, _ = labelNames("", r.GroupBy)
			slices.Sort(made.GroupBy)
		}
	}
	inherit(&made.GroupWait, r.GroupWait)
	inherit(&made.GroupInterval, r.GroupInterval)
	inherit(&made.RepeatInterval, r.RepeatInterval)
	for _, child := range r.Routes {
		made.Routes = append(made.Routes, child.route(&made))
	}
	return &made
}

func inherit(into *time.Duration, own *model.Duration) {
	if own != nil {
		*into = time.Duration(*own)
	}
}
