package decode

import (
	"math"
	"time"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// moment is the time that a message gives.
type moment struct {
	clock  schema.Clock
	time   int64 // unix nanoseconds; 0 where there is no date, or one outside 1678 to 2262
	chrono bool  // a string that ends in "+00:00", as Rust's chrono writes UTC and Go never does
}

// firstDate is 2020-01-01T00:00:00Z in seconds, and the boundary between the
// two meanings of a timestamp that is a number: from here on it is unix seconds,
// below it is milliseconds since boot.
//
// It is the earliest date that the fold takes for plausible, so a smaller number
// is of no use as a date: calling it an uptime loses nothing, and a board that
// counts seconds since boot until it knows the time is not taken for one whose
// clock is wrong. The price is at the other side: a device reaches this many
// milliseconds after 18 days, and would then be dated 2020. What is known to be
// an embedded proplet is therefore never read as a date: see isEmbedded.
const firstDate = 1577836800

// maxUnix is the last second that fits in an int64 of nanoseconds, in 2262.
const maxUnix = math.MaxInt64/1_000_000_000 - 1

// moment reads a timestamp in any of its forms; what is none has ClockNone.
// uptime says that a number is milliseconds since boot, however large.
func (d *Decoder) moment(v *fastjson.Value, uptime bool) moment {
	if v == nil {
		return moment{}
	}
	switch v.Type() {
	case fastjson.TypeString:
		if m := parseRFC3339(text(v)); m.clock != schema.ClockNone {
			return m
		}
	case fastjson.TypeNumber:
		return d.numericMoment(v, uptime)
	case fastjson.TypeObject:
		return d.epochMoment(v)
	}
	d.ignore(v)
	return moment{}
}

func (d *Decoder) numericMoment(v *fastjson.Value, uptime bool) moment {
	n, ok := d.number(v)
	switch {
	case !ok:
		d.ignore(v) // it may be valid JSON and too large for a float, or none
		return moment{}
	case n < 0:
		return moment{}
	case uptime || n < firstDate:
		return moment{clock: schema.ClockUptime}
	}
	return moment{clock: schema.ClockUnix, time: unixNanos(n)}
}

// unixNanos converts unix seconds. A float64 of today's seconds resolves a
// quarter of a microsecond: rounded to whole ones, the decimals come out as the
// device wrote them.
func unixNanos(seconds float64) int64 {
	whole, fraction := math.Modf(seconds)
	if whole >= maxUnix {
		return 0
	}
	return int64(whole)*1e9 + int64(math.Round(fraction*1e6))*1e3
}

// epochMoment reads Rust's SystemTime: {"secs_since_epoch": …, "nanos_since_epoch": …}.
func (d *Decoder) epochMoment(v *fastjson.Value) moment {
	var secs, nanos *fastjson.Value
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "secs_since_epoch":
			d.put(&secs, v)
		case "nanos_since_epoch":
			d.put(&nanos, v)
		default:
			d.ignoreField(key, v)
		}
	})
	s, okSecs := d.wholeNumber(secs)
	n, okNanos := d.wholeNumber(nanos)
	if !okSecs || s < 0 || nanos != nil && (!okNanos || n < 0 || n >= 1e9) {
		return moment{}
	}
	m := moment{clock: schema.ClockEpoch}
	if s < maxUnix {
		m.time = int64(s)*1e9 + int64(n)
	}
	return m
}

// wholeNumber reads a number without decimals, however it is written.
func (d *Decoder) wholeNumber(v *fastjson.Value) (float64, bool) {
	if v == nil {
		return 0, false
	}
	n, ok := d.number(v)
	if !ok {
		d.ignore(v)
	}
	return n, ok && n == math.Trunc(n)
}

// parseRFC3339 parses YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm) with 1 to 9
// digits of fraction. It is not time.Parse because that allocates a zone for
// every offset that is not zero.
func parseRFC3339(s string) moment {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' ||
		s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return moment{}
	}
	year := digits(s[0:4])
	month, day := digits(s[5:7]), digits(s[8:10])
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
	nanos, rest := fraction(s[19:])
	offset, ok := zone(rest)
	if !ok || year < 0 || month < 1 || month > 12 || day < 1 || nanos < 0 ||
		!within(hour, 23) || !within(minute, 59) || !within(second, 59) {
		return moment{}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Day() != day {
		return moment{} // 31 February
	}
	m := moment{clock: schema.ClockRFC3339, chrono: rest == "+00:00"}
	if unix := t.Unix() - int64(offset); -maxUnix < unix && unix < maxUnix {
		m.time = unix*1e9 + int64(nanos)
	}
	return m
}

func within(n, limit int) bool { return 0 <= n && n <= limit }

// digits returns the number that s is, -1 if it has anything but digits.
func digits(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}

// fraction reads ".123" from the beginning of s as nanoseconds; -1 if the point
// is not followed by 1 to 9 digits.
func fraction(s string) (nanos int, rest string) {
	if s == "" || s[0] != '.' {
		return 0, s
	}
	decimals, rest := cutDigits(s[1:])
	if decimals == "" || len(decimals) > 9 {
		return -1, s
	}
	nanos = digits(decimals)
	for range 9 - len(decimals) {
		nanos *= 10
	}
	return nanos, rest
}

// zone reads "Z" or "±hh:mm", all that is left of a timestamp, as seconds east.
func zone(s string) (offset int, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+00:00") || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, minutes := digits(s[1:3]), digits(s[4:6])
	if !within(hours, 23) || !within(minutes, 59) {
		return 0, false
	}
	offset = hours*3600 + minutes*60
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
