package ngsi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
)

// timeAttribute is the attribute in which FIWARE's agents say when an entity was
// measured.
const timeAttribute = "TimeInstant"

// Parse reads a notification for a number of service paths: as many as
// entities, or one for all of them. The error is an *Error.
func Parse(body []byte, paths int) (*Notice, error) {
	if err := validate(body); err != nil {
		return nil, &Error{Code: brokenJSON, Texts: []string{err.Error()}}
	}
	var parser fastjson.Parser
	root, err := parser.ParseBytes(body)
	if err != nil {
		return nil, &Error{Code: brokenJSON, Texts: []string{err.Error()}}
	}
	data, fault := entities(root, paths)
	if fault != nil {
		return nil, fault
	}
	n := &Notice{Subscription: string(root.GetStringBytes("subscriptionId"))}
	var faults []string
	for i, v := range data {
		e, entityFaults := entity(v, i)
		n.Entities = append(n.Entities, e)
		faults = append(faults, entityFaults...)
	}
	if len(faults) > 0 {
		return nil, &Error{Code: badRequest, Texts: faults, List: true}
	}
	return n, nil
}

// validate reports what keeps a body from being JSON. fastjson's check is three
// times as fast as that of encoding/json, and lets control characters pass in
// names.
func validate(body []byte) error {
	if err := fastjson.ValidateBytes(body); err != nil {
		return err
	}
	if slices.ContainsFunc(body, func(c byte) bool { return c < ' ' }) && !json.Valid(body) {
		return errors.New("a name has a control character")
	}
	return nil
}

// entities returns the list of entities if it is one that the paths are for.
func entities(root *fastjson.Value, paths int) ([]*fastjson.Value, *Error) {
	data := root.Get("data")
	switch {
	case data == nil && root.Get("contextResponses") != nil:
		return nil, &Error{Code: badRequest, List: true, Texts: []string{"NGSIv1 notifications (contextResponses) are not understood: subscribe with NGSIv2"}}
	case data == nil:
		return nil, bad("ContextResponses is not an array (undefined)")
	case data.Type() != fastjson.TypeArray:
		return nil, bad("invalid NGSIv2 notice format data must be an array, not a " + kindOf(data))
	}
	list := data.GetArray()
	switch {
	case len(list) == 0, paths != 1 && paths != len(list):
		return nil, bad(fmt.Sprintf("Number of servicepath items does not match ContextResponses(%d,%d)", paths, len(list)))
	case len(list) > MaxEntities:
		return nil, bad(fmt.Sprintf("the notification has %d entities: expected at most %d", len(list), MaxEntities))
	}
	return list, nil
}

// kindOf names a value's type as JavaScript's typeof does.
func kindOf(v *fastjson.Value) string {
	switch v.Type() {
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return "boolean"
	case fastjson.TypeNull:
		return "object"
	}
	return v.Type().String()
}

func entity(v *fastjson.Value, at int) (e Entity, faults []string) {
	if v.Type() != fastjson.TypeObject {
		return e, []string{fmt.Sprintf("data[%d] is a %s: expected an entity", at, kindOf(v))}
	}
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("data[%d] ", at)+fmt.Sprintf(format, args...))
	}
	e.ID, e.Type = string(v.GetStringBytes("id")), string(v.GetStringBytes("type"))
	for _, name := range []string{e.ID, e.Type} {
		if len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			fault("has an id or a type that is no text of at most %d bytes", MaxName)
		}
	}
	if e.ID == "" {
		fault("has no id")
	}
	object := v.GetObject()
	if object.Len() > MaxAttributes+2 {
		fault("has %d attributes: expected at most %d", object.Len(), MaxAttributes)
		return e, faults
	}
	object.Visit(func(key []byte, v *fastjson.Value) {
		if name := string(key); name != "id" && name != "type" {
			if text := e.add(name, v); text != "" {
				fault("%s", text)
			}
		}
	})
	e.sort()
	return e, faults
}

// add enters an attribute and returns what is wrong with it. A normalised one is
// an object with a value, a type and metadata; in the form keyValues the value
// stands alone.
func (e *Entity) add(name string, v *fastjson.Value) (fault string) {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return fmt.Sprintf("has an attribute whose name is no text of 1 to %d bytes", MaxName)
	}
	if v.Type() == fastjson.TypeNull {
		return fmt.Sprintf("has the attribute %q, which is null", name)
	}
	value, typ, unit := v, "", ""
	if inner := v.Get("value"); v.Type() == fastjson.TypeObject && inner != nil {
		value, typ = inner, string(v.GetStringBytes("type"))
		unit = unitOf(v.Get("metadata"))
	}
	if name == timeAttribute {
		e.Time = timeOf(value)
	}
	if number, is := numberOf(value, typ); is {
		e.Numbers = append(e.Numbers, Number{Name: name, Value: number, Unit: unit})
		return ""
	}
	if value.Type() == fastjson.TypeNull { // Orion's way to say "not measured"
		return ""
	}
	e.Texts = append(e.Texts, schema.Label{Name: name, Value: textOf(value)})
	return ""
}

// sort names the series of the numbers, and puts attributes in order. Of one that
// comes twice the last counts; two whose series would have the same name do not
// hide each other.
func (e *Entity) sort() {
	e.Numbers = lastOfEach(e.Numbers, func(n Number) string { return n.Name })
	e.Texts = lastOfEach(e.Texts, func(l schema.Label) string { return l.Name })
	made := make([]seriesname.Made, len(e.Numbers))
	for i, n := range e.Numbers {
		made[i] = seriesname.Made{Name: SeriesName(n.Name), Raw: n.Name}
	}
	seriesname.Settle(made)
	for i := range e.Numbers {
		e.Numbers[i].Name = made[i].Name
	}
	slices.SortFunc(e.Numbers, func(a, b Number) int { return strings.Compare(a.Name, b.Name) })
}

// lastOfEach sorts a list by name, and leaves the last one of each.
func lastOfEach[T any](all []T, name func(T) string) []T {
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	kept := all[:0]
	for i := range all {
		if i+1 == len(all) || name(all[i+1]) != name(all[i]) {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// numberOf returns a value that is a number or a boolean, or a text that is one
// by the attribute's type: agents for devices send texts.
func numberOf(v *fastjson.Value, typ string) (float64, bool) {
	switch v.Type() {
	case fastjson.TypeTrue:
		return 1, true
	case fastjson.TypeFalse:
		return 0, true
	case fastjson.TypeNumber:
		f, err := strconv.ParseFloat(v.String(), 64)
		return f, err == nil
	case fastjson.TypeString:
		return textNumber(strings.TrimSpace(string(v.GetStringBytes())), typ)
	}
	return 0, false
}

func textNumber(text, typ string) (float64, bool) {
	switch strings.ToLower(typ) {
	case "boolean", "bool":
		switch strings.ToLower(text) {
		case "true", "1":
			return 1, true
		case "false", "0":
			return 0, true
		}
	case "number", "float", "double", "integer", "int":
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// timeOf returns a time in ISO 8601, 0 if it is none.
func timeOf(v *fastjson.Value) int64 {
	t, err := time.Parse(time.RFC3339, string(v.GetStringBytes()))
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0
	}
	return t.UnixNano()
}

// unitOf returns the unit of an attribute's metadata.
func unitOf(metadata *fastjson.Value) string {
	for _, name := range []string{"unit", "unitCode"} {
		if unit := metadata.GetStringBytes(name, "value"); len(unit) > 0 && len(unit) <= MaxName && utf8.Valid(unit) {
			return string(unit)
		}
	}
	return ""
}

// textOf returns a value as text: a string as it is, anything else as JSON.
func textOf(v *fastjson.Value) string {
	text := v.String()
	if v.Type() == fastjson.TypeString {
		text = string(v.GetStringBytes())
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= MaxText {
		return text
	}
	end := MaxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
