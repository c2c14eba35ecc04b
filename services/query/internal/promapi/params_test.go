package promapi

import (
	"math"
	"testing"
	"time"

	"weir/pkg/read/promread"
)

func TestTimes(t *testing.T) {
	for name, row := range map[string]struct {
		in   string
		want time.Time // zero: it cannot be read
	}{
		"whole seconds":                 {"1435781430", time.Unix(1435781430, 0)},
		"milliseconds":                  {"1435781430.781", time.Unix(1435781430, 781e6)},
		"more digits than milliseconds": {"1435781430.7814999", time.Unix(1435781430, 781e6)},
		"before 1970":                   {"-1.5", time.Unix(-1, -5e8)},
		"zero":                          {"0", time.Unix(0, 0)},
		"an exponent":                   {"1.4e9", time.Unix(1400000000, 0)},
		"RFC 3339":                      {"2015-07-01T20:10:30Z", time.Date(2015, 7, 1, 20, 10, 30, 0, time.UTC)},
		"RFC 3339 with a fraction":      {"2015-07-01T20:10:30.781Z", time.Date(2015, 7, 1, 20, 10, 30, 781e6, time.UTC)},
		"RFC 3339 with a zone":          {"2015-07-01T22:10:30+02:00", time.Date(2015, 7, 1, 20, 10, 30, 0, time.UTC)},
		"the beginning of time":         {"-292273086-05-16T16:47:06Z", promread.MinTime},
		"the end of time":               {"292277025-08-18T07:12:54.999999999Z", promread.MaxTime},
		"nothing":                       {"", time.Time{}},
		"a word":                        {"noon", time.Time{}},
		"NaN":                           {"NaN", time.Time{}},
		"an infinity":                   {"-Inf", time.Time{}},
		"no time zone":                  {"2015-07-01T20:10:30", time.Time{}},
		"a day that is not":             {"2015-06-31T20:10:30Z", time.Time{}},
		"a duration":                    {"5m", time.Time{}},
	} {
		got, err := parseTime(row.in)
		if (err != nil) != row.want.IsZero() || err == nil && !got.Equal(row.want) {
			t.Errorf("%s: %q gives %v, %v, want %v", name, row.in, got, err, row.want)
		}
	}
}

func TestDurations(t *testing.T) {
	const bad = math.MinInt64
	for name, row := range map[string]struct {
		in   string
		want time.Duration
	}{
		"seconds":                {"123", 123 * time.Second},
		"a fraction":             {"0.333", 333 * time.Millisecond},
		"an exponent":            {"1e3", 1000 * time.Second},
		"a number below 0":       {"-1", -time.Second},
		"a unit":                 {"15s", 15 * time.Second},
		"milliseconds":           {"250ms", 250 * time.Millisecond},
		"several units":          {"1h30m", 90 * time.Minute},
		"days":                   {"1d", 24 * time.Hour},
		"weeks and years":        {"1y2w", (365 + 14) * 24 * time.Hour},
		"units in no order":      {"30m1h", bad},
		"a fraction with a unit": {"1.5h", bad},
		"Go's units":             {"1us", bad},
		"nothing":                {"", bad},
		"a word":                 {"soon", bad},
		"NaN":                    {"NaN", bad},
		"an infinity":            {"Inf", bad},
		"too long":               {"1e10", bad},
		"too long with a unit":   {"300y", bad},
	} {
		got, err := parseDuration(row.in)
		if row.want == bad {
			if err == nil {
				t.Errorf("%s: %q gives %v", name, row.in, got)
			}
		} else if err != nil || got != row.want {
			t.Errorf("%s: %q gives %v, %v, want %v", name, row.in, got, err, row.want)
		}
	}
}

func TestTimesInJSON(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "0", 1: "0.001", 20: "0.020", 300: "0.300", 1435781451781: "1435781451.781", 1435781451000: "1435781451",
		-1: "-0.001", -1500: "-1.500", -2000: "-2",
	} {
		if got := string(appendTime(nil, ms)); got != want {
			t.Errorf("%d gives %s, want %s", ms, got, want)
		}
	}
}

func TestValuesInJSON(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "1.234": 1.234, "100000": 1e5, "0.000001": 1e-6, "1e-07": 1e-7,
		"100000000000000000000": 1e20, "1e+21": 1e21, "NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1),
	} {
		if got := string(appendFloat(nil, v)); got != want {
			t.Errorf("%v gives %s, want %s", v, got, want)
		}
	}
}
