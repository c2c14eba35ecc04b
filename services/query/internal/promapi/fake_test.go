package promapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/conformance"
	"weir/pkg/read/promread/readtest"
	"weir/services/query/internal/promapi"
)

// memory is a reader of series in memory.
type memory = readtest.Memory

// now is when requests without a time are asked: 50 minutes after the first readings.
var now = conformance.Base.Add(50 * time.Minute)

// fleet returns a reader of the conformance package's series.
func fleet() *memory {
	m := new(memory)
	var all []promread.Series
	for _, s := range conformance.AllSeries() {
		all = append(all, promread.Series(s))
	}
	m.Set(all...)
	return m
}

// newAPI returns an API over r, its configuration changed by change.
func newAPI(t testing.TB, r promread.Reader, change func(*promapi.Config)) *promapi.API {
	t.Helper()
	c := promapi.Default()
	c.Reader, c.Version, c.Started = r, "0.1.0", now.Add(-time.Hour)
	c.Now = func() time.Time { return now }
	if change != nil {
		change(&c)
	}
	a, err := promapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// call sends "GET /path?query" or, for a POST, the query as a form.
func call(a http.Handler, request string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(target, "?")
	r := httptest.NewRequest(method, target, nil)
	if method == http.MethodPost {
		r = httptest.NewRequest(method, path, strings.NewReader(query))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return serve(a, r)
}

func serve(a http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// path returns "GET path?name=value&…".
func path(p string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Add(params[i], params[i+1])
	}
	return "GET " + p + "?" + v.Encode()
}
