package sources

import (
	"encoding"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads nodes of YAML into structs by their yaml tags, strictly. Unlike
// yaml.v3's own decoder it goes on after whatever it does not like, so that all
// faults are found at once, each with its line.
//
// A struct may have SetDefaults(), called before its keys are read, and
// Validate() []string, called after them, which returns its faults.
type reader struct {
	dir    string // names of files are relative to it
	faults []Fault
	unread int // values that could not be read
}

func (r *reader) fault(line int, format string, a ...any) {
	r.faults = append(r.faults, Fault{line, fmt.Sprintf(format, a...)})
}

// read reads what stands behind a key.
func (r *reader) read(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case v.Type() == reflect.TypeFor[*yaml.Node]():
		if !empty(n) {
			v.Set(reflect.ValueOf(n))
		}
	case v.Kind() == reflect.Pointer && structs(v.Type()):
		if !empty(n) {
			v.Set(reflect.New(v.Type().Elem()))
			r.readStruct(n, v.Elem(), key)
		}
	case ownMethod(v.Type()):
		r.decode(n, v, key)
	case v.Kind() == reflect.Struct:
		r.readStruct(n, v, key)
	case v.Kind() == reflect.Slice:
		r.readList(n, v, key)
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
	return t.Kind() == reflect.Struct && !ownMethod(t)
}

// ownMethod reports whether a type is read by a method of its own.
func ownMethod(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[yaml.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// decode leaves a node to yaml.v3.
func (r *reader) decode(n *yaml.Node, v reflect.Value, key string) {
	if err := n.Decode(v.Addr().Interface()); err != nil {
		r.unread++
		for _, f := range newFaults(err) {
			if f.Line == 0 {
				f.Line = n.Line
			}
			r.fault(f.Line, "%s: %s", key, f.Text)
		}
		return
	}
	if p, ok := v.Addr().Interface().(*Path); ok && *p != "" && !filepath.IsAbs(string(*p)) {
		*p = Path(filepath.Join(r.dir, string(*p)))
	}
}

func (r *reader) readList(n *yaml.Node, v reflect.Value, key string) {
	if empty(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "%s: expected a list", key)
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for _, item := range n.Content {
		one := reflect.New(v.Type().Elem()).Elem()
		if empty(item) {
			r.fault(item.Line, "%s: an empty entry", key)
			continue
		}
		r.read(item, one, key)
		list = reflect.Append(list, one)
	}
	v.Set(list)
}

func (r *reader) readStruct(n *yaml.Node, v reflect.Value, key string) {
	if d, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
	if empty(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, "%sexpected keys and values", in(key))
		return
	}
	if l, ok := v.Addr().Interface().(interface{ setLine(int) }); ok {
		l.setLine(n.Line)
	}
	before := r.unread
	r.readFields(n, v, key)
	if d, ok := v.Addr().Interface().(interface{ Validate() []string }); ok && r.unread == before {
		// Else a value that could not be read would be called missing as well.
		for _, text := range d.Validate() {
			r.fault(n.Line, "%s%s", in(key), text)
		}
	}
}

func (r *reader) readFields(n *yaml.Node, v reflect.Value, section string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		if k.ShortTag() == "!!merge" {
			r.fault(k.Line, "%s<<: merging is not supported", in(section))
			continue
		}
		f := field(v.Type(), k.Value)
		if f == nil {
			r.fault(k.Line, "%s", unknown(k.Value, section))
			continue
		}
		r.read(value, v.FieldByIndex(f.Index), k.Value)
	}
}

// in says in which section something is.
func in(section string) string {
	if section == "" {
		return ""
	}
	return section + ": "
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

// at remembers the line in which a section's entry begins.
type at struct{ line int }

func (a *at) setLine(line int) { a.line = line }
