package fold

import (
	"slices"

	"weir/pkg/schema"
)

// tolerate raises those counters of a reading that fell by no more than it
// tolerates to what they were: a device that takes something back has not been
// restarted. The reading must be about to become a main row.
func (s *State) tolerate(tr *track, fields []schema.FieldValue, tolerance float64) {
	before := s.lastFields(tr)
	i := 0
	for k := range fields {
		v := &fields[k]
		for i < len(before) && before[i].Field < v.Field {
			i++
		}
		if i == len(before) || before[i].Field != v.Field || !s.names.isCounter(v.Field) {
			continue
		}
		if fall := before[i].Value - v.Value; fall > 0 && fall <= tolerance {
			v.Value = before[i].Value
		}
	}
}

// lastFields returns the fields of the newest main row of a track, none if that is
// an end. They are valid until the next call.
func (s *State) lastFields(tr *track) []schema.FieldValue {
	if tr.main.Len() == 0 {
		if tr.read != tr.newest {
			return nil
		}
		return tr.last
	}
	if row := s.rows.LastRow(tr.main.View()); !row.End {
		return row.Fields
	}
	return nil
}

// remember keeps the fields of a main row that was just sealed, for tolerate. It
// is part of the track's record: what is sealed need not be in memory.
func (s *State) remember(tr *track, fields []schema.FieldValue, tolerance float64) {
	switch {
	case tolerance > 0 && tr.main.Len() == 0:
		tr.last = slices.Clone(fields)
	case tr.last != nil:
		tr.last = nil
	default:
		return
	}
	s.tracks.change(tr)
}

// isCounter reports whether a field is known to be a counter.
func (ns *names) isCounter(f schema.Field) bool {
	if f >= schema.FirstNamed {
		return ns.known[f-schema.FirstNamed].Type == schema.Cumulative
	}
	i, found := slices.BinarySearchFunc(schema.Fields, f, func(info schema.FieldInfo, f schema.Field) int { return int(info.Field) - int(f) })
	return found && schema.Fields[i].Type == schema.Cumulative
}
