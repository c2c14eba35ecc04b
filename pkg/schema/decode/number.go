package decode

import (
	"math"
	"strconv"
)

// numeral is a number's text, taken apart.
type numeral struct {
	mantissa uint64 // all digits without the point, if there are at most exactDigits
	digits   int    // how many there are, leading zeros included
	decimals int    // how many of them follow the point
	negative bool
	exponent bool // an exponent follows
}

// exactDigits is how many decimal digits a float64 surely holds.
const exactDigits = 15

// pow10 holds the powers of ten that a float64 holds exactly, as far as needed.
var pow10 = [exactDigits + 1]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseNumber returns the value of a JSON number's text, correctly rounded, and
// whether it is a finite one. fastjson's own conversion is off by a bit for
// many digits and for exponents: what is folded from the journal must not
// depend on how a library rounds.
func parseNumber(s string) (float64, bool) {
	n, ok := scanNumber(s)
	if !ok {
		return 0, false
	}
	if n.exponent || n.digits > exactDigits {
		return parseSlowly(s)
	}
	// Both operands are exact, so the quotient is correctly rounded.
	f := float64(n.mantissa) / pow10[n.decimals]
	if n.negative && f != 0 {
		f = -f
	}
	return f, true
}

func parseSlowly(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, false
	}
	if f == 0 {
		return 0, true // never -0
	}
	return f, true
}

// scanNumber takes a number apart, and is false where s is none by JSON's
// grammar: fastjson lets "+1", "01", "1.", ".5", "1.2.3" and "nan" pass.
func scanNumber(s string) (n numeral, ok bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		n.negative = true
		i++
	}
	start := i
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		n.mantissa = n.mantissa*10 + uint64(s[i]-'0')
	}
	n.digits = i - start
	if n.digits == 0 || n.digits > 1 && s[start] == '0' {
		return n, false
	}
	if i < len(s) && s[i] == '.' {
		point := i
		for i++; i < len(s) && s[i]-'0' <= 9; i++ {
			n.mantissa = n.mantissa*10 + uint64(s[i]-'0')
		}
		n.decimals = i - point - 1
		n.digits += n.decimals
		if n.decimals == 0 {
			return n, false
		}
	}
	if i == len(s) {
		return n, true
	}
	n.exponent = true
	return n, isExponent(s[i:])
}

// isExponent reports whether s is an "e" with a whole number behind it.
func isExponent(s string) bool {
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}
