package index

import (
	"fmt"

	"weir/pkg/schema"
)

// Names says what fields are called. A field that has a name keeps it.
type Names interface {
	// Name returns a field's name, "" for what is no field.
	Name(f schema.Field) string
	// Field returns the field of a name.
	Field(name string) (f schema.Field, known bool)
}

// Index knows which tracks have which labels and fields.
type Index struct {
	names  Names
	tracks map[uint64]*fieldSet
	sets   map[string]*fieldSet // those that tracks have, by key
	all    list
	fields []*list                     // by field; nil or empty if no track has it
	labels map[string]map[string]*list // name → value → tracks
	series uint64
}

// New returns an empty index of fields that have these names.
func New(names Names) *Index {
	return &Index{
		names:  names,
		tracks: map[uint64]*fieldSet{},
		sets:   map[string]*fieldSet{},
		labels: map[string]map[string]*list{},
	}
}

// Add adds a track without fields. Its labels have names that differ, none of
// them __name__, and values that are not empty; the strings are kept.
func (x *Index) Add(id uint64, labels []schema.Label) {
	if !x.all.add(id) {
		panic(fmt.Sprintf("BUG: track %d is in the index already", id))
	}
	x.tracks[id] = noFields
	for _, l := range labels {
		values := x.labels[l.Name]
		if values == nil {
			values = map[string]*list{}
			x.labels[l.Name] = values
		}
		tracks := values[l.Value]
		if tracks == nil {
			tracks = &list{}
			values[l.Value] = tracks
		}
		tracks.add(id)
	}
}

// SetFields says which fields a track has, ascending: all that it had, and
// perhaps more. It returns them as a list that all tracks with the same fields
// share, and that never changes, nor may the given one.
func (x *Index) SetFields(id uint64, fields []schema.Field) []schema.Field {
	before, known := x.tracks[id]
	if !known {
		panic(fmt.Sprintf("BUG: track %d is not in the index", id))
	}
	set, i := x.intern(fields), 0
	for _, f := range fields {
		if i < len(before.fields) && before.fields[i] == f {
			i++
			continue
		}
		x.listOf(f).add(id)
		x.series++
	}
	if i < len(before.fields) {
		panic(fmt.Sprintf("BUG: track %d loses the field %d", id, before.fields[i]))
	}
	x.release(before)
	x.tracks[id] = set
	return set.fields
}

// listOf returns the tracks of a field, to be changed.
func (x *Index) listOf(f schema.Field) *list {
	for int(f) >= len(x.fields) {
		x.fields = append(x.fields, nil)
	}
	if x.fields[f] == nil {
		if x.names.Name(f) == "" {
			panic(fmt.Sprintf("BUG: no field has number %d", f))
		}
		x.fields[f] = &list{}
	}
	return x.fields[f]
}

// tracksOf returns the tracks of a field, nil if no track has it.
func (x *Index) tracksOf(f schema.Field) *list {
	if int(f) >= len(x.fields) || x.fields[f] == nil || x.fields[f].n == 0 {
		return nil
	}
	return x.fields[f]
}

// Remove forgets a track, which has the labels that it was added with.
func (x *Index) Remove(id uint64, labels []schema.Label) {
	if !x.all.remove(id) {
		panic(fmt.Sprintf("BUG: track %d is not in the index", id))
	}
	set := x.tracks[id]
	delete(x.tracks, id)
	for _, l := range labels {
		values := x.labels[l.Name]
		tracks := values[l.Value]
		if tracks == nil || !tracks.remove(id) {
			panic(fmt.Sprintf("BUG: track %d is not in the index with label %s", id, l.Name))
		}
		if tracks.n > 0 {
			continue
		}
		if delete(values, l.Value); len(values) == 0 {
			delete(x.labels, l.Name)
		}
	}
	for _, f := range set.fields {
		if !x.fields[f].remove(id) {
			panic(fmt.Sprintf("BUG: track %d is not in the index with field %d", id, f))
		}
		x.series--
	}
	x.release(set)
}

// Series returns how many series there are.
func (x *Index) Series() uint64 { return x.series }

// Tracks returns how many tracks there are.
func (x *Index) Tracks() uint64 { return uint64(x.all.n) }
