package params_test

import (
	"errors"
	"math"
	"net/url"
	"testing"

	"weir/services/query/internal/params"
)

const moment = 1767323045_000006789 // 2026-01-02T03:04:05.000006789Z

func TestTime(t *testing.T) {
	for name, row := range map[string]struct {
		value string
		want  int64 // 0: it is absent
		bad   bool
	}{
		"an absent time":                               {"", 0, false},
		"RFC 3339 in UTC":                              {"2026-01-02T03:04:05.000006789Z", moment, false},
		"RFC 3339 with an offset":                      {"2026-01-02T04:04:05.000006789+01:00", moment, false},
		"an offset whose '+' came as a blank":          {"2026-01-02T04:04:05.000006789 01:00", moment, false},
		"full seconds":                                 {"1767323045", 1767323045_000000000, false},
		"nine digits of a fraction are exact":          {"1767323045.000006789", moment, false},
		"a short fraction":                             {"1767323045.5", 1767323045_500000000, false},
		"a point without digits behind it":             {"1767323045.", 1767323045_000000000, false},
		"more digits than there are nanoseconds":       {"1767323045.50000000000", 1767323045_500000000, false},
		"an exponent":                                  {"1.767323045e9", 1767323045_000000000, false},
		"0 is the earliest time and not an absent one": {"0", 1, false},
		"a time before 1970 is the earliest":           {"-5", 1, false},
		"a date before 1970 is the earliest":           {"1066-10-14T00:00:00Z", 1, false},
		"a date that nanoseconds cannot say":           {"9999-12-31T23:59:59Z", math.MaxInt64, false},
		"a number that nanoseconds cannot say":         {"1e300", math.MaxInt64, false},
		"milliseconds are seconds of a far future":     {"1767323045000", math.MaxInt64, false},
		"a word":                     {"yesterday", 0, true},
		"a date without a time":      {"2026-01-02", 0, true},
		"not a number":               {"NaN", 0, true},
		"an infinity":                {"Inf", 0, true},
		"a number beyond all floats": {"1e400", 0, true},
		"a duration":                 {"1h", 0, true},
		"a fraction of something else than decimal digits": {"1.+5", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := params.Time(url.Values{"at": {row.value}}, "at")
			if got != row.want || ok != (row.want != 0) {
				t.Errorf("got %d, %v, want %d", got, ok, row.want)
			}
			if bad := (*params.Error)(nil); row.bad != errors.As(err, &bad) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestParseRange(t *testing.T) {
	for name, row := range map[string]struct {
		query string
		want  params.Range
		bad   string
	}{
		"both ends open":           {"", params.Range{}, ""},
		"only a beginning":         {"from=1767323045", params.Range{From: 1767323045e9}, ""},
		"only an end":              {"to=1767323045", params.Range{To: 1767323045e9}, ""},
		"both":                     {"from=1&to=2", params.Range{From: 1e9, To: 2e9}, ""},
		"one moment":               {"from=2&to=2", params.Range{From: 2e9, To: 2e9}, ""},
		"an end before the begin":  {"from=2&to=1", params.Range{}, `to must be a time that is not before from, not "1"`},
		"a beginning that is none": {"from=x", params.Range{}, `from must be a time, in RFC 3339 or in unix seconds, not "x"`},
		"an end that is none":      {"to=x", params.Range{}, `to must be a time, in RFC 3339 or in unix seconds, not "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := params.ParseRange(q)
			if row.bad == "" && (err != nil || got != row.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
			if row.bad != "" && (err == nil || err.Error() != row.bad) {
				t.Errorf("the error is %v, want %s", err, row.bad)
			}
		})
	}
}

func TestWhole(t *testing.T) {
	for name, row := range map[string]struct {
		value string
		want  uint64
		bad   bool
	}{
		"absent":          {"", 0, false},
		"the lowest":      {"1", 1, false},
		"the highest":     {"1000", 1000, false},
		"too low":         {"0", 0, true},
		"too high":        {"1001", 0, true},
		"no whole number": {"1.5", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := params.Whole(url.Values{"n": {row.value}}, "n", 1, 1000)
			if got != row.want || (err != nil) != row.bad {
				t.Errorf("got %d, %v", got, err)
			}
			if want := `n must be a whole number from 1 to 1000, not "` + row.value + `"`; err != nil && err.Error() != want {
				t.Errorf("the error is %v, want %s", err, want)
			}
		})
	}
}
