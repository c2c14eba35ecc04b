package promapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/services/query/internal/promapi"
)

// Whatever a request says, it is answered: with JSON in the envelope, and
// without what only a fault of ours would give.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{
		{"/api/v1/query", "query=sum(rate(a[5m]))&time=1767322860.123&timeout=1s&limit=3&stats=all&lookback_delta=1m"},
		{"/api/v1/query", "query=a+@+1e300&time=-292273086-05-16T16:47:06Z"},
		{"/api/v1/query", "query=max_over_time(a[1y:1ms])&time=292277025-08-18T07:12:54.999999999Z"},
		{"/api/v1/query_range", "query=a&start=0&end=1e9&step=1e6"},
		{"/api/v1/query_range", "query=1&start=-1e15&end=1e15&step=1000y"},
		{"/api/v1/series", "match[]={node=~\".%2B\"}&match[]=a&start=-1&end=2"},
		{"/api/v1/labels", "match[]=a&limit=9223372036854775807"},
		{"/api/v1/label/U__a_2e_b/values", "service=factory&subservice=/"},
		{"/api/v1/query_exemplars", "query=a&start=1&end=2"},
		{"/api/v1/parse_query", "query=topk(1,-(a+offset+5m))+/+on(b)+group_left(c)+max_over_time(d[5m:1m]+@+end())"},
		{"/api/v1/format_query", "query=a%2Bb"},
		{"/api/v1/metadata", "limit=-9&limit_per_metric=0"},
		{"/api/v1/rules", "type=alert&group_limit=1&exclude_alerts=t"},
		{"/api/v1/status/tsdb", "limit=10000"},
		{"/federate", "match[]=spore_node_cpu_usage_percent"},
	} {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	a := newAPI(f, few(), func(c *promapi.Config) {
		c.MaxSamples, c.Timeout, c.ExperimentalFunctions, c.Rules = 10_000, 2*time.Second, true, new(alerter)
	})
	f.Fuzz(func(t *testing.T, path, query string, form bool) {
		target := (&url.URL{Path: "/" + strings.TrimPrefix(path, "/"), RawQuery: query}).String()
		if _, err := url.ParseRequestURI(target); err != nil {
			t.Skip()
		}
		r := httptest.NewRequest("GET", "/", nil)
		if form {
			r = httptest.NewRequest("POST", "/", strings.NewReader(query))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.URL = &url.URL{Path: "/" + strings.TrimPrefix(path, "/")}
		if !form {
			r.URL.RawQuery = query
		}
		late := time.AfterFunc(2*time.Minute, func() { panic(fmt.Sprintf("no answer to %q %q", path, query)) })
		w := serve(a, r)
		late.Stop()
		if w.Code == 500 || w.Code == 301 || w.Code == 307 || strings.HasPrefix(w.Header().Get("Content-Type"), "text/") || path == "/api/v1/read" {
			if w.Code == 500 {
				t.Errorf("500: %s", w.Body)
			}
			return
		}
		var answer struct{ Status, ErrorType string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		if (w.Code == 200) != (answer.Status == "success") || (w.Code == 200) == (answer.ErrorType != "") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "unexpected error") {
			t.Errorf("the engine panicked: %s", w.Body)
		}
	})
}
