package promapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weir/pkg/read/promread"
	"weir/services/query/internal/promapi"
)

// problem is an answer of a request that failed.
type problem struct {
	Status    string
	ErrorType string
	Error     string
}

func expectProblem(t *testing.T, a http.Handler, request string, code int, typ, text string) {
	t.Helper()
	w := call(a, request)
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%s: %v in %s", request, err, w.Body)
	}
	if w.Code != code || p.Status != "error" || p.ErrorType != typ || !strings.Contains(p.Error, text) {
		t.Errorf("%s:\ngot  %d %s\nwant %d %s: …%s…", request, w.Code, w.Body, code, typ, text)
	}
}

func TestRequestsThatCannotBeUnderstood(t *testing.T) {
	a := newAPI(t, few(), nil)
	const q, qr = "/api/v1/query", "/api/v1/query_range"
	rangeOf := func(start, end, step string) string {
		return path(qr, "query", "a", "start", start, "end", end, "step", step)
	}
	for name, row := range map[string]struct{ request, text string }{
		"no query":                          {path(q), `invalid parameter "query": unknown position: parse error: no expression found in input`},
		"an expression that cannot be read": {path(q, "query", "a{"), `invalid parameter "query": 1:3: parse error: unexpected end of input inside braces`},
		"a selector of everything":          {path(q, "query", `{a=~".*"}`), "vector selector must contain at least one non-empty matcher"},
		"an experimental function":          {path(q, "query", `sort_by_label(a,"b")`), `"sort_by_label" is not enabled`},
		"a time of words":                   {path(q, "query", "a", "time", "noon"), `invalid parameter "time": invalid time value for 'time': cannot parse "noon" to a valid timestamp`},
		"a time that is no number":          {path(q, "query", "a", "time", "NaN"), `cannot parse "NaN" to a valid timestamp`},
		"a time without end":                {path(q, "query", "a", "time", "1e300"), `cannot parse "1e300" to a valid timestamp`},
		"a limit of words":                  {path(q, "query", "a", "limit", "x"), `invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax`},
		"a limit below 0":                   {path(q, "query", "a", "limit", "-1"), `invalid parameter "limit": limit must be non-negative`},
		"a timeout of words":                {path(q, "query", "a", "timeout", "x"), `invalid parameter "timeout": cannot parse "x" to a valid duration`},
		"a lookback of words":               {path(q, "query", "a", "lookback_delta", "x"), `error parsing lookback delta duration: cannot parse "x" to a valid duration`},
		"a range vector over a range":       {path(qr, "query", "a[5m]", "start", "0", "end", "1", "step", "1"), `invalid expression type "range vector" for range query, must be Scalar or instant Vector`},
		"no start":                          {path(qr, "query", "a", "end", "1", "step", "1"), `invalid parameter "start": cannot parse "" to a valid timestamp`},
		"no end":                            {path(qr, "query", "a", "start", "1", "step", "1"), `invalid parameter "end": cannot parse "" to a valid timestamp`},
		"no step":                           {rangeOf("0", "1", ""), `invalid parameter "step": cannot parse "" to a valid duration`},
		"an end before the start":           {rangeOf("2", "1", "1"), `invalid parameter "end": end timestamp must not be before start time`},
		"a step of 0":                       {rangeOf("0", "1", "0"), `invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer`},
		"a step below 0":                    {rangeOf("0", "1", "-1s"), `cannot parse "-1s" to a valid duration`},
		"a step below a millisecond":        {rangeOf("0", "1", "0.0005"), `zero or negative query resolution step widths`},
		"a step that overflows":             {rangeOf("0", "1", "1e12"), `cannot parse "1e12" to a valid duration. It overflows int64`},
		"too many points":                   {rangeOf("0", "11001", "1"), "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"},
		"series of nothing":                 {path("/api/v1/series"), "no match[] parameter provided"},
		"series of everything":              {path("/api/v1/series", "match[]", `{a=""}`), `match[] must contain at least one non-empty matcher`},
		"a matcher that cannot be read":     {path("/api/v1/labels", "match[]", "a{"), `invalid parameter "match[]": 1:3: parse error`},
		"a start that cannot be read":       {path("/api/v1/labels", "start", "x"), `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`},
		"a label of no name":                {"GET /api/v1/label/%FF/values", `invalid label name: "\xff"`},
		"exemplars in no order of time":     {path("/api/v1/query_exemplars", "query", "a", "start", "2", "end", "1"), "end timestamp must not be before start timestamp"},
		"metadata with a limit of words":    {path("/api/v1/metadata", "limit", "x"), "limit must be a number"},
		"metadata with another":             {path("/api/v1/metadata", "limit_per_metric", "x"), "limit_per_metric must be a number"},
		"a cardinality of 0":                {path("/api/v1/status/tsdb", "limit", "0"), "limit must be a positive number"},
		"too large a cardinality":           {path("/api/v1/status/tsdb", "limit", "10001"), "limit must not exceed 10000"},
		"rules of no type":                  {path("/api/v1/rules", "type", "x"), `invalid parameter "type": not supported value "x"`},
		"rules after a group without limit": {path("/api/v1/rules", "group_next_token", "x"), "group_limit needs to be present in order to paginate over the groups"},
		"rules after no group":              {path("/api/v1/rules", "group_limit", "1", "group_next_token", "x"), "invalid group_next_token 'x'. were rule groups changed?"},
		"rules with or without alerts":      {path("/api/v1/rules", "exclude_alerts", "x"), "error converting exclude_alerts"},
		"a form that cannot be read":        {"POST /api/v1/query?query=%zz", `error parsing form values: invalid URL escape "%zz"`},
		"a read that is not compressed":     {"POST /api/v1/read?text", "read the request"},
		"a service that cannot be one":      {path(q, "query", "a", "service", "a/b"), `invalid parameter "service": "a/b" does not name a service`},
		"a subservice that cannot be one":   {path(q, "query", "a", "subservice", "/a,/b"), `invalid parameter "subservice": "/a,/b" does not name a subservice`},
	} {
		t.Run(name, func(t *testing.T) { expectProblem(t, a, row.request, 400, "bad_data", row.text) })
	}
}

func TestElevenThousandStepsAreNotTooMany(t *testing.T) {
	a := newAPI(t, few(), nil)
	if w := call(a, path("/api/v1/query_range", "query", "1", "start", "0", "end", "11000", "step", "1")); w.Code != 200 {
		t.Errorf("status %d: %.200s", w.Code, w.Body)
	}
}

func TestQueriesThatFail(t *testing.T) {
	for name, row := range map[string]struct {
		err       error
		code      int
		typ, text string
	}{
		"nobody answers":            {fmt.Errorf("ask: %w", promread.ErrUnavailable), 503, "unavailable", "the history cannot be read"},
		"no answer comes in time":   {fmt.Errorf("ask: %w", promread.ErrLate), 503, "timeout", "query timed out in reading series: ask: no answer in time"},
		"the reader's time is over": {context.DeadlineExceeded, 503, "timeout", "query timed out in reading series"},
		"the client has gone":       {context.Canceled, 499, "canceled", "context canceled"},
		"too many samples":          {fmt.Errorf("ask: %w", promread.ErrTooManySamples), 422, "execution", "query processing would load too many samples into memory in query execution"},
		"anything else":             {errors.New("a disk is broken"), 422, "execution", "a disk is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := few()
			reader.Before = func(context.Context, promread.SelectRequest) error { return row.err }
			var failed []error
			a := newAPI(t, reader, func(c *promapi.Config) { c.Failed = func(_ *http.Request, err error) { failed = append(failed, err) } })
			expectProblem(t, a, path("/api/v1/query", "query", "sum(rate(a[5m]))"), row.code, row.typ, row.text)
			expectProblem(t, a, path("/federate", "match[]", "a"), row.code, row.typ, strings.TrimPrefix(row.text, "query timed out in reading series: "))
			if told := len(failed); (row.code >= 500) != (told == 2) {
				t.Errorf("the observer was told %d times", told)
			}
		})
	}
	a := newAPI(t, fleet(), nil)
	expectProblem(t, a, path("/api/v1/query", "query", `spore_node_cpu_usage_percent * on (zone) spore_node_cpu_usage_percent`), 422, "execution", "found duplicate series for the match group")
}
