package mapping

import (
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/decode/influx"
)

// lines reads InfluxDB's line protocol. One line that cannot be read rejects the
// message: whoever publishes is not told which lines were taken.
func (d *Decoder) lines(payload []byte) *schema.Rejection {
	if d.influx == nil {
		d.influx = influx.New()
	}
	result, r := d.influx.Decode(payload, influx.Options{SourceTags: []string{}, Source: d.m.Device})
	switch {
	case r != nil:
		return r
	case result.Dropped > 0:
		return rejection(schema.ReasonUnknownShape, "%s", result.Detail)
	case result.Values > MaxSamples:
		return rejection(schema.ReasonTooLarge, "there are %d values: expected at most %d", result.Values, MaxSamples)
	}
	for i := range result.Readings {
		from := &result.Readings[i]
		d.begin()
		p := &d.record.point
		p.Dims, p.Time, p.Clock = with(d.m.labels, from.Dims), from.Time, from.Clock
		for _, v := range from.Named {
			if r := d.put(v.Name, nil, v.Value); r != nil {
				return r
			}
		}
		for _, a := range from.Attributes {
			if r := d.note(a.Name, a.Value); r != nil {
				return r
			}
		}
	}
	return nil
}

// exposed reads exposition text.
func (d *Decoder) exposed(payload []byte) *schema.Rejection {
	if d.exposition == nil {
		d.exposition = exposition.New()
	}
	doc, err := d.exposition.Parse(view(payload), exposition.Options{})
	if err != nil {
		fault := err.(*exposition.Error)
		return &schema.Rejection{Reason: schema.ReasonUnknownShape, Detail: fault.Error(), Offset: fault.Offset}
	}
	if len(doc.Samples) > MaxSamples {
		return rejection(schema.ReasonTooLarge, "there are %d values: expected at most %d", len(doc.Samples), MaxSamples)
	}
	for i := range doc.Samples {
		if r := d.exposedSample(doc, &doc.Samples[i]); r != nil {
			return r
		}
	}
	return nil
}

func (d *Decoder) exposedSample(doc *exposition.Document, s *exposition.Sample) *schema.Rejection {
	name, raw, r := d.exposedName(s.Name)
	if r != nil {
		return r
	}
	p := gather.Point{Kind: schema.KindDevice, ID: d.m.Device, Dims: with(d.m.labels, s.Labels), Time: s.Time}
	if s.Time != 0 {
		p.Clock = schema.ClockUnix
	}
	reading := d.gather.Reading(p)
	v := schema.NamedValue{Name: name, Value: s.Value, Type: d.m.Mapping.Type, Unit: d.m.Mapping.Unit, Help: d.m.Mapping.Help}
	if s.Family >= 0 {
		f := &doc.Families[s.Family]
		v.Type, v.Unit, v.Help = or(f.SeriesType(s.Name), v.Type), or(cut(f.Unit), v.Unit), or(cut(f.Help), v.Help)
		if sum := sumName(f, s.Name); sum != "" {
			asSum := v
			if asSum.Name, sum, r = d.exposedName(sum); r != nil {
				return r
			}
			d.gather.Made(reading, asSum, sum)
		}
	}
	d.gather.Made(reading, v, raw)
	return nil
}

// sumName returns the name that others give the sum of a summary which is called
// _total, as prometheus_express does; its own name stays beside it.
func sumName(f *exposition.Family, name string) string {
	base, is := strings.CutSuffix(name, "_total")
	if is && f.Type == exposition.Summary && base == f.Name {
		return base + "_sum"
	}
	return ""
}

// exposedName keeps names as they are if the mapping does: exposition text knows
// names that others do not.
func (d *Decoder) exposedName(exposed string) (name, raw string, r *schema.Rejection) {
	if d.m.before == "" && d.m.after == "" {
		return exposed, "", nil
	}
	return d.name(exposed)
}
