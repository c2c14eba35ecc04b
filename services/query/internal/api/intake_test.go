package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/services/query/internal/api"
)

// withIntake returns a listener's handler whose ingest notes what is passed on.
func withIntake(l api.Listener, code int) (h *api.API, told *seen, passed *[]string) {
	told, passed = new(seen), new([]string)
	c := configOf(new(fake), told)
	c.Alerter = new(alerter)
	c.Intake = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*passed = append(*passed, r.Method+" "+r.RequestURI)
		w.WriteHeader(code)
	})
	return api.New(c, l), told, passed
}

func TestWhatIsPassedOnToIngest(t *testing.T) {
	const everyone, inside = 202, 403 // the status outside
	for request, outside := range map[string]int{
		"POST /notices": inside,
		"PUT /metrics/job/a/x@base64/L3Zhcg?service=s": inside,
		"POST /metrics/job/a":                          inside,
		"DELETE /metrics/job/a":                        inside,
		"PUT /metrics/job@base64/YS9i":                 inside,
		"POST /api/v1/write?service=s":                 inside,
		"POST /write?db=d":                             inside,
		"POST /api/v2/write":                           inside,
		"GET /check":                                   everyone,
		"GET /version":                                 everyone,
		"GET /admin/log":                               inside,
		"PUT /admin/log?level=DEBUG":                   inside,
	} {
		for l, want := range map[api.Listener]int{api.Internal: 202, api.External: outside} {
			h, told, passed := withIntake(l, 202)
			w := send(h, request, nil)
			if w.Code != want || !slices.Equal(told.codes, []int{want}) {
				t.Errorf("%s on the %s listener: %d %s; the observer was told of %v", request, l, w.Code, w.Body, told.codes)
			}
			if got := fmt.Sprint(*passed); (want == 202) != (got == "["+request+"]") {
				t.Errorf("%s on the %s listener: passed on %s", request, l, got)
			}
		}
	}
}

func TestWhatIsNotIngests(t *testing.T) {
	for request, code := range map[string]int{"GET /notices": 405, "GET /metrics/job/a": 405, "GET /metrics": 200, "DELETE /check": 405, "POST /api/v2/other": 200} {
		h, _, passed := withIntake(api.Internal, 202)
		if w := send(h, request, nil); w.Code != code || len(*passed) > 0 {
			t.Errorf("%s: %d %s, passed on %v", request, w.Code, w.Body, *passed)
		}
	}
	plain, _ := newAPI(new(fake), api.Internal)
	if w := send(plain, "POST /notices", nil); w.Code != 404 {
		t.Errorf("without an ingest there is %d", w.Code)
	}
}

func TestPagesOfOtherSitesCannotPush(t *testing.T) {
	h, _, passed := withIntake(api.Internal, 202)
	for _, request := range []string{"POST /notices", "PUT /metrics/job/a", "POST /write", "PUT /admin/log?level=DEBUG"} {
		if w := send(h, request, http.Header{"Sec-Fetch-Site": {"cross-site"}}); w.Code != 403 || len(*passed) > 0 {
			t.Errorf("%s: %d, passed on %v", request, w.Code, *passed)
		}
	}
}

func TestTheIndexNamesIngestsRoutes(t *testing.T) {
	for l, want := range map[api.Listener]bool{api.Internal: true, api.External: false} {
		h, _, _ := withIntake(l, 202)
		body := send(h, "GET /", nil).Body.String()
		if strings.Contains(body, `"path":"/notices"`) != want || !strings.Contains(body, `"path":"/check"`) {
			t.Errorf("the %s index is %s", l, body)
		}
	}
	h, told, _ := withIntake(api.Internal, 503)
	if send(h, "POST /write", nil); len(told.failed) != 1 {
		t.Errorf("the observer was told of %v", told.failed)
	}
}
