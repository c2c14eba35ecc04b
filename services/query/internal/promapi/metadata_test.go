package promapi_test

import (
	"context"
	"errors"
	"testing"

	"weir/pkg/schema"
	"weir/services/query/internal/promapi"
)

func TestMetadataOfNamesThatSourcesBrought(t *testing.T) {
	known := []schema.Metadata{{Field: 1000, Name: "esp_heap", Type: schema.Gauge, Help: "Heap.", Unit: "bytes"}, {Field: 1001, Name: "a_value"}}
	a := newAPI(t, few(), func(c *promapi.Config) {
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
	})
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
