// Package metrics adapts VictoriaMetrics/metrics for weir's own metrics: sets
// whose metrics are declared once, as data with help text, and an exposition
// that carries HELP and TYPE and is sorted.
package metrics

import (
	"fmt"
	"slices"
	"strings"

	vm "github.com/VictoriaMetrics/metrics"
)

// Type is a metric's type in Prometheus' exposition format.
type Type string

// The types.
const (
	Counter Type = "counter"
	Gauge   Type = "gauge"
	Summary Type = "summary"
)

// Desc declares a metric.
type Desc struct {
	Name string // with its unit, and _total for a counter
	Type Type
	Help string
}

// CounterSeries, SummarySeries are one series of a counter or summary.
type (
	CounterSeries = vm.Counter
	SummarySeries = vm.Summary
)

// Label is a label of one series.
type Label struct{ Name, Value string }

// L returns a label.
func L(name, value string) Label { return Label{name, value} }

// Set is a group of metrics. Its methods may be called concurrently; asking for
// a series that exists returns the one there is. Asking for a name that was not
// declared, or as another type, panics: that is a mistake in the program.
type Set struct {
	set   *vm.Set
	descs map[string]Desc
}

// NewSet declares a set's metrics.
func NewSet(descs ...Desc) *Set {
	s := &Set{set: vm.NewSet(), descs: map[string]Desc{}}
	for _, d := range descs {
		s.descs[d.Name] = d
	}
	return s
}

// Counter returns the series of a counter.
func (s *Set) Counter(name string, labels ...Label) *CounterSeries {
	return s.set.GetOrCreateCounter(s.series(name, Counter, labels))
}

// Gauge declares a series of a gauge whose value f tells when it is asked.
func (s *Set) Gauge(name string, f func() float64, labels ...Label) {
	s.set.GetOrCreateGauge(s.series(name, Gauge, labels), f)
}

// Summary returns the series of a summary with the quantiles 0.5, 0.9, 0.97,
// 0.99 and 1 over the last 5 minutes.
func (s *Set) Summary(name string, labels ...Label) *SummarySeries {
	return s.set.GetOrCreateSummary(s.series(name, Summary, labels))
}

func (s *Set) series(name string, typ Type, labels []Label) string {
	if d, ok := s.descs[name]; !ok || d.Type != typ {
		panic(fmt.Sprintf("BUG: %s %q is not declared in its set", typ, name))
	}
	return Series(name, labels...)
}

// escaper escapes a label's value as the text format wants it, no more.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Series returns "name{label="value",…}" with values escaped.
func Series(name string, labels ...Label) string {
	if len(labels) == 0 {
		return name
	}
	var b strings.Builder
	b.WriteString(name)
	for i, l := range labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.Name)
		b.WriteString(`="`)
		escaper.WriteString(&b, strings.ToValidUTF8(l.Value, "\uFFFD"))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// Descs returns the declarations, by name.
func (s *Set) Descs() []Desc {
	all := make([]Desc, 0, len(s.descs))
	for _, d := range s.descs {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Desc) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// CounterFunc declares a series of a counter whose value f tells when it is
// asked.
func (s *Set) CounterFunc(name string, f func() float64, labels ...Label) {
	s.set.GetOrCreateGauge(s.series(name, Counter, labels), f)
}
