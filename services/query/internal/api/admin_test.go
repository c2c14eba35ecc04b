package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

func counted(transactions uint64) []schema.TenantState {
	s := schema.TenantState{Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}}
	s.Counters[schema.IncomingTransactions] = transactions
	s.ServiceTime.AddN(15e6, transactions)
	return []schema.TenantState{s}
}

// counting answers reads with 1 transaction and a reset with 2.
func counting(resets *int) *fake {
	return &fake{
		tenants: func() ([]schema.TenantState, error) { return counted(1), nil },
		reset:   func(context.Context) ([]schema.TenantState, error) { *resets++; return counted(2), nil },
	}
}

func TestAdminMetrics(t *testing.T) {
	const documented, coded = `{"services":{"factory":{"subservs":{"line1":{"incomingTransactions":%d,"incomingTransactionRequestSize":0,`,
		`{"services":{"factory":{"subservices":{"/line1":{"incomingTransactions":%d,"incomingTransactionsRequestSize":0,`
	for name, row := range map[string]struct {
		request string
		begins  string
		resets  int
	}{
		"the document's names by default":         {"GET /admin/metrics", fmt.Sprintf(documented, 1), 0},
		"the code's names":                        {"GET /admin/metrics?format=perseo", fmt.Sprintf(coded, 1), 0},
		"get and reset":                           {"GET /admin/metrics?reset=true", fmt.Sprintf(documented, 2), 1},
		"get and reset, the code's names":         {"GET /admin/metrics?format=perseo&reset=true", fmt.Sprintf(coded, 2), 1},
		"any other value of reset does not reset": {"GET /admin/metrics?reset=TRUE", fmt.Sprintf(documented, 1), 0},
		"an empty reset does not reset":           {"GET /admin/metrics?reset", fmt.Sprintf(documented, 1), 0},
		"HEAD never resets":                       {"HEAD /admin/metrics?reset=true", fmt.Sprintf(documented, 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			resets := 0
			w := call(counting(&resets), api.Internal, row.request)
			if w.Code != 200 || !strings.HasPrefix(w.Body.String(), row.begins) || resets != row.resets {
				t.Errorf("got %d after %d resets: %s", w.Code, resets, w.Body)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type is %q", got)
			}
		})
	}
}

func TestDeleteResetsAndSaysNothing(t *testing.T) {
	resets := 0
	w := call(counting(&resets), api.Internal, "DELETE /admin/metrics")
	if w.Code != 200 || w.Body.Len() != 0 || resets != 1 || w.Header().Get("Content-Length") != "0" {
		t.Errorf("got %d %q after %d resets, %v", w.Code, w.Body, resets, w.Header())
	}
}

func TestReadingTwiceGivesTheSame(t *testing.T) {
	state := counted(2)
	h, _ := newAPI(&fake{tenants: func() ([]schema.TenantState, error) { return state, nil }}, api.Internal)
	first := send(h, "GET /admin/metrics", nil).Body.String()
	if second := send(h, "GET /admin/metrics", nil).Body.String(); second != first || !strings.Contains(first, `"serviceTime":15,`) {
		t.Errorf("got %s then %s", first, second)
	}
}

func TestCorrelator(t *testing.T) {
	resets := 0
	h, _ := newAPI(counting(&resets), api.Internal)
	for _, request := range []string{"GET /admin/metrics", "DELETE /admin/metrics"} {
		w := send(h, request, http.Header{"Fiware-Correlator": {"abc-1"}})
		if got := w.Header().Get("fiware-correlator"); got != "abc-1" {
			t.Errorf("%s: the client's correlator came back as %q", request, got)
		}
		first, second := send(h, request, nil).Header().Get("fiware-correlator"), send(h, request, nil).Header().Get("fiware-correlator")
		if uuid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`); !uuid.MatchString(first) || first == second {
			t.Errorf("%s: new correlators are %q and %q", request, first, second)
		}
	}
}

func TestABadFormatResetsNothing(t *testing.T) {
	resets := 0
	w := call(counting(&resets), api.Internal, "GET /admin/metrics?reset=true&format=xml")
	expect(t, w, 400, `{"error":"format must be perseo, not \"xml\""}`)
	if resets != 0 {
		t.Error("it was reset")
	}
}

func TestAResetWithoutAnAnswerSaysThatItMayHaveHappened(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		code int
		text string
	}{
		"no answer in time":       {fmt.Errorf("ask the aggregator: %w", readclient.ErrLate), 504, "ask the aggregator: no answer in time; the metrics may have been reset all the same"},
		"a part of the answer":    {fmt.Errorf("ask the aggregator: %w", readclient.ErrBroken), 502, "ask the aggregator: the answer is broken; the metrics may have been reset all the same"},
		"nobody took the request": {readclient.ErrNoAggregator, 503, "the aggregator does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{reset: func(context.Context) ([]schema.TenantState, error) { return nil, row.err }}
			for _, request := range []string{"GET /admin/metrics?reset=true", "DELETE /admin/metrics"} {
				expect(t, call(f, api.Internal, request), row.code, `{"error":"`+row.text+`"}`)
			}
		})
	}
}

func TestAResetOutlivesItsClient(t *testing.T) {
	f := &fake{reset: func(ctx context.Context) ([]schema.TenantState, error) { return nil, ctx.Err() }}
	h, _ := newAPI(f, api.Internal)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("DELETE", "/admin/metrics", nil).WithContext(ctx))
	if w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestTheExternalListenerIsReadOnly(t *testing.T) {
	for request, want := range map[string]string{
		"GET /admin/metrics?reset=true":   `{"error":"GET /admin/metrics?reset=true is for the internal listener only"}`,
		"DELETE /admin/metrics":           `{"error":"DELETE /admin/metrics is for the internal listener only"}`,
		"POST /api/deadletters/7/replay":  `{"error":"POST /api/deadletters/{seq}/replay is for the internal listener only"}`,
		"POST /api/deadletters/-/replay?": `{"error":"POST /api/deadletters/{seq}/replay is for the internal listener only"}`,
	} {
		touched := func() { t.Errorf("%s reached a service", request) }
		f := &fake{
			reset:       func(context.Context) ([]schema.TenantState, error) { touched(); return nil, nil },
			deadLetters: func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) { touched(); return nil, 0, nil },
			replay:      func(*schema.DeadLetter) (schema.ReplayAnswer, error) { touched(); return schema.ReplayAnswer{}, nil },
		}
		expect(t, call(f, api.External, request), 403, want)
	}
	if w := call(&fake{}, api.External, "GET /admin/metrics"); w.Code != 200 {
		t.Errorf("reading the metrics gives %d %s", w.Code, w.Body)
	}
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	for _, request := range []string{"GET /admin/metrics?reset=true", "DELETE /admin/metrics", "POST /api/deadletters/7/replay"} {
		for name, row := range map[string]struct {
			header http.Header
			code   int
		}{
			"curl":                         {nil, 200},
			"a page of the same origin":    {http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
			"an address typed by the user": {http.Header{"Sec-Fetch-Site": {"none"}}, 200},
			"a page of another site":       {http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
			"another site, older browsers": {http.Header{"Origin": {"https://example.org"}}, 403},
		} {
			f := &fake{deadLetters: func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
				return make([]schema.DeadLetter, 1), 1, nil
			}}
			h, _ := newAPI(f, api.Internal)
			if w := send(h, request, row.header); w.Code != row.code {
				t.Errorf("%s, %s: got %d %s, want %d", request, name, w.Code, w.Body, row.code)
			}
		}
	}
	h, _ := newAPI(&fake{}, api.Internal)
	if w := send(h, "GET /admin/metrics", http.Header{"Sec-Fetch-Site": {"cross-site"}}); w.Code != 200 {
		t.Errorf("reading gives %d %s", w.Code, w.Body)
	}
}
