package strictyaml

import (
	"encoding"
	"errors"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// reader reads nodes into values. Unlike yaml's own decoder it goes on after
// whatever it does not like.
type reader struct {
	Options
	faults Faults
	unread int // values that could not be read
}

// asking is a type that reads itself by asking for other types.
type asking interface{ UnmarshalYAML(func(any) error) error }

// read reads what stands behind a key into a value that can be set.
func (r *reader) read(n *yaml.Node, v reflect.Value, key string) {
	if n = behind(n); empty(n) {
		return
	}
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		r.read(n, v.Elem(), key)
	case t == reflect.TypeFor[yaml.Node]() || has[yaml.Unmarshaler](t):
		r.decode(n, v, key)
	case has[asking](t):
		r.answer(n, v, key)
	case has[encoding.TextUnmarshaler](t):
		r.readText(n, v, key)
	case t.Kind() == reflect.Struct:
		r.readStruct(n, v, key)
	case t.Kind() == reflect.Slice:
		r.readList(n, v, key)
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		r.readMap(n, v, key)
	default:
		r.decode(n, v, key)
	}
}

// behind returns what an alias stands for, and all else as it is.
func behind(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// empty reports whether there is nothing behind a key.
func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// has reports whether the pointer to a type has methods.
func has[Methods any](t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[Methods]())
}

// refuse enters why a value could not be read.
func (r *reader) refuse(n *yaml.Node, key string, why error) {
	r.unread++
	for _, f := range FaultsOf(why) {
		if f.Line == 0 {
			f.Line = n.Line
		}
		r.faults.Add(f.Line, "%s%s", in(key), f.Text)
	}
}

// decode leaves a value to yaml.
func (r *reader) decode(n *yaml.Node, v reflect.Value, key string) {
	if err := n.Decode(v.Addr().Interface()); err != nil {
		r.refuse(n, key, err)
		return
	}
	if p, ok := v.Addr().Interface().(interface{ RelativeTo(dir string) }); ok {
		p.RelativeTo(r.Dir)
	}
}

var errUnread = errors.New("something in it could not be read")

// answer reads a value that asks for other types. What is wrong with those is said
// where it is found.
func (r *reader) answer(n *yaml.Node, v reflect.Value, key string) {
	err := v.Addr().Interface().(asking).UnmarshalYAML(func(into any) error {
		before := r.unread
		r.read(n, reflect.ValueOf(into).Elem(), key)
		if r.unread > before {
			return errUnread
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnread) {
		r.refuse(n, key, err)
	}
}

// readText reads a value that reads itself from a text. Given keys and values,
// yaml would look for fields and say nothing if it finds none.
func (r *reader) readText(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.ScalarNode {
		r.refuse(n, key, errors.New("expected a text"))
		return
	}
	r.decode(n, v, key)
}

func (r *reader) readList(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		r.refuse(n, key, errors.New("expected a list"))
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for _, item := range n.Content {
		if empty(behind(item)) {
			r.refuse(item, key, errors.New("an empty entry"))
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		r.read(item, one, key)
		list = reflect.Append(list, one)
	}
	v.Set(list)
}

func (r *reader) readMap(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		r.refuse(n, key, errors.New("expected keys and values"))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	r.pairs(n, key, func(k, value *yaml.Node) { r.readEntry(value, v, k.Value) })
}

func (r *reader) readStruct(n *yaml.Node, v reflect.Value, key string) {
	self := v.Addr().Interface()
	if s, ok := self.(interface{ SetDefaults() }); ok {
		s.SetDefaults()
	}
	if n.Kind != yaml.MappingNode {
		r.refuse(n, key, errors.New("expected keys and values"))
		return
	}
	if s, ok := self.(interface{ SetLine(line int) }); ok {
		s.SetLine(n.Line)
	}
	before := r.unread
	r.readFields(n, v, key)
	if s, ok := self.(interface{ Validate() []string }); ok && (r.ValidateAll || r.unread == before) {
		for _, text := range s.Validate() {
			r.faults.Add(n.Line, "%s%s", in(key), text)
		}
	}
}
