package api_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

func TestErrorsOfTheAggregator(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		code int
		text string
	}{
		"nobody answers":            {readclient.ErrNoAggregator, 503, "the aggregator does not answer"},
		"no answer in time":         {fmt.Errorf("ask the aggregator: %w", readclient.ErrLate), 504, "ask the aggregator: no answer in time"},
		"a broken answer":           {fmt.Errorf("ask the aggregator: %w", readclient.ErrBroken), 502, "ask the aggregator: the answer is broken"},
		"it refuses the request":    {&readclient.Refused{Code: "400", Description: "no such kind"}, 400, "no such kind"},
		"it failed itself":          {&readclient.Refused{Code: "500", Description: "the store is closed"}, 502, "the store is closed"},
		"it fails without a number": {&readclient.Refused{Code: "x", Description: "the store is closed"}, 502, "the store is closed"},
		"whoever asked is gone":     {context.Canceled, 503, "context canceled"},
		"something else":            {errors.New("something else"), 500, "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{
				sources: func(schema.SourcesRequest) ([]*schema.Source, error) { return nil, row.err },
				rows: func(schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
					return schema.RowsHead{}, nil, row.err
				},
				series:      func(context.Context, schema.SelectRequest) ([]series, error) { return nil, row.err },
				tenants:     func() ([]schema.TenantState, error) { return nil, row.err },
				deadLetters: func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) { return nil, 0, row.err },
				accounting:  func() (schema.Accounting, error) { return schema.Accounting{}, row.err },
			}
			for _, request := range []string{
				"GET /api/monitoring/resources", "GET /api/monitoring/rollouts", "GET /tasks/x/metrics", "GET /proplets", "GET /proplets/x", "GET /proplets/x/metrics",
				"GET /admin/metrics", "GET /api/deadletters", "GET /api/deadletters/1", "GET /api/accounting", "POST /api/deadletters/1/replay",
			} {
				h, seen := newAPI(f, api.Internal)
				expect(t, send(h, request, nil), row.code, `{"error":"`+row.text+`"}`)
				if told := len(seen.failed) == 1; told != (row.code >= 500) {
					t.Errorf("%s: the observer saw %v", request, seen.failed)
				}
			}
		})
	}
}

func TestErrorsOfTheRequest(t *testing.T) {
	for request, row := range map[string]struct {
		code        int
		body, allow string
	}{
		"GET /tasks/x/metrics?limit=-1":               {400, `{"error":"limit must be a whole number from 0, not \"-1\""}`, ""},
		"GET /tasks/x/metrics?offset=a":               {400, `{"error":"offset must be a whole number from 0, not \"a\""}`, ""},
		"GET /proplets/x/metrics?limit=1.5":           {400, `{"error":"limit must be a whole number from 0, not \"1.5\""}`, ""},
		"GET /api/monitoring/resources?zone=a&zone=b": {400, `{"error":"zone must be given once, not \"a, b\""}`, ""},
		"GET /x":                             {404, `{"error":"no such route: GET /x"}`, ""},
		"GET /proplets/":                     {404, `{"error":"no such route: GET /proplets/"}`, ""},
		"POST /api/deadletters/1/replay/now": {404, `{"error":"no such route: POST /api/deadletters/1/replay/now"}`, ""},
		"POST /health":                       {405, `{"error":"/health does not take POST"}`, "GET, HEAD"},
		"DELETE /":                           {405, `{"error":"/ does not take DELETE"}`, "GET, HEAD"},
		"PUT /admin/metrics":                 {405, `{"error":"/admin/metrics does not take PUT"}`, "GET, HEAD, DELETE"},
		"POST /admin/metrics?reset=true":     {405, `{"error":"/admin/metrics does not take POST"}`, "GET, HEAD, DELETE"},
		"GET /api/deadletters/1/replay":      {405, `{"error":"/api/deadletters/1/replay does not take GET"}`, "POST"},
		"OPTIONS /metrics":                   {405, `{"error":"/metrics does not take OPTIONS"}`, "GET, HEAD"},
	} {
		w := call(&fake{}, api.Internal, request)
		expect(t, w, row.code, row.body)
		if got := w.Header().Get("Allow"); got != row.allow {
			t.Errorf("%s: Allow is %q, want %q", request, got, row.allow)
		}
	}
	if w := call(&fake{}, api.External, "PUT /admin/metrics"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("the external listener gives %d and allows %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestAPanicIsAnError(t *testing.T) {
	f := &fake{accounting: func() (schema.Accounting, error) { panic("BUG: broken") }}
	h, seen := newAPI(f, api.External)
	expect(t, send(h, "GET /api/accounting", nil), 500, `{"error":"internal error"}`)
	if !reflect.DeepEqual(seen.panicked, []any{"BUG: broken"}) {
		t.Errorf("the observer saw %v", seen.panicked)
	}
	expect(t, send(h, "GET /proplets", nil), 200, `{"offset":0,"limit":100,"total":0,"proplets":[]}`)
}

func TestTheObserverSeesRoutesNotPaths(t *testing.T) {
	h, seen := newAPI(&fake{}, api.External)
	for _, request := range []string{"GET /tasks/6f0c/metrics", "GET /nowhere", "DELETE /admin/metrics", "GET /"} {
		send(h, request, nil)
	}
	if want := []string{"/tasks/{id}/metrics", "unknown", "/admin/metrics", "/"}; !reflect.DeepEqual(seen.routes, want) {
		t.Errorf("the routes were %v, want %v", seen.routes, want)
	}
	if want := []int{200, 404, 403, 200}; !reflect.DeepEqual(seen.codes, want) {
		t.Errorf("the codes were %v, want %v", seen.codes, want)
	}
}
