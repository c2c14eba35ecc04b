// Package seriesname makes names of series and labels of whatever a device calls
// its values.
package seriesname

import (
	"unicode"
	"unicode/utf8"
)

// Append appends text to a name that begins at start in b: letters and digits of
// any script as they are, an underscore for each other character but those that
// Prometheus' classic names have, and one before a digit at the name's beginning.
func Append(b []byte, start int, text string) []byte { return appendName(b, start, text, true) }

// AppendLabel does the same for the name of a label, which has no colons.
func AppendLabel(b []byte, start int, text string) []byte { return appendName(b, start, text, false) }

// Of returns a text as the name of a series; "" of an empty one.
func Of(text string) string {
	if Valid(text) {
		return text
	}
	return string(Append(nil, 0, text))
}

// LabelOf returns a text as the name of a label; "" of an empty one.
func LabelOf(text string) string {
	if ValidLabel(text) {
		return text
	}
	return string(AppendLabel(nil, 0, text))
}

// Valid reports whether a text is the name of a series as it stands.
func Valid(text string) bool { return valid(text, true) }

// ValidLabel reports whether a text is the name of a label as it stands.
func ValidLabel(text string) bool { return valid(text, false) }

func valid(text string, colon bool) bool {
	for i, c := range text {
		if !fits(c, colon) || i == 0 && isDigit(c) {
			return false
		}
	}
	return text != ""
}

func appendName(b []byte, start int, text string, colon bool) []byte {
	for _, c := range text {
		switch {
		case !fits(c, colon):
			b = append(b, '_')
		case len(b) == start && isDigit(c):
			b = append(b, '_', byte(c))
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return b
}

// fits reports whether a name has a character as it is. Of scripts that write
// vowels as marks these belong to the letters.
func fits(c rune, colon bool) bool {
	if c >= utf8.RuneSelf {
		return unicode.In(c, unicode.L, unicode.M, unicode.N)
	}
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || isDigit(c) || c == ':' && colon
}

func isDigit(c rune) bool { return '0' <= c && c <= '9' }
