package promapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/services/query/internal/promapi"
)

func TestRequestsAreRestrictedToTheirTenant(t *testing.T) {
	for name, row := range map[string]struct {
		params string
		header http.Header
		nodes  string
	}{
		"nobody's":                       {"", nil, "n1 n2 n3 n4 n5 n6 n7 n8"},
		"a service":                      {"service=factory", nil, "n1 n2 n3 n4 n5"},
		"a service and a subservice":     {"service=factory&subservice=line2", nil, "n4 n5"},
		"a subservice with its slash":    {"subservice=/north", nil, "n8"},
		"the root":                       {"subservice=/", nil, "n6 n7"},
		"the root by its name":           {"subservice=root-subserv", nil, "n6 n7"},
		"a service by header":            {"", http.Header{"Fiware-Service": {"Factory"}}, "n1 n2 n3 n4 n5"},
		"a service path":                 {"", http.Header{"Fiware-Service": {"greenhouse"}, "Fiware-Servicepath": {"/"}}, "n6 n7"},
		"a path by header":               {"service=greenhouse", http.Header{"Fiware-Servicepath": {"/north"}}, "n8"},
		"empty ones":                     {"service=&subservice=", http.Header{"Fiware-Service": {""}}, "n1 n2 n3 n4 n5 n6 n7 n8"},
		"a header and another parameter": {"service=greenhouse", http.Header{"Fiware-Service": {"factory"}}, ""},
		"two headers":                    {"", http.Header{"Fiware-Service": {"factory", "greenhouse"}}, ""},
		"two parameters":                 {"service=factory&service=greenhouse", nil, ""},
		"nobody's name":                  {"service=nobody", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				r := httptest.NewRequest(method, "/api/v1/query?query=count+by+(node)(last_over_time({__name__=%22spore_node_uptime_seconds%22}[1h]))&"+row.params, nil)
				if method == "POST" {
					r = httptest.NewRequest(method, "/api/v1/query", strings.NewReader("query=count+by+(node)(last_over_time({__name__=%22spore_node_uptime_seconds%22}[1h]))&"+row.params))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				for name, values := range row.header {
					r.Header[name] = values
				}
				w := serve(newAPI(t, fleet(), nil), r)
				if got := nodesIn(w.Body.String()); got != row.nodes || w.Code != 200 {
					t.Errorf("%s: status %d, got %q, want %q", method, w.Code, got, row.nodes)
				}
			}
		})
	}
}

// nodesIn returns the names of the nodes of which a text speaks.
func nodesIn(text string) string {
	var all []string
	for _, name := range []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"} {
		if strings.Contains(text, `"`+name+`"`) {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// guard fails where anything is asked of it without the tenant's matcher.
type guard struct {
	*memory
	t     *testing.T
	asked int
}

func (g *guard) check(ms []*labels.Matcher) {
	g.asked++
	for _, m := range ms {
		if m.String() == `service="greenhouse"` {
			return
		}
	}
	g.t.Errorf("asked for %v", ms)
}

func (g *guard) Select(ctx context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	g.check(req.Matchers)
	return g.memory.Select(ctx, req, visit)
}

func (g *guard) LabelNames(ctx context.Context, req promread.LabelsRequest) ([]string, error) {
	g.check(req.Matchers)
	return g.memory.LabelNames(ctx, req)
}

func (g *guard) LabelValues(ctx context.Context, name string, req promread.LabelsRequest) ([]string, error) {
	g.check(req.Matchers)
	return g.memory.LabelValues(ctx, name, req)
}

func (g *guard) Cardinality(context.Context, int) (promread.Cardinality, error) {
	g.t.Error("asked for everybody's cardinality")
	return promread.Cardinality{}, nil
}

// No route reads anything but the tenant's, whatever the expression says.
func TestNoRouteEscapesTheTenant(t *testing.T) {
	requests := map[string][]string{
		"/api/v1/query": {
			"query=a", `query={service="factory"}`, `query={service=~".*",node=~".+"}`, "query=a+or+b{service!=%22greenhouse%22}", "query=max_over_time(rate(a[1m])[5m:1m]+@+0)", "query=absent(a)",
		},
		"/api/v1/query_range":         {"query=a&start=0&end=1&step=1"},
		"/api/v1/series":              {`match[]={service="factory"}&match[]=b`},
		"/api/v1/labels":              {"", "match[]=a"},
		"/api/v1/label/{name}/values": {"", "match[]=a&match[]=b"},
		"/api/v1/metadata":            {"", "metric=spore_node_cpu_usage_percent"},
		"/api/v1/status/tsdb":         {""},
		"/federate":                   {"match[]=a&match[]=b"},
		"/api/v1/read":                {readBody(t)},
	}
	silent := map[string]bool{ // what answers without asking for series
		"/api/v1/query_exemplars": true, "/api/v1/format_query": true, "/api/v1/parse_query": true, "/api/v1/rules": true,
		"/api/v1/alerts": true, "/api/v1/status/buildinfo": true, "/api/v1/status/runtimeinfo": true, "/api/v1/status/flags": true,
	}
	for _, route := range promapi.Routes() {
		if silent[route.Path] {
			continue
		}
		if len(requests[route.Path]) == 0 {
			t.Errorf("%s is not tried", route.Path)
		}
		for _, query := range requests[route.Path] {
			g := &guard{memory: fleet(), t: t}
			r := httptest.NewRequest("GET", strings.ReplaceAll(route.Path, "{name}", "node"), nil)
			if route.Method == "POST" {
				r = httptest.NewRequest("POST", route.Path, strings.NewReader(query))
			} else {
				r.URL.RawQuery = strings.ReplaceAll(query, `"`, "%22")
			}
			r.Header.Set("Fiware-Service", "greenhouse")
			w := serve(newAPI(t, g, nil), r)
			if w.Code != 200 || g.asked == 0 {
				t.Errorf("%s?%s: status %d, asked %d times: %s", route.Path, query, w.Code, g.asked, w.Body)
			}
		}
	}
}
