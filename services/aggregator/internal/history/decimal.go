package history

import "math"

// Devices send decimals: 12.25 is 1225 hundredths. As an integer and an
// exponent such a value is a small number with small differences; as 64 bits of
// IEEE 754 it looks like noise.

// maxExponent is the largest power of ten that a value is scaled by.
const maxExponent = 12

// rawExponent stands where a number is no decimal but the value's own bits.
const rawExponent = -1

// maxMantissa is the first integer beyond those that are all float64s.
const maxMantissa = 1 << 53

// roundTo53 added to and taken from a float of less than 2^51 rounds it to the
// nearest integer.
const roundTo53 = 3 << 51

var powersOfTen = [maxExponent + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// toDecimal returns n so that n / 10^exponent is v to the bit, if there is one.
func toDecimal(v float64, exponent int) (n int64, ok bool) {
	if exponent == 0 {
		return toInteger(v)
	}
	power := powersOfTen[exponent]
	scaled := v * power
	if !(math.Abs(scaled) < maxMantissa/4) {
		return 0, false
	}
	whole := (scaled + roundTo53) - roundTo53
	return int64(whole), math.Float64bits(whole/power) == math.Float64bits(v)
}

// toInteger returns v as an integer if it is one, to the bit: minus zero is not.
func toInteger(v float64) (n int64, ok bool) {
	if !(math.Abs(v) < 1<<62) {
		return 0, false
	}
	n = int64(v)
	return n, math.Float64bits(float64(n)) == math.Float64bits(v)
}

// fromDecimal returns the value of n at an exponent that toDecimal found.
func fromDecimal(n int64, exponent int) float64 {
	switch exponent {
	case rawExponent:
		return math.Float64frombits(uint64(n))
	case 0:
		return float64(n)
	}
	return float64(n) / powersOfTen[exponent]
}
