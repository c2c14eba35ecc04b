package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"weir/devices/loadgen"
)

// recordedFleet is a weir with the past hour of six nodes and four tasks, and
// another tenant's node.
type recordedFleet struct {
	*process
	end time.Time
}

func startRecordedFleet(t *testing.T, flags ...string) recordedFleet {
	t.Helper()
	p := start(t, t.TempDir(), flags...)
	f := recordedFleet{p, time.Now().Truncate(15 * time.Second)}
	var messages []loadgen.Message
	for _, r := range []loadgen.Recording{
		{Kind: loadgen.Spore, Sources: 6, Step: 30 * time.Second, Steps: 120, Service: "factory", Subservice: "line1"},
		{Kind: loadgen.Task, Sources: 4, Step: 15 * time.Second, Steps: 240, Service: "factory", Subservice: "line1"},
		{Kind: loadgen.Spore, Sources: 1, First: 100, Step: 30 * time.Second, Steps: 120, Service: "plant", Subservice: "hall"},
	} {
		r.Start = f.end.Add(-time.Duration(r.Steps-1) * r.Step)
		for m := range r.Lane(0, 1) {
			messages = append(messages, loadgen.Message{Topic: m.Topic, Payload: slices.Clone(m.Payload)})
		}
	}
	publishPast(t, p, messages)
	return f
}

// client is Prometheus' own client on a listener; headers are added to each
// request.
func (f recordedFleet) client(t *testing.T, addr string, headers map[string]string) promv1.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: "http://" + addr, RoundTripper: withHeaders(headers)})
	if err != nil {
		t.Fatal(err)
	}
	return promv1.NewAPI(c)
}

type withHeaders map[string]string

func (h withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range h {
		r.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestPrometheusOwnClientUnderstandsEveryAnswer runs client_golang's API client
// over every endpoint that weir has, on both listeners.
func TestPrometheusOwnClientUnderstandsEveryAnswer(t *testing.T) {
	f := startRecordedFleet(t)
	for name, addr := range map[string]string{"internal": f.Internal, "external": f.External} {
		t.Run(name, func(t *testing.T) {
			c := f.client(t, addr, nil)
			t.Run("query", func(t *testing.T) { f.checkQuery(t, c) })
			t.Run("query_range", func(t *testing.T) { f.checkQueryRange(t, c) })
			t.Run("series and labels", func(t *testing.T) { f.checkSeries(t, c) })
			t.Run("metadata", func(t *testing.T) { f.checkMetadata(t, c) })
			t.Run("status", func(t *testing.T) { f.checkStatus(t, c) })
			t.Run("errors", func(t *testing.T) { f.checkErrors(t, c) })
		})
	}
}

func (f recordedFleet) checkQuery(t *testing.T, c promv1.API) {
	for promQL, want := range map[string]model.ValueType{
		`spore_node_cpu_usage_percent`:                                 model.ValVector,
		`scalar(count(spore_node_cpu_usage_percent))`:                  model.ValScalar,
		`spore_node_cpu_usage_percent[5m]`:                             model.ValMatrix,
		`topk(2, rate(proplet_task_network_received_bytes_total[5m]))`: model.ValVector,
	} {
		value, warnings, err := c.Query(t.Context(), promQL, f.end, promv1.WithTimeout(patience), promv1.WithLimit(100))
		if err != nil || len(warnings) > 0 || value.Type() != want {
			t.Errorf("%s: %v, warnings %q, error %v", promQL, value, warnings, err)
		}
	}
	f.wantVector(t, c, `count(spore_node_cpu_usage_percent)`, 7)
	f.wantVector(t, c, `count by (service) (spore_node_cpu_usage_percent{service="plant"})`, 1)
	f.wantVector(t, c, `sum(count_over_time(proplet_task_cpu_usage_percent[1h1m] offset -1s))`, 4*240) // the last may be 40 ms late
	f.wantVector(t, c, `count(spore_node_cpu_usage_percent{zone=~"zone-[01]",version!="1.2.0"} * on(node) group_left() spore_node_flash_total_bytes)`, 4)
	value, warnings, err := c.Query(t.Context(), "spore_node_cpu_usage_percent", f.end, promv1.WithLimit(3))
	if vector, ok := value.(model.Vector); err != nil || !ok || len(vector) != 3 || len(warnings) != 1 {
		t.Errorf("with a limit of 3: %v, warnings %q, error %v", value, warnings, err)
	}
}

func (f recordedFleet) wantVector(t *testing.T, c promv1.API, promQL string, want float64) {
	t.Helper()
	value, _, err := c.Query(t.Context(), promQL, f.end)
	vector, ok := value.(model.Vector)
	if err != nil || !ok || len(vector) != 1 || float64(vector[0].Value) != want {
		t.Errorf("%s: %v instead of %v, error %v", promQL, value, want, err)
	}
}

func (f recordedFleet) checkQueryRange(t *testing.T, c promv1.API) {
	hour := promv1.Range{Start: f.end.Add(-59 * time.Minute), End: f.end, Step: 15 * time.Second}
	for promQL, series := range map[string]int{
		`spore_node_cpu_usage_percent`:                                  7,
		`rate(proplet_task_network_received_bytes_total[1m])`:           4,
		`avg by (zone, version) (spore_node_cpu_usage_percent)`:         6,
		`max_over_time(spore_node_cpu_usage_percent[10m:1m])`:           7,
		`spore_node_cpu_usage_percent offset 10m unless on() vector(1)`: 0,
		`spore_node_cpu_usage_percent @ end() > bool 1000`:              7,
	} {
		value, warnings, err := c.QueryRange(t.Context(), promQL, hour)
		matrix, ok := value.(model.Matrix)
		if err != nil || !ok || len(warnings) > 0 || len(matrix) != series {
			t.Errorf("%s: %d series instead of %d, warnings %q, error %v", promQL, len(matrix), series, warnings, err)
		}
		for _, s := range matrix {
			for _, v := range s.Values {
				if math.IsNaN(float64(v.Value)) {
					t.Errorf("%s: %v is not a number", promQL, s.Metric)
				}
			}
		}
	}
	if found, err := c.QueryExemplars(t.Context(), "spore_node_cpu_usage_percent", hour.Start, hour.End); err != nil || len(found) > 0 {
		t.Errorf("exemplars: %v, error %v", found, err)
	}
}

func (f recordedFleet) checkSeries(t *testing.T, c promv1.API) {
	from := f.end.Add(-time.Hour)
	sets, warnings, err := c.Series(t.Context(), []string{`spore_node_cpu_usage_percent{service="factory"}`, `proplet_task_threads{task_id="t00001"}`}, from, f.end)
	if err != nil || len(warnings) > 0 || len(sets) != 7 {
		t.Errorf("series: %v, warnings %q, error %v", sets, warnings, err)
	}
	task := model.LabelSet{"__name__": "proplet_task_threads", "task_id": "t00001", "proplet_id": "p00000", "service": "factory", "subservice": "line1"}
	if !slices.ContainsFunc(sets, task.Equal) {
		t.Errorf("%v is not among the series %v", task, sets)
	}
	names, _, err := c.LabelNames(t.Context(), nil, from, f.end)
	want := model.LabelNames{"__name__", "env", "node", "proplet_id", "service", "stable", "subservice", "task_id", "type", "version", "zone"}
	if diff := cmp.Diff(want, names); err != nil || diff != "" {
		t.Errorf("label names: error %v (-want +got):\n%s", err, diff)
	}
	for _, row := range []struct {
		label, match string
		want         model.LabelValues
	}{
		{"zone", "", model.LabelValues{"zone-0", "zone-1", "zone-2", "zone-3"}},
		{"node", `{service="plant"}`, model.LabelValues{"spore-00100"}},
		{"task_id", `proplet_task_threads`, model.LabelValues{"t00000", "t00001", "t00002", "t00003"}},
		{"nobody_has_it", "", model.LabelValues{}},
	} {
		var matches []string
		if row.match != "" {
			matches = []string{row.match}
		}
		values, _, err := c.LabelValues(t.Context(), row.label, matches, from, f.end)
		if diff := cmp.Diff(row.want, values); err != nil || diff != "" {
			t.Errorf("values of %s: error %v (-want +got):\n%s", row.label, err, diff)
		}
	}
	if values, _, err := c.LabelValues(t.Context(), "node", nil, from.Add(-48*time.Hour), from.Add(-47*time.Hour)); err != nil || len(values) > 0 {
		t.Errorf("two days ago there were the nodes %v, error %v", values, err)
	}
}

func (f recordedFleet) checkMetadata(t *testing.T, c promv1.API) {
	all, err := c.Metadata(t.Context(), "", "")
	if err != nil || len(all) < 50 {
		t.Fatalf("metadata of %d metrics, error %v", len(all), err)
	}
	one, err := c.Metadata(t.Context(), "proplet_task_network_received_bytes_total", "")
	want := map[string][]promv1.Metadata{"proplet_task_network_received_bytes_total": {{Type: "counter", Help: "Bytes that the task has received.", Unit: "bytes"}}}
	if diff := cmp.Diff(want, one); err != nil || diff != "" {
		t.Errorf("metadata of one: error %v (-want +got):\n%s", err, diff)
	}
	text, err := c.FormatQuery(t.Context(), `sum by(zone)(rate(spore_node_network_sent_bytes_total[5m]))>0`)
	if err != nil || text != `"sum by (zone) (rate(spore_node_network_sent_bytes_total[5m])) > 0"` { // the client leaves the quotes
		t.Errorf("formatted: %s, error %v", text, err)
	}
}

func (f recordedFleet) checkStatus(t *testing.T, c promv1.API) {
	build, err := c.Buildinfo(t.Context())
	if err != nil || build.Version == "" {
		t.Errorf("build: %+v, error %v", build, err)
	}
	if info, err := c.Runtimeinfo(t.Context()); err != nil || info.StartTime.After(time.Now()) || info.StartTime.Before(time.Now().Add(-time.Hour)) {
		t.Errorf("runtime: %+v, error %v", info, err)
	}
	if _, err := c.Flags(t.Context()); err != nil {
		t.Errorf("flags: %v", err)
	}
	tsdb, err := c.TSDB(t.Context())
	if err != nil || tsdb.HeadStats.NumSeries != 7*17+4*10 || len(tsdb.SeriesCountByMetricName) == 0 || tsdb.SeriesCountByMetricName[0].Value != 7 {
		t.Errorf("tsdb: %+v, error %v", tsdb, err)
	}
	if rules, err := c.Rules(t.Context(), nil); err != nil || len(rules.Groups) == 0 {
		t.Errorf("rules: %+v, error %v", rules, err)
	}
	eventually(t, "the heartbeat is among the alerts", func() error {
		alerts, err := c.Alerts(t.Context())
		if err != nil || !slices.ContainsFunc(alerts.Alerts, func(a promv1.Alert) bool { return a.Labels["alertname"] == "Heartbeat" && a.State == "firing" }) {
			return fmt.Errorf("%+v, error %v", alerts, err)
		}
		return nil
	})
}

func (f recordedFleet) checkErrors(t *testing.T, c promv1.API) {
	long := promv1.Range{Start: f.end.Add(-24 * time.Hour), End: f.end, Step: time.Second}
	for name, row := range map[string]struct {
		ask  func(ctx context.Context) error
		want promv1.ErrorType
	}{
		"a query that is none": {func(ctx context.Context) error { _, _, err := c.Query(ctx, "sum(", f.end); return err }, promv1.ErrBadData},
		"a query that fails": {func(ctx context.Context) error {
			_, _, err := c.Query(ctx, "spore_node_cpu_usage_percent * on(service) spore_node_cpu_usage_percent", f.end)
			return err
		}, promv1.ErrExec},
		"too many steps": {func(ctx context.Context) error { _, _, err := c.QueryRange(ctx, "vector(1)", long); return err }, promv1.ErrBadData},
		"a range that ends before": {func(ctx context.Context) error {
			_, _, err := c.QueryRange(ctx, "vector(1)", promv1.Range{Start: f.end, End: f.end.Add(-time.Hour), Step: time.Minute})
			return err
		}, promv1.ErrBadData},
		"series without a match": {func(ctx context.Context) error { _, _, err := c.Series(ctx, nil, time.Time{}, f.end); return err }, promv1.ErrBadData},
		"a selector that is none": {func(ctx context.Context) error {
			_, _, err := c.LabelValues(ctx, "node", []string{"{"}, time.Time{}, f.end)
			return err
		}, promv1.ErrBadData},
	} {
		var e *promv1.Error
		if err := row.ask(t.Context()); !errors.As(err, &e) || e.Type != row.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestATenantSeesItsOwnSeriesOnly restricts the API by headers and by
// parameters, on every endpoint that shows series.
func TestATenantSeesItsOwnSeriesOnly(t *testing.T) {
	f := startRecordedFleet(t)
	for name, headers := range map[string]map[string]string{
		"in full":     {"Fiware-Service": "plant", "Fiware-ServicePath": "/hall"},
		"its service": {"Fiware-Service": "Plant"},
	} {
		c := f.client(t, f.External, headers)
		f.wantVector(t, c, `count({__name__=~".+"})`, 17)
		f.wantVector(t, c, `count(spore_node_cpu_usage_percent or {service="factory"})`, 1)
		values, _, err := c.LabelValues(t.Context(), "node", nil, time.Time{}, f.end)
		if diff := cmp.Diff(model.LabelValues{"spore-00100"}, values); err != nil || diff != "" {
			t.Errorf("%s: nodes: error %v (-want +got):\n%s", name, err, diff)
		}
		if names, _, err := c.LabelNames(t.Context(), nil, time.Time{}, f.end); err != nil || slices.Contains(names, "task_id") {
			t.Errorf("%s: label names %v, error %v", name, names, err)
		}
		if sets, _, err := c.Series(t.Context(), []string{`{service=~".+"}`}, time.Time{}, f.end); err != nil || len(sets) != 17 {
			t.Errorf("%s: %d series, error %v", name, len(sets), err)
		}
		if tsdb, err := c.TSDB(t.Context()); err != nil || tsdb.HeadStats.NumSeries != 17 {
			t.Errorf("%s: tsdb %+v, error %v", name, tsdb, err)
		}
	}
	at := unixSeconds(f.end)
	for _, path := range []string{
		"/api/v1/query?query=count({__name__=~%22.%2B%22})&service=plant&time=" + at,
		"/api/v1/query?query=count({__name__=~%22.%2B%22})&service=plant&subservice=hall&time=" + at,
	} {
		if got := f.series(path); len(got) != 1 || got[0].Value.Value != "17" {
			t.Errorf("GET %s: %v", path, got)
		}
	}
	if got := f.series("/api/v1/query?query=count({__name__=~%22.%2B%22})&service=plant&subservice=line1&time=" + at); len(got) > 0 {
		t.Errorf("of a tenant that there is not: %v", got)
	}
}

// TestQueriesComeByFormToo posts what is asked for, as Grafana does.
func TestQueriesComeByFormToo(t *testing.T) {
	f := startRecordedFleet(t)
	for path, form := range map[string]url.Values{
		"/api/v1/query":       {"query": {"count(spore_node_cpu_usage_percent)"}, "time": {f.end.UTC().Format(time.RFC3339)}},
		"/api/v1/query_range": {"query": {"count(spore_node_cpu_usage_percent)"}, "start": {unixSeconds(f.end)}, "end": {unixSeconds(f.end)}, "step": {"1m"}},
		"/api/v1/series":      {"match[]": {"spore_node_cpu_usage_percent"}},
		"/api/v1/labels":      {"match[]": {"spore_node_cpu_usage_percent"}},
	} {
		resp, err := http.PostForm("http://"+f.External+path, form)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), `{"status":"success"`) || len(body) < 60 {
			t.Errorf("POST %s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// TestFederationShowsTheLatestSamples reads /federate as Prometheus does.
func TestFederationShowsTheLatestSamples(t *testing.T) {
	// Federation knows no time but now: the fleet's silence must not have ended its
	// series before it is asked.
	f := startRecordedFleet(t, "--stale-floor", "10m", "--stale-ceiling", "10m")
	a := f.get("/federate?" + url.Values{"match[]": {`{__name__=~"spore_node_flash_total_bytes|proplet_task_threads"}`}}.Encode())
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %s: %s", a.Status, a.Header.Get("Content-Type"), a.Body)
	}
	lines := 0
	for line := range strings.Lines(string(a.Body)) {
		if !strings.HasPrefix(line, "#") {
			lines++
		}
	}
	want := fmt.Sprintf(`spore_node_flash_total_bytes{env="production",node="spore-00000",service="factory",stable="true",subservice="line1",type="spore-node",version="1.0.0",zone="zone-0",instance=""} 4.194304e+06 %d`, f.end.UnixMilli())
	if lines != 11 || !strings.Contains(string(a.Body), want) {
		t.Errorf("%d samples, %s among them?\n%s", lines, want, a.Body)
	}
}
