package promapi_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"testing"

	"weir/pkg/read/promread"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
)

// port is a read port that notes what it is asked, and answers little.
type port struct {
	err   error
	asked []any
}

func (p *port) Select(_ context.Context, req schema.SelectRequest, visit func([]schema.Label, []int64, []float64)) error {
	p.asked = append(p.asked, req)
	l := []schema.Label{{Name: "__name__", Value: "a"}, {Name: "node", Value: "n1"}}
	visit(l, []int64{t1 - 1, t1}, []float64{1, 2})
	l[1].Value = "n2" // its memory is used again
	visit(l, []int64{t1}, []float64{3})
	l[1].Value = "n3"
	return p.err
}

func (p *port) LabelNames(_ context.Context, req schema.LabelNamesRequest) ([]string, error) {
	p.asked = append(p.asked, req)
	return []string{"a"}, p.err
}

func (p *port) LabelValues(_ context.Context, req schema.LabelValuesRequest) ([]string, error) {
	p.asked = append(p.asked, req)
	return []string{"b"}, p.err
}

func (p *port) Cardinality(_ context.Context, req schema.CardinalityRequest) (schema.Cardinality, error) {
	p.asked = append(p.asked, req)
	n := []schema.NameCount{{Name: "x", Count: 2}}
	return schema.Cardinality{Series: 3, LabelPairs: 4, SeriesByMetric: n, ValuesByLabel: n, SeriesByPair: n}, p.err
}

func TestWhatTheReadPortIsAsked(t *testing.T) {
	name := schema.Matcher{Type: schema.MatchEqual, Name: "__name__", Value: "a"}
	factory := schema.Matcher{Type: schema.MatchEqual, Name: "service", Value: "factory"}
	for request, row := range map[string]struct {
		asked  any
		answer string
	}{
		path("/api/v1/query", "query", `a{b=~"c"}`, "time", "1767322860.123", "service", "factory"): {
			schema.SelectRequest{Matchers: []schema.Matcher{{Type: schema.MatchRegexp, Name: "b", Value: "c"}, name, factory}, From: t1 - 299_999, To: t1, Latest: true, MaxSamples: 50_000_000},
			`{"resultType":"vector","result":[{"metric":{"__name__":"a","node":"n1"},"value":[1767322860.123,"2"]},{"metric":{"__name__":"a","node":"n2"},"value":[1767322860.123,"3"]}]}`,
		},
		path("/api/v1/query_range", "query", "a", "start", "1767322860", "end", "1767322861", "step", "1"): {
			schema.SelectRequest{Matchers: []schema.Matcher{name}, From: t1 - 123 - 299_999, To: t1 + 877, MaxSamples: 50_000_000},
			`{"resultType":"matrix","result":[{"metric":{"__name__":"a","node":"n1"},"values":[[1767322861,"2"]]},{"metric":{"__name__":"a","node":"n2"},"values":[[1767322861,"3"]]}]}`,
		},
		path("/api/v1/series", "match[]", "a", "limit", "5"): {
			schema.SelectRequest{Matchers: []schema.Matcher{name}, From: -math.MaxInt64 / 1_000_000, To: math.MaxInt64 / 1_000_000, LabelsOnly: true, Limit: 6},
			`[{"__name__":"a","node":"n1"},{"__name__":"a","node":"n2"}]`,
		},
		path("/api/v1/labels", "start", "1"):                               {schema.LabelNamesRequest{Matchers: []schema.Matcher{}, From: 1000, Limit: 200_001}, `["a"]`},
		path("/api/v1/labels", "end", "0"):                                 {schema.LabelNamesRequest{Matchers: []schema.Matcher{}, To: -1, Limit: 200_001}, `["a"]`},
		path("/api/v1/label/n/values", "service", "factory", "limit", "1"): {schema.LabelValuesRequest{Name: "n", LabelNamesRequest: schema.LabelNamesRequest{Matchers: []schema.Matcher{factory}, Limit: 2}}, `["b"]`},
		path("/api/v1/status/tsdb", "limit", "3"): {
			schema.CardinalityRequest{Limit: 3},
			`{"headStats":{"numSeries":3,"numLabelPairs":4,"chunkCount":0,"minTime":0,"maxTime":0},"seriesCountByMetricName":[{"name":"x","value":2}],"labelValueCountByLabelName":[{"name":"x","value":2}],"memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[{"name":"x","value":2}]}`,
		},
	} {
		p := new(port)
		w := call(newAPI(t, promread.OverReadPort(p), nil), request)
		if want := `{"status":"success","data":` + row.answer + "}"; w.Body.String() != want {
			t.Errorf("%s:\ngot  %s\nwant %s", request, w.Body, want)
		}
		if len(p.asked) != 1 || !reflect.DeepEqual(p.asked[0], row.asked) {
			t.Errorf("%s:\nasked %+v\nwant  %+v", request, p.asked, row.asked)
		}
	}
}

func TestErrorsOfTheReadPort(t *testing.T) {
	for name, row := range map[string]struct {
		err       error
		code      int
		typ, text string
	}{
		"nobody answers":        {readclient.ErrNoAggregator, 503, "unavailable", "the history cannot be read: the aggregator does not answer"},
		"the answer is broken":  {fmt.Errorf("ask: %w", readclient.ErrBroken), 503, "unavailable", "the answer is broken"},
		"no answer in time":     {fmt.Errorf("ask: %w", readclient.ErrLate), 503, "timeout", "no answer in time"},
		"too many samples":      {&readclient.Refused{Code: "422", Description: "more than 3 samples"}, 422, "execution", "query processing would load too many samples into memory in query execution"},
		"the aggregator stops":  {&readclient.Refused{Code: "503", Description: "stopping"}, 503, "unavailable", "stopping"},
		"the aggregator fails":  {&readclient.Refused{Code: "500", Description: "a disk is broken"}, 500, "internal", "a disk is broken"},
		"it does not like this": {&readclient.Refused{Code: "400", Description: "no such thing"}, 422, "execution", "no such thing"},
		"something else":        {errors.New("something else"), 422, "execution", "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			var a http.Handler = newAPI(t, promread.OverReadPort(&port{err: row.err}), nil)
			expectProblem(t, a, path("/api/v1/query", "query", "a"), row.code, row.typ, row.text)
			if row.code != 422 || row.typ != "execution" {
				expectProblem(t, a, path("/api/v1/labels"), row.code, row.typ, row.text)
				expectProblem(t, a, path("/api/v1/status/tsdb"), row.code, row.typ, row.text)
			}
		})
	}
}
