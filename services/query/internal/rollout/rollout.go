// Package rollout compares the nodes of a SPORE fleet by the firmware that they
// run: what was measured under each version, and before and after each change of
// version. A version is the value of a label of the nodes' series, mostly
// "version".
package rollout

import (
	"slices"
	"strings"

	"weir/pkg/schema"
)

// MaxSamples is how many samples a comparison may be made of: some 200 MB.
const MaxSamples = 20_000_000

// metrics are the series that are compared, in the order in which they are shown.
var metrics = []schema.Field{
	schema.SporeCPUUsagePercent,
	schema.SporeCPUTemperatureC,
	schema.SporeMemoryUsagePercent,
	schema.SporeFlashUsagePercent,
	schema.SporeNetworkSignalPercent,
}

// clocks are the series whose falls are a node's restarts; that of the first one
// counts which the node has. Only ESP8266 nodes tell their uptime.
var clocks = []schema.Field{schema.SporeUptimeSeconds, schema.SporeNetworkBytesSent}

// Names returns the names of the series that are compared.
func Names() []string {
	var names []string
	for _, f := range slices.Concat(metrics, clocks) {
		names = append(names, seriesName(f))
	}
	return names
}

func seriesName(f schema.Field) string {
	for i := range schema.Fields {
		if schema.Fields[i].Field == f {
			return schema.Fields[i].Name
		}
	}
	panic("BUG: a field without a name")
}

// Fleet gathers the series of a window of time.
type Fleet struct {
	label string
	field map[string]schema.Field // by name of the series
	nodes map[nodeName]*node
	texts map[string]string

	alerts bool // they are known
}

type nodeName struct{ service, subservice, node string }

// New returns a fleet without nodes. label is the label whose values are the
// versions.
func New(label string) *Fleet {
	f := &Fleet{label: label, field: map[string]schema.Field{}, nodes: map[nodeName]*node{}, texts: map[string]string{}}
	for _, field := range slices.Concat(metrics, clocks) {
		f.field[seriesName(field)] = field
	}
	return f
}

// Add adds a series. The samples are ascending in time, unix milliseconds, and
// the fleet's from now on; staleness markers among them are left out. The labels
// are copied. Series of other names than Names and those without the label do
// not count.
func (f *Fleet) Add(labels []schema.Label, t []int64, v []float64) {
	var name nodeName
	s := series{}
	for _, l := range labels {
		switch l.Name {
		case "__name__":
			s.field = f.field[l.Value]
		case "service":
			name.service = f.text(l.Value)
		case "subservice":
			name.subservice = f.text(l.Value)
		case schema.KindSporeNode.IDLabel():
			name.node = f.text(l.Value)
		}
		if l.Name == f.label {
			s.version = f.text(l.Value)
		}
	}
	if s.t, s.v = withoutMarkers(t, v); s.field == 0 || s.version == "" || len(s.t) == 0 {
		return
	}
	n := f.nodes[name]
	if n == nil {
		n = new(node)
		f.nodes[name] = n
	}
	n.add(s)
}

// text returns a copy of s, the same for equal ones.
func (f *Fleet) text(s string) string {
	known, ok := f.texts[s]
	if !ok {
		known = strings.Clone(s)
		f.texts[known] = known
	}
	return known
}

// withoutMarkers leaves out what is not a number: devices send numbers only, and
// staleness markers are none.
func withoutMarkers(t []int64, v []float64) ([]int64, []float64) {
	n := 0
	for i := range v {
		if v[i] == v[i] {
			t[n], v[n] = t[i], v[i]
			n++
		}
	}
	return t[:n], v[:n]
}

// ordered returns the nodes by name: sums of floats depend on the order.
func (f *Fleet) ordered() []*node {
	names := make([]nodeName, 0, len(f.nodes))
	for name := range f.nodes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b nodeName) int {
		if c := strings.Compare(a.service, b.service); c != 0 {
			return c
		}
		if c := strings.Compare(a.subservice, b.subservice); c != 0 {
			return c
		}
		return strings.Compare(a.node, b.node)
	})
	nodes := make([]*node, len(names))
	for i, name := range names {
		nodes[i] = f.nodes[name]
	}
	return nodes
}
