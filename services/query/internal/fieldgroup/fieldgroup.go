// Package fieldgroup writes the fields of a reading as the JSON objects in which
// the source system groups them: cpu, memory, metrics, aggregated, ….
package fieldgroup

import (
	"strings"

	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
)

// Group is one such object.
type Group struct {
	open string       // `,"cpu":{`
	low  schema.Field // the first field of keys
	keys []string     // `"usage_percent":` by Field - low; "" for a field of another group
}

// New gathers the fields of a kind of source that stand under name in its JSON.
// They are found by number, not by name: a fleet's document has hundreds of
// thousands of numbers.
func New(kind schema.Kind, name string) Group {
	g := Group{open: `,"` + name + `":{`}
	for _, f := range schema.Fields {
		key, ok := strings.CutPrefix(f.Path, name+".")
		if f.Kind != kind || !ok {
			continue
		}
		if g.keys == nil {
			g.low = f.Field
		}
		for f.Field > g.low+schema.Field(len(g.keys)) {
			g.keys = append(g.keys, "")
		}
		g.keys = append(g.keys, `"`+key+`":`)
	}
	if g.keys == nil {
		panic("BUG: no field of a " + kind.String() + " stands under " + name)
	}
	return g
}

// key returns the key of a field, "" for one of another group.
func (g *Group) key(f schema.Field) string {
	if i := int(f) - int(g.low); i >= 0 && i < len(g.keys) {
		return g.keys[i]
	}
	return ""
}

// Append appends `,"name":{…}` with the fields of the group that are there, in
// ascending order of Field, or nothing if none is: absent is not 0.
func (g *Group) Append(b []byte, fields []schema.FieldValue) []byte {
	if out, any := g.append(b, fields); any {
		return out
	}
	return b
}

// AppendAlways is like Append but writes an empty object where no field is.
func (g *Group) AppendAlways(b []byte, fields []schema.FieldValue) []byte {
	out, _ := g.append(b, fields)
	return out
}

func (g *Group) append(b []byte, fields []schema.FieldValue) (out []byte, any bool) {
	b = append(b, g.open...)
	for _, f := range fields {
		key := g.key(f.Field)
		if key == "" {
			continue
		}
		if any {
			b = append(b, ',')
		}
		b, any = jsonappend.Number(append(b, key...), f.Value), true
	}
	return append(b, '}'), any
}
