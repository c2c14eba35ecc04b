package history

import (
	"encoding/binary"
	"math"

	"weir/pkg/schema"
)

// appendValues writes the values that differ from the row before.
func (s *pageState) appendValues(b []byte, fields []schema.FieldValue) ([]byte, bool) {
	bitmap, size := len(b), (len(fields)+7)/8
	for range size {
		b = append(b, 0)
	}
	changed, k := false, 0
	for i := range fields {
		for !s.fields[k].present {
			k++
		}
		state := &s.fields[k]
		k++
		if bits := math.Float64bits(fields[i].Value); bits != state.bits {
			b[bitmap+i/8] |= 1 << (i % 8)
			b = state.appendValue(b, fields[i].Value, bits)
			changed = true
		}
	}
	if !changed {
		b = b[:bitmap]
	}
	return b, changed
}

// appendValue writes a value that differs from the field's latest.
func (s *fieldState) appendValue(b []byte, v float64, bits uint64) []byte {
	s.bits = bits
	number, exponent := nextNumber(v, int(s.exponent))
	if exponent == int(s.exponent) {
		d := number - s.number
		if zigzag := uint64(d<<1) ^ uint64(d>>63); zigzag < 1<<63 {
			s.number = number
			return binary.AppendUvarint(b, zigzag<<1)
		}
	}
	s.number, s.exponent = number, int8(exponent)
	b = binary.AppendUvarint(b, uint64(exponent+1)<<1|1)
	if exponent == rawExponent {
		return binary.LittleEndian.AppendUint64(b, uint64(number))
	}
	return binary.AppendVarint(b, number)
}

// nextNumber returns a value as a number and its exponent: the field's present
// one if that will do, else a larger one, else the value's bits. Bits stay bits
// up to the end of the page: such a field would only waste tries.
func nextNumber(v float64, exponent int) (int64, int) {
	if exponent != rawExponent {
		for e := exponent; e <= maxExponent; e++ {
			if n, ok := toDecimal(v, e); ok {
				return n, e
			}
		}
	}
	return int64(math.Float64bits(v)), rawExponent
}
