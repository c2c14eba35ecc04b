package render

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// ellipsis ends what was truncated.
const ellipsis = '…'

// Characters shortens a text to at most n Unicode code points.
func Characters(s string, n int) string {
	return shorten(s, n, func(rune) int { return 1 })
}

// UTF16 shortens a text to at most n UTF-16 units, as vendors count whose
// programs are written in Java: never longer than counted in code points.
func UTF16(s string, n int) string {
	return shorten(s, n, func(r rune) int { return max(1, utf16.RuneLen(r)) })
}

// shorten keeps as much as fits, an ellipsis included. It never breaks a
// character: neither its bytes, nor a base from the marks that belong to it, nor
// what a zero width joiner joins.
func shorten(s string, n int, size func(rune) int) string {
	cut, used := 0, 0 // cut: where the text may end so that the ellipsis fits
	joined := true
	for i, r := range s {
		if used <= n-1 && !joined && !joins(r) {
			cut = i
		}
		joined = r == '\u200d'
		if used += size(r); used > n {
			return ended(s[:cut], n)
		}
	}
	return s
}

func ended(s string, n int) string {
	if n < 1 {
		return ""
	}
	return s + string(ellipsis)
}

// joins reports whether a code point belongs to the character before it.
func joins(r rune) bool {
	return r == '\u200d' || unicode.Is(unicode.M, r) || r >= 0x1f3fb && r <= 0x1f3ff
}

// Bytes shortens a text to at most n bytes, for quoting: it may break what
// Characters would not, but no code point.
func Bytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + string(ellipsis)
}
