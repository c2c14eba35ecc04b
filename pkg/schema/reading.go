package schema

import (
	"fmt"
	"time"
)

// Kind says what a source is.
type Kind uint8

// The kinds of sources. Their numbers are part of the state format.
const (
	KindSporeNode Kind = 1 // a SPORE node, named by its hostname
	KindProplet   Kind = 2 // a Propeller proplet, named by proplet_id
	KindTask      Kind = 3 // a task on a proplet, named by task_id
	KindDataNode  Kind = 4 // a DataMgmt node, named by its topic

	// KindRecorded is what our own rules record: a source for each name of a
	// series, which is its ID. It has no label for that: its series have exactly
	// their dimensions as labels, and their tenant if they have one.
	KindRecorded Kind = 5
	// KindDevice is whatever names its values itself: a device behind a mapped
	// topic, an NGSI entity, text that a device publishes, a gateway. It is named by
	// the topic, the mapping or the entity.
	KindDevice Kind = 6
	// KindTarget is what Prometheus knows by its labels job and instance: a scraped
	// target, a pushed group, a probe's target, whose series are written remotely.
	// It has no label for its name: as in Prometheus, its series have exactly the
	// labels of the target and those that they bring themselves.
	KindTarget Kind = 7

	// A kind that is added gets the next number, a name in String, and in IDLabel its
	// label or none.
)

// String returns the kind's name. The fields of schema.Fields have it as the
// prefix of their series' names; named values do not.
func (k Kind) String() string {
	switch k {
	case KindSporeNode:
		return "spore_node"
	case KindProplet:
		return "proplet"
	case KindTask:
		return "proplet_task"
	case KindDataNode:
		return "datamgmt"
	case KindRecorded:
		return "recorded"
	case KindDevice:
		return "device"
	case KindTarget:
		return "target"
	}
	return "unknown"
}

// IDLabel returns the label that holds the source's own name in its series, ""
// if they have none.
func (k Kind) IDLabel() string {
	switch k {
	case KindSporeNode, KindDataNode:
		return "node"
	case KindProplet:
		return "proplet_id"
	case KindTask:
		return "task_id"
	case KindRecorded, KindTarget:
		return ""
	case KindDevice:
		return "device"
	}
	return "source"
}

// Kinds lists every kind of source, in order.
func Kinds() []Kind {
	return []Kind{KindSporeNode, KindProplet, KindTask, KindDataNode, KindRecorded, KindDevice, KindTarget}
}

// MarshalText returns the kind's name, which JSON shows; "" for none.
func (k Kind) MarshalText() ([]byte, error) {
	if k == 0 {
		return nil, nil
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = 0
		return nil
	}
	for _, known := range Kinds() {
		if known.String() == string(text) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of source", text)
}

// Dialect says in which of its known forms a message was written.
type Dialect uint8

// The dialects; the Propeller ones are named as in DESIGN.md.
const (
	DialectNone    Dialect = 0
	DialectD0      Dialect = 1 // Propeller: cpu_usage_percent, the documented form
	DialectD1      Dialect = 2 // Propeller: Go proplet, RFC 3339 inside metrics
	DialectD1r     Dialect = 3 // Propeller: Rust proplet of the same age, "+00:00"
	DialectD2      Dialect = 4 // Propeller: Rust proplet, {secs_since_epoch, nanos_since_epoch}
	DialectD3      Dialect = 5 // Propeller: embedded proplet, uptime in ms for a timestamp
	DialectGateway Dialect = 6 // SPORE: a node object as the gateway shows it
	DialectESP8266 Dialect = 7 // SPORE: a node's own form
	DialectHealth  Dialect = 8 // DataMgmt: what a node's /health says
	DialectStats   Dialect = 9 // DataMgmt: what its /network/stats says
)

var dialectNames = [...]string{"", "d0", "d1", "d1r", "d2", "d3", "gateway", "esp8266", "health", "stats"}

// String returns the dialect's name, "" for none.
func (d Dialect) String() string {
	if int(d) < len(dialectNames) {
		return dialectNames[d]
	}
	return "unknown"
}

// Clock says in which form an event gave its own time.
type Clock uint8

// The forms of time.
const (
	ClockNone    Clock = 0 // none, or one that is no time
	ClockRFC3339 Clock = 1 // a string
	ClockEpoch   Clock = 2 // {"secs_since_epoch": …, "nanos_since_epoch": …}
	ClockUnix    Clock = 3 // a number of seconds since 1970
	ClockUptime  Clock = 4 // a number of milliseconds since boot, no date
)

// Presence says what is known of a source being there.
type Presence uint8

// The presences.
const (
	PresenceUnknown      Presence = 0
	PresenceAlive        Presence = 1 // it said so, or it sent a reading
	PresenceOffline      Presence = 2 // its will said so, or it did not answer when it was asked
	PresenceDisconnected Presence = 3 // the client that spoke for it went away
	PresenceLeft         Presence = 4 // its own last word said so: it went in good order
)

// String returns the presence's name.
func (p Presence) String() string {
	switch p {
	case PresenceAlive:
		return "alive"
	case PresenceOffline:
		return "offline"
	case PresenceDisconnected:
		return "disconnected"
	case PresenceLeft:
		return "left"
	}
	return "unknown"
}

// Label is a name with a text: a source's own label, or an attribute.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// FieldValue is the value of one field of a reading.
type FieldValue struct {
	Field Field
	Value float64 // finite, unless the source named it itself
}

// NamedValue is a value that has a name of its own instead of a Field: the fold
// gives each name a Field, from FirstNamed on. If a name is that of one of Fields,
// it is that field.
type NamedValue struct {
	Name string // of the series; not empty, valid UTF-8

	// What is known of the series of this name, "" where nothing is. What is known
	// first is kept.
	Type SeriesType
	Help string
	Unit string

	// Value may be NaN or infinite: it is kept to the bit. Prometheus' staleness
	// marker ends the series of this name, until its next value.
	Value float64
}

// Reading is the decoded values of one event about one source. An event about
// several sources (a gateway's document) has several.
//
// The strings and slices of a Reading that a decoder returned are valid until
// the decoder's next call: clone what is kept.
type Reading struct {
	Kind    Kind
	ID      string // the source's own name, unique within tenant and kind
	Parent  string // a task's proplet_id, else ""
	Dialect Dialect
	Clock   Clock
	Time    int64 // the event's own time in unix nanoseconds; 0 where it gave no date

	// Presence is what the message says of the source: PresenceAlive for a
	// heartbeat, a registration and every reading, PresenceOffline for a will and
	// for a last word, which say it in the same way: the fold tells them apart.
	Presence Presence
	// Heartbeat marks the messages that are sent only to say "I am here".
	Heartbeat bool

	// Tenant is whose reading this is, nil if it is the topic's tenant's. The event
	// itself is always accounted to the topic's.
	Tenant *Tenant

	// Dims are the labels of this reading that are not the source's own, ascending
	// by name, no value empty: a source has as many series of a name as it sends
	// sets of dimensions. A dimension called like a label that the series has
	// anyway (the tenant's, the source's own) is prefixed "exported_", as Prometheus
	// does.
	Dims []Label
	// Ended says that the series with these Dims end at Time: the reading has no
	// values. It makes no source, and says nothing of one that is not known.
	Ended bool
	// All, of one that is Ended, says that all series of the source end, whatever
	// their dimensions: but those with dimensions that another reading stood for
	// before it in the same event. Dims are not looked at. If it has Named, those of
	// these names end alone, whatever the event says of them before; the values do
	// not matter.
	All bool

	// Interval is how often the source is said to send, 0 where nothing is said;
	// or UntilEnded.
	Interval time.Duration

	// CounterTolerance is by how much a counter of this reading may have fallen
	// since the one before, and counts as unchanged then. A counter that falls
	// further began anew, as one does without a tolerance.
	CounterTolerance float64

	Fields     []FieldValue // ascending by Field, each at most once, finite; empty for control messages
	Named      []NamedValue // ascending by Name, each at most once
	Labels     []Label      // the source's own labels, ascending by name; nil if the message has none
	Attributes []Label      // other facts (node_ip, namespace, metadata as JSON), ascending by name
}

// HasValues reports whether the reading carries values; control messages do not.
func (r *Reading) HasValues() bool { return len(r.Fields)+len(r.Named) > 0 }
