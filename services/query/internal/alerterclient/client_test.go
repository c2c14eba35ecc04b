package alerterclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
	"weir/pkg/schema"
	"weir/services/query/internal/alerterclient"
)

// start returns a client whose alerter is h.
func start(t *testing.T, h http.Handler) (*alerterclient.Client, *nats.Conn) {
	t.Helper()
	s := natstest.Run(t)
	nc := natstest.Connect(t, s)
	stop, err := natshttp.Serve(nc, schema.AlerterHTTPSubject, "alerter", h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return alerterclient.New(natstest.Connect(t, s)), nc
}

func TestWhatTheAlerterKnows(t *testing.T) {
	mux := http.NewServeMux()
	documents := map[string]string{
		"/internal/rules":                      `[{"name":"g","file":"f","rules":[{"state":"firing","name":"Hot","query":"a","labels":{"severity":"page"},"alerts":[{"labels":{"node":"n1"},"annotations":{},"state":"firing","value":"1e+00"}],"health":"ok","evaluationTime":0.5,"lastEvaluation":"2026-01-02T03:04:05Z","type":"alerting"}],"interval":1,"limit":0,"evaluationTime":0,"lastEvaluation":"2026-01-02T03:04:05Z"}]`,
		"/internal/alerts":                     `[{"labels":{"alertname":"Hot","node":"n1"},"annotations":{"summary":"hot"},"state":"firing","activeAt":"2026-01-02T03:04:05Z","value":"8.5e+01"}]`,
		"/internal/transitions?from=5&to=1000": `[{"at":7,"to":"firing","labels":{"node":"n1","version":"1.2.0"}}]`,
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, documents[r.RequestURI]) })
	c, _ := start(t, mux)
	ctx := context.Background()
	if c.Seen() {
		t.Error("it was seen before it was asked")
	}
	rules, err := c.Rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(rules)
	if err != nil || string(again) != documents["/internal/rules"] {
		t.Errorf("the rules became %s, %v", again, err)
	}
	alerts, err := c.Alerts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(alerts); err != nil || string(again) != documents["/internal/alerts"] {
		t.Errorf("the alerts became %s, %v", again, err)
	}
	firings, err := c.Firings(ctx, 5, 1000)
	want := []schema.AlertTransition{{At: 7, To: "firing", Labels: map[string]string{"node": "n1", "version": "1.2.0"}}}
	if err != nil || !reflect.DeepEqual(firings, want) {
		t.Errorf("got %+v, %v", firings, err)
	}
	if !c.Seen() {
		t.Error("it was not seen")
	}
}

// health asks until there is an answer in time: a stalled machine takes longer than
// a check may.
func health(t *testing.T, c *alerterclient.Client) (schema.AlerterHealth, error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		h, err := c.Health(context.Background())
		if !errors.Is(err, alerterclient.ErrLate) || time.Now().After(deadline) {
			return h, err
		}
	}
}

func TestTheAlertersHealth(t *testing.T) {
	c, nc := start(t, http.NotFoundHandler())
	if _, err := health(t, c); !errors.Is(err, alerterclient.ErrAbsent) {
		t.Errorf("without an answer: %v", err)
	}
	want := schema.AlerterHealth{State: "degraded", Rules: 12, Firing: 3, NoticesFailing: 1, NoticeError: "429", NoticeReceiver: "slack"}
	natstest.Answer(t, nc, schema.AlerterHealthSubject, func([]byte) [][]byte {
		b, err := json.Marshal(want)
		if err != nil {
			t.Error(err)
		}
		return [][]byte{b}
	})
	if got, err := health(t, c); err != nil || got != want || !c.Seen() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAHealthThatCannotBeRead(t *testing.T) {
	c, nc := start(t, http.NotFoundHandler())
	natstest.Answer(t, nc, schema.AlerterHealthSubject, func([]byte) [][]byte { return [][]byte{[]byte("{")} })
	if _, err := health(t, c); !errors.Is(err, alerterclient.ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCanGoWrong(t *testing.T) {
	gaveUp := make(chan struct{}) // whoever asked for what is too late
	for name, row := range map[string]struct {
		h    http.HandlerFunc
		want error
	}{
		"a status":                   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the ledger is broken", 500) }, alerterclient.ErrBroken},
		"something else than JSON":   {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[{") }, alerterclient.ErrBroken},
		"a panic":                    {func(http.ResponseWriter, *http.Request) { panic("BUG") }, alerterclient.ErrBroken},
		"an answer that is too late": {func(http.ResponseWriter, *http.Request) { <-gaveUp }, alerterclient.ErrLate},
		"an answer that is broken off": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "["+strings.Repeat(" ", 300<<10))
			panic(http.ErrAbortHandler)
		}, alerterclient.ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := start(t, row.h)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			if errors.Is(row.want, alerterclient.ErrLate) {
				ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer close(gaveUp)
			}
			defer cancel()
			if _, err := c.Alerts(ctx); !errors.Is(err, row.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWithoutAnAlerter(t *testing.T) {
	c := alerterclient.New(natstest.Connect(t, natstest.Run(t)))
	if _, err := c.Rules(context.Background()); !errors.Is(err, alerterclient.ErrAbsent) || c.Seen() {
		t.Errorf("got %v", err)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest("GET", "/rules", nil))
	if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != `503 {"error":"the alerter does not answer"}`+"\n" {
		t.Errorf("got %s", got)
	}
}
