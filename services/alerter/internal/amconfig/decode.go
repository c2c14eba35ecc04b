package amconfig

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads nodes of YAML into structs by their yaml tags, strictly. Unlike
// yaml.v3's own decoder it goes on after whatever a type's own method refuses,
// so that all faults are found at once, each with its line.
//
// A struct may have SetDefaults(), called before its keys are read, and
// Validate() []string, called after them, which returns its faults.
type reader struct {
	faults []Fault
	lines  map[string]int // of what stands at a path: "receivers[0].slack_configs[1]"
}

func (r *reader) fault(line int, format string, a ...any) {
	r.faults = append(r.faults, Fault{line, fmt.Sprintf(format, a...)})
}

// read reads a node into a value that can be set. Key is the last of the path.
func (r *reader) read(n *yaml.Node, v reflect.Value, path, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.lines[path] = n.Line
	switch {
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		if empty(n) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		r.read(n, v.Elem(), path, key)
	case ownMethod(v.Type()):
		if v.Type().PkgPath() != reflect.TypeFor[file]().PkgPath() {
			r.checkKeys(n, v.Type(), key)
		}
		r.decode(n, v, key)
	case v.Kind() == reflect.Struct:
		r.readStruct(n, v, path, key)
	case v.Kind() == reflect.Slice && structs(v.Type().Elem()):
		r.readList(n, v, path, key)
	default:
		r.decode(n, v, key)
	}
}

// empty reports whether there is nothing behind a key.
func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func structs(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

type obsoleteUnmarshaler interface{ UnmarshalYAML(func(any) error) error }

// ownMethod reports whether a type is read by a method of its own.
func ownMethod(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[yaml.Unmarshaler]()) || p.Implements(reflect.TypeFor[obsoleteUnmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// decode leaves a node to yaml.v3.
func (r *reader) decode(n *yaml.Node, v reflect.Value, key string) {
	err := n.Decode(v.Addr().Interface())
	if err == nil {
		return
	}
	for _, f := range newFaults(err) {
		if f.Line == 0 {
			f.Line = n.Line
		}
		r.fault(f.Line, "%s: %s", key, f.Text)
	}
}

func (r *reader) readList(n *yaml.Node, v reflect.Value, path, key string) {
	if empty(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "%s: expected a list", key)
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		one := reflect.New(v.Type().Elem()).Elem()
		if empty(item) {
			r.fault(item.Line, "%s: an empty entry", key)
		} else {
			r.read(item, one, fmt.Sprintf("%s[%d]", path, i), key)
			list = reflect.Append(list, one)
		}
	}
	v.Set(list)
}

func (r *reader) readStruct(n *yaml.Node, v reflect.Value, path, key string) {
	if d, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
	if n.Kind != yaml.MappingNode && !empty(n) {
		r.fault(n.Line, "%s: expected keys and values", key)
		return
	}
	r.readFields(n, v, path, key)
	if l, ok := v.Addr().Interface().(interface{ setLine(int) }); ok {
		l.setLine(n.Line)
	}
	if d, ok := v.Addr().Interface().(interface{ Validate() []string }); ok {
		for _, text := range d.Validate() {
			r.fault(n.Line, "%s: %s", key, text)
		}
	}
}

func (r *reader) readFields(n *yaml.Node, v reflect.Value, path, section string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if n.Content[i].ShortTag() == "!!merge" {
			r.fault(n.Content[i].Line, "%s: <<: merging is not supported by weir", section)
			continue
		}
		f := field(v.Type(), key)
		if f == nil {
			r.fault(n.Content[i].Line, "%s", unknown(key, section))
			continue
		}
		r.read(value, v.FieldByIndex(f.Index), strings.TrimPrefix(path+"."+key, "."), key)
	}
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

// checkKeys looks for keys that a foreign type, which reads itself, would pass
// over in silence.
func (r *reader) checkKeys(n *yaml.Node, t reflect.Type, section string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			r.checkKeys(item, t.Elem(), section)
		}
	case n.Kind == yaml.MappingNode && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map):
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			of := valueType(t, key)
			if of == nil || strings.HasSuffix(key, "_ref") { // references are of a secret manager
				r.fault(n.Content[i].Line, "%s", unknown(key, section))
				continue
			}
			r.checkKeys(n.Content[i+1], of, key)
		}
	}
}
