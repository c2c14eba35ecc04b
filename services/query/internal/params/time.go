package params

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// timeForm is what a parameter that is a time must be.
const timeForm = "a time, in RFC 3339 or in unix seconds"

// Time reads a moment: RFC 3339, or unix seconds with or without a fraction. It
// returns unix nanoseconds, of which 1 is the earliest, so that 0 is left to say
// "none". An empty value is like an absent one: ok is false.
func Time(q url.Values, name string) (ns int64, ok bool, err error) {
	s := q.Get(name)
	if s == "" {
		return 0, false, nil
	}
	// The '+' of an offset is a blank where its sender did not escape it.
	if at, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1)); err == nil {
		return nanoseconds(float64(at.Unix()), int64(at.Nanosecond())), true, nil
	}
	if ns, ok := unixSeconds(s); ok {
		return ns, true, nil
	}
	return 0, false, &Error{Name: name, Got: s, Want: timeForm}
}

// unixSeconds reads a decimal number of seconds, exactly: a float64 of today has
// no nanoseconds.
func unixSeconds(s string) (ns int64, ok bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "" {
		floor := math.Floor(v)
		return nanoseconds(floor, int64((v-floor)*1e9)), true // 1.7e9, .5, 0x10, or finer than we count
	}
	part := int64(0)
	if fraction != "" {
		part, _ = strconv.ParseInt((fraction + "00000000")[:9], 10, 64)
	}
	return nanoseconds(float64(seconds), part), true
}

// nanoseconds brings a moment within what an int64 of nanoseconds can say, and
// to 1 or later: nothing that a device measured is as old as 1970.
func nanoseconds(seconds float64, part int64) int64 {
	switch {
	case seconds < 0:
		return 1
	case seconds >= math.MaxInt64/1e9-1:
		return math.MaxInt64
	}
	return max(int64(seconds)*1e9+part, 1)
}

// Range is a range of time, unix nanoseconds, both ends inclusive; 0 is an open
// end.
type Range struct{ From, To int64 }

// ParseRange reads from and to, either of which may be absent.
func ParseRange(q url.Values) (r Range, err error) {
	if r.From, _, err = Time(q, "from"); err != nil {
		return r, err
	}
	if r.To, _, err = Time(q, "to"); err != nil {
		return r, err
	}
	if r.To != 0 && r.To < r.From {
		return r, &Error{Name: "to", Got: q.Get("to"), Want: "a time that is not before from"}
	}
	return r, nil
}

// Whole reads a whole number from low to high; 0 where it is absent or empty.
func Whole(q url.Values, name string, low, high uint64) (uint64, error) {
	if q.Get(name) == "" {
		return 0, nil
	}
	v, err := whole(q, name, 0)
	if err != nil || v < low || v > high {
		want := "a whole number from " + strconv.FormatUint(low, 10) + " to " + strconv.FormatUint(high, 10)
		return 0, &Error{Name: name, Got: q.Get(name), Want: want}
	}
	return v, nil
}
