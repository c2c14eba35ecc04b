package decode

import (
	"math/bits"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// maxFields is the most fields that a kind of source has.
const maxFields = 32

// values gathers a reading's values by field, in whatever order they come.
type values struct {
	base     schema.Field // the first field of the kind's block
	set      uint32       // bit n: the field base+n has a value
	value    [maxFields]float64
	rank     [maxFields]uint8 // the value's row in its alias table
	dialects uint16           // bit n: a name was used that only Dialect n has
}

func (v *values) reset(base schema.Field) { v.base, v.set, v.dialects = base, 0, 0 }

// put sets a value that was found under the name of an alias table's row.
func (v *values) put(row *alias, rank uint8, value float64) {
	v.dialects |= 1 << row.dialect
	n := row.field - v.base
	if v.set&(1<<n) != 0 && v.rank[n] < rank {
		return
	}
	v.set |= 1 << n
	v.value[n], v.rank[n] = value, rank
}

// derive sets a value that the message does not have itself.
func (v *values) derive(f schema.Field, value float64) {
	n := f - v.base
	v.set |= 1 << n
	v.value[n] = value
}

func (v *values) get(f schema.Field) (float64, bool) {
	n := f - v.base
	return v.value[n], v.set&(1<<n) != 0
}

// has reports whether a name of only one dialect was used.
func (v *values) has(dialect schema.Dialect) bool { return v.dialects&(1<<dialect) != 0 }

// appendTo appends the values in ascending order of their fields.
func (v *values) appendTo(fields []schema.FieldValue) []schema.FieldValue {
	for set := v.set; set != 0; set &= set - 1 {
		n := bits.TrailingZeros32(set)
		fields = append(fields, schema.FieldValue{Field: v.base + schema.Field(n), Value: v.value[n]})
	}
	return fields
}

// collect gathers the values of one object. Fields that are in no row of the
// section go to other, if there is one and it takes them.
func (d *Decoder) collect(s *section, v *fastjson.Value, other func(key []byte, v *fastjson.Value) bool) *schema.Rejection {
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil
	}
	if v.Type() != fastjson.TypeObject {
		return d.reject(schema.ReasonUnknownShape, "%s is %s: expected an object of measured values", s.path, kindOf(v))
	}
	var rejection *schema.Rejection
	next := 0
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		row := s.find(key, next)
		if row < 0 {
			if other == nil || !other(key, v) {
				d.ignoreField(key, v)
			}
			return
		}
		next = row + 1
		if r := d.value(s, row, v); r != nil && rejection == nil {
			rejection = r
		}
	})
	return rejection
}

// value takes over the value of a section's row.
func (d *Decoder) value(s *section, row int, v *fastjson.Value) *schema.Rejection {
	number, ok := d.number(v)
	if ok {
		d.values.put(&s.rows[row], s.first+uint8(row), number)
		return nil
	}
	if v.Type() == fastjson.TypeNull {
		return nil
	}
	d.suspect = true
	return d.reject(schema.ReasonBadNumber, "%s is %s: expected a finite number", s.where(row), show(d.raw(v)))
}

// finish appends the reading whose values were gathered.
func (d *Decoder) finish(r schema.Reading) {
	first := len(d.fields)
	d.fields = d.values.appendTo(d.fields)
	if last := len(d.fields); last > first {
		r.Fields = d.fields[first:last:last]
	}
	d.readings = append(d.readings, r)
}
