package index

import (
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
)

// LabelNames returns the names of the labels that the series have which all
// matchers match, and whose track in, unless nil, agrees to. They are in no
// order: who needs one sorts where nobody waits.
func (x *Index) LabelNames(ms []*labels.Matcher, in func(id uint64) bool) []string {
	s := x.newSelection(ms, in)
	names := []string{}
	for place := range schema.Fields {
		if s.hasField(place) {
			names = append(names, schema.MetricNameLabel)
			break
		}
	}
	for name, values := range x.labels {
		for _, l := range values {
			if s.has(l) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// LabelValues returns the values that the label name has in the series which all
// matchers match, and whose track in, unless nil, agrees to. They are in no
// order: who needs one sorts where nobody waits.
func (x *Index) LabelValues(name string, ms []*labels.Matcher, in func(id uint64) bool) []string {
	s := x.newSelection(ms, in)
	if name == schema.MetricNameLabel {
		return s.fieldNames()
	}
	values := make([]string, 0, len(x.labels[name]))
	for value, l := range x.labels[name] {
		if s.has(l) {
			values = append(values, value)
		}
	}
	return values
}

// selection is the tracks that matchers select.
type selection struct {
	x      *Index
	in     func(uint64) bool
	wanted fieldSet
	all    bool // all tracks: ids is not filled
	ids    []uint64
}

func (x *Index) newSelection(ms []*labels.Matcher, in func(uint64) bool) *selection {
	s := &selection{x: x, in: in}
	if len(ms) == 0 {
		s.all, s.wanted = true, fieldsByName(nil)
		return s
	}
	s.wanted, s.ids = x.selectTracks(ms)
	return s
}

// agrees reports whether a track of the selection has a series in it.
func (s *selection) agrees(id uint64) bool {
	set := s.x.tracks[id]
	return set.and(&s.wanted) != fieldSet{} && (s.in == nil || s.in(id))
}

// has reports whether a track of l is in the selection.
func (s *selection) has(l *list) (found bool) {
	if s.all {
		for _, b := range l.blocks {
			for _, id := range b {
				if s.agrees(id) {
					return true
				}
			}
		}
		return false
	}
	eachCommon(s.ids, l, func(i int) bool {
		found = s.agrees(s.ids[i])
		return !found
	})
	return found
}

func (s *selection) hasField(place int) bool {
	return s.wanted.has(place) && s.has(&s.x.fields[place])
}

func (s *selection) fieldNames() []string {
	names := []string{}
	for place := range schema.Fields {
		if s.hasField(place) {
			names = append(names, schema.Fields[place].Name)
		}
	}
	return names
}
