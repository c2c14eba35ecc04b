package route

import (
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/amconfig"
)

// node is a route of the tree.
type node struct {
	id       string // unique, as Alertmanager writes it: {}/{a="b"}/0
	key      string // the same without the index: what groups' keys begin with
	receiver string
	matchers labels.Matchers
	goOn     bool // continue
	children []*node

	groupBy                                  map[model.LabelName]bool // nil: every label
	groupWait, groupInterval, repeatInterval time.Duration
	mute, active                             []*schedule
}

func (r *Router) newNode(c *amconfig.Route, parent *node, index int) *node {
	n := &node{receiver: c.Receiver, matchers: c.Matchers, goOn: c.Continue,
		groupWait: c.GroupWait, groupInterval: c.GroupInterval, repeatInterval: c.RepeatInterval}
	n.id, n.key = c.Matchers.String(), c.Matchers.String()
	if parent != nil {
		n.id, n.key = fmt.Sprintf("%s/%s/%d", parent.id, n.id, index), parent.key+"/"+n.key
	}
	if !c.GroupByAll {
		n.groupBy = map[model.LabelName]bool{}
		for _, name := range c.GroupBy {
			n.groupBy[name] = true
		}
	}
	for _, name := range c.MuteTimeIntervals {
		n.mute = append(n.mute, r.intervals[name])
	}
	for _, name := range c.ActiveTimeIntervals {
		n.active = append(n.active, r.intervals[name])
	}
	for i, child := range c.Routes {
		n.children = append(n.children, r.newNode(child, n, i))
	}
	return n
}

// match appends the routes that an alert goes to: depth first, the first child
// that matches and those behind it as long as they say continue; the node itself
// if none of its children matches.
func (n *node) match(set model.LabelSet, into []*node) []*node {
	if !n.matchers.Matches(set) {
		return into
	}
	before := len(into)
	for _, child := range n.children {
		had := len(into)
		if into = child.match(set, into); len(into) > had && !child.goOn {
			break
		}
	}
	if len(into) == before {
		into = append(into, n)
	}
	return into
}

// groupLabels returns the labels by which an alert is grouped.
func (n *node) groupLabels(set model.LabelSet) model.LabelSet {
	if n.groupBy == nil {
		return set
	}
	of := make(model.LabelSet, len(n.groupBy))
	for name := range n.groupBy {
		if value, ok := set[name]; ok {
			of[name] = value
		}
	}
	return of
}

// mutedBy returns the names of the time intervals that mute the route: the mute
// times that it is in, or all the active times if it is in none of them.
func (n *node) mutedBy(at time.Time) []string {
	var names []string
	for _, s := range n.mute {
		if s.contains(at) {
			names = append(names, s.name)
		}
	}
	for _, s := range n.active {
		if s.contains(at) {
			return names
		}
	}
	for _, s := range n.active {
		names = append(names, s.name)
	}
	return names
}

func (n *node) muted(at time.Time) bool {
	return len(n.mute)+len(n.active) > 0 && len(n.mutedBy(at)) > 0
}

// nextEdge returns when one of the route's time intervals begins or ends.
func (n *node) nextEdge(now time.Time) time.Time {
	var next time.Time
	for _, list := range [][]*schedule{n.mute, n.active} {
		for _, s := range list {
			next = earliest(next, s.nextEdge(now))
		}
	}
	return next
}

// earliest returns the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
