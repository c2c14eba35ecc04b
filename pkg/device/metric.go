// Package device measures on a device: counters, gauges, summaries and
// histograms with labels, rendered as the text that Prometheus and weir read.
// It uses nothing but the standard library's smallest parts, so that TinyGo
// compiles it too; package push sends what it renders.
//
//	registry := device.NewRegistry("plant")
//	temperature := device.NewGauge("temperature_celsius", "Air temperature.", "sensor")
//	registry.Register(temperature)
//	temperature.Set(21.5, "bme680")
//	fmt.Print(registry.Render())
package device

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Type is a metric's type as Prometheus' text names it.
type Type string

// The types.
const (
	TypeCounter   Type = "counter"
	TypeGauge     Type = "gauge"
	TypeSummary   Type = "summary"
	TypeHistogram Type = "histogram"
)

// Metric is one of the metrics of this package. It may be registered with
// several registries, and used by several goroutines. Labels' values may be any
// text: what is not UTF-8 in them is rendered as U+FFFD, of what is longer than
// MaxValue the beginning.
type Metric interface {
	describe() *family
	// samples appends the samples of one set of label values.
	samples(out []sample, s *series) []sample
}

// family is what the metrics have in common: their names and one series for
// each set of label values.
type family struct {
	typ    Type
	name   string
	help   string
	labels []string

	mu     sync.Mutex
	series map[string]*series
}

// series is the numbers of one set of label values.
type series struct {
	values  []string // of the family's labels
	value   float64  // a counter's or a gauge's; the sum of what was observed
	count   uint64
	buckets []uint64 // a histogram's, one for each bound: what was not above it, and above the bound before
}

// sample is one line of the text.
type sample struct {
	suffix string
	bound  string // the value of le, "" for none
	value  float64
}

// separator stands between label values in a map's key. No value has it, since
// they are made valid UTF-8 first: so no two sets of values have the same key.
const separator = "\xff"

// MaxValue is how long a label's value can be, in bytes; of a longer one the
// beginning counts. It is the limit of weir's pkg/schema/decode/exposition.
const MaxValue = 1024

// ownLabel is the label that a type has for itself.
var ownLabel = map[Type]string{TypeSummary: "quantile", TypeHistogram: "le"}

func newFamily(typ Type, name, help string, labels []string) *family {
	if !validName(name, true) {
		panic("BUG: device: " + quote(name) + " is not a metric's name: letters, digits, '_' and ':', no digit first")
	}
	for i, l := range labels {
		switch {
		case !validName(l, false) || strings.HasPrefix(l, "__"):
			panic("BUG: device: " + quote(l) + " is not a label's name: letters, digits and '_', no digit and no \"__\" first")
		case l == ownLabel[typ]:
			panic("BUG: device: " + name + " is a " + string(typ) + ", whose label " + quote(l) + " is not for others")
		case slices.Contains(labels[:i], l):
			panic("BUG: device: " + name + " has the label " + quote(l) + " twice")
		}
	}
	f := &family{typ: typ, name: name, help: validText(help), labels: slices.Clone(labels), series: map[string]*series{}}
	if len(labels) == 0 {
		f.series[""] = &series{}
	}
	return f
}

func (f *family) describe() *family { return f }

// suffixes are what a type's samples have behind the metric's name, beside nothing.
var suffixes = map[Type][]string{TypeSummary: {"_sum", "_count"}, TypeHistogram: {"_bucket", "_sum", "_count"}}

// rendered returns the metric's name and those of its samples.
func (f *family) rendered() []string {
	names := []string{f.name}
	for _, suffix := range suffixes[f.typ] {
		names = append(names, f.name+suffix)
	}
	return names
}

// change calls f with the series of the label values, which is made if it is
// not there. A wrong number of values is a mistake in the program.
func (f *family) change(values []string, change func(*series)) {
	if len(values) != len(f.labels) {
		panic("BUG: device: " + f.name + " has the labels (" + strings.Join(f.labels, ", ") + ") and got the values (" + strings.Join(values, ", ") + ")")
	}
	key := seriesKey(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.series[key]
	if s == nil {
		s = &series{values: strings.Split(key, separator)}
		f.series[key] = s
	}
	change(s)
}

// seriesKey returns the key of label values.
func seriesKey(values []string) string {
	if len(values) == 1 {
		return validValue(values[0])
	}
	valid := make([]string, len(values))
	for i, v := range values {
		valid[i] = validValue(v)
	}
	return strings.Join(valid, separator)
}

// validValue makes a text one that weir takes as a label's value. With one that it
// does not take, the whole text would be refused, and all that was measured lost.
func validValue(s string) string {
	s = validText(s)
	if len(s) <= MaxValue {
		return s
	}
	end := MaxValue
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// validText puts U+FFFD in the place of what is not UTF-8.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// validName reports whether a name is one that Prometheus' text can have;
// colons are for metrics.
func validName(name string, metric bool) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == ':' && metric
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
