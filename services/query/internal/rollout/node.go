package rollout

import (
	"cmp"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// series is a node's values of a field under a version. Other labels may differ,
// so a node may have several of one field and version.
type series struct {
	field   schema.Field
	version string
	t       []int64
	v       []float64
}

// node is what is known of a node in the window.
type node struct {
	series []series
	alerts []alert
}

// add adds a series. All fields of a reading have its time, so that most series
// have the times of the one before: these are kept once.
func (n *node) add(s series) {
	if last := len(n.series) - 1; last >= 0 && slices.Equal(n.series[last].t, s.t) {
		s.t = n.series[last].t
	}
	n.series = append(n.series, s)
}

// stretch is a time in which a node ran one version without a break, from its
// first reading to its last one.
type stretch struct {
	version     string
	first, last int64
}

// stretches returns what the node ran, one after the other.
func (n *node) stretches() []stretch {
	if n.hasOneVersion() {
		s := stretch{n.series[0].version, n.series[0].t[0], n.series[0].t[0]}
		for i := range n.series {
			t := n.series[i].t
			s.first, s.last = min(s.first, t[0]), max(s.last, t[len(t)-1])
		}
		return []stretch{s}
	}
	var all []stretch
	for _, r := range n.readings() {
		if last := len(all) - 1; last >= 0 && all[last].version == r.version {
			all[last].last = r.t
			continue
		}
		all = append(all, stretch{r.version, r.t, r.t})
	}
	return all
}

func (n *node) hasOneVersion() bool {
	return !slices.ContainsFunc(n.series, func(s series) bool { return s.version != n.series[0].version })
}

type reading struct {
	t       int64
	version string
}

// readings returns when the node said that it ran which version, in order.
func (n *node) readings() []reading {
	var all []reading
	for i := range n.series {
		s := &n.series[i]
		if i > 0 && &s.t[0] == &n.series[i-1].t[0] && s.version == n.series[i-1].version {
			continue // of the same readings
		}
		for _, t := range s.t {
			all = append(all, reading{t, s.version})
		}
	}
	slices.SortFunc(all, func(a, b reading) int {
		return cmp.Or(cmp.Compare(a.t, b.t), strings.Compare(a.version, b.version))
	})
	return all
}

// values returns the parts of the node's series of a field that lie in a stretch.
func (n *node) values(f schema.Field, in stretch) (parts [][]float64) {
	for i := range n.series {
		s := &n.series[i]
		if s.field != f || s.version != in.version {
			continue
		}
		from, _ := slices.BinarySearch(s.t, in.first)
		to, _ := slices.BinarySearch(s.t, in.last+1)
		if from < to {
			parts = append(parts, s.v[from:to])
		}
	}
	return parts
}

// restarts returns how often the node restarted in a stretch; ok is false if it
// told nothing by which that can be known.
func (n *node) restarts(in stretch) (count float64, ok bool) {
	for _, f := range clocks {
		parts := n.values(f, in)
		for _, v := range parts {
			count += falls(v)
		}
		if len(parts) > 0 {
			return count, true
		}
	}
	return 0, false
}
