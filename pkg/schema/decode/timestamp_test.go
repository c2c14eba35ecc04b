package decode_test

import (
	"testing"
	"time"

	"weir/pkg/schema"
)

func TestTimestamps(t *testing.T) {
	at := func(s string) int64 {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.UnixNano()
	}
	for _, test := range []struct {
		name, timestamp string
		clock           schema.Clock
		time            int64
	}{
		{"RFC 3339 without a fraction", `"2026-01-02T03:04:05Z"`, schema.ClockRFC3339, at("2026-01-02T03:04:05Z")},
		{"one digit of fraction", `"2026-01-02T03:04:05.1Z"`, schema.ClockRFC3339, at("2026-01-02T03:04:05.1Z")},
		{"nine digits of fraction", `"2026-01-02T03:04:05.000006789Z"`, schema.ClockRFC3339, at("2026-01-02T03:04:05.000006789Z")},
		{"UTC as an offset", `"2026-01-02T03:04:05.5+00:00"`, schema.ClockRFC3339, at("2026-01-02T03:04:05.5Z")},
		{"an offset to the east", `"2026-01-02T03:04:05+05:30"`, schema.ClockRFC3339, at("2026-01-01T21:34:05Z")},
		{"an offset to the west", `"2026-01-01T22:04:05-05:00"`, schema.ClockRFC3339, at("2026-01-02T03:04:05Z")},
		{"small letters", `"2026-01-02t03:04:05z"`, schema.ClockRFC3339, at("2026-01-02T03:04:05Z")},
		{"29 February of a leap year", `"2024-02-29T00:00:00Z"`, schema.ClockRFC3339, at("2024-02-29T00:00:00Z")},
		{"1970 is a date, though not a plausible one", `"1970-01-01T00:00:00Z"`, schema.ClockRFC3339, 0},
		{"before 1970", `"1969-12-31T23:59:59.5Z"`, schema.ClockRFC3339, -5e8},
		{"Go's zero time is too early for nanoseconds", `"0001-01-01T00:00:00Z"`, schema.ClockRFC3339, 0},
		{"the year 9999 is too late for nanoseconds", `"9999-12-31T23:59:59Z"`, schema.ClockRFC3339, 0},
		{"29 February of another year is no date", `"2026-02-29T00:00:00Z"`, schema.ClockNone, 0},
		{"month 13 is no date", `"2026-13-01T00:00:00Z"`, schema.ClockNone, 0},
		{"hour 24 is no time", `"2026-01-02T24:00:00Z"`, schema.ClockNone, 0},
		{"ten digits of fraction", `"2026-01-02T03:04:05.0000000001Z"`, schema.ClockNone, 0},
		{"a point without a fraction", `"2026-01-02T03:04:05.Z"`, schema.ClockNone, 0},
		{"no zone", `"2026-01-02T03:04:05"`, schema.ClockNone, 0},
		{"an offset without a colon", `"2026-01-02T03:04:05+0000"`, schema.ClockNone, 0},
		{"an offset of 24 hours", `"2026-01-02T03:04:05+24:00"`, schema.ClockNone, 0},
		{"something behind the zone", `"2026-01-02T03:04:05Z."`, schema.ClockNone, 0},
		{"a date alone", `"2026-01-02"`, schema.ClockNone, 0},
		{"letters for digits", `"2o26-01-02T03:04:05Z"`, schema.ClockNone, 0},
		{"a number in a text", `"1767323045"`, schema.ClockNone, 0},
		{"an empty text", `""`, schema.ClockNone, 0},

		{"an epoch object", `{"secs_since_epoch":1767323045,"nanos_since_epoch":6789}`, schema.ClockEpoch, 1767323045000006789},
		{"in the other order, with more in it", `{"x":null,"nanos_since_epoch":6789,"secs_since_epoch":1767323045}`, schema.ClockEpoch, 1767323045000006789},
		{"in floats", `{"secs_since_epoch":1767323045.0,"nanos_since_epoch":6.789e3}`, schema.ClockEpoch, 1767323045000006789},
		{"without nanoseconds", `{"secs_since_epoch":1767323045}`, schema.ClockEpoch, 1767323045000000000},
		{"too late for nanoseconds", `{"secs_since_epoch":1e18,"nanos_since_epoch":0}`, schema.ClockEpoch, 0},
		{"without seconds", `{"nanos_since_epoch":6789}`, schema.ClockNone, 0},
		{"with negative seconds", `{"secs_since_epoch":-1,"nanos_since_epoch":0}`, schema.ClockNone, 0},
		{"with a second of nanoseconds", `{"secs_since_epoch":1767323045,"nanos_since_epoch":1000000000}`, schema.ClockNone, 0},
		{"with a half second", `{"secs_since_epoch":1767323045.5,"nanos_since_epoch":0}`, schema.ClockNone, 0},
		{"with seconds in a text", `{"secs_since_epoch":"1767323045","nanos_since_epoch":0}`, schema.ClockNone, 0},
		{"with nanoseconds in a text", `{"secs_since_epoch":1767323045,"nanos_since_epoch":"0"}`, schema.ClockNone, 0},
		{"an empty object", `{}`, schema.ClockNone, 0},

		{"unix seconds", `1767323045`, schema.ClockUnix, 1767323045000000000},
		{"unix seconds as a float", `1767323045.123456`, schema.ClockUnix, 1767323045123456000},
		{"unix seconds with an exponent", `1.767323045e9`, schema.ClockUnix, 1767323045000000000},
		{"the first second of 2020 is a date", `1577836800`, schema.ClockUnix, 1577836800000000000},
		{"the number before it is an uptime", `1577836799`, schema.ClockUptime, 0},
		{"milliseconds since boot", `123456.5`, schema.ClockUptime, 0},
		{"0 is an uptime", `0`, schema.ClockUptime, 0},
		{"a number too late for nanoseconds", `1e300`, schema.ClockUnix, 0},
		{"a negative number", `-5`, schema.ClockNone, 0},
		{"a number beyond all floats", `1e999`, schema.ClockNone, 0},
		{"null", `null`, schema.ClockNone, 0},
		{"true", `true`, schema.ClockNone, 0},
		{"an array", `[2026,1,2]`, schema.ClockNone, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for topic, payload := range map[string]string{
				taskTopic:    `{"task_id":"t","metrics":{"cpu_percent":1,"timestamp":` + test.timestamp + `}}`,
				propletTopic: `{"proplet_id":"p","cpu_metrics":{"percent":1},"timestamp":` + test.timestamp + `}`,
				aliveTopic:   `{"proplet_id":"p","timestamp":` + test.timestamp + `}`,
				nodeTopic:    `{"cpu":{"usage_percent":1},"timestamp":` + test.timestamp + `}`,
				gatewayTopic: `{"nodes":[{"hostname":"h","cpu":{"usage_percent":1},"timestamp":` + test.timestamp + `}]}`,
			} {
				r := decodeOne(t, topic, payload)
				if r.Clock != test.clock || r.Time != test.time {
					t.Errorf("on %s: clock %d, time %d; want %d, %d", topic, r.Clock, r.Time, test.clock, test.time)
				}
			}
		})
	}
}
