package influx

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/decode/seriesname"
)

// Decoder decodes bodies. It keeps its buffers from call to call and is not for
// concurrent use.
type Decoder struct {
	gather *gather.Gatherer
	labels []schema.Label // the dimensions of the readings
	tagged []string       // the tags of the line being read, as they are called
	texts  []byte         // what the readings' strings are parts of
	made   []seriesname.Made
	fields []field // of the line being read
	result Result
	o      Options
}

// field is one field of a line: a number, or a text.
type field struct {
	name   string
	raw    string // measurement and field, as they are called; "" if that is the name
	value  float64
	text   string
	isText bool
}

// New returns a Decoder.
func New() *Decoder { return &Decoder{gather: gather.New()} }

// Decode decodes a body. It is rejected if it has too many lines, or lines and
// none of them can be read.
func (d *Decoder) Decode(payload []byte, o Options) (*Result, *schema.Rejection) {
	d.reset(o)
	if lines := bytes.Count(payload, []byte{'\n'}); lines > MaxLines {
		return nil, rejection(schema.ReasonTooLarge, "the body has %d lines: expected at most %d", lines, MaxLines)
	}
	lines := lineprotocol.NewDecoderWithBytes(payload)
	read := 0
	for lines.Next() {
		labels, texts := len(d.labels), len(d.texts)
		if err := d.line(lines); err != nil {
			d.labels, d.texts = d.labels[:labels], d.texts[:texts]
			d.drop(err)
			continue
		}
		read++
	}
	if read == 0 && d.result.Dropped > 0 {
		return nil, rejection(schema.ReasonUnknownShape, "%s", d.result.Detail)
	}
	d.result.Readings = d.gather.Readings()
	return &d.result, nil
}

// keptBytes is how much memory is kept for the next body.
const keptBytes = 4 << 20

func (d *Decoder) reset(o Options) {
	if o.Precision == 0 {
		o.Precision = 1
	}
	if o.SourceTags == nil {
		o.SourceTags = DefaultSourceTags
	}
	if o.Source == "" {
		o.Source = DefaultSource
	}
	if cap(d.texts) > keptBytes {
		*d = *New()
	}
	d.o = o
	d.gather.Reset()
	d.labels, d.texts = d.labels[:0], d.texts[:0]
	d.result = Result{}
}

func (d *Decoder) drop(err error) {
	d.result.Dropped++
	if d.result.Dropped > 1 {
		return
	}
	d.result.Detail = err.Error()
	var at *lineprotocol.DecodeError
	if errors.As(err, &at) {
		d.result.Detail = fmt.Sprintf("line %d, byte %d: %s", at.Line, at.Column, shown(at.Err.Error()))
	}
}

// shown makes a detail of a text that may have parts of the body in it.
func shown(s string) string {
	const most = 200
	quoted := strconv.QuoteToASCII(s[:min(len(s), most)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// line reads a line. Nothing is taken of one that cannot be read to its end.
func (d *Decoder) line(in *lineprotocol.Decoder) error {
	measurement, err := in.Measurement()
	if err != nil {
		return err
	}
	measured := d.keep(measurement)
	source, dims, err := d.tags(in, measured)
	if err != nil {
		return err
	}
	d.fields = d.fields[:0]
	for {
		key, value, err := in.NextField()
		if err != nil {
			return err
		}
		if key == nil {
			break
		}
		f, err := d.field(measured, key, value)
		if err != nil {
			return err
		}
		d.fields = append(d.fields, f)
	}
	at, clock, err := d.time(in)
	if err != nil {
		return err
	}
	d.take(gather.Point{Kind: schema.KindDevice, ID: source, Dims: dims, Clock: clock, Time: at})
	return nil
}

// take adds the fields of a line that was read.
func (d *Decoder) take(p gather.Point) {
	reading := d.gather.Reading(p)
	for i := range d.fields {
		f := &d.fields[i]
		if f.isText {
			d.gather.Text(reading, cmp.Or(f.raw, f.name), f.text, MaxTags)
		} else {
			d.gather.Made(reading, schema.NamedValue{Name: f.name, Value: f.value}, f.raw)
		}
	}
	d.result.Values += len(d.fields)
}

// tags reads a line's tags: one names the source, the others are dimensions.
func (d *Decoder) tags(in *lineprotocol.Decoder, measurement string) (source string, dims []schema.Label, err error) {
	first := len(d.labels)
	rank, named := len(d.o.SourceTags), -1
	d.tagged = d.tagged[:0]
	for {
		key, value, err := in.NextTag()
		if err != nil {
			return "", nil, err
		}
		if key == nil {
			break
		}
		if len(key) > MaxName || len(value) > MaxValue || !utf8.Valid(value) {
			return "", nil, fmt.Errorf("%s: the tag %s is too long or not UTF-8", quote(measurement), quote(string(key)))
		}
		if len(d.labels)-first >= MaxTags {
			return "", nil, fmt.Errorf("%s has more than %d tags", quote(measurement), MaxTags)
		}
		start := len(d.texts)
		d.texts = seriesname.AppendLabel(d.texts, start, view(key))
		name := d.since(start)
		d.labels = append(d.labels, schema.Label{Name: name, Value: d.keep(value)})
		if raw := view(key); raw != name {
			name = d.keep(key)
		}
		d.tagged = append(d.tagged, name)
		if r := slices.Index(d.o.SourceTags, name); r >= 0 && r < rank && len(value) > 0 && len(value) <= MaxName {
			rank, named = r, len(d.tagged)-1
		}
	}
	own := d.labels[first:]
	d.settle(own)
	source = d.o.Source
	if named >= 0 {
		source = own[named].Value
		own = slices.Delete(own, named, named+1)
	}
	own = sorted(own)
	d.labels = d.labels[:first+len(own)]
	return source, own[:len(own):len(own)], nil
}

// settle gives the tags of a line names that do not clash: lines that differ in
// one tag are not one.
func (d *Decoder) settle(own []schema.Label) {
	if !slices.ContainsFunc(d.tagged, func(tag string) bool { return !seriesname.ValidLabel(tag) }) {
		return
	}
	d.made = d.made[:0]
	for i := range own {
		d.made = append(d.made, seriesname.Made{Name: own[i].Name, Raw: d.tagged[i]})
	}
	seriesname.Settle(d.made)
	for i := range own {
		own[i].Name = d.made[i].Name
	}
}

// sorted sorts labels; of two that have the same name the last one counts.
func sorted(labels []schema.Label) []schema.Label {
	byName := func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(labels, byName) {
		slices.SortStableFunc(labels, byName)
	}
	kept := labels[:0]
	for i, l := range labels {
		if l.Value != "" && (i+1 == len(labels) || labels[i+1].Name != l.Name) {
			kept = append(kept, l)
		}
	}
	return kept
}

func (d *Decoder) field(measurement string, key []byte, v lineprotocol.Value) (f field, err error) {
	f.name, f.raw = d.name(measurement, view(key))
	if len(f.name) > MaxName || len(f.name) == 0 {
		return f, fmt.Errorf("%s: the field %s makes a name of %d bytes: expected at most %d", quote(measurement), quote(string(key)), len(f.name), MaxName)
	}
	switch v.Kind() {
	case lineprotocol.Float:
		f.value = v.FloatV()
	case lineprotocol.Int:
		f.value = float64(v.IntV())
	case lineprotocol.Uint:
		f.value = float64(v.UintV())
	case lineprotocol.Bool:
		if v.BoolV() {
			f.value = 1
		}
	default:
		f.isText, f.text = true, d.keep(cut(v.BytesV()))
	}
	if f.value == 0 {
		f.value = 0 // never -0
	}
	return f, nil
}

// name returns the name of a field's series, and the raw name that it was made of:
// "" if that is the same.
func (d *Decoder) name(measurement, key string) (name, raw string) {
	separator := seriesname.Separator // which becomes an underscore
	if key == "value" {
		separator, key = "", ""
	}
	start := len(d.texts)
	d.texts = seriesname.Append(d.texts, start, measurement)
	d.texts = seriesname.Append(d.texts, start, separator)
	d.texts = seriesname.Append(d.texts, start, key)
	name = d.since(start)
	start = len(d.texts)
	d.texts = append(append(append(d.texts, measurement...), separator...), key...)
	if raw = d.since(start); raw == name {
		d.texts = d.texts[:start]
		return name, ""
	}
	return name, raw
}

// cut returns the beginning of a text that is too long.
func cut(text []byte) []byte {
	if len(text) <= MaxValue {
		return text
	}
	end := MaxValue
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// maxTime bounds times in nanoseconds.
const maxTime = 1<<63 - 1

func (d *Decoder) time(in *lineprotocol.Decoder) (int64, schema.Clock, error) {
	text, err := in.TimeBytes()
	if err != nil || text == nil {
		return 0, schema.ClockNone, err
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	most := maxTime / int64(d.o.Precision)
	if err != nil || n > most || n < -most {
		return 0, 0, fmt.Errorf("the time %s is beyond the years 1678 to 2262", quote(string(text)))
	}
	return n * int64(d.o.Precision), schema.ClockUnix, nil
}

// keep copies a text to where it stays until the next body.
func (d *Decoder) keep(text []byte) string {
	start := len(d.texts)
	d.texts = append(d.texts, text...)
	return d.since(start)
}

func (d *Decoder) since(start int) string { return view(d.texts[start:]) }

// view returns bytes as text that does not outlive them.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// quote quotes what is shown of a text, at most its beginning.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
