package fold

import (
	"cmp"
	"math"
	"slices"

	"weir/pkg/schema"
)

// Absence says since when a track's rows lack a field that they had, or how long
// they once lacked it. Only main rows count.
type Absence struct {
	Field schema.Field
	// Since is the time of the last row that had the field, unix nanoseconds; 0 if
	// the newest row has it.
	Since int64
	// Longest is the longest time that the field was absent before, from the last
	// row that had it to the next that did, in nanoseconds; 0 for never.
	Longest int64
}

// neverThere is the Since of a field that only late rows have had: nothing is said
// of it.
const neverThere = math.MinInt64

// notice compares the fields of a main row, which is about to be entered, with
// those of the track. Mostly each row has every field; then there is no list, and
// nothing to do.
func (s *State) notice(tr *track, row []schema.FieldValue, at int64) {
	if len(tr.absent) == 0 && len(row) == len(tr.fields) {
		return
	}
	after, changed := s.absent[:0], false
	before := tr.absent
	for _, f := range tr.fields {
		there := len(row) > 0 && row[0].Field == f
		if there {
			row = row[1:]
		}
		a, listed := Absence{Field: f}, len(before) > 0 && before[0].Field == f
		if listed {
			a, before = before[0], before[1:]
		}
		switch {
		case there && a.Since == neverThere:
			changed = true
			continue
		case there && a.Since != 0:
			a.Longest, a.Since, changed = max(a.Longest, at-a.Since), 0, true
		case !there && a.Since == 0:
			a.Since, listed, changed = tr.read, true, true
		}
		if listed {
			after = append(after, a)
		}
	}
	s.absent = after
	if changed {
		tr.absent = slices.Clone(after) // views may hold the old one
		s.tracks.change(tr)
	}
}

// noticeLate notes the fields that a late row was the first to have.
func (s *State) noticeLate(tr *track, row []schema.FieldValue, had []schema.Field) {
	absent := slices.Clone(tr.absent)
	for _, v := range row {
		if _, found := slices.BinarySearch(had, v.Field); found {
			continue
		}
		at, _ := slices.BinarySearchFunc(absent, v.Field, func(a Absence, f schema.Field) int { return cmp.Compare(a.Field, f) })
		absent = slices.Insert(absent, at, Absence{Field: v.Field, Since: neverThere})
	}
	tr.absent = absent
}

// absences returns what is to be said of a track's fields.
func (tr *track) absences() []Absence {
	never := func(a Absence) bool { return a.Since == neverThere }
	if !slices.ContainsFunc(tr.absent, never) {
		return tr.absent
	}
	return slices.DeleteFunc(slices.Clone(tr.absent), never)
}
