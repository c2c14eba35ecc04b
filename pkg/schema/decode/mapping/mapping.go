// Package mapping reads messages on topics that are nobody's standard: a mapping
// says which topics it is for, whose they are, and how the payload becomes values.
//
// A set of mappings is written in YAML, and stands in the journal as canonical
// JSON: whoever folds the journal again reads the messages in the same way.
package mapping

import (
	"time"

	"weir/pkg/schema"
)

// Mapping says how the messages of some topics are read.
//
// A template is a text in which {name} stands for what the topic has in that
// place. What begins with "$" is a JSON path instead, as in $.status.code,
// $.list[0] or $["a.b"].
type Mapping struct {
	// Match is the topics: a level {name} is any level, which is called name; '+'
	// is any level; '#' or {name...} at the end is all further levels, even none.
	Match string `json:"match"`
	// Payload says what the messages are, one of Payloads.
	Payload string `json:"payload"`

	// Whose the messages are: templates for the service and the subservice, or for
	// a key of the set's API keys.
	Service    string `json:"service,omitempty"`
	Subservice string `json:"subservice,omitempty"`
	APIKey     string `json:"api_key,omitempty"`

	Device string `json:"device"` // the source: a template or a JSON path

	// Name is a template for the names of the series, in which {field} is what the
	// payload calls the value: "value" if it has no name. Prefix goes before it.
	Name   string `json:"name"`
	Prefix string `json:"prefix,omitempty"`

	// What is said of all series.
	Type schema.SeriesType `json:"type,omitempty"`
	Unit string            `json:"unit,omitempty"`
	Help string            `json:"help,omitempty"`

	// Labels are the series' labels: templates or JSON paths. One that is empty is
	// none.
	Labels map[string]string `json:"labels,omitempty"`
	// Fields are the values that are taken of JSON; none for each number and
	// boolean in it.
	Fields []Field `json:"fields,omitempty"`
	// Values are texts that stand for numbers.
	Values map[string]float64 `json:"values,omitempty"`
	// Numeric says that any text which is a number counts as one.
	Numeric bool `json:"numeric,omitempty"`
	// Time is JSON paths to the time: the first that leads to a date counts. It is
	// RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds
	// since 1970, whichever is a date of our days.
	Time []string `json:"time,omitempty"`
	// Interval is how often a device is expected to send, 0 where nothing is.
	Interval time.Duration `json:"expected_interval,omitempty"`

	// Shipped says that the mapping came with weir.
	Shipped bool `json:"shipped,omitempty"`
}

// Field is a value that is taken of JSON.
type Field struct {
	Path   string             `json:"path"`           // a JSON path; of an object each number in it is taken
	Name   string             `json:"name,omitempty"` // what it is called, instead of its path
	Type   schema.SeriesType  `json:"type,omitempty"` // instead of the mapping's, as are the others
	Unit   string             `json:"unit,omitempty"`
	Help   string             `json:"help,omitempty"`
	Values map[string]float64 `json:"values,omitempty"`
}

// What a payload can be.
const (
	PayloadJSON       = "json"       // an object, or a list of objects
	PayloadNumber     = "number"     // one number as text
	PayloadText       = "text"       // one text; a number or one of Values is a value, any other an attribute
	PayloadInflux     = "influx"     // InfluxDB's line protocol
	PayloadExposition = "exposition" // Prometheus' text
	PayloadUltralight = "ultralight" // FIWARE's Ultralight 2.0: t|21.5|h|40
	PayloadIOTA       = "iota"       // FIWARE: JSON if it begins like it, else Ultralight
)

// Payloads lists what a payload can be.
var Payloads = []string{PayloadJSON, PayloadNumber, PayloadText, PayloadInflux, PayloadExposition, PayloadUltralight, PayloadIOTA}

// The limits.
const (
	MaxMappings = 500
	MaxLabels   = 32    // of a mapping
	MaxName     = 256   // bytes of a device's, a series' or a label's name
	MaxText     = 1024  // bytes of a label's value; a longer one, and an attribute, is cut off there
	MaxRecords  = 1000  // objects of a list, groups of Ultralight
	MaxValues   = 1000  // of one record
	MaxTexts    = 64    // attributes of one record; those beyond are left out
	MaxDepth    = 8     // levels of objects and lists; what lies deeper is left out
	MaxElements = 32    // of a list of values; those beyond are left out
	MaxSamples  = 20000 // of one message
)

// UnknownService is the service of devices whose API key is not known; the key,
// made valid, is their subservice.
const UnknownService = "iota"

// shipped are the mappings that are there without being asked for. They come
// after those of the configuration. Exposition text on expo/… is no mapping: its
// topics are as well known as a proplet's.
var shipped = []Mapping{
	{
		Match: "j/{service}/{subservice}/{device}/{rest...}", Payload: PayloadJSON,
		Service: "{service}", Subservice: "{subservice}", Device: "{device}", Name: "{field}",
		Labels: map[string]string{"topic": "{rest}"}, Time: []string{"$.timestamp", "$.time", "$.ts"},
	},
	iota("/ul/{apikey}/{device}/attrs", PayloadUltralight, "{field}"),
	iota("/json/{apikey}/{device}/attrs", PayloadJSON, "{field}"),
	iota("/{apikey}/{device}/attrs", PayloadIOTA, "{field}"),
	iota("/ul/{apikey}/{device}/attrs/{attribute}", PayloadText, "{attribute}"),
	iota("/json/{apikey}/{device}/attrs/{attribute}", PayloadText, "{attribute}"),
	iota("/{apikey}/{device}/attrs/{attribute}", PayloadText, "{attribute}"),
}

// iota is a mapping of the topics of FIWARE's IoT agents.
func iota(match, payload, name string) Mapping {
	m := Mapping{Match: match, Payload: payload, APIKey: "{apikey}", Device: "{device}", Name: name, Numeric: true}
	if payload == PayloadJSON || payload == PayloadIOTA {
		m.Time = []string{"$.TimeInstant"}
	}
	return m
}
