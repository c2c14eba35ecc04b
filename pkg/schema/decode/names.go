package decode

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// name takes a part that is a name: an id or an attribute. It is "" if the part
// is absent, null or empty.
func (d *Decoder) name(p part, path string, limit int) (string, *schema.Rejection) {
	v := d.take(p)
	if v == nil {
		return "", nil
	}
	return d.nameOf(v, "", path, limit)
}

// nameOf returns a value's text; prefix and path say where it stands.
func (d *Decoder) nameOf(v *fastjson.Value, prefix, path string, limit int) (string, *schema.Rejection) {
	if v.Type() != fastjson.TypeString {
		return "", d.reject(schema.ReasonBadSource, "%s%s is %s: expected a string", prefix, path, kindOf(v))
	}
	s := text(v)
	if fault := d.nameFault(s, limit); fault != "" {
		return "", d.reject(schema.ReasonBadSource, "%s%s %s: expected text of at most %d bytes", prefix, path, fault, limit)
	}
	return s, nil
}

// nameFault says what keeps a text of the payload from being a name, as
// textFault does. A "\ud83d" that the parser left as it was is half a character,
// which no UTF-8 can say.
func (d *Decoder) nameFault(s string, limit int) string {
	if d.escaped && hasSurrogate(s) {
		return "has half of a surrogate pair"
	}
	return textFault(s, limit)
}

// hasSurrogate reports whether s has the text \uD800 to \uDFFF in it.
func hasSurrogate(s string) bool {
	for {
		i := strings.Index(s, `\u`)
		if i < 0 || len(s) < i+4 {
			return false
		}
		if s[i+2]|0x20 == 'd' && strings.IndexByte("89abcdefABCDEF", s[i+3]) >= 0 {
			return true
		}
		s = s[i+2:]
	}
}

// attributes makes a reading's Attributes of names and values in ascending
// order of name; those with an empty value are left out.
func (d *Decoder) attributes(all ...schema.Label) []schema.Label {
	first := len(d.labels)
	for _, a := range all {
		if a.Value != "" {
			d.labels = append(d.labels, a)
		}
	}
	if len(d.labels) == first {
		return nil
	}
	return d.labels[first:len(d.labels):len(d.labels)]
}

// sourceLabels takes a source's own labels: an object of strings. A number or a
// boolean stands for its text, null for no label. It returns nil if the message
// has no labels at all, and none if it has an empty object.
func (d *Decoder) sourceLabels() ([]schema.Label, *schema.Rejection) {
	v := d.take(partLabels)
	if v == nil {
		return nil, nil
	}
	if v.Type() != fastjson.TypeObject {
		return nil, d.reject(schema.ReasonBadSource, "labels is %s: expected an object of strings", kindOf(v))
	}
	object := v.GetObject()
	if object.Len() > MaxLabels {
		return nil, d.reject(schema.ReasonBadSource, "labels has %d entries: expected at most %d", object.Len(), MaxLabels)
	}
	var rejection *schema.Rejection
	first := len(d.labels)
	object.Visit(func(key []byte, v *fastjson.Value) {
		if rejection == nil {
			rejection = d.label(unsafe.String(unsafe.SliceData(key), len(key)), v)
		}
	})
	if rejection != nil {
		return nil, rejection
	}
	return d.sortLabels(first), nil
}

// label appends one label.
func (d *Decoder) label(name string, v *fastjson.Value) *schema.Rejection {
	if name == "" {
		return d.reject(schema.ReasonBadSource, "labels has an empty name: expected 1 to %d bytes", MaxLabelName)
	}
	if fault := d.nameFault(name, MaxLabelName); fault != "" {
		return d.reject(schema.ReasonBadSource, "labels has the name %s, which %s: expected text of at most %d bytes", quote(name), fault, MaxLabelName)
	}
	value, rejection := "", (*schema.Rejection)(nil)
	switch v.Type() {
	case fastjson.TypeNull:
		return nil
	case fastjson.TypeTrue, fastjson.TypeFalse, fastjson.TypeNumber:
		d.ignore(v) // a number must be one
		value = d.keep(v)
	default:
		value, rejection = d.nameOf(v, "labels.", name, MaxLabelValue)
	}
	d.labels = append(d.labels, schema.Label{Name: name, Value: value})
	return rejection
}

// keep returns a value's JSON, valid as long as the readings are.
func (d *Decoder) keep(v *fastjson.Value) string {
	first := len(d.texts)
	d.texts = v.MarshalTo(d.texts)
	kept := d.texts[first:]
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

// sortLabels sorts the labels since first by name; of equal names the last one
// counts.
func (d *Decoder) sortLabels(first int) []schema.Label {
	own := d.labels[first:]
	slices.SortStableFunc(own, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	kept := own[:0]
	for i, l := range own {
		if i+1 == len(own) || own[i+1].Name != l.Name {
			kept = append(kept, l)
		}
	}
	d.labels = d.labels[:first+len(kept)]
	if len(kept) == 0 {
		return []schema.Label{}
	}
	return kept[:len(kept):len(kept)]
}
