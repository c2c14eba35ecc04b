package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"weir/pkg/schema"
)

// word reads a payload that is one number, or one text.
func (d *Decoder) word(payload []byte) *schema.Rejection {
	const field = "value" // what has no name of its own
	text := strings.TrimSpace(view(payload))
	switch {
	case text == "":
		return rejection(schema.ReasonUnknownShape, "the payload is empty: expected a %s", d.m.Mapping.Payload)
	case !utf8.ValidString(text):
		return rejection(schema.ReasonUnknownShape, "the payload is not UTF-8: expected a %s", d.m.Mapping.Payload)
	}
	d.begin()
	number, is := d.m.Mapping.Values[text]
	if !is {
		number, is = wordNumber(text)
	}
	switch {
	case is:
		return d.put(field, nil, number)
	case d.m.Mapping.Payload == PayloadNumber:
		return rejection(schema.ReasonBadNumber, "the payload is %s: expected a number", quote(text))
	}
	return d.note(field, text)
}

// ultralight reads groups of values: "t|21.5|h|40#2026-01-02T03:04:05Z|t|22". A
// group with an odd number of parts begins with its time.
//
// Format: https://fiware-iotagent-ul.readthedocs.io/en/latest/usermanual.html.
func (d *Decoder) ultralight(payload []byte) *schema.Rejection {
	text := strings.TrimSpace(view(payload))
	if !utf8.ValidString(text) {
		return rejection(schema.ReasonUnknownShape, "the payload is not UTF-8: expected Ultralight such as t|21.5|h|40")
	}
	groups := 0
	for group := range strings.SplitSeq(text, "#") {
		if groups++; groups > MaxRecords {
			return rejection(schema.ReasonTooLarge, "there are more than %d groups of values", MaxRecords)
		}
		if r := d.group(group, groups); r != nil {
			return r
		}
	}
	return nil
}

func (d *Decoder) group(group string, n int) *schema.Rejection {
	d.begin()
	if strings.Count(group, "|")%2 == 0 {
		first, rest, more := strings.Cut(group, "|")
		var clock schema.Clock
		d.record.point.Time, clock = moment(strings.TrimSpace(first))
		if d.record.point.Clock = clock; clock != schema.ClockRFC3339 || !more {
			return rejection(schema.ReasonUnknownShape, "group %d of the payload is %s: expected names and values such as t|21.5|h|40, behind a time or not", n, quote(group))
		}
		group = rest
	}
	for more := true; more; {
		var name, value string
		name, group, _ = strings.Cut(group, "|")
		value, group, more = strings.Cut(group, "|")
		if name = strings.TrimSpace(name); name == "" {
			return rejection(schema.ReasonUnknownShape, "group %d of the payload has a value without a name", n)
		}
		if r := d.measure(name, strings.TrimSpace(value)); r != nil {
			return r
		}
	}
	return nil
}

// measure takes a value of Ultralight, which is text.
func (d *Decoder) measure(name, value string) *schema.Rejection {
	number, is := d.m.Mapping.Values[value]
	if !is {
		number, is = wordNumber(value)
	}
	if is {
		return d.put(name, nil, number)
	}
	if value == "" {
		return nil // not measured
	}
	return d.note(name, value)
}

// wordNumber returns the number that a text is: a finite decimal one, or a
// boolean as 1 or 0.
func wordNumber(text string) (float64, bool) {
	switch text {
	case "true", "True", "TRUE":
		return 1, true
	case "false", "False", "FALSE":
		return 0, true
	}
	return parseNumber(text)
}

// parseNumber reads a finite decimal number.
func parseNumber(text string) (float64, bool) {
	for i := range len(text) {
		// What else Go takes for numbers are not: 0x1p-2, 1_000, infinity, nan.
		if c := text[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// The dates that a number can be: from 2000 to 2100, in seconds.
const (
	firstDate = 946684800
	lastDate  = 4102444800
)

// moment reads a time: RFC 3339 (without a zone it is UTC), or a number of
// seconds, milliseconds, microseconds or nanoseconds since 1970. What is none has
// schema.ClockNone.
func moment(text string) (ns int64, clock schema.Clock) {
	if text == "" || len(text) > 40 {
		return 0, schema.ClockNone
	}
	if len(text) > 10 && text[4] == '-' {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse("2006-01-02T15:04:05", text)
		}
		if err != nil || t.Year() < 1700 || t.Year() > 2250 {
			return 0, schema.ClockNone
		}
		return t.UnixNano(), schema.ClockRFC3339
	}
	n, ok := parseNumber(text)
	if !ok {
		return 0, schema.ClockNone
	}
	for unit := 1.0; unit <= 1e9; unit *= 1e3 {
		if n < firstDate*unit || n >= lastDate*unit {
			continue
		}
		if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
			return whole * int64(1e9/unit), schema.ClockUnix
		}
		// A float64 of today's seconds resolves a quarter of a microsecond.
		whole, fraction := math.Modf(n / unit)
		return int64(whole)*1e9 + int64(math.Round(fraction*1e6))*1e3, schema.ClockUnix
	}
	return 0, schema.ClockNone
}
