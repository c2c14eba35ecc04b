package history

import (
	"encoding/binary"
	"math"
	"math/bits"

	"weir/pkg/schema"
)

// readRow reads the row at the beginning of data, goes to it, and returns how
// many bytes it took; 0 if data is damaged.
func (s *pageState) readRow(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	head, pos := data[0], 1
	d, n := binary.Varint(data[pos:])
	if n <= 0 {
		return 0
	}
	pos += n
	s.step += d * stepUnits[head&headUnit>>headUnitShift]
	s.time += s.step
	s.end = head&headEnd != 0

	switch {
	case head&headNext == 0:
		d, n := binary.Varint(data[pos:])
		if n <= 0 {
			return 0
		}
		pos += n
		s.arrival += uint64(d)
		s.rowArrival = s.arrival
	case s.end:
		s.rowArrival = 0
	default:
		s.arrival++
		s.rowArrival = s.arrival
	}
	if head&headSameMeta == 0 {
		if len(data)-pos < 2 {
			return 0
		}
		s.dialect, s.clock = schema.Dialect(data[pos]), schema.Clock(data[pos+1])
		pos += 2
	}
	if s.end {
		return pos
	}
	if head&headSameFields == 0 {
		if pos = s.readFields(data, pos); pos == 0 {
			return 0
		}
	}
	if head&headSameValues != 0 {
		return pos
	}
	return s.readValues(data, pos)
}

// readFields reads which fields a row has; 0 for damage.
func (s *pageState) readFields(data []byte, pos int) int {
	added, n := binary.Uvarint(data[pos:])
	if n <= 0 || added > uint64(len(data)-pos) {
		return 0
	}
	pos += n
	var some fewFields
	fresh := some[:0]
	for range added {
		f, n := binary.Uvarint(data[pos:])
		if n <= 0 || f > math.MaxUint16 {
			return 0
		}
		fresh = append(fresh, schema.Field(f))
		pos += n
	}
	if !s.add(fresh) {
		return 0
	}
	if size := (len(s.fields) + 7) / 8; len(data)-pos < size {
		return 0
	}
	for i := range s.fields {
		s.fields[i].present = data[pos+i/8]>>(i%8)&1 == 1
	}
	return pos + (len(s.fields)+7)/8
}

// readValues reads the values that changed; 0 for damage.
func (s *pageState) readValues(data []byte, pos int) int {
	present := 0
	for i := range s.fields {
		if s.fields[i].present {
			present++
		}
	}
	size := (present + 7) / 8
	if len(data)-pos < size {
		return 0
	}
	bitmap := data[pos : pos+size]
	pos += size
	if present == len(s.fields) { // the usual case: every field in every row
		for i, set := range bitmap {
			for ; set != 0; set &= set - 1 {
				k := i*8 + bits.TrailingZeros8(set)
				if k >= len(s.fields) {
					return 0
				}
				if pos = s.fields[k].readValue(data, pos); pos == 0 {
					return 0
				}
			}
		}
		return pos
	}
	i := 0
	for k := range s.fields {
		if !s.fields[k].present {
			continue
		}
		if bitmap[i/8]>>(i%8)&1 == 1 {
			if pos = s.fields[k].readValue(data, pos); pos == 0 {
				return 0
			}
		}
		i++
	}
	return pos
}

// readValue reads a field's changed value; 0 for damage.
func (s *fieldState) readValue(data []byte, pos int) int {
	var u uint64
	if pos < len(data) && data[pos] < 0x80 {
		u = uint64(data[pos])
		pos++
	} else {
		v, n := binary.Uvarint(data[pos:])
		if n <= 0 {
			return 0
		}
		u = v
		pos += n
	}
	if u&1 == 0 {
		s.number += int64(u>>2) ^ -int64(u>>1&1)
		return pos
	}
	exponent := int64(u>>1) - 1
	if exponent > maxExponent {
		return 0
	}
	s.exponent = int8(exponent)
	if exponent == rawExponent {
		if len(data)-pos < 8 {
			return 0
		}
		s.number = int64(binary.LittleEndian.Uint64(data[pos:]))
		return pos + 8
	}
	number, n := binary.Varint(data[pos:])
	if n <= 0 {
		return 0
	}
	s.number = number
	return pos + n
}
