package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unsafe"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

func hasEscapes(payload []byte) bool { return bytes.IndexByte(payload, '\\') >= 0 }

// text returns a string value's text, which is part of the parser's buffer; ""
// for what is no string.
func text(v *fastjson.Value) string {
	b := v.GetStringBytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// raw returns a value as JSON without white space. It is valid until the next
// call.
func (d *Decoder) raw(v *fastjson.Value) []byte {
	d.scratch = v.MarshalTo(d.scratch[:0])
	return d.scratch
}

// number returns a value's number, and whether it is a finite one.
func (d *Decoder) number(v *fastjson.Value) (float64, bool) {
	if v.Type() != fastjson.TypeNumber {
		return 0, false
	}
	b := d.raw(v)
	return parseNumber(unsafe.String(unsafe.SliceData(b), len(b)))
}

// ignore looks over a value that is not used. fastjson accepts more than JSON,
// and what is accepted here must be JSON, ignored parts included: whoever reads
// the journal with another parser relies on it. Checking the whole payload by a
// second parser would double the cost, so what is used is checked where it is
// used, what is not used is checked here, and only a doubt leads to a check of
// everything. A payload with escapes is checked whole in any case.
func (d *Decoder) ignore(v *fastjson.Value) {
	if d.escaped || d.suspect {
		return
	}
	switch v.Type() {
	case fastjson.TypeString:
		d.suspect = hasControl(text(v))
	case fastjson.TypeNumber:
		b := d.raw(v)
		d.suspect = !isNumber(unsafe.String(unsafe.SliceData(b), len(b)))
	case fastjson.TypeArray:
		for _, element := range v.GetArray() {
			d.ignore(element)
		}
	case fastjson.TypeObject:
		v.GetObject().Visit(d.ignoreField)
	}
}

// ignoreField looks over a field that is not used.
func (d *Decoder) ignoreField(key []byte, v *fastjson.Value) {
	if hasControl(unsafe.String(unsafe.SliceData(key), len(key))) {
		d.suspect = true
	}
	d.ignore(v)
}

// hasControl reports whether s has a character that JSON wants escaped.
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' {
			return true
		}
	}
	return false
}

// notJSON is the rejection of a payload that fastjson does not parse.
func notJSON(payload []byte) *schema.Rejection {
	if fault := syntaxFault(payload); fault != nil {
		return fault
	}
	return &schema.Rejection{
		Reason: schema.ReasonNotJSON,
		Detail: fmt.Sprintf("the JSON is nested deeper than %d levels", fastjson.MaxDepth),
		Offset: -1,
	}
}

// syntaxFault says where a payload stops being JSON; nil if it is JSON.
func syntaxFault(payload []byte) *schema.Rejection {
	if json.Valid(payload) {
		return nil
	}
	if len(payload) == 0 {
		return &schema.Rejection{Reason: schema.ReasonNotJSON, Detail: "the payload is empty: expected a JSON object"}
	}
	// With a space behind it, JSON that ends too early has its fault there, and
	// not at its last byte.
	var whole json.RawMessage
	err := json.Unmarshal(append(bytes.Clone(payload), ' '), &whole)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		panic(fmt.Sprintf("BUG: json.Valid refuses what json.Unmarshal says of: %v", err))
	}
	if syntax.Offset > int64(len(payload)) {
		return &schema.Rejection{Reason: schema.ReasonNotJSON, Detail: "the JSON ends too early: expected a whole JSON object", Offset: len(payload)}
	}
	return &schema.Rejection{
		Reason: schema.ReasonNotJSON,
		Detail: syntax.Error() + ": expected a JSON object",
		Offset: int(syntax.Offset) - 1, // which counts the bytes read, the bad one included
	}
}

// kindOf names a value's type in a detail.
func kindOf(v *fastjson.Value) string {
	switch v.Type() {
	case fastjson.TypeObject:
		return "an object"
	case fastjson.TypeArray:
		return "an array"
	case fastjson.TypeString:
		return "a string"
	case fastjson.TypeNumber:
		return "a number"
	}
	return v.Type().String() // true, false, null
}
