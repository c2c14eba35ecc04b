package decode

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of what is kept of a source beside its values. What is longer
// rejects the event: a name cut short could be another source's name.
const (
	MaxID         = 256   // bytes of an id: hostname, node_ip, task_id, proplet_id
	MaxLabels     = 64    // labels of one source
	MaxLabelName  = 128   // bytes of a label's name
	MaxLabelValue = 1024  // bytes of a label's value, or of an attribute
	MaxMetadata   = 16384 // bytes of a proplet's metadata as compact JSON
)

// textFault says what keeps s from being a name: its length, invalid UTF-8 or a
// control character. It returns "" for a good one, the empty text included.
func textFault(s string, limit int) string {
	if len(s) > limit {
		return fmt.Sprintf("has %d bytes, and may have %d", len(s), limit)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return slowTextFault(s)
		}
	}
	return ""
}

func slowTextFault(s string) string {
	if !utf8.ValidString(s) {
		return "is not valid UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return fmt.Sprintf("has the control character %U", r)
		}
	}
	return ""
}

// maxShown is how many bytes of a device's text a detail shows.
const maxShown = 48

// quote shows a text of a device in a detail: quoted, in ASCII, not too long.
func quote(s string) string {
	if len(s) > maxShown {
		return strconv.QuoteToASCII(s[:maxShown]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// show shows a piece of a device's JSON in a detail as it stands there, if it
// can be printed, else quoted.
func show(json []byte) string {
	s := string(json)
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return quote(s)
		}
	}
	if len(s) > maxShown {
		return s[:maxShown] + "…"
	}
	return s
}

// inASCII shows a text that may have parts of a payload in it, without quotes
// around it.
func inASCII(s string) string {
	cut := ""
	if len(s) > maxDetail {
		s, cut = s[:maxDetail], "…"
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			quoted := strconv.QuoteToASCII(s)
			s = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
			break
		}
	}
	return s + cut
}
