package strictyaml

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pairs calls each with the keys of a mapping and their values.
func (r *reader) pairs(n *yaml.Node, section string, each func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.faults.Add(key.Line, "%sexpected a text for a key", in(section))
		case key.ShortTag() == "!!merge":
			r.faults.Add(key.Line, "%s<<: merging is not supported by weir", in(section))
		default:
			each(key, n.Content[i+1])
		}
	}
}

// readFields reads what stands behind the keys of a struct.
func (r *reader) readFields(n *yaml.Node, v reflect.Value, section string) {
	rest := rest(v)
	r.pairs(n, section, func(key, value *yaml.Node) {
		f := field(v.Type(), key.Value)
		switch {
		case f != nil && !slices.Contains(r.Unsupported[section], key.Value):
			r.read(value, v.FieldByIndex(f.Index), key.Value)
		case f == nil && rest.IsValid():
			r.readEntry(value, rest, key.Value)
		default:
			r.faults.Add(key.Line, "%s%s", in(section), r.refusal(key.Value, section))
		}
	})
}

// field returns the field that a key is read into, nil if there is none.
func field(t reflect.Type, key string) *reflect.StructField {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == key && name != "" && name != "-" {
			return &f
		}
	}
	return nil
}

// rest returns the map of a struct that takes all keys without a field, if it has
// one: its tag is ",inline".
func rest(v reflect.Value) reflect.Value {
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Map && v.Type().Field(i).Tag.Get("yaml") == ",inline" {
			return f
		}
	}
	return reflect.Value{}
}

// readEntry reads a value into a map.
func (r *reader) readEntry(n *yaml.Node, m reflect.Value, key string) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	one := reflect.New(m.Type().Elem()).Elem()
	r.read(n, one, key)
	m.SetMapIndex(reflect.ValueOf(key).Convert(m.Type().Key()), one)
}

// refusal says what is wrong with a key that is not read.
func (o *Options) refusal(key, section string) string {
	for _, k := range o.Unsupported[section] {
		prefix, family := strings.CutSuffix(k, "*")
		suffix, other := strings.CutPrefix(k, "*")
		if k == key || family && strings.HasPrefix(key, prefix) || other && strings.HasSuffix(key, suffix) {
			return fmt.Sprintf("%s is a key of %s that weir does not support", key, o.Product)
		}
	}
	return "unknown key " + key
}

// in says in which section something is.
func in(section string) string {
	if section == "" {
		return ""
	}
	return section + ": "
}
