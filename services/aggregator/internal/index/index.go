package index

import (
	"fmt"
	"math/bits"

	"weir/pkg/schema"
)

// Index knows which tracks have which labels and fields.
type Index struct {
	tracks map[uint64]fieldSet
	all    list
	fields []list                      // by place in schema.Fields
	labels map[string]map[string]*list // name → value → tracks
	series uint64
}

// New returns an empty index.
func New() *Index {
	return &Index{
		tracks: map[uint64]fieldSet{},
		fields: make([]list, len(schema.Fields)),
		labels: map[string]map[string]*list{},
	}
}

// Add adds a track without fields. Its labels have names that differ, none of
// them __name__, and values that are not empty; the strings are kept.
func (x *Index) Add(id uint64, labels []schema.Label) {
	if !x.all.add(id) {
		panic(fmt.Sprintf("BUG: track %d is in the index already", id))
	}
	x.tracks[id] = fieldSet{}
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

// AddField says that a track has a field; that it is said again is no mistake.
// The field is one of schema.Fields.
func (x *Index) AddField(id uint64, field schema.Field) {
	set, known := x.tracks[id]
	if !known {
		panic(fmt.Sprintf("BUG: track %d is not in the index", id))
	}
	place := placeOf(field)
	if set.has(place) {
		return
	}
	set.add(place)
	x.tracks[id] = set
	x.fields[place].add(id)
	x.series++
}

// Remove forgets a track, which has the labels that it was added with and the
// fields that were added since.
func (x *Index) Remove(id uint64, labels []schema.Label, fields []schema.Field) {
	if !x.all.remove(id) {
		panic(fmt.Sprintf("BUG: track %d is not in the index", id))
	}
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
	for _, f := range fields {
		if !x.fields[placeOf(f)].remove(id) {
			panic(fmt.Sprintf("BUG: track %d is not in the index with field %d", id, f))
		}
		x.series--
	}
}

// Series returns how many series there are.
func (x *Index) Series() uint64 { return x.series }

// Tracks returns how many tracks there are.
func (x *Index) Tracks() uint64 { return uint64(x.all.n) }

// fieldSet is a set of places in schema.Fields.
type fieldSet [4]uint64

// maxFields is how many fields there can be.
const maxFields = 4 * 64

func (s *fieldSet) has(place int) bool { return s[place/64]&(1<<(place%64)) != 0 }

func (s *fieldSet) add(place int) { s[place/64] |= 1 << (place % 64) }

func (s *fieldSet) and(o *fieldSet) fieldSet {
	return fieldSet{s[0] & o[0], s[1] & o[1], s[2] & o[2], s[3] & o[3]}
}

func (s *fieldSet) len() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// list returns the set's fields, ascending.
func (s *fieldSet) list() []schema.Field {
	var fields []schema.Field
	for place := range schema.Fields {
		if s.has(place) {
			fields = append(fields, schema.Fields[place].Field)
		}
	}
	return fields
}

// places is the inverse of schema.Fields.
var places = func() map[schema.Field]int {
	if len(schema.Fields) > maxFields {
		panic("BUG: there are more fields than a fieldSet holds")
	}
	places := make(map[schema.Field]int, len(schema.Fields))
	for place, f := range schema.Fields {
		places[f.Field] = place
	}
	return places
}()

func placeOf(f schema.Field) int {
	place, known := places[f]
	if !known {
		panic(fmt.Sprintf("BUG: no field has number %d", f))
	}
	return place
}
