package api_test

import (
	"reflect"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/services/query/internal/api"
	"weir/services/query/internal/golden"
)

func TestResourcesAskForTheNodesThatMatch(t *testing.T) {
	nodes := []schema.Kind{schema.KindSporeNode}
	for name, row := range map[string]struct {
		query string
		want  schema.SourcesRequest
	}{
		"no parameter: all nodes":         {"", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{}}},
		"a tenant":                        {"?service=factory&subservice=line1", schema.SourcesRequest{Kinds: nodes, Service: "factory", Subservice: "line1", Labels: map[string]string{}}},
		"any other parameter is a label":  {"?zone=zone-1&limit=5", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{"zone": "zone-1", "limit": "5"}}},
		"a label with escaped characters": {"?a%20b=c%26d", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{"a b": "c&d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked schema.SourcesRequest
			f := &fake{sources: func(r schema.SourcesRequest) ([]*schema.Source, error) { asked = r; return nil, nil }}
			w := call(f, api.External, "GET /api/monitoring/resources"+row.query)
			expect(t, w, 200, `{"timestamp":"2026-01-02T03:04:05Z","nodes":[],"summary":{"total_nodes":0,"avg_cpu_usage_percent":0,"avg_memory_usage_percent":0,"avg_flash_usage_percent":0,"total_bytes_sent":0,"total_bytes_received":0}}`)
			if !reflect.DeepEqual(asked, row.want) {
				t.Errorf("asked for %+v, want %+v", asked, row.want)
			}
		})
	}
}

func TestAReusedBufferDoesNotShowThrough(t *testing.T) {
	many := []*schema.Source{{Kind: schema.KindSporeNode, ID: strings.Repeat("long", 1000)}}
	f := &fake{sources: func(r schema.SourcesRequest) ([]*schema.Source, error) {
		if r.Service == "none" {
			return nil, nil
		}
		return many, nil
	}}
	h, _ := newAPI(f, api.Internal)
	first := send(h, "GET /api/monitoring/resources", nil).Body.String()
	send(h, "GET /api/monitoring/resources?service=none", nil)
	if again := send(h, "GET /api/monitoring/resources", nil).Body.String(); again != first {
		t.Errorf("got %s after %s", again, first)
	}
}

func TestTaskMetrics(t *testing.T) {
	for name, row := range map[string]struct {
		target string
		want   schema.ReadingsRequest
		body   string
	}{
		"the defaults": {"/tasks/6f0c/metrics", schema.ReadingsRequest{Kind: schema.KindTask, ID: "6f0c", Limit: 100},
			`{"offset":0,"limit":100,"total":7,"metrics":[{"task_id":"6f0c","proplet_id":"b1a2","metrics":{"cpu_percent":12.25},"timestamp":"2026-01-02T03:04:05Z"}]}`},
		"a page of a tenant's task": {"/tasks/6f0c/metrics?offset=5&limit=2&service=factory&subservice=line1",
			schema.ReadingsRequest{Kind: schema.KindTask, ID: "6f0c", Service: "factory", Subservice: "line1", Offset: 5, Limit: 2},
			`{"offset":5,"limit":2,"total":7,"metrics":[{"task_id":"6f0c","proplet_id":"b1a2","metrics":{"cpu_percent":12.25},"timestamp":"2026-01-02T03:04:05Z"}]}`},
		"an id with a slash": {"/tasks/a%2Fb/metrics?limit=0", schema.ReadingsRequest{Kind: schema.KindTask, ID: "a/b"},
			`{"offset":0,"limit":0,"total":7,"metrics":[{"task_id":"a/b","proplet_id":"b1a2","metrics":{"cpu_percent":12.25},"timestamp":"2026-01-02T03:04:05Z"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked schema.ReadingsRequest
			f := &fake{readings: func(r schema.ReadingsRequest) ([]schema.StoredReading, uint64, error) {
				asked = r
				return []schema.StoredReading{{Time: now.UnixNano(), Parent: "b1a2", Fields: []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: 12.25}}}}, 7, nil
			}}
			expect(t, call(f, api.External, "GET "+row.target), 200, row.body)
			if asked != row.want {
				t.Errorf("asked for %+v, want %+v", asked, row.want)
			}
		})
	}
}

func TestAnUnknownIDIsAnEmptyPage(t *testing.T) {
	for _, path := range []string{"/tasks/x/metrics", "/proplets/x/metrics"} {
		expect(t, call(&fake{}, api.External, "GET "+path), 200, `{"offset":0,"limit":100,"total":0,"metrics":[]}`)
	}
}

func TestPropletMetricsCarryTheNamespace(t *testing.T) {
	var asked schema.SourcesRequest
	f := &fake{
		readings: func(r schema.ReadingsRequest) ([]schema.StoredReading, uint64, error) {
			if want := (schema.ReadingsRequest{Kind: schema.KindProplet, ID: "b1a2", Service: "factory", Limit: 100}); r != want {
				t.Errorf("asked for %+v, want %+v", r, want)
			}
			return []schema.StoredReading{{Time: now.UnixNano(), Fields: []schema.FieldValue{{Field: schema.PropletCPUPercent, Value: 0.7}}}}, 1, nil
		},
		sources: func(r schema.SourcesRequest) ([]*schema.Source, error) {
			asked = r
			return []*schema.Source{{Kind: schema.KindProplet, ID: "b1a2", Attributes: []schema.Label{{Name: "namespace", Value: "default"}}}}, nil
		},
	}
	expect(t, call(f, api.External, "GET /proplets/b1a2/metrics?service=factory"), 200,
		`{"offset":0,"limit":100,"total":1,"metrics":[{"proplet_id":"b1a2","namespace":"default","timestamp":"2026-01-02T03:04:05Z","cpu_metrics":{"percent":0.7}}]}`)
	if want := (schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet}, ID: "b1a2", Service: "factory"}); !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
}

// fleet is a live proplet with a task, and a silent one.
func fleet(r schema.SourcesRequest) ([]*schema.Source, error) {
	all := []*schema.Source{
		{Kind: schema.KindProplet, ID: "b1a2", Presence: schema.PresenceAlive, LastAlive: now.UnixNano(), LastSeen: now.UnixNano()},
		{Kind: schema.KindProplet, ID: "b1a3", Presence: schema.PresenceOffline},
		{Kind: schema.KindTask, ID: "6f0c", Parent: "b1a2", LastSeen: now.UnixNano()},
	}
	var some []*schema.Source
	for _, s := range all {
		wrongKind := true
		for _, k := range r.Kinds {
			wrongKind = wrongKind && k != s.Kind
		}
		if !wrongKind && (r.ID == "" || r.ID == s.ID) && (r.Parent == "" || r.Parent == s.Parent) {
			some = append(some, s)
		}
	}
	return some, nil
}

const (
	liveView   = `{"id":"b1a2","name":"b1a2","task_count":1,"alive":true,"last_alive_at":"2026-01-02T03:04:05Z","metadata":{},"namespace":"","service":"","subservice":""}`
	silentView = `{"id":"b1a3","name":"b1a3","task_count":0,"alive":false,"metadata":{},"namespace":"","service":"","subservice":""}`
)

func TestProplets(t *testing.T) {
	for name, row := range map[string]struct {
		target string
		code   int
		body   string
	}{
		"all of them":               {"/proplets", 200, `{"offset":0,"limit":100,"total":2,"proplets":[` + liveView + `,` + silentView + `]}`},
		"a page":                    {"/proplets?offset=1&limit=1", 200, `{"offset":1,"limit":1,"total":2,"proplets":[` + silentView + `]}`},
		"the limit is capped":       {"/proplets?offset=2&limit=5000", 200, `{"offset":2,"limit":100,"total":2,"proplets":[]}`},
		"active ones":               {"/proplets?status=active", 200, `{"offset":0,"limit":100,"total":1,"proplets":[` + liveView + `]}`},
		"inactive ones":             {"/proplets?status=inactive", 200, `{"offset":0,"limit":100,"total":1,"proplets":[` + silentView + `]}`},
		"a status that is none":     {"/proplets?status=on", 400, `{"error":"status must be active or inactive, not \"on\""}`},
		"a limit that is no number": {"/proplets?limit=x", 400, `{"error":"limit must be a whole number from 0, not \"x\""}`},
		"one with its task":         {"/proplets/b1a2", 200, liveView},
		"one without a task":        {"/proplets/b1a3", 200, silentView},
		"one that is not known":     {"/proplets/b1a4", 404, `{"error":"no such proplet: b1a4"}`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&fake{sources: fleet}, api.External, "GET "+row.target), row.code, row.body)
		})
	}
}

func TestIndexListsTheRoutes(t *testing.T) {
	golden.JSON(t, "index-internal.json", call(&fake{}, api.Internal, "GET /").Body.Bytes())
	golden.JSON(t, "index-external.json", call(&fake{}, api.External, "GET /").Body.Bytes())
}
