package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

// fleetRoutes are the routes that a tenant restricts, PromQL's apart.
var fleetRoutes = []string{
	"/api/monitoring/resources", "/api/monitoring/rollouts", "/tasks/t/metrics",
	"/proplets", "/proplets/p", "/proplets/p/metrics",
}

// asking returns a client that notes whose sources, readings and series it is
// asked for, as "service/subservice".
func asking(tenants *[]string) *fake {
	note := func(service, subservice string) { *tenants = append(*tenants, service+"/"+subservice) }
	return &fake{
		sources: func(r schema.SourcesRequest) ([]*schema.Source, error) {
			note(r.Service, r.Subservice)
			return []*schema.Source{{Kind: r.Kinds[0], ID: "p"}}, nil
		},
		rows: func(r schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
			note(r.Service, r.Subservice)
			return schema.RowsHead{Total: 1}, []schema.StoredReading{reading(1, 2)}, nil
		},
		series: func(_ context.Context, r schema.SelectRequest) ([]series, error) {
			value := func(label string) string {
				i := slices.IndexFunc(r.Matchers, func(m schema.Matcher) bool { return m.Name == label })
				if i < 0 {
					return ""
				}
				return r.Matchers[i].Value
			}
			note(value("service"), value("subservice"))
			return nil, nil
		},
	}
}

func TestATenantRestrictsTheFleetAsItDoesPromQL(t *testing.T) {
	for name, row := range map[string]struct {
		query, service, path string // the last two are headers
		want                 string
	}{
		"nobody is named":                     {"", "", "", "/"},
		"by parameters":                       {"?service=factory&subservice=line1", "", "", "factory/line1"},
		"a service path as a parameter":       {"?service=factory&subservice=/line1", "", "", "factory/line1"},
		"by headers, a service in lower case": {"", "Factory", "/line1", "factory/line1"},
		"a service only":                      {"", "factory", "", "factory/"},
		"the root of the paths":               {"", "factory", "/", "factory/root-subserv"},
		"one by parameter, one by header":     {"?service=factory", "", "/line1", "factory/line1"},
		"the same twice":                      {"?service=factory", "factory", "", "factory/"},
		"empty ones":                          {"?service=&subservice=", "", "", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range fleetRoutes {
				var asked []string
				h, _ := newAPI(asking(&asked), api.External)
				w := send(h, "GET "+path+row.query, http.Header{"Fiware-Service": {row.service}, "Fiware-Servicepath": {row.path}})
				if got := slices.Compact(asked); w.Code != 200 || !slices.Equal(got, []string{row.want}) {
					t.Errorf("%s: %d, asked for those of %q, want %s", path, w.Code, got, row.want)
				}
			}
		})
	}
}

func TestARequestThatNamesNoTenantOrTwoReadsNothing(t *testing.T) {
	for name, row := range map[string]struct{ query, service, path, text string }{
		"another than the header's":  {"?service=other", "factory", "", `the request names two of service, \"other\" and \"factory\"`},
		"another than the path's":    {"?subservice=line2", "factory", "/line1", `the request names two of subservice, \"line2\" and \"line1\"`},
		"what cannot be a service":   {"?service=a%20b", "", "", `invalid parameter \"service\": \"a b\" does not name a service`},
		"what cannot be a path":      {"", "factory", "/#", `invalid parameter \"Fiware-ServicePath\": \"/#\" does not name a subservice`},
		"what cannot be read at all": {"?service=a;b", "", "", `read the parameters: invalid semicolon separator in query`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range fleetRoutes {
				var asked []string
				h, _ := newAPI(asking(&asked), api.External)
				w := send(h, "GET "+path+row.query, http.Header{"Fiware-Service": {row.service}, "Fiware-Servicepath": {row.path}})
				expect(t, w, 400, `{"error":"`+row.text+`"}`)
				if len(asked) > 0 {
					t.Errorf("%s: asked for those of %s", path, strings.Join(asked, ", "))
				}
			}
		})
	}
}
