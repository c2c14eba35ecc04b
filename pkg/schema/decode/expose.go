package decode

import (
	"errors"
	"slices"
	"strings"
	"unsafe"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/decode/influx"
	"weir/pkg/schema/decode/mapping"
)

// open is what a Decoder needs for values that name themselves. Its parts are
// made when they are first used: most decoders see none of it.
type open struct {
	gather *gather.Gatherer
	text   *exposition.Parser
	hasSum []bool // of the families of a document
	influx *influx.Decoder
	mapped *mapping.Decoder
}

func (o *open) gatherer() *gather.Gatherer {
	if o.gather == nil {
		o.gather = gather.New()
	}
	o.gather.Reset()
	return o.gather
}

// exposer says whose the samples of a document are.
type exposer struct {
	kind   schema.Kind
	id     string
	labels []schema.Label // the source's own; nil if it has said none
	// ours says what becomes of a sample's label that is called like one of
	// labels: true, it gives way as in a Pushgateway; else both are kept, the
	// sample's as exported_….
	ours bool
	// theirs says that of two such labels the sample's stays.
	theirs bool
	// timeless says that samples' own times do not count.
	timeless bool
}

// exposed reads metrics that were pushed, over HTTP or MQTT.
func (d *Decoder) exposed(t Topic, payload []byte) *schema.Rejection {
	if t.Kind == TopicExposition {
		return d.exposedText(exposer{kind: schema.KindDevice, id: t.Name}, payload, exposition.Options{})
	}
	return d.pushed(t.Pushed, payload)
}

// exposedText makes the readings of a text.
func (d *Decoder) exposedText(from exposer, text []byte, o exposition.Options) *schema.Rejection {
	doc, rejection := d.document(text, o)
	if rejection != nil {
		return rejection
	}
	g := d.open.gatherer()
	d.samples(g, from, doc)
	d.readings = append(d.readings, g.Readings()...)
	return nil
}

// document parses a text.
func (d *Decoder) document(text []byte, o exposition.Options) (*exposition.Document, *schema.Rejection) {
	if d.open.text == nil {
		d.open.text = exposition.New()
	}
	doc, err := d.open.text.Parse(unsafe.String(unsafe.SliceData(text), len(text)), o)
	if err == nil {
		return doc, nil
	}
	r := d.reject(schema.ReasonUnknownShape, "%s: expected metrics as text", oneLine(err))
	var at *exposition.Error
	if errors.As(err, &at) {
		r.Offset = at.Offset
	}
	return nil, r
}

// samples gathers a document's samples, and returns how many values they are.
func (d *Decoder) samples(g *gather.Gatherer, from exposer, doc *exposition.Document) (values int) {
	values = len(doc.Samples)
	d.findSums(doc)
	for i := range doc.Samples {
		s := &doc.Samples[i]
		labels, dims := d.tell(&from, s.Labels)
		p := gather.Point{Kind: from.kind, ID: from.id, Dims: dims}
		if s.Time != 0 && !from.timeless {
			p.Clock, p.Time = schema.ClockUnix, s.Time
		}
		at := g.Reading(p)
		g.At(at).Labels = labels
		v := schema.NamedValue{Name: s.Name, Value: s.Value}
		if s.Family >= 0 {
			f := &doc.Families[s.Family]
			v.Type, v.Help, v.Unit = f.SeriesType(s.Name), keptText(f.Help), keptText(f.Unit)
			if base, is := strings.CutSuffix(s.Name, "_total"); is && f.Type == exposition.Summary && base == f.Name && !d.open.hasSum[s.Family] {
				sum := v // prometheus_express calls a summary's sum so; its own name stays beside it
				sum.Name = base + "_sum"
				g.Value(at, sum)
				values++
			}
		}
		g.Value(at, v)
	}
	return values
}

// findSums notes which families have a sample that is called a sum.
func (d *Decoder) findSums(doc *exposition.Document) {
	d.open.hasSum = append(d.open.hasSum[:0], make([]bool, len(doc.Families))...)
	for i := range doc.Samples {
		if s := &doc.Samples[i]; s.Family >= 0 && doc.Families[s.Family].Type == exposition.Summary && strings.HasSuffix(s.Name, "_sum") {
			d.open.hasSum[s.Family] = true
		}
	}
}

// tell tells a sample's labels from those of its source.
func (d *Decoder) tell(from *exposer, dims []schema.Label) (labels, rest []schema.Label) {
	if !slices.ContainsFunc(dims, func(l schema.Label) bool { return has(from.labels, l.Name) }) {
		return from.labels, dims
	}
	switch {
	case from.ours:
		return from.labels, without(dims, from.labels)
	case from.theirs:
		return without(from.labels, dims), dims
	}
	return from.labels, dims
}

func has(labels []schema.Label, name string) bool {
	return slices.ContainsFunc(labels, func(l schema.Label) bool { return l.Name == name })
}

// without returns those labels that are not called like one of the others. It is
// not nil.
func without(labels, others []schema.Label) []schema.Label {
	kept := make([]schema.Label, 0, len(labels))
	for _, l := range labels {
		if !has(others, l.Name) {
			kept = append(kept, l)
		}
	}
	return kept
}

// keptText returns what is kept of a help or a unit.
func keptText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > MaxLabelValue {
		s = strings.ToValidUTF8(s[:MaxLabelValue], "")
	}
	return s
}

// allEnded is the end of all series of a source.
func allEnded(kind schema.Kind, id string) schema.Reading {
	return schema.Reading{Kind: kind, ID: id, Ended: true, All: true}
}
