package rollout

import "weir/pkg/schema"

// alert is an alert of a node that began to fire.
type alert struct {
	at      int64  // unix milliseconds
	version string // that it was for; "" for none
}

// AddAlerts adds the alerts that began to fire in the window. Those with the
// label of nodes count, each for the node that it names; its tenant too must be
// the node's, where the alert has one: an expression may leave it out. All
// series must have been added before.
func (f *Fleet) AddAlerts(all []schema.AlertTransition) {
	f.alerts = true
	named := map[string][]nodeName{}
	for name := range f.nodes {
		named[name.node] = append(named[name.node], name)
	}
	for _, a := range all {
		id := a.Labels[schema.KindSporeNode.IDLabel()]
		if id == "" {
			continue
		}
		for _, name := range named[id] {
			if fits(a.Labels, "service", name.service) && fits(a.Labels, "subservice", name.subservice) {
				n := f.nodes[name]
				n.alerts = append(n.alerts, alert{a.At, a.Labels[f.label]})
			}
		}
	}
}

// fits reports whether a label is absent or has a value.
func fits(labels map[string]string, name, value string) bool {
	got, ok := labels[name]
	return !ok || got == value
}

// alertsOf returns how many of a node's alerts belong to each of its stretches:
// to the latest one of the alert's version that had begun by then, or to the
// first of that version, since an alert may be older than the window's first
// reading. An alert that names no version belongs to what the node ran. Alerts
// of a version that the node was not seen under belong to none.
func (n *node) alertsOf(stretches []stretch) []int {
	counts := make([]int, len(stretches))
	for _, a := range n.alerts {
		at := -1
		for i, s := range stretches {
			if a.version != "" && a.version != s.version {
				continue
			}
			if at < 0 || s.first <= a.at {
				at = i
			}
		}
		if at >= 0 {
			counts[at]++
		}
	}
	return counts
}
