package pushtopic

import (
	"bytes"
	"strconv"
	"strings"

	"weir/pkg/schema/packed"
)

// headStart begins the line before the body of a pushed group. To a reader of
// exposition text the line is a comment.
const headStart = "# weir-push "

// Head is what is known of a pushed group beside its body. As a line it is
//
//	# weir-push at=1767323045000000000 failed=1767323040000000000 refused=1 encoding=zstd
//
// with at always, the others where there is something to say. Times are unix
// nanoseconds.
type Head struct {
	At     int64 // when it was pushed; 0 only where there is no such line
	Failed int64 // when a push of the group was refused before; 0 where none is known of
	// Refused says that this is no push, and no body follows: the group's push at At
	// was refused.
	Refused bool
	// Packed says that the body is packed; see package packed.
	Packed bool
}

// Append appends the head's line.
func (h *Head) Append(b []byte) []byte {
	b = append(b, headStart...)
	b = append(b, "at="...)
	b = strconv.AppendInt(b, h.At, 10)
	if h.Failed != 0 {
		b = append(b, " failed="...)
		b = strconv.AppendInt(b, h.Failed, 10)
	}
	if h.Refused {
		b = append(b, " refused=1"...)
	}
	if h.Packed {
		b = append(b, " encoding="+packed.Encoding...)
	}
	return append(b, '\n')
}

// CutHead reads the line at a payload's beginning and returns what stands behind
// it. Without a line that is right, all is body. Words that it does not know are
// passed over.
func CutHead(payload []byte) (h Head, body []byte) {
	line, body, found := bytes.Cut(payload, []byte{'\n'})
	words, is := strings.CutPrefix(string(line[:min(len(line), MaxHead)]), headStart)
	if !found || !is || len(line) > MaxHead {
		return Head{}, payload
	}
	for word := range strings.SplitSeq(words, " ") {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "at":
			h.At, err = strconv.ParseInt(value, 10, 64)
		case "failed":
			h.Failed, err = strconv.ParseInt(value, 10, 64)
		case "refused":
			h.Refused = value == "1"
		case "encoding":
			h.Packed = value == packed.Encoding
		}
		if err != nil {
			return Head{}, payload
		}
	}
	if h.At <= 0 || h.Failed < 0 {
		return Head{}, payload
	}
	return h, body
}

// MaxHead is the most bytes of a head's line.
const MaxHead = 200
