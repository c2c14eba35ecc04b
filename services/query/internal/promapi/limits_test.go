package promapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/query/internal/promapi"
)

// As many queries run as may; the next waits, runs when one ends, and gives up
// when its time is over.
func TestQueriesWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		reader := few()
		reader.Before = func(ctx context.Context, _ promread.SelectRequest) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		a := newAPI(t, reader, func(c *promapi.Config) { c.MaxConcurrency, c.Timeout = 2, time.Minute })
		answers := make([]*httptest.ResponseRecorder, 4)
		var all sync.WaitGroup
		ask := func(i int, request string) {
			all.Go(func() { answers[i] = call(a, request) })
			synctest.Wait()
		}
		ask(0, path("/api/v1/query", "query", "a"))
		ask(1, path("/federate", "match[]", "a"))
		if len(reader.Seen()) != 2 {
			t.Fatalf("%d queries run", len(reader.Seen()))
		}
		ask(2, path("/api/v1/query", "query", "a", "timeout", "10s"))
		ask(3, path("/api/v1/query", "query", "a"))
		if len(reader.Seen()) != 2 {
			t.Errorf("%d queries run, 2 may", len(reader.Seen()))
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if w := answers[2]; w == nil || w.Code != 503 || !strings.Contains(w.Body.String(), `"errorType":"timeout","error":"query timed out in query queue"`) {
			t.Errorf("the query that waited too long: %v", w)
		}
		close(release)
		all.Wait()
		for _, i := range []int{0, 1, 3} {
			if answers[i].Code != 200 {
				t.Errorf("query %d: status %d", i, answers[i].Code)
			}
		}
	})
}

// stuck is a writer whose reader does not read.
type stuck struct {
	*httptest.ResponseRecorder
	read chan struct{} // closed when it does
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.read
	return s.ResponseRecorder.Write(b)
}

// Who does not read its answer keeps nobody waiting.
func TestAnAnswerThatIsNotReadTakesNobodysTurn(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"federation":  httptest.NewRequest("GET", "/federate?match[]=a", nil),
		"remote read": httptest.NewRequest("POST", "/api/v1/read", strings.NewReader(readBody(t))),
		"a query":     httptest.NewRequest("GET", "/api/v1/query?query=a", nil),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, readtest.New(promread.Series{Labels: labels.FromStrings("__name__", "a"), T: []int64{now.UnixMilli()}, V: []float64{1}}),
					func(c *promapi.Config) { c.MaxConcurrency = 1 })
				slow := &stuck{httptest.NewRecorder(), make(chan struct{})}
				var all sync.WaitGroup
				all.Go(func() { a.ServeHTTP(slow, r) })
				synctest.Wait()
				if w := call(a, path("/api/v1/query", "query", "1+1", "timeout", "5s")); w.Code != 200 {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				close(slow.read)
				all.Wait()
				if slow.Code != 200 || slow.Body.Len() == 0 {
					t.Errorf("the slow one has %d, %d bytes", slow.Code, slow.Body.Len())
				}
			})
		})
	}
}

func TestAQueryTakesTooLong(t *testing.T) {
	for name, row := range map[string]struct {
		timeout string
		want    time.Duration
	}{
		"the server's timeout":                     {"", time.Minute},
		"its own timeout":                          {"7s", 7 * time.Second},
		"its own timeout as a number":              {"0.5", 500 * time.Millisecond},
		"a longer timeout than the server's":       {"1h", time.Minute},
		"a timeout that is over before it started": {"0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reader := few()
				reader.Before = func(ctx context.Context, _ promread.SelectRequest) error { <-ctx.Done(); return ctx.Err() }
				a := newAPI(t, reader, func(c *promapi.Config) { c.Timeout = time.Minute })
				begin := time.Now()
				request := path("/api/v1/query", "query", "a")
				if row.timeout != "" {
					request = path("/api/v1/query", "query", "a", "timeout", row.timeout)
				}
				w := call(a, request)
				if w.Code != 503 || !strings.Contains(w.Body.String(), `"errorType":"timeout","error":"`) || !strings.Contains(w.Body.String(), "query timed out in") {
					t.Errorf("got %d %s", w.Code, w.Body)
				}
				if took := time.Since(begin); took != row.want {
					t.Errorf("it took %v, want %v", took, row.want)
				}
			})
		})
	}
}

func TestTheClientGoesAway(t *testing.T) {
	reader := few()
	ctx, cancel := context.WithCancel(context.Background())
	reader.Before = func(ctx context.Context, _ promread.SelectRequest) error { cancel(); <-ctx.Done(); return ctx.Err() }
	r := httptest.NewRequest("GET", "/api/v1/query?query=a", nil).WithContext(ctx)
	if w := serve(newAPI(t, reader, nil), r); w.Code != 499 || !strings.Contains(w.Body.String(), `"errorType":"canceled"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// manySamples returns a reader of so many series with 10 samples each.
func manySamples(series int) *memory {
	var all []promread.Series
	for i := range series {
		s := promread.Series{Labels: labels.FromStrings("__name__", "a", "n", string(rune('a'+i)))}
		for k := range 10 {
			s.T, s.V = append(s.T, now.UnixMilli()-int64(1000*(9-k))), append(s.V, 1)
		}
		all = append(all, s)
	}
	return readtest.New(all...)
}

func TestTooManySamples(t *testing.T) {
	const text = "query processing would load too many samples into memory in query execution"
	for name, row := range map[string]struct {
		request string
		max     int
		refused bool
	}{
		"as many as may be":                      {path("/api/v1/query", "query", "a[1m]"), 30, false},
		"one more than the reader may give":      {path("/api/v1/query", "query", "a[1m]"), 29, true},
		"both selections together":               {path("/api/v1/query", "query", "rate(a[1m]) + rate(a[1m])"), 59, true},
		"more than the engine may compute with":  {path("/api/v1/query", "query", "count_over_time(vector(1)[1h:1m])"), 29, true},
		"an instant reads a sample of each":      {path("/api/v1/query", "query", "a"), 3, false},
		"federation reads a sample of each":      {path("/federate", "match[]", "a"), 3, false},
		"federation of more series than samples": {path("/federate", "match[]", "a"), 2, true},
		"federation twice of what may come once": {path("/federate", "match[]", "a", "match[]", `a{n="a"}`), 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, manySamples(3), func(c *promapi.Config) { c.MaxSamples = row.max })
			if row.refused {
				expectProblem(t, a, row.request, 422, "execution", text)
			} else if w := call(a, row.request); w.Code != 200 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestListsAreNoLongerThanTheConfigurationAllows(t *testing.T) {
	a := newAPI(t, few(), func(c *promapi.Config) { c.MaxSeries = 2 })
	for request, want := range map[string]string{
		"GET /api/v1/labels":                                      `"data":["__name__","node"],"warnings":["results truncated due to limit"]`,
		"GET /api/v1/labels?limit=100":                            `"data":["__name__","node"],"warnings":["results truncated due to limit"]`,
		"GET /api/v1/labels?limit=1":                              `"data":["__name__"],"warnings":["results truncated due to limit"]`,
		"GET /api/v1/label/service/values":                        `"data":["factory","greenhouse"]}`,
		`GET /api/v1/series?match[]=spore_node_cpu_usage_percent`: `"node":"n2","service":"factory","subservice":"line1"}],"warnings":["results truncated due to limit"]`,
		`GET /api/v1/series?match[]={node="n1"}&limit=0`:          `"zone":"ü"}]}`,
	} {
		w := call(a, strings.ReplaceAll(request, `"`, "%22"))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %s, want …%s", request, w.Body, want)
		}
	}
}

// An answer may take longer than the server lets others take.
func TestTheServersWriteTimeoutIsPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		a := newAPI(t, few(), func(c *promapi.Config) { c.Timeout = 5 * time.Minute })
		a.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/labels", nil))
		if left := time.Until(w.deadline); left < 5*time.Minute || left > 6*time.Minute || w.Code != 200 {
			t.Errorf("%v are left", left)
		}
	})
}

// deadlineWriter is a writer whose deadline can be set.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *deadlineWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }
