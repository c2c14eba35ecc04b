package promapi_test

import (
	"bytes"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"weir/pkg/golden"
	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/pkg/schema"
	"weir/services/query/internal/promapi"
)

func TestFederation(t *testing.T) {
	all := few().Series()
	for i := range all { // to within the lookback of now
		shifted := make([]int64, len(all[i].T))
		for k, ms := range all[i].T {
			shifted[k] = ms + 3_000_000 - 300_000
		}
		all[i].T = shifted
	}
	a := newAPI(t, readtest.New(all...), nil)
	w := call(a, path("/federate", "match[]", `{node=~".+"}`, "match[]", "spore_node_cpu_usage_percent"))
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type is %q", got)
	}
	golden.Check(t, "federate.txt", w.Body.Bytes())
	for accept, want := range map[string]string{"*/*": "text/plain", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1": "text/plain", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf"} {
		r := httptest.NewRequest("GET", "/federate?match[]=spore_node_cpu_usage_percent", nil)
		r.Header.Set("Accept", accept)
		if got := serve(a, r).Header().Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("Accept %s gives %q", accept, got)
		}
	}
	if w := call(a, "GET /federate"); w.Code != 200 || w.Body.Len() > 0 {
		t.Errorf("without match[]: %d %s", w.Code, w.Body)
	}
	expectProblem(t, a, path("/federate", "match[]", "{"), 400, "bad_data", "parse error")
}

// The types of names that sources brought are said, where the format can.
func TestFederationOfNamesThatSourcesBrought(t *testing.T) {
	var all []promread.Series
	for _, name := range []string{"heap", "boots_total", "lat_bucket", "unheard"} {
		all = append(all, promread.Series{Labels: labels.FromStrings("__name__", name, "instance", "i"), T: []int64{now.UnixMilli()}, V: []float64{1}})
	}
	a := newAPI(t, readtest.New(all...), brought(
		schema.Metadata{Name: "heap", Type: schema.Gauge, Help: "Free."}, schema.Metadata{Name: "boots_total", Type: schema.Cumulative},
		schema.Metadata{Name: "lat_bucket", Type: schema.Histogram, Help: "How long."},
	))
	got := call(a, path("/federate", "match[]", `{instance="i"}`)).Body.String()
	for _, want := range []string{"# HELP heap Free.\n# TYPE heap gauge\nheap{", "# TYPE boots_total counter\n", "# HELP lat_bucket How long.\n# TYPE lat_bucket untyped\n", "# TYPE unheard untyped\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// What is older than the lookback is not there any more.
func TestFederationOfOldSamples(t *testing.T) {
	if w := call(newAPI(t, few(), nil), path("/federate", "match[]", `{node=~".+"}`)); w.Body.Len() > 0 {
		t.Errorf("got %s", w.Body)
	}
}

// readBody returns a request of remote read for a node's CPU usage.
func readBody(t testing.TB) string {
	t.Helper()
	req := prompb.ReadRequest{Queries: []*prompb.Query{{
		StartTimestampMs: t0, EndTimestampMs: t0 + 3_000_000,
		Matchers: []*prompb.LabelMatcher{
			{Type: prompb.LabelMatcher_RE, Name: "__name__", Value: "spore_node_cpu_usage_percent|spore_node_uptime_seconds"},
			{Type: prompb.LabelMatcher_NRE, Name: "node", Value: "n[36]"},
		},
	}, {
		StartTimestampMs: t0, EndTimestampMs: t0,
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_EQ, Name: "node", Value: "n3"}, {Type: prompb.LabelMatcher_NEQ, Name: "service", Value: ""}},
	}}}
	data, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(snappy.Encode(nil, data))
}

func read(t *testing.T, a *promapi.API) *prompb.ReadResponse {
	t.Helper()
	w := serve(a, httptest.NewRequest("POST", "/api/v1/read", strings.NewReader(readBody(t))))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-protobuf" || w.Header().Get("Content-Encoding") != "snappy" {
		t.Fatalf("status %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	data, err := snappy.Decode(nil, w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	answer := new(prompb.ReadResponse)
	if err := answer.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestRemoteRead(t *testing.T) {
	var got bytes.Buffer
	for _, result := range read(t, newAPI(t, few(), nil)).Results {
		got.WriteString("query\n")
		for _, ts := range result.Timeseries {
			for _, l := range ts.Labels {
				fmt.Fprintf(&got, "%s=%q ", l.Name, l.Value)
			}
			for _, s := range ts.Samples {
				fmt.Fprintf(&got, "%d:%x ", s.Timestamp, math.Float64bits(s.Value))
			}
			got.WriteByte('\n')
		}
	}
	golden.Check(t, "remote_read.txt", got.Bytes())
}

// Series that are the same by their labels come as one.
func TestSeriesOfTwoSourcesWithTheSameLabels(t *testing.T) {
	all := few().Series()
	twin := promread.Series{Labels: all[0].Labels, T: []int64{t0 - 5, t0, t1 + 5}, V: []float64{1, 2, 3}}
	a := newAPI(t, readtest.New(append(all, twin)...), nil)
	w := call(a, path("/api/v1/query", "query", `spore_node_cpu_usage_percent{node="n1"}[5m]`, "time", "1767322861"))
	if want := `"values":[[1767322799.995,"1"],[1767322800,"12.5"],[1767322860.123,"20"],[1767322860.128,"3"]]`; strings.Count(w.Body.String(), want) != 1 || strings.Count(w.Body.String(), "values") != 1 {
		t.Errorf("got %s", w.Body)
	}
	if n := len(read(t, a).Results[0].Timeseries[1].Samples); n != 3 {
		t.Errorf("remote read gives %d samples", n)
	}
}
