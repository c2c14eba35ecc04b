package promapi_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/golden"
	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/pkg/schema"
	"weir/services/query/internal/promapi"
)

const (
	t0 = 1767322800000 // milliseconds: 2026-01-02T03:00:00Z
	t1 = t0 + 60_123
)

// few returns a reader of a few series, by which a document can be written by hand.
func few() *memory {
	cpu := func(node string, t []int64, v ...float64) promread.Series {
		return promread.Series{T: t, V: v, Labels: labels.FromStrings(
			"__name__", "spore_node_cpu_usage_percent", "node", node, "service", "factory", "subservice", "line1")}
	}
	at := []int64{t0, t1}
	return readtest.New(

		cpu("n1", at, 12.5, 20),
		cpu("n2", at, math.NaN(), math.Inf(1)),
		cpu("n3", at, 1e-7, -1e21),
		cpu(`n"4`, at[1:], -0.25),
		promread.Series{T: at, V: []float64{1000, 1600}, Labels: labels.FromStrings(
			"__name__", "spore_node_network_sent_bytes_total", "node", "n1", "service", "factory", "subservice", "line1", "zone", "ü")},
		promread.Series{T: at, V: []float64{7, math.Float64frombits(0x7ff0000000000002)}, Labels: labels.FromStrings(
			"__name__", "spore_node_uptime_seconds", "node", "n5", "service", "greenhouse")},
	)
}

const at1 = "time=1767322860.123"

func TestAnswers(t *testing.T) {
	for file, request := range map[string]string{
		"vector.json":         "GET /api/v1/query?query=spore_node_cpu_usage_percent&" + at1,
		"vector_empty.json":   "GET /api/v1/query?query=nothing&" + at1,
		"vector_limited.json": "GET /api/v1/query?limit=1&query=spore_node_cpu_usage_percent&" + at1,
		"scalar.json":         "GET /api/v1/query?query=1.5e21&" + at1,
		"string.json":         "GET /api/v1/query?query=%22a+%5C%22text%5C%22%22&time=1767322860",
		"matrix.json":         "POST /api/v1/query_range?query=spore_node_cpu_usage_percent&start=1767322800&end=1767322860.123&step=60.123",
		"matrix_instant.json": "GET /api/v1/query?query=spore_node_network_sent_bytes_total[5m]&" + at1,
		"matrix_empty.json":   "GET /api/v1/query_range?query=nothing&start=1767322800&end=1767322860&step=15s",
		"stale.json":          "GET /api/v1/query?query=spore_node_uptime_seconds&" + at1,
		"info.json":           "GET /api/v1/query?query=rate(spore_node_cpu_usage_percent{node=%22n1%22}[5m])&" + at1,
		"warning.json":        "GET /api/v1/query?query=quantile(2,spore_node_cpu_usage_percent)&" + at1,
		"exemplars.json":      "GET /api/v1/query_exemplars?query=spore_node_cpu_usage_percent&start=1&end=2",
		"format_query.json":   "GET /api/v1/format_query?query=sum(rate(foo[5m]))by(job)/on(job)bar",
		"parse_query.json":    "POST /api/v1/parse_query?query=topk(2,-(a{b!=%22c%22}+offset+5m))+/+on(d)+group_left(e)+max_over_time(f[5m:1m]+@+start())+%2B+rate(g[1m])",
		"series.json":         "GET /api/v1/series?match[]=spore_node_uptime_seconds&match[]={node=%22n1%22}&match[]={zone=%22%C3%BC%22}",
		"series_limited.json": "POST /api/v1/series?match[]={node=~%22.%2B%22}&limit=2",
		"series_empty.json":   "GET /api/v1/series?match[]=spore_node_uptime_seconds&start=1767322900",
		"labels.json":         "GET /api/v1/labels",
		"labels_matched.json": "POST /api/v1/labels?match[]=spore_node_uptime_seconds&match[]=nothing",
		"labels_limited.json": "GET /api/v1/labels?limit=2",
		"values.json":         "GET /api/v1/label/node/values",
		"values_escaped.json": "GET /api/v1/label/U______name____/values?match[]={node=%22n1%22}",
		"values_none.json":    "GET /api/v1/label/nothing/values",
		"metadata_one.json":   "GET /api/v1/metadata?metric=spore_node_network_sent_bytes_total",
		"metadata_none.json":  "GET /api/v1/metadata?metric=nothing",
		"rules.json":          "GET /api/v1/rules",
		"alerts.json":         "GET /api/v1/alerts",
		"flags.json":          "GET /api/v1/status/flags",
		"tsdb.json":           "GET /api/v1/status/tsdb",
		"tsdb_scoped.json":    "GET /api/v1/status/tsdb?limit=2&service=factory",
	} {
		t.Run(file, func(t *testing.T) {
			w := call(newAPI(t, few(), nil), request)
			if w.Code != http.StatusOK {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type is %q", got)
			}
			golden.JSON(t, file, append(w.Body.Bytes(), '\n'))
		})
	}
}

func TestAnInstantQueryWithoutATimeIsForNow(t *testing.T) {
	w := call(newAPI(t, few(), nil), "GET /api/v1/query?query=time()")
	if want := `{"status":"success","data":{"resultType":"scalar","result":[1767325800,"1767325800"]}}`; w.Body.String() != want {
		t.Errorf("got %s", w.Body)
	}
}

func TestStatistics(t *testing.T) {
	a := newAPI(t, few(), nil)
	for stats, want := range map[string][]string{
		"true": {`"stats":{"timings":{"evalTotalTime":`, `"samples":{"totalQueryableSamples":4,"samplesRead":4,"peakSamples":4}`},
		"all":  {`"totalQueryableSamplesPerStep":[[1767322860.123,4]]`},
	} {
		body := call(a, "GET /api/v1/query?query=spore_node_cpu_usage_percent&stats="+stats+"&"+at1).Body.String()
		for _, part := range want {
			if !strings.Contains(body, part) || strings.Contains(body, "warnings") {
				t.Errorf("stats=%s: %s is missing in %s", stats, part, body)
			}
		}
	}
}

func TestStatisticsThatPrometheusWillNotKnow(t *testing.T) {
	body := call(newAPI(t, few(), nil), "GET /api/v1/query?query=1&stats=1").Body.String()
	const want = `"warnings":["value \"1\" for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""]`
	if !strings.Contains(body, `"stats":{"timings"`) || !strings.Contains(body, want) {
		t.Errorf("got %s", body)
	}
}

func TestMetadataOfEveryMetric(t *testing.T) {
	a := newAPI(t, few(), nil)
	all := len(schema.Fields) + len(schema.LiveSeries)
	for limit, want := range map[string]int{"": all, "limit=-1": all, "limit=2&limit_per_metric=1": 2, "limit=0": 0} {
		var answer struct {
			Data map[string][]map[string]string
		}
		if err := json.Unmarshal(call(a, "GET /api/v1/metadata?"+limit).Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Data) != want {
			t.Errorf("%q: %d metrics, want %d", limit, len(answer.Data), want)
		}
	}
}

func TestBuildAndRuntimeInfo(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.Retention = "15d" })
	for path, parts := range map[string][]string{
		"buildinfo":   {`"version":"` + promapi.PrometheusVersion + `"`, `"goVersion":"go1.`, `"application":"weir","applicationVersion":"0.1.0"`},
		"runtimeinfo": {`"startTime":"2026-01-02T02:50:00Z"`, `"serverTime":"2026-01-02T03:50:00Z"`, `"storageRetention":"15d"`, `"CWD":""`},
	} {
		w := call(a, "GET /api/v1/status/"+path)
		for _, part := range parts {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: %s is missing in %s", path, part, w.Body)
			}
		}
	}
}

// The version that is told is that of the module that is built in.
func TestPrometheusVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindStringSubmatch(string(mod))
	if m == nil {
		t.Fatal("go.mod does not name Prometheus' module")
	}
	minor := strings.TrimPrefix(m[2], "0")
	if got := m[1] + "." + minor + "." + m[3]; got != promapi.PrometheusVersion {
		t.Errorf("the module is that of %s", got)
	}
}

func TestMethods(t *testing.T) {
	a := newAPI(t, few(), nil)
	for _, row := range []struct {
		request, allow string
		code           int
	}{
		{"PUT /api/v1/query?query=1", "GET, POST, OPTIONS", 405},
		{"POST /api/v1/label/node/values", "GET, OPTIONS", 405},
		{"DELETE /federate", "GET, OPTIONS", 405},
		{"GET /api/v1/read", "POST, OPTIONS", 405},
		{"HEAD /api/v1/labels", "", 200},
		{"OPTIONS /api/v1/query", "", 204},
		{"GET /api/v1/admin/tsdb/snapshot", "", 404},
		{"GET /api/v1/query/", "", 404},
	} {
		w := call(a, row.request)
		if w.Code != row.code || w.Header().Get("Allow") != row.allow {
			t.Errorf("%s: status %d, Allow %q", row.request, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := call(a, "GET /api/v1/targets"); w.Body.String() != `{"status":"error","errorType":"not_found","error":"no such route: GET /api/v1/targets"}` {
		t.Errorf("an unknown route: %s", w.Body)
	}
}

func TestRoutesAreServed(t *testing.T) {
	a := newAPI(t, few(), nil)
	for _, route := range promapi.Routes() {
		method, _, _ := strings.Cut(route.Method, ",")
		if w := call(a, method+" "+strings.ReplaceAll(route.Path, "{name}", "node")); w.Code == 404 || w.Code == 405 {
			t.Errorf("%s %s: status %d", method, route.Path, w.Code)
		}
		if route.About == "" {
			t.Errorf("%s does not say what it is for", route.Path)
		}
	}
}

func TestPagesOfOtherSites(t *testing.T) {
	ask := func(a http.Handler, origin string) http.Header {
		r := httptest.NewRequest("GET", "/api/v1/labels", nil)
		r.Header.Set("Origin", origin)
		return serve(a, r).Header()
	}
	some := newAPI(t, few(), func(c *promapi.Config) { c.CORSOrigin = regexp.MustCompile(`^https://grafana\.example$`) })
	if h := ask(some, "https://grafana.example"); h.Get("Access-Control-Allow-Origin") != "https://grafana.example" || h.Get("Vary") == "" {
		t.Errorf("a site that may read: %v", h)
	}
	if h := ask(some, "https://other.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a site that may not read: %v", h)
	}
	if h := ask(newAPI(t, few(), nil), "https://grafana.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("no site may read: %v", h)
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	r := httptest.NewRequest("GET", "/api/v1/metadata", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := serve(newAPI(t, few(), nil), r)
	if w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > 4000 {
		t.Errorf("%d bytes, %v", w.Body.Len(), w.Header())
	}
}

func TestFaultsOfTheConfiguration(t *testing.T) {
	_, err := promapi.New(promapi.Config{})
	if err == nil || strings.Count(err.Error(), "\n") != 6 {
		t.Errorf("got %v", err)
	}
}
