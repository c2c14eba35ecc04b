// Package jsonappend writes JSON by appending to a byte slice: the documents
// are large (10,000 nodes), their keys have an order, and their numbers must be
// in the shortest form without an exponent.
package jsonappend

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Comma appends a comma unless b ends where a value may begin: after '{', '['
// or ':', or at the start. No value ends in one of these bytes, strings being
// closed by a quote.
func Comma(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	switch b[len(b)-1] {
	case '{', '[', ':':
		return b
	}
	return append(b, ',')
}

// Key appends a comma where one is due, and `"name":`.
func Key(b []byte, name string) []byte { return append(String(Comma(b), name), ':') }

// Field appends a key with a text.
func Field(b []byte, name, value string) []byte { return String(Key(b, name), value) }

// Uint appends a key with a whole number.
func Uint(b []byte, name string, v uint64) []byte { return strconv.AppendUint(Key(b, name), v, 10) }

// Int appends a key with a whole number.
func Int(b []byte, name string, v int64) []byte { return strconv.AppendInt(Key(b, name), v, 10) }

// Float appends a key with a number.
func Float(b []byte, name string, v float64) []byte { return Number(Key(b, name), v) }

// Bool appends a key with true or false.
func Bool(b []byte, name string, v bool) []byte { return strconv.AppendBool(Key(b, name), v) }

// maxExactInt bounds the whole numbers that every float64 holds exactly.
const maxExactInt = 1 << 53

// Number appends v in the shortest form that reads back as v, without an
// exponent: 7340032, 12.25, 0.0000001. JSON has no infinities and no NaN; they
// become null. 2⁶⁴ is what the largest counter of 64 bits became on its way, and is
// written as that: readers take it for one.
func Number(b []byte, v float64) []byte {
	if v > -maxExactInt && v < maxExactInt && v == math.Trunc(v) {
		return strconv.AppendInt(b, int64(v), 10)
	}
	if cents := math.Round(v * 100); cents/100 == v && math.Abs(cents) < maxDecimal {
		return appendCents(b, int64(cents))
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if v == 1<<64 {
		return strconv.AppendUint(b, math.MaxUint64, 10)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// maxDecimal bounds the numbers of 15 digits, of which no two are the same
// float64: up to there cents/100 == v means that the decimal number reads back
// as v, and that no shorter one does.
const maxDecimal = 1e15

// appendCents appends a number of hundredths that is not whole. Percentages are
// mostly of this form, and it takes a quarter of the time of the general one.
func appendCents(b []byte, cents int64) []byte {
	if cents < 0 {
		b, cents = append(b, '-'), -cents
	}
	b = strconv.AppendInt(b, cents/100, 10)
	b = append(b, '.', byte('0'+cents/10%10))
	if last := cents % 10; last != 0 {
		b = append(b, byte('0'+last))
	}
	return b
}

const hex = "0123456789abcdef"

// String appends s in quotes. Bytes that are not UTF-8 become U+FFFD.
func String(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return append(slowString(b, s[start:]), '"')
		}
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = escape(append(b, s[start:i]...), c)
		start = i + 1
	}
	return append(append(b, s[start:]...), '"')
}

// slowString appends a text that holds more than ASCII, without the quotes.
func slowString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			b = escape(b, c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

func escape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
