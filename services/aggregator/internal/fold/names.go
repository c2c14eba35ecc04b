package fold

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"weir/services/aggregator/internal/index"

	"weir/pkg/schema"
)

// names is the dictionary of the names that named values brought: each has a
// field, numbered from schema.FirstNamed on in the journal's order. It only grows.
type names struct {
	byName map[string]schema.Field // those of schema.Fields too
	known  []schema.Metadata       // by number
	texts  []string                // their names: never changed, so that queries may keep it
	dirty  map[schema.Field]bool
	most   int // how many there may be
	share  int // how many of them one tenant may have brought
}

var _ index.Names = (*names)(nil)

func newNames() *names {
	ns := &names{byName: make(map[string]schema.Field, len(schema.Fields)), dirty: map[schema.Field]bool{}, most: schema.MaxNames, share: schema.MaxTenantNames}
	for _, f := range schema.Fields {
		ns.byName[f.Name] = f.Field
	}
	return ns
}

// Name returns a field's name, "" for what is no field.
func (ns *names) Name(f schema.Field) string { return FieldNames{ns.texts}.Name(f) }

// Field returns the field of a name.
func (ns *names) Field(name string) (schema.Field, bool) {
	f, known := ns.byName[name]
	return f, known
}

// has reports whether a number is that of a field.
func (ns *names) has(f schema.Field) bool { return ns.Name(f) != "" }

// add gives a name its field.
func (ns *names) add(m schema.Metadata) schema.Field {
	f := schema.FirstNamed + schema.Field(len(ns.known))
	m.Field = f
	ns.known = append(ns.known, m)
	ns.texts = append(ns.texts, m.Name)
	ns.byName[m.Name] = f
	return f
}

// teaches reports whether a value says of its field what is not known yet. Once
// known, it stays: which of two that differ is right cannot be told, and the first
// one is the same whenever the journal is folded.
func (ns *names) teaches(f schema.Field, v *schema.NamedValue) bool {
	if f < schema.FirstNamed || v.Type == "" && v.Help == "" && v.Unit == "" {
		return false
	}
	m := &ns.known[f-schema.FirstNamed]
	return m.Type == "" && v.Type != "" || m.Help == "" && v.Help != "" || m.Unit == "" && v.Unit != ""
}

// learn enters the names of values, and what they say of them. It returns how many
// were new.
func (ns *names) learn(values []schema.NamedValue) (fresh uint64) {
	for i := range values {
		v := &values[i]
		f, known := ns.byName[v.Name]
		if !known {
			f = ns.add(schema.Metadata{Name: strings.Clone(v.Name)})
			ns.dirty[f] = true
			fresh++
		}
		if !ns.teaches(f, v) {
			continue
		}
		m := &ns.known[f-schema.FirstNamed]
		m.Type = schema.SeriesType(strings.Clone(string(cmp.Or(m.Type, v.Type))))
		m.Help = strings.Clone(cmp.Or(m.Help, v.Help))
		m.Unit = strings.Clone(cmp.Or(m.Unit, v.Unit))
		ns.dirty[f] = true
	}
	return fresh
}

// changes gives the names that changed since the last checkpoint, in order.
func (ns *names) changes(to Sink) {
	if len(ns.dirty) == 0 {
		return
	}
	for _, f := range slices.Sorted(maps.Keys(ns.dirty)) {
		to.Name(&ns.known[f-schema.FirstNamed])
	}
	clear(ns.dirty)
}

// translation is a reading's values by their fields, and what of its names is new.
type translation struct {
	fields  []schema.FieldValue // ascending; without the values of new names
	unknown int                 // how many names are new
	teaches bool                // something of its names is
}

// translate appends the values of a reading to into, by their fields, ascending.
// A named value whose name is that of one of the reading's fields is left out.
func (ns *names) translate(r *schema.Reading, into []schema.FieldValue) (t translation, rest []schema.FieldValue) {
	if len(r.Named) == 0 {
		return translation{fields: r.Fields}, into
	}
	first, sorted := len(into), true
	into = append(into, r.Fields...)
	for i := range r.Named {
		v := &r.Named[i]
		f, known := ns.byName[v.Name]
		if !known {
			t.unknown++
			continue
		}
		t.teaches = t.teaches || ns.teaches(f, v)
		sorted = sorted && (len(into) == first || into[len(into)-1].Field < f)
		into = append(into, schema.FieldValue{Field: f, Value: v.Value})
	}
	t.fields = into[first:len(into):len(into)]
	if !sorted {
		slices.SortStableFunc(t.fields, func(a, b schema.FieldValue) int { return cmp.Compare(a.Field, b.Field) })
		t.fields = slices.CompactFunc(t.fields, func(a, b schema.FieldValue) bool { return a.Field == b.Field })
	}
	return t, into
}

// FieldNames says what fields are called. It does not change.
type FieldNames struct{ named []string }

// Name returns a field's name, "" for what is no field.
func (n FieldNames) Name(f schema.Field) string {
	if f < schema.FirstNamed {
		return fixedNames[f]
	}
	if at := int(f - schema.FirstNamed); at < len(n.named) {
		return n.named[at]
	}
	return ""
}

// fixedNames are the names of schema.Fields, by field.
var fixedNames = func() (names [schema.FirstNamed]string) {
	for _, f := range schema.Fields {
		names[f.Field] = f.Name
	}
	return names
}()

// FieldNames returns the names of all fields that there are now.
func (s *State) FieldNames() FieldNames { return FieldNames{s.names.texts} }

// NameCount returns how many names named values have brought, and how many there
// may be.
func (s *State) NameCount() (count, most uint64) {
	return uint64(len(s.names.known)), uint64(s.names.most)
}

// Metadata calls visit with what is known of the names that named values brought,
// ascending by field: of all, or of the one that is not "".
func (s *State) Metadata(name string, visit func(*schema.Metadata)) {
	for i := range s.names.known {
		if m := &s.names.known[i]; name == "" || name == m.Name {
			visit(m)
		}
	}
}
