package index

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
)

// fieldSet is the fields that tracks have. Tracks with the same fields share one:
// those of a kind mostly do, so that what is found out about a set need not be
// found out for each of them.
type fieldSet struct {
	fields []schema.Field // ascending; never changed
	key    string
	tracks int // how many have it
}

// noFields is the set of a track that has just been added.
var noFields = &fieldSet{}

// intern returns the set of these fields, for one track more.
func (x *Index) intern(fields []schema.Field) *fieldSet {
	if len(fields) == 0 {
		return noFields
	}
	key := make([]byte, 0, 128)
	for _, f := range fields {
		key = append(key, byte(f>>8), byte(f))
	}
	set := x.sets[string(key)]
	if set == nil {
		set = &fieldSet{fields: fields, key: string(key)}
		x.sets[set.key] = set
	}
	set.tracks++
	return set
}

// release says that a track no longer has a set.
func (x *Index) release(set *fieldSet) {
	if set == noFields {
		return
	}
	if set.tracks--; set.tracks == 0 {
		delete(x.sets, set.key)
	}
}

// wanted is the fields that a selection asks for.
type wanted struct {
	all    bool
	fields []schema.Field // unless all: ascending, those that tracks have
}

// of returns those of a set's fields that are wanted.
func (w *wanted) of(set *fieldSet) []schema.Field {
	if w.all {
		return set.fields
	}
	var common []schema.Field
	ours := w.fields
	for _, f := range set.fields { // mostly much fewer than there may be of ours
		at, found := slices.BinarySearch(ours, f)
		if found {
			common = append(common, f)
		}
		ours = ours[at:]
	}
	return common
}

// wantedBy returns the fields whose names all matchers of __name__ match.
func (x *Index) wantedBy(ms []*labels.Matcher) wanted {
	var names []*labels.Matcher
	for _, m := range ms {
		if m.Name == schema.MetricNameLabel {
			names = append(names, m)
		}
	}
	if len(names) == 0 {
		return wanted{all: true}
	}
	if candidates, few := namedBy(names); few {
		return wanted{fields: x.fieldsNamed(candidates, names)}
	}
	w := wanted{}
	for f, l := range x.fields {
		if l != nil && l.n > 0 && matchAll(names, x.names.Name(schema.Field(f))) {
			w.fields = append(w.fields, schema.Field(f))
		}
	}
	return w
}

// namedBy returns the only names that matchers can match, if one of them lists
// them.
func namedBy(ms []*labels.Matcher) (names []string, few bool) {
	for _, m := range ms {
		switch {
		case m.Type == labels.MatchEqual:
			return []string{m.Value}, true
		case m.Type == labels.MatchRegexp && len(m.SetMatches()) > 0:
			names, few = m.SetMatches(), true
		}
	}
	return names, few
}

// fieldsNamed returns the fields of names that all matchers match, as far as
// tracks have them, ascending.
func (x *Index) fieldsNamed(names []string, ms []*labels.Matcher) (fields []schema.Field) {
	for _, name := range names {
		if f, known := x.names.Field(name); known && x.tracksOf(f) != nil && (len(ms) == 1 || matchAll(ms, name)) {
			fields = append(fields, f)
		}
	}
	if len(fields) > 1 {
		slices.Sort(fields)
		fields = slices.Compact(fields)
	}
	return fields
}

func matchAll(ms []*labels.Matcher, name string) bool {
	for _, m := range ms {
		if !m.Matches(name) {
			return false
		}
	}
	return true
}
