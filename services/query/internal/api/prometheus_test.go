package api_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
	"weir/services/query/internal/promapi"
)

// history is a read port with one series, or one that panics.
type history struct{ broken bool }

func (h history) Select(_ context.Context, _ schema.SelectRequest, visit func([]schema.Label, []int64, []float64)) error {
	if h.broken {
		panic("no history")
	}
	visit([]schema.Label{{Name: "__name__", Value: "a"}}, []int64{now.UnixMilli()}, []float64{1.5})
	return nil
}

func (h history) LabelNames(context.Context, schema.LabelNamesRequest) ([]string, error) {
	return nil, promread.ErrUnavailable
}

func (h history) LabelValues(context.Context, schema.LabelValuesRequest) ([]string, error) {
	return nil, nil
}

func (h history) Cardinality(context.Context, schema.CardinalityRequest) (schema.Cardinality, error) {
	return schema.Cardinality{}, nil
}

// withPrometheus returns a listener's handler with Prometheus' API over h.
func withPrometheus(t *testing.T, h history, l api.Listener) (*api.API, *seen) {
	t.Helper()
	c := promapi.Default()
	s := new(seen)
	config := configOf(new(fake), s)
	c.Reader, c.Now = promread.OverReadPort(h), config.Now
	prometheus, err := promapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	config.Prometheus = prometheus
	return api.New(config, l), s
}

func TestPrometheusIsServedOnBothListeners(t *testing.T) {
	for _, l := range []api.Listener{api.Internal, api.External} {
		a, seen := withPrometheus(t, history{}, l)
		for request, want := range map[string]string{
			"GET /api/v1/query?query=a":      `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"a"},"value":[1767323045,"1.5"]}]}}`,
			"POST /api/v1/query?query=a":     `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"a"},"value":[1767323045,"1.5"]}]}}`,
			"GET /api/v1/label/b/values":     `{"status":"success","data":[]}`,
			"GET /api/v1/labels":             `{"status":"error","errorType":"unavailable","error":"read labels: the history cannot be read"}`,
			"GET /api/v1/no/such":            `{"status":"error","errorType":"not_found","error":"no such route: GET /api/v1/no/such"}`,
			"GET /federate?match[]=a":        "# TYPE a untyped\na{instance=\"\"} 1.5 1767323045000\n",
			"GET /api/v2/query":              `{"error":"no such route: GET /api/v2/query"}` + "\n",
			"GET /api/v1/query?query=a%20or": `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unexpected end of input"}`,
		} {
			if w := send(a, request, nil); w.Body.String() != want {
				t.Errorf("%s on the %s listener gives %s, want %s", request, l, w.Body, want)
			}
		}
		for _, route := range []string{"/api/v1/query", "/api/v1/label/{name}/values", "/api/v1/labels", "unknown", "/federate"} {
			if !slices.Contains(seen.routes, route) {
				t.Errorf("the observer was told of %v, not of %s", seen.routes, route)
			}
		}
		for _, code := range []int{200, 400, 404, 503} {
			if !slices.Contains(seen.codes, code) {
				t.Errorf("the observer was told of %v, not of %d", seen.codes, code)
			}
		}
	}
}

func TestPrometheusPanics(t *testing.T) {
	a, seen := withPrometheus(t, history{broken: true}, api.External)
	w := send(a, "GET /api/v1/series?match[]=a", nil)
	expect(t, w, 500, `{"error":"internal error"}`)
	if len(seen.panicked) != 1 || !slices.Equal(seen.codes, []int{500}) {
		t.Errorf("the observer saw %+v", seen)
	}
}

func TestTheIndexNamesPrometheusRoutes(t *testing.T) {
	a, _ := withPrometheus(t, history{}, api.External)
	w := send(a, "GET /", nil)
	if want := `{"method":"GET, POST","path":"/api/v1/query_range","about":"`; w.Code != 200 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	plain, _ := newAPI(new(fake), api.External)
	rec := httptest.NewRecorder()
	plain.ServeHTTP(rec, httptest.NewRequest("GET", "/api/v1/query?query=a", nil))
	if rec.Code != 404 {
		t.Errorf("without Prometheus' API there is %d", rec.Code)
	}
}
