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
	"strings"
	"sync"
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
// several registries, and used by several goroutines.
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

// separator stands between label values in a map's key; it is in no valid UTF-8.
const separator = "\xff"

func newFamily(typ Type, name, help string, labels []string) *family {
	if !validName(name, true) {
		panic("BUG: device: " + quote(name) + " is not a metric's name: letters, digits, '_' and ':', no digit first")
	}
	for _, l := range labels {
		if !validName(l, false) || strings.HasPrefix(l, "__") || l == "le" && typ == TypeHistogram {
			panic("BUG: device: " + quote(l) + " is not a label's name")
		}
	}
	f := &family{typ: typ, name: name, help: help, labels: labels, series: map[string]*series{}}
	if len(labels) == 0 {
		f.series[""] = &series{}
	}
	return f
}

func (f *family) describe() *family { return f }

// change calls f with the series of the label values, which is made if it is
// not there. A wrong number of values is a mistake in the program.
func (f *family) change(values []string, change func(*series)) {
	if len(values) != len(f.labels) {
		panic("BUG: device: " + f.name + " has the labels (" + strings.Join(f.labels, ", ") + ") and got the values (" + strings.Join(values, ", ") + ")")
	}
	key := strings.Join(values, separator)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.series[key]
	if s == nil {
		s = &series{values: append([]string(nil), values...)}
		f.series[key] = s
	}
	change(s)
}

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
