package device

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// ContentType is the media type of what Render returns.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Registry renders the metrics that are registered with it.
type Registry struct {
	namespace string
	mu        sync.Mutex
	metrics   []Metric           // by name
	taken     map[string]*family // by the names of their samples
}

// NewRegistry returns an empty registry. The namespace and a '_' come before
// each metric's name, unless it is empty.
func NewRegistry(namespace string) *Registry {
	if namespace != "" && !validName(namespace, true) {
		panic("BUG: device: " + quote(namespace) + " is not a namespace: letters, digits, '_' and ':', no digit first")
	}
	return &Registry{namespace: namespace, taken: map[string]*family{}}
}

// Register adds metrics. No two of a registry may render the same name: a
// summary or a histogram a renders a_sum and a_count, a histogram a_bucket too.
func (r *Registry) Register(metrics ...Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range metrics {
		r.take(m.describe())
		name := m.describe().name
		at := sort.Search(len(r.metrics), func(i int) bool { return r.metrics[i].describe().name >= name })
		r.metrics = append(r.metrics, nil)
		copy(r.metrics[at+1:], r.metrics[at:])
		r.metrics[at] = m
	}
}

// take keeps the names that f renders, and panics if another metric has one.
func (r *Registry) take(f *family) {
	for _, name := range f.rendered() {
		switch other := r.taken[name]; {
		case other == nil:
			r.taken[name] = f
		case other.name == f.name:
			panic("BUG: device: the registry has a metric " + f.name + " already")
		default:
			panic("BUG: device: the " + string(f.typ) + " " + f.name + " and the " + string(other.typ) + " " + other.name + " would both render " + name)
		}
	}
}

// Render returns the metrics in Prometheus' text format 0.0.4, by name and label
// values (https://prometheus.io/docs/instrumenting/exposition_formats/).
func (r *Registry) Render() string {
	return string(r.AppendText(nil))
}

// AppendText appends what Render returns.
func (r *Registry) AppendText(b []byte) []byte {
	r.mu.Lock()
	metrics := append([]Metric(nil), r.metrics...)
	r.mu.Unlock()
	for _, m := range metrics {
		b = r.appendMetric(b, m)
	}
	return b
}

func (r *Registry) appendMetric(b []byte, m Metric) []byte {
	f := m.describe()
	name := f.name
	if r.namespace != "" {
		name = r.namespace + "_" + name
	}
	if f.help != "" {
		b = append(b, "# HELP "+name+" "+escape(f.help, false)+"\n"...)
	}
	b = append(b, "# TYPE "+name+" "+string(f.typ)+"\n"...)
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []sample
	for _, s := range f.sorted() {
		for _, line := range m.samples(lines[:0], s) {
			b = append(b, name+line.suffix...)
			b = appendLabels(b, f.labels, s.values, line.bound)
			b = append(append(append(b, ' '), number(line.value)...), '\n')
		}
	}
	return b
}

// sorted returns the series by their labels' values.
func (f *family) sorted() []*series {
	all := make([]*series, 0, len(f.series))
	for _, s := range f.series {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *series) int { return slices.Compare(a.values, b.values) })
	return all
}

func appendLabels(b []byte, names, values []string, bound string) []byte {
	if len(names) == 0 && bound == "" {
		return b
	}
	sign := byte('{')
	label := func(name, value string) {
		b = append(append(b, sign), name+`="`+escape(value, true)+`"`...)
		sign = ','
	}
	for i, name := range names {
		label(name, values[i])
	}
	if bound != "" {
		label("le", bound)
	}
	return append(b, '}')
}

// escape escapes a text for a line: backslashes and ends of lines, in labels
// quotes too.
func escape(s string, label bool) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "\n", `\n`)
	if label {
		s = strings.ReplaceAll(s, `"`, `\"`)
	}
	return s
}

// number writes a value as Prometheus' text has it: "21.5", "+Inf", "NaN".
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func quote(s string) string { return strconv.Quote(s) }
