package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
)

// leaves takes a value, or each in an object or a list, under the names on the
// way to it.
func (d *Decoder) leaves(v *fastjson.Value, f *Field, depth int) (r *schema.Rejection) {
	switch v.Type() {
	case fastjson.TypeObject:
		if depth >= MaxDepth {
			return nil
		}
		v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
			if r == nil {
				r = d.below(view(key), v, f, depth)
			}
		})
		return r
	case fastjson.TypeArray:
		if depth >= MaxDepth {
			return nil
		}
		for i, v := range v.GetArray() {
			if r == nil && i < MaxElements {
				r = d.below(strconv.Itoa(i), v, f, depth)
			}
		}
		return r
	}
	return d.leaf(v, f)
}

// below goes on with what an object has under a name, or a list at an index.
func (d *Decoder) below(step string, v *fastjson.Value, f *Field, depth int) *schema.Rejection {
	n := len(d.path)
	if n > 0 {
		d.path = append(d.path, seriesname.Separator...)
	}
	d.path = append(d.path, step...)
	r := d.leaves(v, f, depth+1)
	d.path = d.path[:n]
	return r
}

func (d *Decoder) leaf(v *fastjson.Value, f *Field) *schema.Rejection {
	switch v.Type() {
	case fastjson.TypeTrue:
		return d.put(view(d.path), f, 1)
	case fastjson.TypeFalse:
		return d.put(view(d.path), f, 0)
	}
	if f == nil && slices.Contains(d.used, v) {
		return nil
	}
	switch v.Type() {
	case fastjson.TypeNumber:
		number, ok := parseNumber(d.raw(v))
		if !ok {
			return rejection(schema.ReasonBadNumber, "%s is %s: expected a finite number", quotePath(view(d.path)), quote(d.raw(v)))
		}
		return d.put(view(d.path), f, number)
	case fastjson.TypeString:
		text := view(v.GetStringBytes())
		if number, is := d.number(text, f); is {
			return d.put(view(d.path), f, number)
		}
		return d.note(view(d.path), text)
	}
	return nil // null: not measured
}

// number returns what a text stands for.
func (d *Decoder) number(text string, f *Field) (float64, bool) {
	if f != nil {
		if v, known := f.Values[text]; known {
			return v, true
		}
	}
	if v, known := d.m.Mapping.Values[text]; known {
		return v, true
	}
	if f == nil && !d.m.Mapping.Numeric {
		return 0, false
	}
	return wordNumber(text)
}

// quotePath quotes what is shown of the way to a value.
func quotePath(path string) string { return quote(strings.ReplaceAll(path, seriesname.Separator, "_")) }

// notJSON says where a payload stops being JSON.
func notJSON(payload []byte) *schema.Rejection {
	if len(bytes.TrimSpace(payload)) == 0 {
		return &schema.Rejection{Reason: schema.ReasonNotJSON, Detail: "the payload is empty: expected a JSON object", Offset: 0}
	}
	var whole json.RawMessage
	err := json.Unmarshal(append(bytes.Clone(payload), ' '), &whole)
	var syntax *json.SyntaxError
	switch {
	case !errors.As(err, &syntax):
		return rejection(schema.ReasonNotJSON, "the JSON is nested deeper than %d levels", fastjson.MaxDepth)
	case syntax.Offset > int64(len(payload)):
		return &schema.Rejection{Reason: schema.ReasonNotJSON, Detail: "the JSON ends too early: expected a whole JSON object", Offset: len(payload)}
	}
	return &schema.Rejection{Reason: schema.ReasonNotJSON, Detail: syntax.Error() + ": expected a JSON object", Offset: int(syntax.Offset) - 1}
}

// kindOf names a value's type in a detail.
func kindOf(v *fastjson.Value) string {
	switch v.Type() {
	case fastjson.TypeObject:
		return "an object"
	case fastjson.TypeArray:
		return "a list"
	case fastjson.TypeString:
		return "a text"
	case fastjson.TypeNumber:
		return "a number"
	}
	return v.Type().String() // true, false, null
}
