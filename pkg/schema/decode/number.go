package decode

import (
	"math"
	"strconv"
)

// exactDigits is how many decimal digits a float64 surely holds.
const exactDigits = 15

// pow10 holds powers of ten, all of which a float64 holds exactly.
var pow10 = [exactDigits + 1]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseNumber returns the value of a JSON number's text, correctly rounded, and
// whether it is a finite one. fastjson's own conversion is off by a bit for
// many digits and for exponents: what is folded from the journal must not
// depend on how a version of a library rounds.
func parseNumber(s string) (float64, bool) {
	if digits, decimals, ok := plainDecimal(s); ok {
		if decimals == 0 {
			return float64(digits), true
		}
		return float64(digits) / pow10[decimals], true // of two exact numbers: rounded once
	}
	if !isNumber(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	if f == 0 {
		return 0, true // never -0
	}
	return f, true
}

// plainDecimal reads what most numbers are: a few digits, perhaps with a point
// among them. What it does not read may be a number all the same.
func plainDecimal(s string) (digits uint64, decimals int, ok bool) {
	if len(s) == 0 || len(s) > exactDigits || len(s) > 1 && s[0] == '0' && s[1] != '.' {
		return 0, 0, false
	}
	point := len(s) - 1
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		switch {
		case c <= 9:
			digits = digits*10 + uint64(c)
		case s[i] == '.' && i > 0 && i < len(s)-1 && point == len(s)-1:
			point = i
		default:
			return 0, 0, false
		}
	}
	return digits, len(s) - 1 - point, true
}

// isNumber reports whether s is a number by JSON's grammar, of whatever size:
// fastjson lets "+1", "01", "1.", ".5", "1.2.3" and "nan" pass.
func isNumber(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole, s := cutDigits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if s != "" && s[0] == '.' {
		var decimals string
		if decimals, s = cutDigits(s[1:]); decimals == "" {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		var exponent string
		if exponent, s = cutDigits(s); exponent == "" {
			return false
		}
	}
	return s == ""
}

// cutDigits cuts the digits from the beginning of s.
func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return s[:i], s[i:]
}
