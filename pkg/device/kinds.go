package device

import (
	"math"
	"sort"
)

// Counter counts what happens. It begins at 0 and only grows: what also falls is
// a Gauge.
type Counter struct{ *family }

// NewCounter returns a counter. Its name should end in _total.
func NewCounter(name, help string, labels ...string) *Counter {
	return &Counter{newFamily(TypeCounter, name, help, labels)}
}

// Inc adds 1.
func (c *Counter) Inc(labels ...string) { c.Add(1, labels...) }

// Add adds v. What is negative or no number is left out: a counter that falls
// would be taken for a device that restarted.
func (c *Counter) Add(v float64, labels ...string) {
	c.change(labels, func(s *series) {
		if v > 0 {
			s.value += v
		}
	})
}

func (c *Counter) samples(out []sample, s *series) []sample {
	return append(out, sample{value: s.value})
}

// Gauge is a value that goes up and down.
type Gauge struct{ *family }

// NewGauge returns a gauge.
func NewGauge(name, help string, labels ...string) *Gauge {
	return &Gauge{newFamily(TypeGauge, name, help, labels)}
}

// Set sets the value.
func (g *Gauge) Set(v float64, labels ...string) { g.change(labels, func(s *series) { s.value = v }) }

// Inc adds 1.
func (g *Gauge) Inc(labels ...string) { g.Add(1, labels...) }

// Dec takes 1 away.
func (g *Gauge) Dec(labels ...string) { g.Add(-1, labels...) }

// Add adds v, which may be negative.
func (g *Gauge) Add(v float64, labels ...string) { g.change(labels, func(s *series) { s.value += v }) }

func (g *Gauge) samples(out []sample, s *series) []sample {
	return append(out, sample{value: s.value})
}

// Summary counts and adds up what is observed.
type Summary struct{ *family }

// NewSummary returns a summary.
func NewSummary(name, help string, labels ...string) *Summary {
	return &Summary{newFamily(TypeSummary, name, help, labels)}
}

// Observe takes one value.
func (m *Summary) Observe(v float64, labels ...string) {
	m.change(labels, func(s *series) { s.count++; s.value += v })
}

func (m *Summary) samples(out []sample, s *series) []sample {
	return append(out, sample{suffix: "_sum", value: s.value}, sample{suffix: "_count", value: float64(s.count)})
}

// Histogram counts what is observed in buckets.
type Histogram struct {
	*family
	bounds []float64 // ascending, without +Inf
}

// DefaultBuckets are bounds for durations in seconds.
var DefaultBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// NewHistogram returns a histogram whose buckets have these upper bounds, each
// inclusive; the bucket of everything is added. They must ascend.
func NewHistogram(name, help string, bounds []float64, labels ...string) *Histogram {
	if n := len(bounds); n > 0 && math.IsInf(bounds[n-1], 1) {
		bounds = bounds[:n-1]
	}
	for i, b := range bounds {
		if math.IsNaN(b) || i > 0 && b <= bounds[i-1] {
			panic("BUG: device: the buckets of " + name + " do not ascend")
		}
	}
	return &Histogram{newFamily(TypeHistogram, name, help, labels), append([]float64(nil), bounds...)}
}

// Observe takes one value.
func (h *Histogram) Observe(v float64, labels ...string) {
	h.change(labels, func(s *series) {
		if s.buckets == nil {
			s.buckets = make([]uint64, len(h.bounds))
		}
		if i := sort.SearchFloat64s(h.bounds, v); i < len(h.bounds) {
			s.buckets[i]++
		}
		s.count++
		s.value += v
	})
}

func (h *Histogram) samples(out []sample, s *series) []sample {
	sum := uint64(0)
	for i, bound := range h.bounds {
		if s.buckets != nil {
			sum += s.buckets[i]
		}
		out = append(out, sample{suffix: "_bucket", bound: number(bound), value: float64(sum)})
	}
	out = append(out, sample{suffix: "_bucket", bound: "+Inf", value: float64(s.count)})
	return append(out, sample{suffix: "_sum", value: s.value}, sample{suffix: "_count", value: float64(s.count)})
}
