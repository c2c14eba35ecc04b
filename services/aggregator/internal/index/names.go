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
	s.eachField(func(schema.Field) bool {
		names = append(names, schema.MetricNameLabel)
		return false
	})
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
		names := []string{}
		s.eachField(func(f schema.Field) bool {
			names = append(names, x.names.Name(f))
			return true
		})
		return names
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
	wanted wanted
	sure   bool // each of ids has a field that is wanted
	all    bool // all tracks: ids is not filled
	ids    []uint64

	last    *fieldSet // what was found out last about a set
	useful  bool
	verdict map[*fieldSet]bool // and about all before
}

func (x *Index) newSelection(ms []*labels.Matcher, in func(uint64) bool) *selection {
	s := &selection{x: x, in: in}
	if len(ms) == 0 {
		s.all, s.wanted = true, wanted{all: true}
		return s
	}
	s.wanted, s.ids = x.selectTracks(ms)
	s.sure = !s.wanted.all && len(s.wanted.fields) == 1
	return s
}

// agrees reports whether a track of the selection has a series in it.
func (s *selection) agrees(id uint64) bool {
	return (s.sure || s.uses(s.x.tracks[id])) && (s.in == nil || s.in(id))
}

// uses reports whether a set has a field that is wanted.
func (s *selection) uses(set *fieldSet) bool {
	if s.wanted.all {
		return len(set.fields) > 0
	}
	if set == s.last {
		return s.useful
	}
	useful, known := s.verdict[set]
	if !known {
		if s.verdict == nil {
			s.verdict = map[*fieldSet]bool{}
		}
		useful = len(s.wanted.of(set)) > 0
		s.verdict[set] = useful
	}
	s.last, s.useful = set, useful
	return useful
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

// eachField calls visit with the fields that series of the selection have,
// ascending, until it returns false.
func (s *selection) eachField(visit func(schema.Field) bool) {
	if !s.wanted.all {
		for _, f := range s.wanted.fields {
			if s.has(s.x.fields[f]) && !visit(f) {
				return
			}
		}
		return
	}
	for f, l := range s.x.fields {
		if l != nil && l.n > 0 && s.has(l) && !visit(schema.Field(f)) {
			return
		}
	}
}
