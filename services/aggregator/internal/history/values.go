package history

import (
	"encoding/binary"
	"math"
)

// A column of values is a column of numbers whose note says what they are:
//
//	0         the values' own bits
//	1 … 13    decimals: value = number / 10^(note−1)
//	14        mended decimals: computed averages and sums, a few units in the last place off a
//	          decimal. Behind the note's byte: the exponent, the length of the column of
//	          decimals, that column, and a column of the bits to add to each value
//
// As IEEE 754's order is that of its bits, a difference of bits is small where
// the values are near; and bits that are always zero (32-bit floats) are a
// common factor. So the column of bits is never worse than XOR.
const noteMended = 14

// farOff is how many units in the last place a mended decimal may be off.
const farOff = 64

// appendValues writes a column of at least one value.
func (w *columnWriter) appendValues(dst []byte, values []float64) []byte {
	if exponent, ok := commonExponent(values); ok {
		w.numbers = w.numbers[:0]
		for _, v := range values {
			n, ok := toDecimal(v, exponent)
			if !ok { // beyond 2^51 at this exponent
				break
			}
			w.numbers = append(w.numbers, n)
		}
		if len(w.numbers) == len(values) {
			return w.append(dst, w.numbers, byte(exponent+1))
		}
	}
	if exponent, ok := mendedExponent(values); ok {
		return w.appendMended(dst, values, exponent)
	}
	w.numbers = w.numbers[:0]
	for _, v := range values {
		w.numbers = append(w.numbers, int64(math.Float64bits(v)))
	}
	return w.append(dst, w.numbers, 0)
}

// commonExponent returns the smallest exponent at which all values are decimals.
func commonExponent(values []float64) (exponent int, ok bool) {
	for _, v := range values {
		for {
			if _, ok := toDecimal(v, exponent); ok {
				break
			}
			if exponent++; exponent > maxExponent {
				return 0, false
			}
		}
	}
	return exponent, true
}

// mendedExponent returns the smallest exponent at which seven values of eight
// are nearly decimals.
func mendedExponent(values []float64) (int, bool) {
	for exponent := range maxExponent {
		others := 0
		for i, v := range values {
			if _, off := nearDecimal(v, exponent); off > farOff || off < -farOff {
				others++
			}
			if others > len(values)/8 {
				break
			}
			if i == len(values)-1 {
				return exponent, true
			}
		}
	}
	return 0, false
}

// nearDecimal returns the decimal nearest to v, and by how much their bits differ.
func nearDecimal(v float64, exponent int) (number, off int64) {
	if scaled := v * powersOfTen[exponent]; math.Abs(scaled) < maxMantissa/4 {
		number = int64((scaled + roundTo53) - roundTo53)
	}
	near := float64(number) / powersOfTen[exponent]
	return number, int64(math.Float64bits(v) - math.Float64bits(near))
}

func (w *columnWriter) appendMended(dst []byte, values []float64, exponent int) []byte {
	w.numbers, w.offs = w.numbers[:0], w.offs[:0]
	for _, v := range values {
		number, off := nearDecimal(v, exponent)
		w.numbers, w.offs = append(w.numbers, number), append(w.offs, off)
	}
	w.scratch = w.append(w.scratch[:0], w.numbers, 0)
	dst = append(dst, noteMended<<columnNote, byte(exponent))
	dst = binary.AppendUvarint(dst, uint64(len(w.scratch)))
	dst = append(dst, w.scratch...)
	return w.append(dst, w.offs, 0)
}

// readValues reads a column of len(into) ≥ 1 values.
func (r *columnReader) readValues(data []byte, into []float64) error {
	if cap(r.numbers) < len(into) {
		r.numbers = make([]int64, len(into)+len(into)/2)
	}
	numbers := r.numbers[:len(into)]
	if len(data) > 0 && data[0]>>columnNote == noteMended {
		return r.readMended(data, numbers, into)
	}
	note, err := r.read(data, numbers)
	if err != nil {
		return err
	}
	return toValues(numbers, into, int(note)-1)
}

// toValues turns numbers at an exponent into values.
func toValues(numbers []int64, into []float64, exponent int) error {
	switch {
	case exponent > maxExponent:
		return damaged("values have exponent %d", exponent)
	case exponent == rawExponent:
		for i, n := range numbers {
			into[i] = math.Float64frombits(uint64(n))
		}
	case exponent == 0:
		for i, n := range numbers {
			into[i] = float64(n)
		}
	default:
		power := powersOfTen[exponent]
		for i, n := range numbers {
			into[i] = float64(n) / power
		}
	}
	return nil
}

func (r *columnReader) readMended(data []byte, numbers []int64, into []float64) error {
	if len(data) < 2 {
		return damaged("column of mended decimals ends in its head")
	}
	exponent := int(data[1])
	size, n := binary.Uvarint(data[2:])
	if n <= 0 || size > uint64(len(data)-2-n) {
		return damaged("column of mended decimals ends in its head")
	}
	decimals, offs := data[2+n:2+n+int(size)], data[2+n+int(size):]
	if _, err := r.read(decimals, numbers); err != nil {
		return err
	}
	if err := toValues(numbers, into, exponent); err != nil {
		return err
	}
	if _, err := r.read(offs, numbers); err != nil {
		return err
	}
	for i, off := range numbers {
		into[i] = math.Float64frombits(math.Float64bits(into[i]) + uint64(off))
	}
	return nil
}
