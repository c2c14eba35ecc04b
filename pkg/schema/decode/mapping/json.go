package mapping

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// json reads an object, or a list of objects.
func (d *Decoder) json(payload []byte) *schema.Rejection {
	if !valid(payload) {
		return notJSON(payload)
	}
	root, err := d.parser.ParseBytes(payload)
	if err != nil {
		return notJSON(payload)
	}
	switch root.Type() {
	case fastjson.TypeObject:
		return d.object(root)
	case fastjson.TypeArray:
		records := root.GetArray()
		if len(records) > MaxRecords {
			return rejection(schema.ReasonTooLarge, "the list has %d objects: expected at most %d", len(records), MaxRecords)
		}
		for i, v := range records {
			if v.Type() != fastjson.TypeObject {
				return rejection(schema.ReasonNotAnObject, "the list has %s at [%d]: expected an object", kindOf(v), i)
			}
			if r := d.object(v); r != nil {
				return r
			}
		}
		return nil
	}
	return rejection(schema.ReasonNotAnObject, "the payload is %s: expected an object or a list of objects", kindOf(root))
}

// valid reports whether a payload is JSON. fastjson's check is three times as fast
// as that of encoding/json, and lets control characters pass in names.
func valid(payload []byte) bool {
	if fastjson.ValidateBytes(payload) != nil {
		return false
	}
	control := slices.ContainsFunc(payload, func(c byte) bool { return c < ' ' })
	return !control || json.Valid(payload)
}

// object reads one record.
func (d *Decoder) object(v *fastjson.Value) *schema.Rejection {
	d.begin()
	d.findTime(v)
	if r := d.findDevice(v); r != nil {
		return r
	}
	d.findLabels(v)
	if len(d.m.mapping.fields) == 0 {
		return d.leaves(v, nil, 0)
	}
	for i := range d.m.mapping.fields {
		f := &d.m.mapping.fields[i]
		if at := v.Get(f.path...); at != nil {
			d.path = append(d.path[:0], f.name...)
			if r := d.leaves(at, f.Field, len(f.path)); r != nil {
				return r
			}
		}
	}
	return nil
}

// findTime looks for the record's time; what is none remains a value.
func (d *Decoder) findTime(v *fastjson.Value) {
	for _, path := range d.m.mapping.times {
		at := v.Get(path...)
		if at == nil {
			continue
		}
		var text string
		switch at.Type() {
		case fastjson.TypeString:
			text = view(at.GetStringBytes())
		case fastjson.TypeNumber:
			text = d.raw(at)
		}
		if ns, clock := moment(text); clock != schema.ClockNone {
			d.record.point.Time, d.record.point.Clock = ns, clock
			d.used = append(d.used, at)
			return
		}
	}
}

func (d *Decoder) findDevice(v *fastjson.Value) *schema.Rejection {
	path := d.m.mapping.device.path
	if path == nil {
		return nil
	}
	at := v.Get(path...)
	id := d.textOf(at)
	if id == "" {
		return rejection(schema.ReasonMissingSource, "there is no %s, which names the device", d.m.Mapping.Device)
	}
	if fault := idFault(id); fault != "" {
		return rejection(schema.ReasonBadSource, "%s, the device, %s", d.m.Mapping.Device, fault)
	}
	d.used = append(d.used, at)
	d.record.point.ID = id
	return nil
}

// findLabels adds the labels that the record has to those of the topic.
func (d *Decoder) findLabels(v *fastjson.Value) {
	first := len(d.labels)
	for _, l := range d.m.mapping.labels {
		if l.value.path == nil {
			continue
		}
		at := v.Get(l.value.path...)
		if text := d.textOf(at); text != "" {
			d.labels = append(d.labels, schema.Label{Name: l.name, Value: cut(text)})
			d.used = append(d.used, at)
		}
	}
	if len(d.labels) == first {
		return
	}
	d.labels = append(d.labels, d.m.labels...)
	own := d.labels[first:len(d.labels):len(d.labels)]
	slices.SortFunc(own, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	d.record.point.Dims = own
}

// textOf returns a text, a number or a boolean as text; "" for anything else.
func (d *Decoder) textOf(v *fastjson.Value) string {
	if v == nil {
		return ""
	}
	switch v.Type() {
	case fastjson.TypeString:
		return view(v.GetStringBytes())
	case fastjson.TypeNumber, fastjson.TypeTrue, fastjson.TypeFalse:
		return d.keep(d.raw(v))
	}
	return ""
}

// raw returns a value as JSON, until the next call.
func (d *Decoder) raw(v *fastjson.Value) string {
	d.scratch = v.MarshalTo(d.scratch[:0])
	return view(d.scratch)
}
