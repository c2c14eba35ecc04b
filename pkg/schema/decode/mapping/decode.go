package mapping

import (
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/decode/influx"
	"weir/pkg/schema/decode/seriesname"
)

// Decoder decodes payloads. It keeps its buffers from call to call and is not
// for concurrent use.
type Decoder struct {
	parser     fastjson.Parser
	gather     *gather.Gatherer
	influx     *influx.Decoder
	exposition *exposition.Parser

	m       *Match
	labels  []schema.Label    // the records' labels
	texts   []byte            // what the readings' strings are parts of
	path    []byte            // to the value being read
	used    []*fastjson.Value // which are a record's time, device or label
	scratch []byte
	record  record
	large   bool // the previous payload took more memory than is kept
}

// record is what is being read: one object of a list, one group of values.
type record struct {
	point   gather.Point
	reading int // -1 before its first value
	values  int
	texts   int
}

// keptPayload is the size of a payload up to which the memory is kept that it
// took.
const keptPayload = 256 << 10

// New returns a Decoder.
func New() *Decoder { return &Decoder{gather: gather.New()} }

// Decode decodes a message on a topic that Match returned a match for. It returns
// the readings, all of kind schema.KindDevice, or why the message is rejected.
// They and all that they hold are valid until the next call, and as long as the
// payload does not change.
func (d *Decoder) Decode(m *Match, payload []byte) ([]schema.Reading, *schema.Rejection) {
	if m.Fault != "" {
		return nil, rejection(schema.ReasonBadTopic, "%s", m.Fault)
	}
	d.reset(m, len(payload))
	var r *schema.Rejection
	switch m.Mapping.Payload {
	case PayloadJSON:
		r = d.json(payload)
	case PayloadNumber, PayloadText:
		r = d.word(payload)
	case PayloadUltralight:
		r = d.ultralight(payload)
	case PayloadIOTA:
		if text := strings.TrimLeft(view(payload), " \t\r\n"); strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
			r = d.json(payload)
		} else {
			r = d.ultralight(payload)
		}
	case PayloadInflux:
		r = d.lines(payload)
	case PayloadExposition:
		r = d.exposed(payload)
	default:
		panic("BUG: a mapping whose payload is " + m.Mapping.Payload)
	}
	if r != nil {
		return nil, r
	}
	readings := d.gather.Readings()
	if len(readings) == 0 {
		return nil, rejection(schema.ReasonUnknownShape, "there is no value in the payload")
	}
	return readings, nil
}

func (d *Decoder) reset(m *Match, size int) {
	if d.large {
		*d = *New()
	}
	d.large = size > keptPayload
	d.m = m
	d.gather.Reset()
	d.labels, d.texts = d.labels[:0], d.texts[:0]
}

// begin begins a record.
func (d *Decoder) begin() {
	d.used, d.path = d.used[:0], d.path[:0]
	d.record = record{reading: -1, point: gather.Point{Kind: schema.KindDevice, ID: d.m.Device, Dims: d.m.labels}}
}

// reading returns the record's reading, which is there only if it has something.
func (d *Decoder) reading() int {
	if d.record.reading < 0 {
		d.record.reading = d.gather.Reading(d.record.point)
	}
	return d.record.reading
}

// put adds a value; field is what the payload calls it, f what the mapping says of
// it, if it does.
func (d *Decoder) put(field string, f *Field, value float64) *schema.Rejection {
	if d.record.values++; d.record.values > MaxValues {
		return rejection(schema.ReasonTooLarge, "there are more than %d values in one object", MaxValues)
	}
	name, raw, r := d.name(field)
	if r != nil {
		return r
	}
	v := schema.NamedValue{Name: name, Value: value, Type: d.m.Mapping.Type, Unit: d.m.Mapping.Unit, Help: d.m.Mapping.Help}
	if f != nil {
		v.Type, v.Unit, v.Help = or(f.Type, v.Type), or(f.Unit, v.Unit), or(f.Help, v.Help)
	}
	if v.Value == 0 {
		v.Value = 0 // never -0
	}
	d.gather.Made(d.reading(), v, raw)
	return nil
}

func or[T ~string](a, b T) T {
	if a != "" {
		return a
	}
	return b
}

// name returns the name of a series, and the raw name that it was made of: "" if
// that is the same.
func (d *Decoder) name(field string) (name, raw string, r *schema.Rejection) {
	before, after := d.m.before, d.m.after
	if !d.m.mapping.name.has(fieldCapture) {
		field, after = "", ""
	}
	start := len(d.texts)
	d.texts = seriesname.Append(d.texts, start, before)
	d.texts = seriesname.Append(d.texts, start, field)
	d.texts = seriesname.Append(d.texts, start, after)
	switch n := len(d.texts) - start; {
	case n == 0:
		return "", "", rejection(schema.ReasonBadSource, "a value has no name")
	case n > MaxName:
		return "", "", rejection(schema.ReasonBadSource, "the value %s gets a name of %d bytes: expected at most %d", quotePath(field), n, MaxName)
	}
	name = d.since(start)
	start = len(d.texts)
	d.texts = append(append(append(d.texts, before...), field...), after...)
	if raw = d.since(start); raw == name {
		d.texts = d.texts[:start]
		return name, "", nil
	}
	return name, raw, nil
}

// note adds a text as an attribute. Those beyond the limits are left out, and
// those that say nothing.
func (d *Decoder) note(field, text string) *schema.Rejection {
	if d.record.texts >= MaxTexts || text == "" {
		return nil
	}
	name, raw, r := d.name(field)
	if r != nil {
		return r
	}
	if d.gather.Text(d.reading(), or(raw, name), cut(text), math.MaxInt) {
		d.record.texts++
	}
	return nil
}

// keep copies a text to where it stays until the next payload.
func (d *Decoder) keep(text string) string {
	start := len(d.texts)
	d.texts = append(d.texts, text...)
	return d.since(start)
}

func (d *Decoder) since(start int) string { return view(d.texts[start:]) }

// view returns bytes as text that does not outlive them.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func rejection(reason schema.Reason, format string, args ...any) *schema.Rejection {
	return &schema.Rejection{Reason: reason, Detail: fmt.Sprintf(format, args...), Offset: -1}
}
