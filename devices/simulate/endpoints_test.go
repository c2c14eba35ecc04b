package simulate

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema/decode/exposition"
)

// serving starts a fleet that answers over HTTP, and ends it with the test.
func serving(t *testing.T, change func(*Config)) *Simulation {
	t.Helper()
	b := startBroker(t)
	c := small(b)
	c.Speed, c.BoardsBy, c.DataNodesBy = 1, ByHTTP, ByBoth
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestABoardIsScraped(t *testing.T) {
	s := serving(t, nil)
	addr := s.Addrs().Boards[1]
	resp, body := get(t, "http://"+addr+"/metrics")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/plain" || !resp.Close || resp.ContentLength != int64(len(body)) {
		t.Errorf("%d %v close %v", resp.StatusCode, resp.Header, resp.Close)
	}
	if d, err := exposition.New().Parse(body, exposition.Options{DropNone: true}); err != nil || len(d.Samples) < 10 {
		t.Errorf("%v: %s", err, body)
	}
	if resp, body := get(t, "http://"+addr+"/metrics?x=1"); resp.StatusCode != 404 || body != "Not Found" {
		t.Errorf("the path is not compared as it is: %d %s", resp.StatusCode, body)
	}
	eventually(t, func() bool { return s.served.board.Load() == 1 })
	if a := s.ledger.accounts()[1]; a.Tenant.Subservice != "south" || a.Asked != 1 {
		t.Errorf("%+v: expected that the board's tenant was asked once", a)
	}
}

// raw sends bytes and returns what comes back.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(bufio.NewReader(conn)) // a reset behind the answer is what is meant
	return string(answer)
}

func TestABoardHasTheQuirksOfItsServer(t *testing.T) {
	addr := serving(t, nil).Addrs().Boards[0]
	if answer := raw(t, addr, "hello\r\n\r\n"); answer != "" {
		t.Errorf("garbage is answered: %s", answer)
	}
	if answer := raw(t, addr, "HEAD /metrics HTTP/1.1\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n") {
		t.Errorf("HEAD: %s", answer)
	}
	if answer := raw(t, addr, "GET /metrics HTTP/1.1\r\n\r\n"); strings.HasSuffix(answer, "\n") || !strings.Contains(answer, "\r\nContent-Type: text/plain\r\n") {
		t.Errorf("got %q", answer)
	}
}

func TestADataNodeIsPolled(t *testing.T) {
	s := serving(t, nil)
	base := "http://" + s.Addrs().DataNodes[0]
	resp, body := get(t, base+"/health")
	if want := `{"status":"healthy","components":{"blockchain":"connected","p2p_network":"running","encryption":"initialized"},"version":"0.1.0"}`; resp.StatusCode != 200 || body != want {
		t.Errorf("got %d %s, want %s", resp.StatusCode, body, want)
	}
	type statistics struct {
		Total   int `json:"total_peers"`
		Healthy int `json:"healthy_peers"`
	}
	ask := func(path string, v any) bool { // false where it is asked too often
		resp, body := get(t, base+path)
		return resp.StatusCode == http.StatusOK && json.Unmarshal([]byte(body), v) == nil
	}
	var stats, again statistics
	var peers struct {
		Peers []map[string]any
		Count int
	}
	eventually(t, func() bool { // peers come and go, but seldom while it is asked three times
		return ask("/network/stats", &stats) && ask("/network/peers?healthy=true", &peers) && ask("/network/stats", &again) && stats == again
	})
	if stats.Total < 5 || peers.Count != stats.Healthy || len(peers.Peers) != peers.Count {
		t.Errorf("%+v, but %+v", peers, stats)
	}
	for range 10_000 { // the bucket has 20 tokens, and 10 come in a second
		resp, body = get(t, base+"/network/stats")
		if resp.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || !strings.Contains(body, "Rate limit exceeded") {
		t.Errorf("asked too often it says %d %s", resp.StatusCode, body)
	}
}

func TestTheGatewaySpeaksForTheFleetsNodes(t *testing.T) {
	s := serving(t, func(c *Config) { c.Speed = 20 })
	base := "http://" + s.Addrs().Gateway
	var doc struct {
		Nodes []struct {
			NodeIP string            `json:"node_ip"`
			Labels map[string]string `json:"labels"`
		} `json:"nodes"`
		Summary map[string]float64 `json:"summary"`
	}
	_, body := get(t, base+"/api/monitoring/resources")
	if err := json.Unmarshal([]byte(body), &doc); err != nil || len(doc.Nodes) != 12 || doc.Summary["total_nodes"] != 12 {
		t.Fatalf("%v: %s", err, body)
	}
	rollout := fmt.Sprintf(`{"firmware":{"name":"spore-node","version":"1.2.0"},"nodes":[{"ip":%q}]}`, doc.Nodes[0].NodeIP)
	resp, err := http.Post(base+"/api/rollout", "application/json", strings.NewReader(rollout))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	eventually(t, func() bool { // it boots, and is away for that long
		_, body := get(t, base+"/api/monitoring/resources")
		return json.Unmarshal([]byte(body), &doc) == nil && len(doc.Nodes) == 12 && doc.Nodes[0].Labels["version"] == "1.2.0"
	})
}

func TestTheSourcesFileNamesWhatListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sources.yaml")
	s := serving(t, func(c *Config) { c.SourcesFile = path })
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := s.Addrs()
	want := fmt.Sprintf(`# The boards and DataMgmt nodes of a simulated fleet.
scrape_configs:
  - {job_name: boards-demo-north, service: demo, subservice: north, scrape_interval: 15s, static_configs: [{targets: [%q, %q]}]}
  - {job_name: boards-demo-south, service: demo, subservice: south, scrape_interval: 15s, static_configs: [{targets: [%q]}]}
datamgmt_nodes:
  - {name: datanode-1, url: "http://%s", service: demo, subservice: north, interval: 30s}
  - {name: datanode-2, url: "http://%s", service: demo, subservice: south, interval: 30s}
`, a.Boards[0], a.Boards[2], a.Boards[1], a.DataNodes[0], a.DataNodes[1])
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
