package rollout

import (
	"cmp"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// Report is a comparison.
type Report struct {
	Versions []Version // by version, 1.9 before 1.10
	Changes  []Change  // by their first moment

	// Alerts says whether the numbers of alerts are known.
	Alerts bool
}

// Version is what was measured under one version.
type Version struct {
	Version     string
	Nodes       int
	First, Last int64 // readings, unix milliseconds
	Alerts      int   // that began to fire
	Metrics     []Metric
}

// Change is nodes' going from one version to another.
type Change struct {
	From, To    string
	Nodes       int
	First, Last int64 // first readings under the new version, unix milliseconds

	AlertsBefore, AlertsAfter int // that began to fire

	Metrics []Difference
}

// Metric sums up what was measured.
type Metric struct {
	Name string
	Stats
}

// Difference sums up what was measured before and after. One of the two may be
// without values.
type Difference struct {
	Name          string
	Before, After Stats
}

// Restarts is the name of the metric that counts each node's restarts.
const Restarts = "restarts"

// Report compares. Nothing may be added afterwards.
func (f *Fleet) Report() Report {
	versions, changes := map[string]*version{}, map[[2]string]*change{}
	for _, n := range f.ordered() {
		see(n, versions, changes)
	}
	return Report{Versions: reportVersions(versions), Changes: reportChanges(changes), Alerts: f.alerts}
}

// version and change are the members of which they consist.
type version struct {
	Version
	nodes []member
}

type change struct {
	Change
	before, after []member
}

// member is a node in some of its stretches.
type member struct {
	node      *node
	stretches []stretch
}

// see enters a node.
func see(n *node, versions map[string]*version, changes map[[2]string]*change) {
	all := n.stretches()
	alerts := n.alertsOf(all)
	for i, s := range all {
		v := entry(versions, s.version, func(v *version) { v.Version = Version{Version: s.version, First: s.first, Last: s.last} })
		v.First, v.Last = min(v.First, s.first), max(v.Last, s.last)
		v.nodes = join(v.nodes, n, s)
		v.Alerts += alerts[i]
		if i == 0 {
			continue
		}
		was := all[i-1]
		c := entry(changes, [2]string{was.version, s.version}, func(c *change) {
			c.Change = Change{From: was.version, To: s.version, First: s.first, Last: s.first}
		})
		c.First, c.Last = min(c.First, s.first), max(c.Last, s.first)
		c.before, c.after = join(c.before, n, was), join(c.after, n, s)
		c.AlertsBefore, c.AlertsAfter = c.AlertsBefore+alerts[i-1], c.AlertsAfter+alerts[i]
	}
}

// entry returns the entry of a key, made if it is not there.
func entry[K comparable, V any](m map[K]*V, key K, make func(*V)) *V {
	v := m[key]
	if v == nil {
		v = new(V)
		make(v)
		m[key] = v
	}
	return v
}

// join adds a stretch to the last member, or a new one if that is another node.
func join(members []member, n *node, s stretch) []member {
	if last := len(members) - 1; last >= 0 && members[last].node == n {
		members[last].stretches = append(members[last].stretches, s)
		return members
	}
	return append(members, member{n, []stretch{s}})
}

func reportVersions(versions map[string]*version) []Version {
	all := make([]Version, 0, len(versions))
	for _, v := range versions {
		v.Nodes = len(v.nodes)
		for _, m := range measures {
			if s := m.gather(v.nodes).stats(); s.Count > 0 {
				v.Metrics = append(v.Metrics, Metric{m.name, s})
			}
		}
		all = append(all, v.Version)
	}
	slices.SortFunc(all, func(a, b Version) int { return compareVersions(a.Version, b.Version) })
	return all
}

func reportChanges(changes map[[2]string]*change) []Change {
	all := make([]Change, 0, len(changes))
	for _, c := range changes {
		c.Nodes = len(c.after)
		for _, m := range measures {
			before, after := m.gather(c.before).stats(), m.gather(c.after).stats()
			if before.Count > 0 || after.Count > 0 {
				c.Metrics = append(c.Metrics, Difference{m.name, before, after})
			}
		}
		all = append(all, c.Change)
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.First, b.First), compareVersions(a.From, b.From), compareVersions(a.To, b.To))
	})
	return all
}

// measure is a metric and what gathers its values.
type measure struct {
	name   string
	gather func([]member) pool
}

// measures are all metrics, in the order in which they are shown.
var measures = func() (all []measure) {
	for _, f := range metrics {
		all = append(all, measure{seriesName(f), func(members []member) pool { return gatherValues(members, f) }})
	}
	return append(all, measure{Restarts, gatherRestarts})
}()

// gatherValues gathers all samples of a field.
func gatherValues(members []member, f schema.Field) pool {
	var parts [][]float64
	for _, m := range members {
		for _, s := range m.stretches {
			parts = append(parts, m.node.values(f, s)...)
		}
	}
	return slices.Concat(parts...)
}

// gatherRestarts gathers a number a node.
func gatherRestarts(members []member) (p pool) {
	for _, m := range members {
		sum, known := 0.0, false
		for _, s := range m.stretches {
			n, ok := m.node.restarts(s)
			sum, known = sum+n, known || ok
		}
		if known {
			p = append(p, sum)
		}
	}
	return p
}

// compareVersions compares the numbers in two versions as numbers, and the rest
// as text; versions that are the same but for zeros are compared as text.
func compareVersions(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		n, m := leadingNumber(x), leadingNumber(y)
		c := 0
		if n > 0 && m > 0 {
			c = compareNumbers(x[:n], y[:m])
		} else {
			n, m = 1, 1
			c = cmp.Compare(x[0], y[0])
		}
		if c != 0 {
			return c
		}
		x, y = x[n:], y[m:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func leadingNumber(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
