package loadgen

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
)

// httpSink answers requests and remembers them.
type httpSink struct {
	*httptest.Server
	status func(n int) int
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
}

func serveHTTP(t *testing.T, status func(n int) int) *httpSink {
	t.Helper()
	s := &httpSink{status: status}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.seen, s.bodies = append(s.seen, r), append(s.bodies, string(body))
		n := len(s.seen)
		s.mu.Unlock()
		w.WriteHeader(s.status(n))
		_, _ = io.WriteString(w, "so be it")
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *httpSink) config(kind HTTPKind, events uint64) HTTPConfig {
	return HTTPConfig{Addr: strings.TrimPrefix(s.URL, "http://"), Kind: kind, Clients: 3, Sources: 4, Samples: 2, Events: events}
}

func TestRequestsOverHTTP(t *testing.T) {
	for _, c := range []struct {
		name       string
		kind       HTTPKind
		path, body string // of the request for the first source
	}{
		{"notifications", Notices, "/notices",
			`{"subscriptionId":"51c0ac9ed714fb3b37d7d5a8","data":[{"id":"sensor-00000","type":"Sensor","attribute0":{"type":"Number","value":10.00,"metadata":{}},"attribute1":{"type":"Number","value":67.29,"metadata":{}}}]}`},
		{"groups", Exposition, "/metrics/job/bench/instance/host-00000?service=bench&subservice=load",
			"# HELP bench_disk_usage_percent How full a disk is.\n# TYPE bench_disk_usage_percent gauge\nbench_disk_usage_percent{disk=\"sd0\"} 10.00\nbench_disk_usage_percent{disk=\"sd1\"} 67.29\n"},
		{"remote writes", RemoteWrite, "/api/v1/write?service=bench&subservice=load", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveHTTP(t, func(n int) int {
				if n%5 == 0 {
					return http.StatusBadRequest
				}
				return http.StatusNoContent
			})
			config := s.config(c.kind, 50)
			config.Username, config.Password = "bench", "key"
			var last Progress
			r, err := RunHTTP(t.Context(), config, func(p Progress) { last = p })
			if err != nil {
				t.Fatal(err)
			}
			if r.Sent != 50 || r.Acknowledged != 40 || r.Rejected != 10 || r.Answered != 50 || r.Latency.Max <= 0 || r.Rate <= 0 || r.LoadEnded.IsZero() {
				t.Errorf("%+v", r)
			}
			if last.Sent != 50 || last.Acknowledged != 40 {
				t.Errorf("the last progress: %+v", last)
			}
			found := ""
			for i, request := range s.seen {
				if user, key, _ := request.BasicAuth(); user != "bench" || key != "key" {
					t.Fatalf("%v", request.Header)
				}
				if request.URL.RequestURI() == c.path && s.bodies[i] == c.body {
					found = c.path
				}
			}
			if c.body != "" && found == "" {
				t.Errorf("%s is not among %s\n%s", c.path, s.seen[0].URL, s.bodies[0])
			}
		})
	}
}

func TestARemoteWriteInBytes(t *testing.T) {
	s := serveHTTP(t, func(int) int { return http.StatusNoContent })
	config := s.config(RemoteWrite, 1)
	config.Clients, config.Samples = 1, 1
	if _, err := RunHTTP(t.Context(), config, nil); err != nil {
		t.Fatal(err)
	}
	message, err := s2.Decode(nil, []byte(s.bodies[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(message); len(got) < 40 || got[0] != '\n' || !strings.Contains(got, "\n\x08__name__\x12\x17bench_metric_00_seconds") ||
		!strings.Contains(got, "\n\x08instance\x12\x0fhost-00000:9100") || !strings.Contains(got, "\x12\x10\x09\x00\x00\x00\x00\x00\x00\x24\x40\x10") {
		t.Errorf("%q", got)
	}
	if got := cmp.Diff("snappy", s.seen[0].Header.Get("Content-Encoding")); got != "" {
		t.Error(got)
	}
}

func TestAServerThatFailsEndsTheRun(t *testing.T) {
	s := serveHTTP(t, func(n int) int {
		if n > 20 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	r, err := RunHTTP(t.Context(), s.config(Notices, 1000), nil)
	if !errors.Is(err, ErrBroken) || r.Acknowledged > 20 || r.Acknowledged < 18 || r.Sent >= 1000 { // the first failure breaks the answers of the two others off
		t.Errorf("%v, %+v", err, r)
	}
	for _, bad := range []HTTPConfig{{}, {Addr: "127.0.0.1:1", Kind: "mqtt", Events: 1}, {Addr: "127.0.0.1:1", Kind: Notices}} {
		if _, err := RunHTTP(t.Context(), bad, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
