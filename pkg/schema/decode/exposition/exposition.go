// Package exposition reads the text in which devices and exporters expose their
// metrics: Prometheus' text format 0.0.4, OpenMetrics 1.0, and what small boards
// make of them (prometheus_express, https://github.com/ssube/prometheus_express).
//
// A HELP's text may go on in further lines, as boards write it that know no
// escapes; in OpenMetrics it may not.
//
// Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/specs/om/open_metrics_spec/.
package exposition

import (
	"fmt"
	"strings"

	"weir/pkg/schema"
)

// Type is a family's type as the text says it: "counter", "gauge", "histogram",
// "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram".
type Type string

// The types that matter here.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Summary   Type = "summary"
	Histogram Type = "histogram"
	Untyped   Type = "untyped"
)

// Family is what the text says of the samples of a name.
type Family struct {
	Name string
	Type Type // "" where it does not say
	Help string
	Unit string
}

// SeriesType returns the type of a series of the family, "" if it is none that
// history knows.
func (f *Family) SeriesType(name string) schema.SeriesType {
	if strings.HasSuffix(name, "_created") && name != f.Name {
		return schema.Gauge
	}
	switch f.Type {
	case Counter:
		return schema.Cumulative
	case Gauge, "info", "stateset":
		return schema.Gauge
	case Histogram, "gaugehistogram":
		return schema.Histogram
	case Summary:
		return schema.Distribution
	}
	return ""
}

// Sample is one line with a value. Its strings belong to the parser.
type Sample struct {
	Name   string
	Labels []schema.Label // ascending by name, no value empty
	Value  float64        // may be NaN or infinite
	Time   int64          // unix nanoseconds, 0 where the line has none
	Family int            // its index in Document.Families, -1 if nothing is said of it
}

// Document is what a text says.
type Document struct {
	Families []Family
	Samples  []Sample // in the order of the text
	// Dropped counts the lines whose value is none ("None", "True", "False"), as
	// boards write them that have not measured yet.
	Dropped int
}

// Options say how a text is read.
type Options struct {
	// OpenMetrics says that the text is OpenMetrics by its media type: its times
	// are seconds. A text whose last line is "# EOF" is that anyway.
	OpenMetrics bool
	// DropNone leaves out the samples all of whose labels are "None": what
	// prometheus_express shows for each metric with labels before the real ones.
	DropNone bool
}

// The limits of a text.
const (
	MaxSamples = 250_000 // lines with values
	MaxLabels  = 64      // of a sample
	MaxName    = 256     // bytes of a name of a metric or a label
	MaxValue   = 16384   // bytes of a label's value
)

// Error says which line cannot be read, and why.
type Error struct {
	Line   int // 1, 2, 3 …
	Offset int // of its beginning, in bytes
	Reason string
}

// Error returns the reason with its line.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }
