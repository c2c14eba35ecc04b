package poll

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a network in which every host is one handler, and a journal. A nil
// handler is a host that is not there.
type world struct {
	mu     sync.Mutex
	events []schema.Event
	at     []time.Time // of the requests
	h      http.HandlerFunc
}

func (w *world) submit(_ context.Context, e schema.Event, tenant schema.Tenant) error {
	if t, err := pulltopic.Parse(e.Topic); err != nil || t.Tenant != tenant {
		return fmt.Errorf("the topic %q of %s: %w", e.Topic, tenant, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}

// take returns what was submitted since it was last asked: a line an event.
func (w *world) take(t *testing.T) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events {
		r, body, ok := pulltopic.ParseReport(e.Payload)
		if !ok {
			t.Fatalf("%q", e.Payload)
		}
		r.Duration = 0
		fmt.Fprintf(&b, "%s | %s%s\n", e.Topic, r.Append(nil), body)
	}
	w.events = nil
	return b.String()
}

func (w *world) dial(context.Context, string, string) (net.Conn, error) {
	if w.h == nil {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		request, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		w.mu.Lock()
		w.at = append(w.at, time.Now())
		w.mu.Unlock()
		answer := httptest.NewRecorder()
		w.h(answer, request)
		_ = answer.Result().Write(server)
	}()
	return client, nil
}

func (w *world) env() *pull.Env {
	return pull.Env{Submit: w.submit, Dial: w.dial}.Complete()
}

func file(t *testing.T, text string) *sources.File {
	t.Helper()
	f, err := sources.Parse([]byte(text), "", sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const (
	healthTopic = "/datamgmt/health?interval=30s&node=dn-1&service=data&subservice=mesh | "
	statsTopic  = "/datamgmt/stats?interval=30s&node=dn-1&service=data&subservice=mesh | "
	sporeTopic  = "/spore?gateway=hall-1&interval=30s&service=spore&subservice=hall1 | "
	statusTopic = "/spore/status?gateway=hall-1&interval=30s&service=spore&subservice=hall1 | "

	up   = "# weir-scrape up=1 duration=0 status=200 content_type=\"application/json\"\n"
	down = "# weir-scrape up=0 duration=0 "
)

// unread is what is said of a document that cannot be read.
func unread(why string) string {
	return down + "status=200 content_type=\"application/json\" error=\"the document cannot be read: " + why + "\"\n\n"
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func TestADataNodesDocuments(t *testing.T) {
	node := func(health, stats func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/health":
				health(w)
			case "/network/stats":
				stats(w)
			default:
				http.NotFound(w, r)
			}
		}
	}
	says := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { answer(w, status, body) }
	}
	const internal = `{"status":"degraded","components":{"blockchain":"disconnected","p2p_network":"running","encryption":"initialized"},"version":"0.1.0"}`
	const external = `{"status":"healthy","p2p":{"running":true,"peers":12}}`
	const unhealthy = `{"status":"unhealthy","error":"x"}`
	const stats = `{"total_peers":15,"uptime":60}`
	for _, c := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"the internal API", node(says(200, internal), says(200, stats)), healthTopic + up + internal + "\n" + statsTopic + up + stats + "\n"},
		{"the external API", node(says(200, external), says(200, stats)), healthTopic + up + external + "\n" + statsTopic + up + stats + "\n"},
		{"an unhealthy node says so with an error's status", node(says(503, unhealthy), says(500, `{"error":"Internal server error"}`)),
			healthTopic + strings.Replace(up, "200", "503", 1) + unhealthy + "\n" + statsTopic + down + `status=500 content_type="application/json" error="the server returned HTTP status 500 Internal Server Error"` + "\n\n"},
		{"an error's status without a health", node(says(502, `<html>`), says(404, ``)),
			healthTopic + down + `status=502 content_type="application/json" error="the server returned HTTP status 502 Bad Gateway"` + "\n\n" +
				statsTopic + down + `status=404 content_type="application/json" error="the server returned HTTP status 404 Not Found"` + "\n\n"},
		{"something else with 200 is a dead letter, and the node is down", node(says(200, `hello`), says(200, `[]`)),
			healthTopic + up + "hello\n" + healthTopic + unread("invalid character 'h' looking for beginning of value: expected a JSON object") +
				statsTopic + up + "[]\n" + statsTopic + unread("the payload is an array: expected a JSON object")},
		{"no node", nil, healthTopic + down + `error="connection refused"` + "\n\n" + statsTopic + down + `error="connection refused"` + "\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{h: c.h}
				p := New(w.env())
				defer p.Stop()
				p.Apply(file(t, "datamgmt_nodes: [{name: dn-1, url: 'http://10.0.0.5:8081/', service: data, subservice: mesh}]").DataNodes, nil)
				time.Sleep(30 * time.Second)
				p.Stop()
				if diff := cmp.Diff(c.want, w.take(t)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestANodeThatAsksForPatienceIsGivenIt(t *testing.T) {
	for _, c := range []struct {
		name, header string
		pause        time.Duration // until it is asked again, the second request being the refused one
	}{
		{"seconds", "90", 90 * time.Second},
		{"a date", time.Date(2000, 1, 1, 0, 3, 0, 0, time.UTC).Format(http.TimeFormat), 120 * time.Second}, // a synctest's clock begins with 2000
		{"nothing", "", 30 * time.Second},
		{"nonsense", "soon", 30 * time.Second},
		{"more than there may be", "1e9", time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, n := &world{}, 0
				w.h = func(a http.ResponseWriter, r *http.Request) {
					if n++; n == 2 {
						a.Header().Set("Retry-After", c.header)
						answer(a, http.StatusTooManyRequests, `{"error":"Rate limit exceeded","retry_after":90}`)
						return
					}
					if r.Header.Get("X-API-Key") != "key" {
						answer(a, 401, `{}`)
						return
					}
					answer(a, 200, `{"uptime":1}`)
				}
				env := w.env()
				p := New(env)
				defer p.Stop()
				p.Apply(file(t, "datamgmt_nodes: [{name: dn-1, url: 'http://h', service: data, subservice: mesh, health_path: '', api_key: key}]").DataNodes, nil)
				time.Sleep(2 * time.Hour)
				p.Stop()
				// It is asked at the next of its own times.
				pause := w.at[2].Sub(w.at[1])
				if pause < c.pause-30*time.Second || pause > c.pause+30*time.Second || c.pause == 30*time.Second && pause != c.pause {
					t.Errorf("it was asked again after %s", pause)
				}
				events := strings.Split(w.take(t), statsTopic)
				if counts := env.Meter.Figures().ByKind[pull.KindDataNode]; counts.Limited != 1 || counts.Failures != 0 || len(events)-1 != int(counts.Pulls-1) {
					t.Errorf("%+v, %d events", counts, len(events)-1)
				}
			})
		})
	}
}

func TestSporeGatewaysAndNodes(t *testing.T) {
	const gateway = `{"timestamp":"2026-01-02T03:04:05Z","nodes":[],"summary":{}}`
	const node = `{"cpu":{"current_usage":20},"system":{"uptime_ms":5}}`
	const status = `{"freeHeap":1,"labels":{"zone":"a"}}`
	for _, c := range []struct {
		name, url, body string
		status          int
		want            string
	}{
		{"a gateway", "http://h:3001", gateway, 200, sporeTopic + up + gateway + "\n"},
		{"a gateway by its document's URL", "http://h:3001/api/monitoring/resources", gateway, 200, sporeTopic + up + gateway + "\n"},
		{"a node, whose labels are in its status", "http://h", node, 200, sporeTopic + up + node + "\n" + statusTopic + up + status + "\n"},
		{"none of them", "http://h", "[]", 200, sporeTopic + up + "[]\n" + sporeTopic + unread("the payload is an array: expected a JSON object")},
		{"an error", "http://h", "{}", 503, sporeTopic + down + `status=503 content_type="application/json" error="the server returned HTTP status 503 Service Unavailable"` + "\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{h: func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/api/monitoring/resources":
						answer(w, c.status, c.body)
					case "/api/node/status":
						answer(w, 200, status)
					default:
						http.NotFound(w, r)
					}
				}}
				p := New(w.env())
				defer p.Stop()
				p.Apply(nil, file(t, "spore_gateways: [{name: hall-1, url: '"+c.url+"', service: spore, subservice: hall1}]").Gateways)
				time.Sleep(30 * time.Second)
				p.Stop()
				if diff := cmp.Diff(c.want, w.take(t)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWhatIsNotPolledAnyMoreEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		env := w.env()
		p := New(env)
		defer p.Stop()
		f := file(t, "datamgmt_nodes: [{name: dn-1, url: 'http://h', service: data, subservice: mesh}]\nspore_gateways: [{name: hall-1, url: 'http://h', service: spore, subservice: hall1}]")
		p.Apply(f.DataNodes, f.Gateways)
		time.Sleep(30 * time.Second)
		if n := len(env.Meter.Targets()); n != 3 {
			t.Errorf("%d targets", n)
		}
		w.take(t)
		p.Apply(nil, f.Gateways)
		const ended = "# weir-scrape up=0 duration=0 ended=1\n\n"
		if diff := cmp.Diff(healthTopic+ended+statsTopic+ended, w.take(t)); diff != "" {
			t.Error(diff)
		}
		if n := len(env.Meter.Targets()); n != 1 {
			t.Errorf("%d targets", n)
		}
	})
}

func TestAPollThatStopsSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		env := w.env()
		env.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p := New(env)
		p.Apply(nil, file(t, "spore_gateways: [{name: hall-1, url: 'http://h', interval: 30s, timeout: 30s, service: spore, subservice: hall1}]").Gateways)
		time.Sleep(pull.Offset("spore spore/hall1 hall-1", 30*time.Second) + time.Second)
		p.Stop()
		if got := w.take(t); got != "" {
			t.Error(got)
		}
	})
}
