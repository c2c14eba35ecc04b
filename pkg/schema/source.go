package schema

import (
	"slices"
	"time"

	"weir/pkg/schema/wire"
)

// UntilEnded is the Interval of a source that may send when it likes: what it said
// holds until it says otherwise.
const UntilEnded time.Duration = -1

// NodeIPAttribute is the attribute of a SPORE node that says its address.
const NodeIPAttribute = "node_ip"

// Source is what the fold knows of one source: the record of the state, and
// what the read port answers with.
type Source struct {
	Tenant Tenant
	Kind   Kind
	ID     string
	Parent string // a task's proplet_id
	Client string // the MQTT client that last spoke for it

	FirstSeen int64 // receive time of its first event, unix nanoseconds
	LastSeen  int64 // receive time of its newest event

	Presence      Presence
	PresenceSince int64 // receive time of the event that changed Presence
	LastAlive     int64 // receive time of its latest heartbeat or reading

	Readings    uint64        // readings with values that were applied, ever
	ReadingTime int64         // event time of the last reading, 0 before the first
	ReadingSeen int64         // receive time of the last reading
	Interval    time.Duration // how often it is said to send, 0 where nothing is said; or UntilEnded
	Dialect     Dialect
	Clock       Clock
	Fields      []FieldValue // of the last reading without dimensions, ascending by Field; without its named values
	Labels      []Label      // ascending by name
	Attributes  []Label      // ascending by name
}

// Value returns the last reading's value of f.
func (s *Source) Value(f Field) (float64, bool) { return valueOf(s.Fields, f) }

// Label returns the value of a label, "" where it has none.
func (s *Source) Label(name string) string { return textOf(s.Labels, name) }

// Attribute returns the value of an attribute, "" where it has none.
func (s *Source) Attribute(name string) string { return textOf(s.Attributes, name) }

func valueOf(fields []FieldValue, f Field) (float64, bool) {
	i, ok := slices.BinarySearchFunc(fields, f, func(v FieldValue, f Field) int { return int(v.Field) - int(f) })
	if !ok {
		return 0, false
	}
	return fields[i].Value, true
}

func textOf(labels []Label, name string) string {
	for _, l := range labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// AppendBinary appends the source's deterministic encoding.
func (s *Source) AppendBinary(b []byte) []byte {
	b = wire.AppendString(b, s.Tenant.Service)
	b = wire.AppendString(b, s.Tenant.Subservice)
	b = append(b, byte(s.Kind))
	b = wire.AppendString(b, s.ID)
	b = wire.AppendString(b, s.Parent)
	b = wire.AppendString(b, s.Client)
	b = wire.AppendInt(b, s.FirstSeen)
	b = wire.AppendInt(b, s.LastSeen)
	b = append(b, byte(s.Presence))
	b = wire.AppendInt(b, s.PresenceSince)
	b = wire.AppendInt(b, s.LastAlive)
	b = wire.AppendUint(b, s.Readings)
	b = wire.AppendInt(b, s.ReadingTime)
	b = wire.AppendInt(b, s.ReadingSeen)
	b = wire.AppendInt(b, int64(s.Interval))
	b = append(b, byte(s.Dialect), byte(s.Clock))
	b = appendFields(b, s.Fields)
	b = appendLabels(b, s.Labels)
	return appendLabels(b, s.Attributes)
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (s *Source) ReadBinary(r *wire.Reader) {
	*s = Source{
		Tenant: Tenant{Service: r.String(), Subservice: r.String()},
		Kind:   Kind(r.Byte()),
		ID:     r.String(), Parent: r.String(), Client: r.String(),
		FirstSeen: r.Int(), LastSeen: r.Int(),
		Presence: Presence(r.Byte()), PresenceSince: r.Int(), LastAlive: r.Int(),
		Readings: r.Uint(), ReadingTime: r.Int(), ReadingSeen: r.Int(), Interval: time.Duration(r.Int()),
		Dialect: Dialect(r.Byte()), Clock: Clock(r.Byte()),
		Fields: readFields(r), Labels: readLabels(r), Attributes: readLabels(r),
	}
}

// StoredReading is one reading of a source as its page shows it.
type StoredReading struct {
	Time    int64   // event time where plausible, else receive time; unix nanoseconds
	Parent  string  // a task's proplet_id at that time
	Dims    []Label // the labels of this reading that are not the source's own, ascending by name
	Dialect Dialect
	Clock   Clock
	Fields  []FieldValue // ascending by Field
}

// Value returns the reading's value of f.
func (s *StoredReading) Value(f Field) (float64, bool) { return valueOf(s.Fields, f) }

// AppendBinary appends the reading's deterministic encoding.
func (s *StoredReading) AppendBinary(b []byte) []byte {
	b = wire.AppendInt(b, s.Time)
	b = wire.AppendString(b, s.Parent)
	b = appendLabels(b, s.Dims)
	b = append(b, byte(s.Dialect), byte(s.Clock))
	return appendFields(b, s.Fields)
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (s *StoredReading) ReadBinary(r *wire.Reader) {
	*s = StoredReading{
		Time: r.Int(), Parent: r.String(), Dims: readLabels(r),
		Dialect: Dialect(r.Byte()), Clock: Clock(r.Byte()),
		Fields: readFields(r),
	}
}

func appendFields(b []byte, fields []FieldValue) []byte {
	b = wire.AppendUint(b, uint64(len(fields)))
	last := Field(0)
	for _, f := range fields {
		b = wire.AppendUint(b, uint64(f.Field-last))
		b = wire.AppendFloat(b, f.Value)
		last = f.Field
	}
	return b
}

func readFields(r *wire.Reader) []FieldValue {
	n := r.Count()
	if n == 0 {
		return nil
	}
	fields := make([]FieldValue, n)
	last := Field(0)
	for i := range fields {
		last += Field(r.Uint())
		fields[i] = FieldValue{last, r.Float()}
	}
	return fields
}

func appendLabels(b []byte, labels []Label) []byte {
	b = wire.AppendUint(b, uint64(len(labels)))
	for _, l := range labels {
		b = wire.AppendString(b, l.Name)
		b = wire.AppendString(b, l.Value)
	}
	return b
}

func readLabels(r *wire.Reader) []Label {
	n := r.Count()
	if n == 0 {
		return nil
	}
	labels := make([]Label, n)
	for i := range labels {
		labels[i] = Label{Name: r.String(), Value: r.String()}
	}
	return labels
}
