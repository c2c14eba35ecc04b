package intake_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"net/http/httptest"

	"weir/pkg/schema"
	"weir/services/ingest/internal/intake"
)

func TestSmallRoutes(t *testing.T) {
	h, j, _ := newIntake()
	for _, c := range []struct{ line, want string }{
		{"GET /check", `200 {"error":null,"data":"OK"}`},
		{"GET /version", `200 {"error":null,"data":{"name":"weir","description":"takes in what fleets of devices measure","version":"1.2.3"}}`},
		{"GET /admin/log", `200 {"level":"INFO"}`},
		{"PUT /admin/log?level=debug", "200 "},
		{"GET /admin/log", `200 {"level":"DEBUG"}`},
		{"PUT /admin/log?level=FATAL", "200 "},
		{"GET /admin/log", `200 {"level":"ERROR"}`},
		{"PUT /admin/log?level=loud", `400 {"error":"invalid log level","data":null}`},
		{"PUT /admin/log", `400 {"error":"invalid log level","data":null}`},
		{"POST /check", `405 {"error":"/check does not take POST"}`},
		{"GET /other", `404 {"error":"no such route: GET /other"}`},
	} {
		if w := send(h, c.line, ""); fmt.Sprintf("%d %s", w.Code, w.Body) != c.want {
			t.Errorf("%s: %d %s, want %s", c.line, w.Code, w.Body, c.want)
		}
	}
	if w := send(h, "POST /check", ""); w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("it takes %s", w.Header().Get("Allow"))
	}
	if len(j.events) > 0 {
		t.Errorf("stored: %+v", j.events)
	}
	fixed, _, _ := newIntake(func(c *intake.Config) { c.Level = nil })
	if w := send(fixed, "PUT /admin/log?level=DEBUG", ""); w.Code != 501 {
		t.Errorf("a level that is fixed: %d %s", w.Code, w.Body)
	}
}

func TestTheLogLevelReallyChanges(t *testing.T) {
	level := new(slog.LevelVar)
	h, _, _ := newIntake(func(c *intake.Config) { c.Level = level })
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level}))
	log.Debug("before")
	send(h, "PUT /admin/log?level=DEBUG", "")
	log.Debug("after")
	if got := text.String(); strings.Contains(got, "before") || !strings.Contains(got, "after") {
		t.Errorf("the log has %s", got)
	}
}

func TestUsersPushForTheirTenants(t *testing.T) {
	h, j, _ := newIntake(func(c *intake.Config) { c.Users = users(t) })
	const basic = "Authorization: Basic "
	p, q, root, wrong := basic+"cDprZXk=", basic+"cTprZXk=", basic+"cm9vdDprZXk=", basic+"cDp4" // each with "key", but for the last
	for _, c := range []struct {
		name, line, body string
		headers          []string
		code             int
		tenant           string
	}{
		{"nobody", "PUT /metrics/job/a", "a 1\n", nil, 401, ""},
		{"a wrong key", "PUT /metrics/job/a", "a 1\n", []string{wrong}, 401, ""},
		{"a user of one tenant pushes for it", "PUT /metrics/job/a", "a 1\n", []string{p}, 200, "factory/line1"},
		{"and says so", "PUT /metrics/job/a?service=factory&subservice=line1", "a 1\n", []string{p}, 200, "factory/line1"},
		{"but not for another", "PUT /metrics/job/a?service=factory&subservice=line2", "a 1\n", []string{p}, 403, ""},
		{"a user of a service pushes for all in it", "PUT /metrics/job/a?service=factory&subservice=a/b", "a 1\n", []string{q}, 200, "factory/a/b"},
		{"but not without saying for which", "PUT /metrics/job/a", "a 1\n", []string{q}, 403, ""},
		{"a user of everything", "PUT /metrics/job/a", "a 1\n", []string{root}, 200, "push/root-subserv"},
		{"a notification", "POST /notices", oneEntity, []string{q, inJSON, "Fiware-Service: factory", "Fiware-ServicePath: /a"}, 200, "factory/a"},
		{"one of several paths", "POST /notices", twoEntities, []string{p, inJSON, "Fiware-Service: factory", "Fiware-ServicePath: /line1,/line2"}, 403, ""},
		{"without a user", "POST /notices", oneEntity, []string{inJSON}, 401, ""},
		{"InfluxDB's token", "POST /write", "m,host=h f=1\n", []string{"Authorization: Token p:key"}, 204, "factory/line1"},
		{"InfluxDB's parameters", "POST /write?u=p&p=key", "m,host=h f=1\n", nil, 204, "factory/line1"},
		{"a wrong token", "POST /write", "m,host=h f=1\n", []string{"Authorization: Token p"}, 401, ""},
		{"the log's level is nobody's", "PUT /admin/log?level=INFO", "", nil, 401, ""},
		{"nor any user's", "PUT /admin/log?level=INFO", "", []string{q}, 403, ""},
		{"but one's of everything", "PUT /admin/log?level=INFO", "", []string{root}, 200, ""},
		{"whether we are there is everybody's", "GET /check", "", nil, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(j.events)
			w := send(h, c.line, c.body, c.headers...)
			tenant := ""
			if len(j.events) > before {
				tenant = j.tenants[before].String()
			}
			if w.Code != c.code || tenant != c.tenant {
				t.Errorf("got %d %s, stored for %q", w.Code, w.Body, tenant)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); (w.Code == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("challenged by %q", challenge)
			}
		})
	}
}

func TestWhatIsNotStoredIsNotTaken(t *testing.T) {
	for err, want := range map[error]string{
		errJournal:       `{"error":"the journal did not store it in time: send it again"}`,
		intake.ErrClosed: `{"error":"weir is stopping: send it again"}`,
	} {
		h, j, o := newIntake()
		j.err = err
		for line, header := range map[string]string{"POST /notices": inJSON, "PUT /metrics/job/a": "X: y", "POST /write": "X: y"} {
			w := send(h, line, "", header)
			if w.Code != 503 || w.Body.String() != want || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %s", line, w.Code, w.Body)
			}
		}
		if failures := len(o.failed); (failures == 3) != errors.Is(err, errJournal) || failures > 0 && !strings.Contains(o.failed[0], "send it again") {
			t.Errorf("the observer was told of %v", o.failed)
		}
	}
}

func TestARequestWaitsForTheJournalNoLongerThanItsClient(t *testing.T) {
	h, _, _ := newIntake(func(c *intake.Config) {
		c.Submit = func(ctx context.Context, _ schema.Event, _ schema.Tenant, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "PUT", "/metrics/job/a", strings.NewReader("a 1\n"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABodyThatBreaksOffIsNotStored(t *testing.T) {
	h, j, _ := newIntake()
	r := httptest.NewRequest("PUT", "/metrics/job/a", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a 1\nb 2\n"))))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || len(j.events) > 0 {
		t.Errorf("%d %s, stored %v", w.Code, w.Body, j.events)
	}
	limited := http.MaxBytesHandler(h, 3)
	w = httptest.NewRecorder()
	limited.ServeHTTP(w, httptest.NewRequest("PUT", "/metrics/job/a", strings.NewReader("a 1\nb 2\n")))
	if w.Code != 413 || len(j.events) > 0 {
		t.Errorf("%d %s, stored %v", w.Code, w.Body, j.events)
	}
}

func TestAPanicIsAnswered(t *testing.T) {
	h, _, o := newIntake(func(c *intake.Config) {
		c.Submit = func(context.Context, schema.Event, schema.Tenant, int) error { panic("BUG") }
	})
	if w := send(h, "PUT /metrics/job/a", "a 1\n"); w.Code != 500 || o.panicked != 1 || len(o.served) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
