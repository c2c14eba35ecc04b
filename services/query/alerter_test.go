package query_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
	"weir/pkg/schema"
	"weir/services/query"
)

// fakeAlerter answers over NATS as an alerter does, until stop or the test's end.
func fakeAlerter(t *testing.T, s *natsServer, h http.Handler) (stop func()) {
	t.Helper()
	serving, err := natshttp.Serve(s.services, schema.AlerterHTTPSubject, "alerter", h)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := serving(context.Background()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestTheAlertersRoutesAreServed(t *testing.T) {
	s := runNATS(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /internal/rules", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Weir-Listener") != "" {
			t.Error("a listener is named where none is")
		}
		io.WriteString(w, `[{"name":"g","file":"f","rules":[],"interval":1,"limit":0,"evaluationTime":0,"lastEvaluation":"2026-01-02T03:04:05Z"}]`)
	})
	mux.HandleFunc("GET /internal/alerts", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `[{"labels":{"alertname":"Hot","service":"factory"},"annotations":{},"state":"firing","value":"1e+00"}]`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s from %s for %s: %d bytes", r.Method, r.RequestURI, r.Header.Get("Weir-Listener"), r.Header.Get("Fiware-Service"), len(body))
	})
	stop := fakeAlerter(t, s, mux)
	app := start(t, query.Config{NATS: s.nc})

	r, err := http.NewRequest("POST", "http://"+app.InternalAddr()+"/rules?x=1", strings.NewReader(strings.Repeat("x", 900_000)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Fiware-Service", "factory")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 202 || string(body) != "POST /rules?x=1 from internal for factory: 900000 bytes" {
		t.Errorf("got %d %s, %v", resp.StatusCode, body, err)
	}
	for path, want := range map[string]string{
		"/api/v2/status":                   "202 GET /api/v2/status from external for : 0 bytes",
		"/api/v1/rules":                    `200 {"status":"success","data":{"groups":[]}}`, // a group without rules is not shown
		"/api/v1/alerts":                   `200 {"status":"success","data":{"alerts":[{"labels":{"alertname":"Hot","service":"factory"},"annotations":{},"state":"firing","value":"1e+00"}]}}`,
		"/api/v1/alerts?service=elsewhere": `200 {"status":"success","data":{"alerts":[]}}`,
		"/internal/rules":                  `404 {"error":"no such route: GET /internal/rules"}` + "\n",
	} {
		if code, body := get(t, app.ExternalAddr(), path); fmt.Sprintf("%d %s", code, body) != want {
			t.Errorf("%s: %d %s, want %s", path, code, body, want)
		}
	}

	stop()
	for path, want := range map[string]string{
		"/rules":         `503 {"error":"the alerter does not answer"}` + "\n",
		"/api/v1/alerts": `503 {"status":"error","errorType":"unavailable","error":"the alerter does not answer"}`,
	} {
		if code, body := get(t, app.ExternalAddr(), path); fmt.Sprintf("%d %s", code, body) != want {
			t.Errorf("%s without an alerter: %d %s, want %s", path, code, body, want)
		}
	}
}

// Who is asked for health remembers that there was an alerter.
func TestAnAlerterThatWentIsMissed(t *testing.T) {
	s := runNATS(t)
	app := start(t, query.Config{NATS: s.nc})
	is := func(want string) {
		t.Helper()
		eventually(t, "the alerter is "+want, func() error {
			_, body := get(t, app.InternalAddr(), "/health")
			_, rest, _ := strings.Cut(body, `"alerter":"`)
			state, _, _ := strings.Cut(rest, `"`)
			if got := fmt.Sprintf("%s, missed: %v", state, strings.Contains(body, "alerter is stopped")); got != want {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
	}
	is("stopped, missed: false") // there never was one
	one := natstest.Connect(t, s.embedded)
	natstest.Answer(t, one, schema.AlerterHealthSubject, func([]byte) [][]byte { return [][]byte{[]byte(`{"state":"running"}`)} })
	is("running, missed: false")
	one.Close()
	is("stopped, missed: true")
}
