package history

import (
	"encoding/binary"

	"weir/pkg/schema"
)

// A page is the bytes of up to PageRows rows of a log, readable by itself. Each
// row is told against the one before it:
//
//	head     one byte of the flags below
//	time     zigzag varint: (step − step before) / unit, where step is the time since the row before
//	arrival  zigzag varint: arrival − arrival before, unless headNext
//	meta     dialect, clock, unless headSameMeta
//	fields   unless headSameFields: how many new fields, each field's number; then a bitmap
//	         over all the page's fields: which this row has
//	changed  unless headSameValues: a bitmap over the row's fields: which differ from before
//	values   for each changed field: a uvarint u. u even: zigzag u/2 is the difference of the
//	         number (at the field's exponent). u odd: u/2 is a new exponent + 1, and the
//	         number follows as a zigzag varint, or as 8 bytes where it is the value's bits.
//
// The first row is told against nothing: zeroes, and no fields.
const (
	headSameFields = 1 << 0
	headSameMeta   = 1 << 1
	headEnd        = 1 << 2
	headNext       = 1 << 3 // the arrival is the one before + 1; for an end: 0
	headUnit       = 3 << 4 // 0 … 3: ns, µs, ms, s
	headSameValues = 1 << 6
)

const headUnitShift = 4

var stepUnits = [4]int64{1, 1e3, 1e6, 1e9}

// fieldState is what a page knows of a field at some row.
type fieldState struct {
	number   int64  // of the latest row that has the field: a decimal at exponent, or the value's bits
	bits     uint64 // that value; kept by the writer only
	field    schema.Field
	exponent int8 // 0 … maxExponent, or rawExponent
	present  bool // in the latest row (ends apart)
}

func (s *fieldState) value() float64 { return fromDecimal(s.number, int(s.exponent)) }

// pageState is the row at which a page's writer or reader stands.
type pageState struct {
	time, step int64
	arrival    uint64 // the latest that was told
	rowArrival uint64 // the row's own: 0 for an end; kept by the reader only
	dialect    schema.Dialect
	clock      schema.Clock
	end        bool
	fields     []fieldState // ascending by field: all that the page has had so far
}

// restart goes to a page's beginning, keeping the memory.
func (s *pageState) restart() { *s = pageState{fields: s.fields[:0]} }

// add makes room for fields that the page has not had, ascending, and reports
// false if they are not so. It goes through all fields once, however many are new.
func (s *pageState) add(fresh []schema.Field) bool {
	k := len(s.fields) - 1 // the next one to be moved
	s.fields = append(s.fields, make([]fieldState, len(fresh))...)
	for i := len(fresh) - 1; i >= 0; i-- {
		if i > 0 && fresh[i-1] >= fresh[i] {
			return false
		}
		for ; k >= 0 && s.fields[k].field > fresh[i]; k-- {
			s.fields[k+i+1] = s.fields[k]
		}
		if k >= 0 && s.fields[k].field == fresh[i] {
			return false
		}
		s.fields[k+i+1] = fieldState{field: fresh[i]}
	}
	return true
}

// appendRow writes a row and goes to it.
func (s *pageState) appendRow(b []byte, r *Row) []byte {
	if r.End && len(r.Fields) > 0 {
		panic("BUG: the end of a track has fields")
	}
	at := len(b)
	b = append(b, 0)
	head := byte(0)
	b, unit := appendStep(b, r.Time-s.time-s.step)
	head |= unit << headUnitShift
	s.step, s.time, s.end = r.Time-s.time, r.Time, r.End

	switch {
	case r.End && r.Arrival == 0:
		head |= headNext
	case !r.End && r.Arrival == s.arrival+1:
		head |= headNext
		s.arrival = r.Arrival
	default:
		b = binary.AppendVarint(b, int64(r.Arrival-s.arrival))
		s.arrival = r.Arrival
	}
	if r.Dialect == s.dialect && r.Clock == s.clock {
		head |= headSameMeta
	} else {
		b = append(b, byte(r.Dialect), byte(r.Clock))
		s.dialect, s.clock = r.Dialect, r.Clock
	}
	if r.End {
		b[at] = head | headEnd
		return b
	}
	if s.hasFields(r.Fields) {
		head |= headSameFields
	} else {
		b = s.appendFields(b, r.Fields)
	}
	b, changed := s.appendValues(b, r.Fields)
	if !changed {
		head |= headSameValues
	}
	b[at] = head
	return b
}

// appendStep writes a difference of steps in the largest unit that divides it.
func appendStep(b []byte, d int64) ([]byte, byte) {
	unit := byte(0)
	for unit < 3 && d%1000 == 0 {
		d /= 1000
		unit++
	}
	return binary.AppendVarint(b, d), unit
}

// hasFields reports whether a row has the same fields as the row before.
func (s *pageState) hasFields(fields []schema.FieldValue) bool {
	if len(fields) > len(s.fields) {
		return false
	}
	i := 0
	for k := range s.fields {
		if !s.fields[k].present {
			continue
		}
		if i == len(fields) || fields[i].Field != s.fields[k].field {
			return false
		}
		i++
	}
	return i == len(fields)
}

// fewFields is memory for new fields: of most rows they are so few.
type fewFields [32]schema.Field

// appendFields writes which fields a row has, and marks them.
func (s *pageState) appendFields(b []byte, fields []schema.FieldValue) []byte {
	var some fewFields
	fresh, k := some[:0], 0
	for i := range fields {
		f := fields[i].Field
		for k < len(s.fields) && s.fields[k].field < f {
			k++
		}
		if k == len(s.fields) || s.fields[k].field != f {
			fresh = append(fresh, f)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(fresh)))
	for _, f := range fresh {
		b = binary.AppendUvarint(b, uint64(f))
	}
	if !s.add(fresh) {
		panic("BUG: a row's fields are not in ascending order")
	}
	bitmap := len(b)
	b = append(b, make([]byte, (len(s.fields)+7)/8)...)
	k = 0
	for i := range s.fields {
		state := &s.fields[i]
		state.present = k < len(fields) && fields[k].Field == state.field
		if state.present {
			b[bitmap+i/8] |= 1 << (i % 8)
			k++
		}
	}
	if k < len(fields) {
		panic("BUG: a row's fields are not in ascending order")
	}
	return b
}
