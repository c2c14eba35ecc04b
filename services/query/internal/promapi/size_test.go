package promapi_test

import (
	"strings"
	"testing"

	"weir/pkg/read/promread/bounds"
)

// One small request must not keep a processor busy for hours.
func TestQueriesOfTooManyTokens(t *testing.T) {
	const most = bounds.MaxTokens / 2
	many := map[string]string{
		"a long sum":         strings.Repeat("1+", most) + "1",
		"many brackets":      strings.Repeat("(", most) + "1" + strings.Repeat(")", most),
		"many signs":         strings.Repeat("-", 2*most) + "1",
		"many matchers":      "a{" + strings.Repeat(`b="c",`, most) + "}",
		"names behind blank": strings.Repeat(" \n", most) + strings.Repeat("a or ", most) + "a",
	}
	a := newAPI(t, few(), nil)
	for _, route := range []string{"query", "query_range", "query_exemplars", "format_query", "parse_query"} {
		for name, text := range many {
			request := "POST " + strings.TrimPrefix(path("/api/v1/"+route, "query", text, "start", "0", "end", "1", "step", "1"), "GET ")
			t.Run(route+" of "+name, func(t *testing.T) {
				expectProblem(t, a, request, 400, "bad_data", `more than 10000 names, numbers, operators and brackets`)
			})
		}
	}
}

func TestLongQueries(t *testing.T) {
	a := newAPI(t, few(), nil)
	for name, text := range map[string]string{
		"a long string":   `a{node=~"` + strings.Repeat("n1|", 50_000) + `n2"}`,
		"a long sum":      strings.Repeat("1+", 2000) + "1",
		"a long comment":  "a # " + strings.Repeat("(", 50_000),
		"a lot of blanks": strings.Repeat(" ", 50_000) + "a",
	} {
		t.Run(name, func(t *testing.T) {
			request := "POST " + strings.TrimPrefix(path("/api/v1/query", "query", text), "GET ")
			if w := call(a, request); w.Code != 200 {
				t.Errorf("got %d %.300s", w.Code, w.Body)
			}
		})
	}
	expectProblem(t, a, path("/api/v1/query", "query", strings.Repeat(" ", 50_000)+"("), 400, "bad_data", "unclosed left parenthesis")
	expectProblem(t, a, path("/api/v1/query", "query", strings.Repeat(" ", 50_000)+"§"), 400, "bad_data", "unexpected character")
}

// To lay them out takes time with the cube of the depth.
func TestDeepExpressionsAreNotLaidOut(t *testing.T) {
	a := newAPI(t, few(), nil)
	nested := func(n int) string {
		return path("/api/v1/format_query", "query", strings.Repeat("(", n)+"1"+strings.Repeat(")", n))
	}
	expectProblem(t, a, nested(400), 400, "bad_data", "nested deeper than 400")
	if w := call(a, nested(100)); w.Code != 200 {
		t.Errorf("got %d %.300s", w.Code, w.Body)
	}
}

// Once a list has more than it may show, no more sets of matchers are read.
func TestListsEndAtTheirLimit(t *testing.T) {
	const set = `{node=~".+"}`
	for limit, want := range map[string]int{"1": 1, "100": 3} {
		reader := few()
		w := call(newAPI(t, reader, nil), path("/api/v1/series", "limit", limit, "match[]", set, "match[]", set, "match[]", set))
		if w.Code != 200 || len(reader.Seen()) != want {
			t.Errorf("limit %s: status %d, %d sets read, want %d", limit, w.Code, len(reader.Seen()), want)
		}
	}
}
