package pulltopic

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"weir/pkg/schema/packed"
)

// reportStart begins the line before a pulled body. To a reader of exposition
// text the line is a comment.
const reportStart = "# weir-scrape "

// Report is what is known of a pull beside its body. As a line it is
//
//	# weir-scrape up=1 duration=0.0123 status=200 content_type="text/plain" error="…" ended=1 encoding=zstd
//
// with up and duration always, the others where there is something to say.
type Report struct {
	Up          bool    // the target answered as it must, and its body follows
	Duration    float64 // of the pull in seconds
	Status      int     // of HTTP, 0 where no answer came
	ContentType string  // as the answer had it
	Error       string  // what went wrong, if not Up

	// Ended says that this is no pull: the target is not pulled any more (it is
	// gone from the configuration), and its series end here.
	Ended bool

	// Packed says that the body is packed; see package packed.
	Packed bool
}

// Append appends the report's line.
func (r *Report) Append(b []byte) []byte {
	b = append(b, reportStart...)
	b = append(b, "up="...)
	b = append(b, bit(r.Up))
	b = append(b, " duration="...)
	b = strconv.AppendFloat(b, r.Duration, 'f', -1, 64)
	if r.Status != 0 {
		b = append(b, " status="...)
		b = strconv.AppendInt(b, int64(r.Status), 10)
	}
	if r.ContentType != "" {
		b = append(b, " content_type="...)
		b = strconv.AppendQuote(b, r.ContentType)
	}
	if r.Error != "" {
		b = append(b, " error="...)
		b = strconv.AppendQuote(b, r.Error)
	}
	if r.Ended {
		b = append(b, " ended=1"...)
	}
	if r.Packed {
		b = append(b, " encoding="+packed.Encoding...)
	}
	return append(b, '\n')
}

func bit(on bool) byte {
	if on {
		return '1'
	}
	return '0'
}

// ParseReport reads the line at a payload's beginning and returns what stands
// behind it. ok is false if there is no such line, or it is damaged: the payload
// is none that was pulled. Words that it does not know are passed over.
func ParseReport(payload []byte) (r Report, body []byte, ok bool) {
	line, body, found := bytes.Cut(payload, []byte{'\n'})
	rest, is := strings.CutPrefix(string(line), reportStart)
	if !found || !is {
		return Report{}, nil, false
	}
	seen := map[string]bool{}
	for rest != "" {
		var name, value string
		if name, rest, ok = strings.Cut(rest, "="); !ok {
			return Report{}, nil, false
		}
		if value, rest, ok = reportValue(rest); !ok || !r.set(name, value) {
			return Report{}, nil, false
		}
		seen[name] = true
	}
	return r, body, seen["up"] && seen["duration"]
}

// reportValue cuts off a value, which may be in quotes, with the space behind it.
func reportValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, " ")
		return value, rest, true
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", false
	}
	value, err = strconv.Unquote(quoted)
	return value, strings.TrimPrefix(text[len(quoted):], " "), err == nil
}

func (r *Report) set(name, value string) (ok bool) {
	var err error
	switch name {
	case "up":
		r.Up = value == "1"
		return value == "0" || value == "1"
	case "duration":
		r.Duration, err = strconv.ParseFloat(value, 64)
		return err == nil && r.Duration >= 0 && !math.IsInf(r.Duration, 0)
	case "status":
		r.Status, err = strconv.Atoi(value)
	case "content_type":
		r.ContentType = value
	case "error":
		r.Error = value
	case "ended":
		r.Ended = value == "1"
	case "encoding":
		r.Packed = value == packed.Encoding
		return r.Packed // a body that nobody can read is damaged
	}
	return err == nil
}
