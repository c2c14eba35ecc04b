package promapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/pkg/schema"
	"weir/services/query/internal/promapi"
)

// brought lets an API know names that sources brought.
func brought(known ...schema.Metadata) func(*promapi.Config) {
	return func(c *promapi.Config) {
		c.Metadata = func(_ context.Context, req schema.MetadataRequest) (all []schema.Metadata, err error) {
			for _, m := range known {
				if req.Name == "" || req.Name == m.Name {
					all = append(all, m)
				}
			}
			if req.Name == "broken" {
				err = errors.New("no answer")
			}
			return all, err
		}
	}
}

// A metric has one entry, whatever its series are called.
func TestMetadataOfHistogramsAndSummaries(t *testing.T) {
	var known []schema.Metadata
	for _, name := range []string{"lat_bucket", "lat_sum", "lat_count"} {
		known = append(known, schema.Metadata{Name: name, Type: schema.Histogram, Help: "How long."})
	}
	for _, name := range []string{"size_sum", "size_count", "size"} {
		known = append(known, schema.Metadata{Name: name, Type: schema.Distribution, Help: "How large."})
	}
	known = append(known, schema.Metadata{Name: "rows_count", Type: schema.Gauge})
	a := newAPI(t, few(), brought(known...))
	for request, want := range map[string]string{
		"metric=lat":        `{"lat":[{"type":"histogram","help":"How long.","unit":""}]}`,
		"metric=lat_bucket": `{}`,
		"metric=size":       `{"size":[{"type":"summary","help":"How large.","unit":""}]}`,
		"metric=rows":       `{}`,
		"metric=rows_count": `{"rows_count":[{"type":"gauge","help":"","unit":""}]}`,
	} {
		if got := call(a, "GET /api/v1/metadata?"+request).Body.String(); !strings.HasPrefix(got, `{"status":"success","data":`+want) {
			t.Errorf("%s:\ngot  %s\nwant %s", request, got, want)
		}
	}
	all := call(a, "GET /api/v1/metadata").Body.String()
	for _, name := range []string{"lat", "size", "rows_count"} {
		if strings.Count(all, `"`+name+`":`) != 1 {
			t.Errorf("%s is not there once", name)
		}
	}
	if strings.Contains(all, "_bucket") {
		t.Error("a histogram's series are metrics")
	}
}

// What others call theirs, and what they say of it, is none of a tenant's business.
func TestATenantsMetadata(t *testing.T) {
	series := func(name, service string) promread.Series {
		return promread.Series{Labels: labels.FromStrings("__name__", name, "service", service, "subservice", "x"), T: []int64{t0}, V: []float64{1}}
	}
	reader := readtest.New(series("secret_gizmo_total", "acme"), series("spore_node_cpu_usage_percent", "acme"), series("lat_bucket", "other"), series("own_value", "other"))
	a := newAPI(t, reader, brought(
		schema.Metadata{Name: "secret_gizmo_total", Type: schema.Cumulative, Help: "Secret."},
		schema.Metadata{Name: "lat_bucket", Type: schema.Histogram}, schema.Metadata{Name: "own_value", Type: schema.Gauge},
	))
	for request, want := range map[string]string{
		"service=other":              `{"lat":[{"type":"histogram","help":"","unit":""}],"own_value":[{"type":"gauge","help":"","unit":""}]}`,
		"service=other&subservice=y": `{}`,
		"service=other&subservice=x&metric=secret_gizmo_total": `{}`,
		"service=other&metric=spore_node_cpu_usage_percent":    `{}`,
		"service=other&metric=lat":                             `{"lat":[{"type":"histogram","help":"","unit":""}]}`,
		"service=acme&metric=secret_gizmo_total":               `{"secret_gizmo_total":[{"type":"counter","help":"Secret.","unit":""}]}`,
		"metric=secret_gizmo_total":                            `{"secret_gizmo_total":[{"type":"counter","help":"Secret.","unit":""}]}`,
	} {
		if got := strings.TrimSpace(call(a, "GET /api/v1/metadata?"+request).Body.String()); got != `{"status":"success","data":`+want+`}` {
			t.Errorf("%s:\ngot  %s\nwant %s", request, got, want)
		}
	}
}

func TestMetadataOfNamesThatSourcesBrought(t *testing.T) {
	a := newAPI(t, few(), brought(schema.Metadata{Field: 1000, Name: "esp_heap", Type: schema.Gauge, Help: "Heap.", Unit: "bytes"}, schema.Metadata{Field: 1001, Name: "a_value"}))
	for request, want := range map[string]string{
		"metric=esp_heap":                     `{"status":"success","data":{"esp_heap":[{"type":"gauge","help":"Heap.","unit":"bytes"}]}}`,
		"limit=1":                             `{"status":"success","data":{"a_value":[{"type":"unknown","help":"","unit":""}]}}`,
		"metric=nothing":                      `{"status":"success","data":{}}`,
		"metric=broken":                       `{"status":"error","errorType":"unavailable","error":"the history cannot be read: no answer"}`,
		"metric=spore_node_cpu_usage_percent": `{"status":"success","data":{"spore_node_cpu_usage_percent":[{"type":"gauge","help":"CPU usage of the node, 0 to 100.","unit":"percent"}]}}`,
	} {
		if got := call(a, "GET /api/v1/metadata?"+request).Body.String(); got != want && got != want+"\n" {
			t.Errorf("%s:\ngot  %s\nwant %s", request, got, want)
		}
	}
}
