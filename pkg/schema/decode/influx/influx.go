// Package influx reads InfluxDB's line protocol, as Telegraf and many devices
// write it: "weather,host=a,room=b temperature=21.5,open=true 1767323045000000000".
//
// Format: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/.
package influx

import (
	"fmt"

	"weir/pkg/schema"
)

// Options say how lines become readings.
type Options struct {
	// Precision is the unit of the lines' times in nanoseconds, 0 for nanoseconds.
	Precision Precision
	// SourceTags are the tags that name the source: the first of them that a line
	// has. It is then none of the reading's dimensions. nil means DefaultSourceTags.
	SourceTags []string
	// Source is the source of the lines that have none of these tags, "" for
	// DefaultSource.
	Source string
}

// DefaultSourceTags are the tags in which Telegraf and devices say who they are.
var DefaultSourceTags = []string{"host", "device"}

// DefaultSource is the source of lines that do not say theirs.
const DefaultSource = "influx"

// Precision is the unit of times, in nanoseconds.
type Precision int64

// ParsePrecision reads the parameter "precision" of a write, of version 1 (n, u,
// ms, s, m, h) and of version 2 (ns, us, ms, s); without it, times are
// nanoseconds.
func ParsePrecision(s string) (Precision, bool) {
	switch s {
	case "", "n", "ns":
		return 1, true
	case "u", "us", "µ", "µs":
		return 1e3, true
	case "ms":
		return 1e6, true
	case "s":
		return 1e9, true
	case "m":
		return 60e9, true
	case "h":
		return 3600e9, true
	}
	return 0, false
}

// The limits of a body.
const (
	MaxLines = 50_000
	MaxTags  = 64   // of a line
	MaxName  = 256  // bytes of a series' or a label's name, or of a source
	MaxValue = 1024 // bytes of a tag's value; a field's text is cut off there
)

// Result is what a body says. It is valid until the decoder's next call.
type Result struct {
	// Readings are the lines of one source with the same tags at one time each,
	// ascending by time, those without a time first. The field f of the measurement
	// m is the series m_f, the field "value" the series m. A boolean is 1 or 0. A
	// text is an attribute.
	Readings []schema.Reading

	Values int // that are in Readings, texts included
	// Dropped counts the lines that cannot be read; Detail says what is wrong with
	// the first. A body none of whose lines can be read is rejected.
	Dropped int
	Detail  string
}

func rejection(reason schema.Reason, format string, args ...any) *schema.Rejection {
	return &schema.Rejection{Reason: reason, Detail: fmt.Sprintf(format, args...), Offset: -1}
}
