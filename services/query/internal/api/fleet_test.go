package api_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

func TestResourcesAskForTheNodesThatMatch(t *testing.T) {
	nodes := []schema.Kind{schema.KindSporeNode}
	const present, past = "2026-01-02T03:04:05Z", "2026-01-01T00:00:00Z"
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for name, row := range map[string]struct {
		query     string
		want      schema.SourcesRequest
		timestamp string
	}{
		"no parameter: all nodes":         {"", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{}}, present},
		"a tenant":                        {"?service=factory&subservice=line1", schema.SourcesRequest{Kinds: nodes, Service: "factory", Subservice: "line1", Labels: map[string]string{}}, present},
		"any other parameter is a label":  {"?zone=zone-1&limit=5", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{"zone": "zone-1", "limit": "5"}}, present},
		"a label with escaped characters": {"?a%20b=c%26d", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{"a b": "c&d"}}, present},
		"a moment in the past":            {"?at=2026-01-01T00:00:00Z&zone=zone-1", schema.SourcesRequest{Kinds: nodes, At: at, Labels: map[string]string{"zone": "zone-1"}}, past},
		"a moment in unix seconds":        {"?at=1767225600.25", schema.SourcesRequest{Kinds: nodes, At: at + 250_000_000, Labels: map[string]string{}}, past},
		"an empty moment is now":          {"?at=", schema.SourcesRequest{Kinds: nodes, Labels: map[string]string{}}, present},
	} {
		t.Run(name, func(t *testing.T) {
			var asked schema.SourcesRequest
			f := &fake{sources: func(r schema.SourcesRequest) ([]*schema.Source, error) { asked = r; return nil, nil }}
			w := call(f, api.External, "GET /api/monitoring/resources"+row.query)
			expect(t, w, 200, `{"timestamp":"`+row.timestamp+`","nodes":[],"summary":{"total_nodes":0,"avg_cpu_usage_percent":0,"avg_memory_usage_percent":0,"avg_flash_usage_percent":0,"total_bytes_sent":0,"total_bytes_received":0}}`)
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

// reading is a reading of a task with a CPU usage and an uptime.
func reading(cpu, uptime float64) schema.StoredReading {
	return schema.StoredReading{Time: now.UnixNano(), Parent: "b1a2", Fields: []schema.FieldValue{
		{Field: schema.TaskCPUPercent, Value: cpu}, {Field: schema.TaskUptimeSeconds, Value: uptime}}}
}

func TestTaskMetrics(t *testing.T) {
	const item = `"proplet_id":"b1a2","metrics":{"cpu_percent":12.25,"uptime_seconds":7},"timestamp":"2026-01-02T03:04:05Z"}]}`
	for name, row := range map[string]struct {
		target string
		want   schema.RowsRequest
		body   string
		link   string
	}{
		"the defaults": {"/tasks/6f0c/metrics", schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", Limit: 100},
			`{"offset":0,"limit":100,"total":7,"metrics":[{"task_id":"6f0c",` + item,
			`</tasks/6f0c/metrics?limit=100&offset=1&until=%3A9>; rel="next"`},
		"a page of a tenant's task": {"/tasks/6f0c/metrics?offset=5&limit=1&service=factory&subservice=line1",
			schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", Service: "factory", Subservice: "line1", Offset: 5, Limit: 1},
			`{"offset":5,"limit":1,"total":7,"metrics":[{"task_id":"6f0c",` + item,
			`</tasks/6f0c/metrics?limit=1&offset=6&service=factory&subservice=line1&until=%3A9>; rel="next"`},
		"the last page has no next one": {"/tasks/6f0c/metrics?offset=6&limit=1", schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", Offset: 6, Limit: 1},
			`{"offset":6,"limit":1,"total":7,"metrics":[{"task_id":"6f0c",` + item, ""},
		"a page that goes on where one began": {"/tasks/6f0c/metrics?offset=3&limit=1&until=%3A5", schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", Offset: 3, Limit: 1, Until: ":5"},
			`{"offset":3,"limit":1,"total":7,"metrics":[{"task_id":"6f0c",` + item,
			`</tasks/6f0c/metrics?limit=1&offset=4&until=%3A9>; rel="next"`},
		"a range of time": {"/tasks/6f0c/metrics?from=1767323045.5&to=2026-01-02T03:04:06Z&limit=1",
			schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", From: 1767323045_500000000, To: 1767323046_000000000, Limit: 1},
			`{"offset":0,"limit":1,"total":7,"metrics":[{"task_id":"6f0c",` + item,
			`</tasks/6f0c/metrics?from=1767323045.5&limit=1&offset=1&to=2026-01-02T03%3A04%3A06Z&until=%3A9>; rel="next"`},
		"an id with a slash, and nothing to show": {"/tasks/a%2Fb/metrics?limit=0&history_size=5", schema.RowsRequest{Kind: schema.KindTask, ID: "a/b"},
			`{"offset":0,"limit":0,"total":7,"metrics":[]}`, ""},
		"an id that would end the link": {"/tasks/a%3Eb/metrics?limit=1", schema.RowsRequest{Kind: schema.KindTask, ID: "a>b", Limit: 1},
			`{"offset":0,"limit":1,"total":7,"metrics":[{"task_id":"a>b",` + item,
			`</tasks/a%3Eb/metrics?limit=1&offset=1&until=%3A9>; rel="next"`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked schema.RowsRequest
			f := &fake{rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
				asked = r
				return schema.RowsHead{Total: 7, Until: ":9"}, []schema.StoredReading{reading(12.25, 7)}[:min(r.Limit, 1)], nil
			}}
			w := call(f, api.External, "GET "+row.target)
			expect(t, w, 200, row.body)
			if asked != row.want {
				t.Errorf("asked for %+v, want %+v", asked, row.want)
			}
			if got := w.Header().Get("Link"); got != row.link {
				t.Errorf("the link is %s, want %s", got, row.link)
			}
		})
	}
}

func TestBadRangesOfReadings(t *testing.T) {
	for name, row := range map[string]struct{ target, text string }{
		"a beginning that is no time": {"/tasks/6f0c/metrics?from=yesterday", `from must be a time, in RFC 3339 or in unix seconds, not \"yesterday\"`},
		"an end that is no time":      {"/proplets/b1a2/metrics?to=x", `to must be a time, in RFC 3339 or in unix seconds, not \"x\"`},
		"an end before the beginning": {"/proplets/b1a2/metrics?from=2&to=1", `to must be a time that is not before from, not \"1\"`},
		"a history of nothing":        {"/tasks/6f0c/metrics?history_size=0", `history_size must be a whole number from 1 to 1000, not \"0\"`},
		"too long a history":          {"/tasks/6f0c/metrics?history_size=1001", `history_size must be a whole number from 1 to 1000, not \"1001\"`},
		"a moment that is no time":    {"/api/monitoring/resources?at=noon", `at must be a time, in RFC 3339 or in unix seconds, not \"noon\"`},
		"two moments":                 {"/api/monitoring/resources?at=1&at=2", `at must be given once, not \"1, 2\"`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&fake{}, api.External, "GET "+row.target), 400, `{"error":"`+row.text+`"}`)
		})
	}
}

func TestAggregatesOverAHistorySize(t *testing.T) {
	const item = `{"task_id":"6f0c","proplet_id":"b1a2","metrics":{"cpu_percent":%s,"uptime_seconds":%s},"aggregated":{"avg_cpu_usage":%s,"max_cpu_usage":%s,"sample_count":2},"timestamp":"2026-01-02T03:04:05Z"}`
	all := []schema.StoredReading{reading(10, 3), reading(20, 2), reading(40, 1), reading(80, 0)}
	var asked []schema.RowsRequest
	f := &fake{rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
		asked = append(asked, r)
		return schema.RowsHead{Total: 9, Until: ":9"}, slices.Clone(all[r.Offset : r.Offset+r.Limit]), nil
	}}
	w := call(f, api.External, "GET /tasks/6f0c/metrics?history_size=2&limit=2&from=1&to=2000000000")
	expect(t, w, 200, `{"offset":0,"limit":2,"total":9,"metrics":[`+fmt.Sprintf(item, "10", "3", "15", "20")+`,`+fmt.Sprintf(item, "20", "2", "30", "40")+`]}`)
	page := schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", From: 1e9, To: 2e18, Limit: 2}
	behind := schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", To: 2e18, Until: ":9", Offset: 2, Limit: 1}
	if want := []schema.RowsRequest{page, behind}; !slices.Equal(asked, want) {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	if got, want := w.Header().Get("Link"), `</tasks/6f0c/metrics?from=1&history_size=2&limit=2&offset=2&to=2000000000&until=%3A9>; rel="next"`; got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}

func TestAHistoryThatCannotBeReadIsAnError(t *testing.T) {
	f := &fake{rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
		if r.Offset > 0 {
			return schema.RowsHead{}, nil, readclient.ErrNoAggregator
		}
		return schema.RowsHead{Total: 9}, []schema.StoredReading{reading(10, 3)}, nil
	}}
	expect(t, call(f, api.External, "GET /tasks/6f0c/metrics?history_size=2"), 503, `{"error":"the aggregator does not answer"}`)
}

func TestAShortAnswerMakesAShortPage(t *testing.T) {
	f := &fake{rows: func(schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
		return schema.RowsHead{Total: 9, Until: ":9"}, []schema.StoredReading{reading(1, 3), reading(1, 2)}, nil
	}}
	w := call(f, api.External, "GET /tasks/6f0c/metrics?limit=5")
	if got, want := w.Header().Get("Link"), `</tasks/6f0c/metrics?limit=5&offset=2&until=%3A9>; rel="next"`; got != want || w.Code != 200 {
		t.Errorf("the next page is %s, want %s", got, want)
	}
}

// growing is a task to which a reading comes before every page; Until is how
// many there were.
func growing() *fake {
	n := 5
	return &fake{rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
		n++
		until := n
		if r.Until != "" {
			until, _ = strconv.Atoi(r.Until)
		}
		var page []schema.StoredReading
		for i := until - int(r.Offset); i > 0 && len(page) < int(r.Limit); i-- {
			page = append(page, reading(float64(i), float64(i)))
		}
		return schema.RowsHead{Total: uint64(until), Until: strconv.Itoa(until)}, page, nil
	}}
}

func TestWhoFollowsTheLinksSeesEachReadingOnce(t *testing.T) {
	h, _ := newAPI(growing(), api.External)
	var got []string
	for target := "/tasks/6f0c/metrics?limit=2"; target != ""; {
		w := send(h, "GET "+target, nil)
		var page struct {
			Metrics []struct {
				Metrics map[string]float64 `json:"metrics"`
			} `json:"metrics"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Metrics {
			got = append(got, fmt.Sprint(m.Metrics["cpu_percent"]))
		}
		target, _, _ = strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
	}
	if want := "6 5 4 3 2 1"; strings.Join(got, " ") != want {
		t.Errorf("saw %v, want %s", got, want)
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
		rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
			if want := (schema.RowsRequest{Kind: schema.KindProplet, ID: "b1a2", Service: "factory", Limit: 100}); r != want {
				t.Errorf("asked for %+v, want %+v", r, want)
			}
			return schema.RowsHead{Total: 1}, []schema.StoredReading{{Time: now.UnixNano(), Fields: []schema.FieldValue{{Field: schema.PropletCPUPercent, Value: 0.7}}}}, nil
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
