package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/services/query/internal/alerterclient"
	"weir/services/query/internal/api"
)

// alerter notes what is passed on to it.
type alerter struct {
	passed  []string
	code    int // 0 is 200
	health  *schema.AlerterHealth
	seen    bool
	firings []schema.AlertTransition
	err     error
	asked   []int64
}

func (a *alerter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.passed = append(a.passed, fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Header.Get("Weir-Listener")))
	if a.code < 0 {
		panic(http.ErrAbortHandler)
	}
	if a.code != 0 {
		w.WriteHeader(a.code)
	}
	fmt.Fprint(w, "the alerter's")
}

func (a *alerter) Health(context.Context) (h schema.AlerterHealth, err error) {
	if a.health == nil {
		return h, alerterclient.ErrAbsent
	}
	return *a.health, nil
}

func (a *alerter) Seen() bool { return a.seen }

func (a *alerter) Firings(_ context.Context, from, to int64) ([]schema.AlertTransition, error) {
	a.asked = []int64{from, to}
	return a.firings, a.err
}

// withAlerter returns a listener's handler over f with an alerter.
func withAlerter(a *alerter, f *fake, l api.Listener) (*api.API, *seen) {
	s := new(seen)
	c := configOf(f, s)
	c.Alerter = a
	return api.New(c, l), s
}

func TestWhatIsPassedOnToTheAlerter(t *testing.T) {
	const everyone, inside = 200, 403 // the status outside
	for request, outside := range map[string]int{
		"GET /rules?limit=5":                     everyone,
		"HEAD /rules":                            everyone,
		"POST /rules":                            inside,
		"GET /rules/too_hot":                     everyone,
		"PUT /rules/too_hot":                     inside,
		"DELETE /rules/too_hot":                  inside,
		"POST /actions/do":                       inside,
		"GET /api/v2/status":                     everyone,
		"GET /api/v2/alerts/groups?filter=a%3Db": everyone,
		"POST /api/v2/silences":                  inside,
		"POST /api/v2/alerts":                    inside,
		"DELETE /api/v2/silence/7":               inside,
		"GET /api/alerts/history?from=5":         everyone,
		"POST /api/alerts/0f3a/ack":              inside,
		"GET /graph?g0.expr=up":                  everyone,
		"POST /-/reload":                         inside,
		"PUT /-/reload":                          inside,
	} {
		for l, want := range map[api.Listener]int{api.Internal: 200, api.External: outside} {
			to := new(alerter)
			h, told := withAlerter(to, new(fake), l)
			w := send(h, request, http.Header{"Weir-Listener": {"somebody's"}})
			if w.Code != want || !slices.Equal(told.codes, []int{want}) {
				t.Errorf("%s on the %s listener: %d %s; the observer was told of %v", request, l, w.Code, w.Body, told.codes)
			}
			if passed := fmt.Sprint(to.passed); (want == 200) != (passed == "["+request+" "+string(l)+"]") {
				t.Errorf("%s on the %s listener: passed on %s", request, l, passed)
			}
		}
	}
}

func TestWhatIsNotTheAlerters(t *testing.T) {
	for request, want := range map[string]struct {
		code  int
		allow string
	}{
		"GET /internal/rules":              {404, ""},
		"GET /internal/transitions":        {404, ""},
		"GET /api/v2/../../internal/rules": {307, ""}, // to the path without the dots
		"GET /rules/a/b":                   {404, ""},
		"PATCH /rules/a":                   {405, "GET, HEAD, PUT, DELETE"},
		"GET /actions/do":                  {405, "POST"},
		"GET /-/reload":                    {405, "POST, PUT"},
		"PUT /api/v2/alerts":               {405, "GET, HEAD, POST, DELETE"},
		"GET /-/quit":                      {404, ""},
	} {
		to := new(alerter)
		h, _ := withAlerter(to, new(fake), api.Internal)
		if w := send(h, request, nil); w.Code != want.code || w.Header().Get("Allow") != want.allow || len(to.passed) > 0 {
			t.Errorf("%s: %d %s, passed on %v", request, w.Code, w.Body, to.passed)
		}
	}
}

func TestPagesOfOtherSitesCannotChangeAlerts(t *testing.T) {
	elsewhere := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://example.org"}}
	for request, code := range map[string]int{
		"POST /api/v2/silences": 403, "POST /rules": 403, "POST /-/reload": 403, "DELETE /rules/a": 403, "POST /api/alerts/1/ack": 403,
		"GET /rules": 200,
	} {
		to := new(alerter)
		h, _ := withAlerter(to, new(fake), api.Internal)
		if w := send(h, request, elsewhere); w.Code != code || len(to.passed) != code/200%2 {
			t.Errorf("%s: %d %s, passed on %v", request, w.Code, w.Body, to.passed)
		}
	}
}

func TestTheObserverIsToldWhenTheAlerterFails(t *testing.T) {
	h, told := withAlerter(&alerter{code: 503}, new(fake), api.Internal)
	send(h, "GET /rules/a", nil)
	if len(told.failed) != 1 || !slices.Equal(told.routes, []string{"/rules/{name}"}) {
		t.Errorf("it was told of %v, %v", told.routes, told.failed)
	}
}

// An answer that breaks off must not look whole.
func TestAnAnswerThatBreaksOffBreaksTheConnection(t *testing.T) {
	h, told := withAlerter(&alerter{code: -1}, new(fake), api.Internal)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("it panics with %v", v)
		}
		if len(told.panicked) != 0 || len(told.codes) != 1 {
			t.Errorf("the observer was told of %v, %v", told.panicked, told.codes)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/rules", nil))
	t.Error("it does not panic")
}

func TestTheIndexNamesTheAlertersRoutes(t *testing.T) {
	for l, want := range map[api.Listener][]string{
		api.Internal: {`{"method":"GET","path":"/rules",`, `{"method":"POST","path":"/rules",`, `{"method":"GET","path":"/api/v2/",`, `{"method":"POST","path":"/-/reload",`},
		api.External: {`{"method":"GET","path":"/rules",`, `{"method":"GET","path":"/api/v2/",`, `{"method":"GET","path":"/api/alerts/",`},
	} {
		h, _ := withAlerter(new(alerter), new(fake), l)
		body := send(h, "GET /", nil).Body.String()
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("the %s index has no %s:\n%s", l, text, body)
			}
		}
		if l == api.External && strings.Contains(body, `"method":"POST","path":"/rules"`) {
			t.Errorf("the external index is %s", body)
		}
	}
	plain, _ := newAPI(new(fake), api.Internal)
	if w := send(plain, "GET /rules", nil); w.Code != 404 {
		t.Errorf("without an alerter there is %d", w.Code)
	}
}

func TestHealthKnowsTheAlerter(t *testing.T) {
	for name, row := range map[string]struct {
		alerter alerter
		want    string
	}{
		"it works":            {alerter{health: &schema.AlerterHealth{State: "running"}, seen: true}, `{"status":"healthy","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"running"},"version":"0.1.0"}`},
		"it stopped":          {alerter{seen: true}, `{"status":"degraded","error":"alerter is stopped: it does not answer","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`},
		"there never was one": {alerter{}, `{"status":"healthy","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := withAlerter(&row.alerter, new(fake), api.Internal)
			expect(t, send(h, "GET /health", nil), 200, row.want)
		})
	}
}

func TestRolloutsCountAlerts(t *testing.T) {
	end := now.UnixMilli()
	labels := func(version string) []schema.Label {
		return []schema.Label{{Name: "__name__", Value: "spore_node_cpu_usage_percent"}, {Name: "node", Value: "a"}, {Name: "version", Value: version}}
	}
	f := &fake{series: func(context.Context, schema.SelectRequest) ([]series, error) {
		return []series{
			{labels("1.0.0"), []int64{end - 3000, end - 2000}, []float64{10, 20}},
			{labels("1.1.0"), []int64{end - 1000}, []float64{12}},
		}, nil
	}}
	firing := func(version string) schema.AlertTransition {
		return schema.AlertTransition{At: end - 500, To: "firing", Labels: map[string]string{"alertname": "Hot", "node": "a", "version": version}}
	}
	for name, row := range map[string]struct {
		alerter  alerter
		versions []string
		change   string
		failed   int
	}{
		"two after the change":    {alerter{firings: []schema.AlertTransition{firing("1.1.0"), firing("1.1.0"), firing("1.0.0")}}, []string{`"alerts":1,"metrics"`, `"alerts":2,"metrics"`}, `"alerts":{"before":1,"after":2},"metrics"`, 0},
		"none at all":             {alerter{}, []string{`"alerts":0,"metrics"`}, `"alerts":{"before":0,"after":0},"metrics"`, 0},
		"no alerter":              {alerter{err: alerterclient.ErrAbsent}, nil, "", 0},
		"an alerter that is gone": {alerter{err: alerterclient.ErrAbsent, seen: true}, nil, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			h, told := withAlerter(&row.alerter, f, api.External)
			w := send(h, "GET /api/monitoring/rollouts?from=2026-01-02T03:00:00Z", nil)
			body := w.Body.String()
			for _, want := range append(row.versions, row.change) {
				if w.Code != 200 || !strings.Contains(body, want) {
					t.Errorf("%s is not in %d %s", want, w.Code, body)
				}
			}
			if row.change == "" && strings.Contains(body, "alerts") {
				t.Errorf("got %s", body)
			}
			if !slices.Equal(row.alerter.asked, []int64{end - 245_000, end}) || len(told.failed) != row.failed {
				t.Errorf("asked for %v; the observer was told of %v", row.alerter.asked, told.failed)
			}
		})
	}
}
