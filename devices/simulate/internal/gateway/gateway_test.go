package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
	"weir/pkg/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixed is two nodes whose values do not move.
type fixed struct {
	mu    sync.Mutex
	nodes []payload.Node
}

func (f *fixed) Nodes() []payload.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.nodes)
}

func (f *fixed) Reading(ip string) (model.NodeReading, bool) {
	return model.NodeReading{Free: 49152, Uptime: 60}, ip == "10.0.0.5"
}

func (f *fixed) Order(ip, version string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.nodes {
		if f.nodes[i].NodeIP == ip {
			f.nodes[i].Labels.Version = version
			return true
		}
	}
	return false
}

func twoNodes() *fixed {
	r := &model.NodeReading{
		MHz: 160, CPU: 20, Temperature: 50.5, HasTemperature: true, MemoryBytes: 98304, Free: 49152,
		Sent: 100, Received: 200, SentPackets: 1, ReceivedPackets: 2, RSSI: -60, FlashBytes: 4194304, Flash: 1048576,
	}
	labels := payload.Labels{Version: "1.0.0", Stable: "true", Env: "production", Zone: "zone-1", Type: "spore-node"}
	a := payload.NewNode("spore-a", "10.0.0.5", labels, payload.Seconds{Time: now}, r)
	b := a
	b.Hostname, b.NodeIP, b.Labels.Zone, b.CPU.UsagePercent = "spore-b", "10.0.0.6", "zone-2", 41
	return &fixed{nodes: []payload.Node{a, b}}
}

func start(t *testing.T, n Nodes) (*Gateway, *httptest.Server) {
	g := New(n, func() time.Time { return now })
	server := httptest.NewServer(g.Handler())
	t.Cleanup(func() {
		g.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return g, server
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestDocuments(t *testing.T) {
	_, server := start(t, twoNodes())
	for _, d := range []struct{ file, method, path, body string }{
		{"resources.json", "GET", "/api/monitoring/resources", ""},
		{"discovery.json", "GET", "/api/discovery/nodes", ""},
		{"members.json", "GET", "/api/cluster/members", ""},
		{"primary.json", "POST", "/api/discovery/primary/10.0.0.6", ""},
		{"versions.json", "GET", "/api/cluster/node/versions", ""},
		{"status.json", "GET", "/api/node/status/10.0.0.6", ""},
		{"endpoints.json", "GET", "/api/node/endpoints", ""},
		{"tasks.json", "GET", "/api/tasks/status", ""},
		{"health.json", "GET", "/api/health", ""},
		{"firmware.json", "GET", "/firmware?version=1.1.0", ""},
		{"rollout.json", "POST", "/api/rollout", `{"firmware":{"name":"spore-node","version":"1.1.0","labels":{}},"nodes":[{"ip":"10.0.0.5","version":"1.0.0","labels":{}}]}`},
	} {
		t.Run(d.file, func(t *testing.T) {
			status, answer := ask(t, d.method, server.URL+d.path, d.body)
			if status != http.StatusOK {
				t.Fatalf("status %d: %s", status, answer)
			}
			answer = strings.ReplaceAll(answer, server.URL, "http://gateway")
			golden.Check(t, d.file, answer)
		})
	}
}

// shape lists the paths of a document's values with their JSON types.
func shape(path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		var all []string
		for name, member := range v {
			all = append(all, shape(path+"."+name, member)...)
		}
		slices.Sort(all)
		return all
	case []any:
		if len(v) == 0 {
			return []string{path + " empty list"}
		}
		return shape(path+"[]", v[0])
	case string:
		return []string{path + " string"}
	case float64:
		return []string{path + " number"}
	case bool:
		return []string{path + " bool"}
	}
	return []string{path + " null"}
}

// TestTheShapesAreThoseOfTheContract compares with the examples of SPORE's
// document and code, which stand in testdata/contract-*.json.
func TestTheShapesAreThoseOfTheContract(t *testing.T) {
	for ours, contract := range map[string]string{
		"resources.json": "contract-resources.json", "versions.json": "contract-versions.json", "rollout.json": "contract-rollout.json",
	} {
		read := func(name string) (v any) {
			b, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		if diff := cmp.Diff(shape("", read(contract)), shape("", read(ours))); diff != "" {
			t.Errorf("%s (-contract +ours):\n%s", ours, diff)
		}
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	_, server := start(t, &fixed{})
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"no nodes are no error", "GET", "/api/monitoring/resources", "", 200, `{"timestamp":"2026-01-02T03:04:05Z","nodes":[],"summary":{"total_nodes":0,"avg_cpu_usage_percent":0,"avg_memory_usage_percent":0,"avg_flash_usage_percent":0,"total_bytes_sent":0,"total_bytes_received":0}}`},
		{"but the gateway is not well without them", "GET", "/api/health", "", 503, `{"nodes":0,"status":"unhealthy"}`},
		{"an unknown route", "GET", "/api/nothing", "", 404, `{"error":"there is no GET /api/nothing"}`},
		{"an unknown node", "GET", "/api/node/status/10.9.9.9", "", 404, `{"error":"there is no node 10.9.9.9"}`},
		{"an unknown firmware", "POST", "/api/rollout", `{"firmware":{"name":"x","version":"9"},"nodes":[{"ip":"10.0.0.5"}]}`, 404, `{"error":"the registry has no firmware x 9"}`},
		{"a rollout to nobody", "POST", "/api/rollout", `{"firmware":{"name":"spore-node","version":"1.1.0"}}`, 400, `{"error":"the rollout names no nodes"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, answer := ask(t, tt.method, server.URL+tt.path, tt.body)
			if status != tt.status || strings.TrimSpace(answer) != tt.want {
				t.Errorf("got %d %s, want %d %s", status, answer, tt.status, tt.want)
			}
		})
	}
}

func TestAFirmwareIsAddedAndFetched(t *testing.T) {
	_, server := start(t, twoNodes())
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("metadata", `{"name":"mine","version":"0.1.0","labels":{"env":"lab"}}`); err != nil {
		t.Fatal(err)
	}
	file, err := w.CreateFormFile("firmware", "mine.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("image")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	resp, err := http.Post(server.URL+"/firmware", w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if want := `{"name":"mine","size":5,"success":true,"version":"0.1.0"}`; err != nil || resp.StatusCode != http.StatusCreated || strings.TrimSpace(string(answer)) != want {
		t.Errorf("got %d %s, want 201 %s", resp.StatusCode, answer, want)
	}
	if status, image := ask(t, "GET", server.URL+"/firmware/mine/0.1.0", ""); status != http.StatusOK || image != "image" {
		t.Errorf("got %d %q", status, image)
	}
	if status, image := ask(t, "GET", server.URL+"/firmware/spore-node/1.0.0", ""); status != http.StatusOK || len(image) != 438_272 {
		t.Errorf("got %d and %d bytes, want 438272", status, len(image))
	}
}

func TestTheWebSocketTellsMessagesNodesAndRollouts(t *testing.T) {
	nodes := twoNodes()
	g, server := start(t, nodes)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(server.URL, "http", "ws", 1)+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	next := func() (e envelope) {
		t.Helper()
		_, b, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	eventually(t, func() bool { return g.hub.count.Load() == 1 })
	g.Message("sensors/a", []byte(`{"v":1}`))
	if diff := cmp.Diff(envelope{"sensors/a", `{"v":1}`, "2026-01-02T03:04:05Z"}, next()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	before := g.compare(nil, nodes.Nodes())
	changed := nodes.Nodes()[:1]
	changed[0].Labels.Version = "1.1.0"
	g.compare(before, changed)
	var topics []string
	for range 3 {
		topics = append(topics, next().Topic)
	}
	if diff := cmp.Diff([]string{"node/status", "node/discovery", "cluster/update"}, topics); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ask(t, "POST", server.URL+"/api/rollout", `{"firmware":{"name":"spore-node","version":"1.1.0"},"nodes":[{"ip":"10.0.0.5"},{"ip":"10.9.9.9"}]}`)
	var seen []string
	for len(seen) < 2 {
		var p progress
		if e := next(); e.Topic != "firmware/progress" || json.Unmarshal([]byte(e.Data), &p) != nil {
			t.Fatalf("got %+v", e)
		}
		if p.Status != "uploading" {
			seen = append(seen, p.NodeIP+" "+p.Status)
		}
	}
	if diff := cmp.Diff([]string{"10.0.0.5 completed", "10.9.9.9 failed"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := nodes.Nodes()[0].Labels.Version; v != "1.1.0" {
		t.Errorf("the node runs %s", v)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}
