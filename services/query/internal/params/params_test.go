package params_test

import (
	"errors"
	"net/url"
	"testing"

	"weir/services/query/internal/params"
)

func TestParsePage(t *testing.T) {
	for name, row := range map[string]struct {
		query    string
		maxLimit uint64
		want     params.Page
		bad      string // the parameter that the error names
	}{
		"nothing asked for gives the defaults":        {"", 0, params.Page{Limit: 100}, ""},
		"empty values are like absent ones":           {"offset=&limit=", 0, params.Page{Limit: 100}, ""},
		"both are taken as they are":                  {"offset=7&limit=2", 0, params.Page{Offset: 7, Limit: 2}, ""},
		"a limit of 0 is an empty page":               {"limit=0", 0, params.Page{}, ""},
		"without a cap a limit may be large":          {"limit=100000", 0, params.Page{Limit: 100000}, ""},
		"a limit above the cap is capped":             {"limit=101", 100, params.Page{Limit: 100}, ""},
		"with a cap the limit is at least 1":          {"limit=0", 100, params.Page{Limit: 1}, ""},
		"a negative offset is bad":                    {"offset=-1", 0, params.Page{}, "offset"},
		"a negative limit is bad":                     {"limit=-1", 0, params.Page{}, "limit"},
		"a word is bad":                               {"limit=many", 0, params.Page{}, "limit"},
		"a fraction is bad":                           {"offset=1.5", 0, params.Page{}, "offset"},
		"a number beyond 63 bits is bad":              {"offset=9223372036854775808", 0, params.Page{}, "offset"},
		"a number with a blank is bad":                {"limit=%201", 0, params.Page{}, "limit"},
		"the first bad parameter is the one it names": {"offset=x&limit=y", 0, params.Page{}, "offset"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := params.ParsePage(q, row.maxLimit)
			if row.bad == "" && (err != nil || got != row.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
			if bad := (*params.Error)(nil); row.bad != "" && (!errors.As(err, &bad) || bad.Name != row.bad) {
				t.Errorf("the error is %v, want one that names %s", err, row.bad)
			}
		})
	}
}

func TestErrorsSayWhatWasExpected(t *testing.T) {
	_, err := params.ParsePage(url.Values{"limit": {"-1"}}, 0)
	if want := `limit must be a whole number from 0, not "-1"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = params.OneOf(url.Values{"status": {"on"}}, "status", "active", "inactive")
	if want := `status must be active or inactive, not "on"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOneOf(t *testing.T) {
	for value, want := range map[string]string{"": "", "active": "active"} {
		if got, err := params.OneOf(url.Values{"status": {value}}, "status", "active", "inactive"); got != want || err != nil {
			t.Errorf("%q gives %q, %v", value, got, err)
		}
	}
}

func TestBounds(t *testing.T) {
	for name, row := range map[string]struct {
		page     params.Page
		n        int
		from, to int
	}{
		"the page lies within the list":          {params.Page{Offset: 1, Limit: 2}, 5, 1, 3},
		"the list ends within the page":          {params.Page{Offset: 4, Limit: 2}, 5, 4, 5},
		"the page lies behind the list":          {params.Page{Offset: 9, Limit: 2}, 5, 5, 5},
		"the largest numbers do not overflow":    {params.Page{Offset: 1<<63 - 1, Limit: 1<<63 - 1}, 5, 5, 5},
		"everything behind the offset, to 2^63":  {params.Page{Offset: 2, Limit: 1<<63 - 1}, 5, 2, 5},
		"a limit of 0 shows nothing of the list": {params.Page{Offset: 2}, 5, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if from, to := row.page.Bounds(row.n); from != row.from || to != row.to {
				t.Errorf("got %d to %d, want %d to %d", from, to, row.from, row.to)
			}
		})
	}
}
