package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	paho3 "github.com/eclipse/paho.mqtt.golang"
)

// pages is an HTTP server whose answers a test changes as it goes.
type pages struct {
	*httptest.Server
	mu     sync.Mutex
	pages  map[string]page
	asked  map[string]int
	header http.Header // of the latest request
}

type page struct {
	status int
	body   string
	header []string // "Name: value"
}

func servePages(t testing.TB) *pages {
	t.Helper()
	s := &pages{pages: map[string]page{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	s.header = r.Header
	one, ok := s.pages[r.URL.Path]
	if !ok {
		one.status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	for _, h := range one.header {
		name, value, _ := strings.Cut(h, ": ")
		w.Header().Set(name, value)
	}
	w.WriteHeader(one.status)
	_, _ = w.Write([]byte(one.body))
}

func (s *pages) show(path string, status int, body string, header ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = page{status, body, header}
}

// requests returns how often a path was asked for.
func (s *pages) requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// alertStates returns the state of each alert, by its name and a label.
func (p *process) alertStates(label string) map[string]string {
	p.t.Helper()
	var got struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	p.getJSON("/api/v1/alerts", &got)
	states := map[string]string{}
	for _, a := range got.Data.Alerts {
		states[a.Labels["alertname"]+" "+a.Labels[label]] = a.State
	}
	return states
}

// soonAlert waits until an alert is in a state, "" for not there.
func (p *process) soonAlert(name, label, value, state string) {
	p.t.Helper()
	eventually(p.t, "the alert "+name+" is "+state, func() error {
		states := p.alertStates(label)
		if got := states[name+" "+value]; got != state {
			return fmt.Errorf("it is %q of %v, expected %q", got, states, state)
		}
		return nil
	})
}

// documentRules is the alert file of DataMgmt's document, as it stands there.
const documentRules = "../services/alerter/internal/rule/testdata/datamgmt.yml"

func TestADataNodeThatIsPolled(t *testing.T) {
	node := servePages(t)
	const internal = `{"status":"healthy","components":{"blockchain":"connected","p2p_network":"running","encryption":"initialized"},"version":"0.1.0"}`
	node.show("/health", 200, internal)
	node.show("/network/stats", 200, `{"total_peers":15,"healthy_peers":12,"active_peers":12,"data_sent":1024,"data_received":2048}`)
	p := start(t, t.TempDir(), "--rules", documentRules, "--default-rules=false", "--sources", write(t, "sources.yaml", fmt.Sprintf(`
datamgmt_nodes:
  - {name: dn-1, url: %s, service: data, subservice: mesh, interval: 200ms, api_key: "s3cret"}
`, node.URL)))
	for name, want := range map[string]string{
		"datamgmt_health_status": "1", "datamgmt_blockchain_connected": "1", "datamgmt_total_peers": "15",
		"datamgmt_data_sent_bytes": "1024", "datamgmt_data_received_bytes": "2048", "up": "1",
	} {
		p.soonIs(name+`{node="dn-1",service="data",subservice="mesh"}`, want)
	}
	p.none("datamgmt_uptime_seconds") // what it does not say is not 0
	node.mu.Lock()
	if got := node.header.Get("X-API-Key"); got != "s3cret" {
		t.Errorf("the key is %q", got)
	}
	node.mu.Unlock()

	t.Log("degraded, with status 200, in the other shape")
	node.show("/health", 200, `{"status":"degraded","p2p":{"running":true,"peers":2}}`)
	node.show("/network/stats", 200, `{"healthy_peers":2}`)
	p.soonIs("datamgmt_health_status", "0")
	p.soonIs("datamgmt_peers_connected", "2")
	p.soonAlert("NodeUnhealthy", "node", "dn-1", "pending")
	p.soonAlert("LowPeerCount", "node", "dn-1", "pending")

	t.Log("unhealthy, with status 503: the body is its health")
	node.show("/health", 200, internal)
	p.soonIs("datamgmt_health_status", "1")
	p.soonAlert("NodeUnhealthy", "node", "dn-1", "")
	node.show("/health", 503, `{"status":"unhealthy","error":"no chain"}`)
	p.soonIs("datamgmt_health_status", "0")
	p.soonIs(`up{node="dn-1"}`, "1")
	p.soonAlert("NodeUnhealthy", "node", "dn-1", "pending")

	t.Log("a request for patience: neither up nor down")
	node.show("/health", 429, `{"error":"Rate limit exceeded","retry_after":600}`, "Retry-After: 600")
	eventually(t, "the node has asked for patience", func() error {
		if !strings.Contains(string(p.get("/metrics").Body), `weir_pull_rate_limited_total{kind="datamgmt"} 1`) {
			return fmt.Errorf("it is not in the metrics")
		}
		return nil
	})
	asked, stats := node.requests("/health"), node.requests("/network/stats")
	eventually(t, "its statistics are asked for as before", func() error {
		if n := node.requests("/network/stats"); n < stats+5 {
			return fmt.Errorf("%d times", n-stats)
		}
		return nil
	})
	if n := node.requests("/health"); n != asked {
		t.Errorf("its health was asked for %d times meanwhile", n-asked)
	}
	p.soonIs(`up{node="dn-1"}`, "1")
	if acc := p.settled(1); acc.Sum.Rejected > 0 {
		t.Errorf("the books: %+v", acc.Sum)
	}
}

func TestASporeGatewayThatIsPolled(t *testing.T) {
	gateway, node := servePages(t), servePages(t)
	gateway.show("/api/monitoring/resources", 200, `{"timestamp":"2026-01-02T03:04:05Z","nodes":[
  {"timestamp":1767323045,"node_ip":"10.0.1.1","hostname":"n1","cpu":{"frequency_mhz":80,"usage_percent":10},"memory":{"total_bytes":100,"free_bytes":60},"labels":{"version":"1.1.0"}},
  {"timestamp":1767323046,"node_ip":"10.0.1.2","hostname":"n2","cpu":{"frequency_mhz":160,"usage_percent":30},"memory":{"total_bytes":100,"free_bytes":40},"labels":{"version":"1.2.0"}}],
  "summary":{"total_nodes":2}}`)
	node.show("/api/monitoring/resources", 200, `{"timestamp":123456,"cpu":{"frequency_mhz":80,"usage_percent":12.5},"memory":{"total_bytes":81920,"free_bytes":40960},"network":{"rssi_dbm":-60}}`)
	node.show("/api/node/status", 200, `{"hostname":"n3","labels":{"zone":"z9"}}`)
	p := start(t, t.TempDir(), "--sources", write(t, "sources.yaml", fmt.Sprintf(`
spore_gateways:
  - {name: hall-1, url: %s, service: spore, subservice: hall, interval: 200ms}
  - {name: n3, url: %s, service: spore, subservice: nodes, interval: 200ms}
`, gateway.URL, node.URL)))
	p.soon(`up{service="spore",subservice="hall"}`, map[string]string{"device=hall-1 service=spore subservice=hall": "1"})
	p.soonIs(`spore_node_cpu_usage_percent{node="n3",zone="z9",subservice="nodes"}`, "12.5")
	var fleet struct {
		Nodes []struct {
			Hostname string
			CPU      struct {
				Usage float64 `json:"usage_percent"`
			}
		}
		Summary struct {
			TotalNodes int `json:"total_nodes"`
		}
	}
	eventually(t, "the fleet's document shows the gateway's nodes and the node", func() error {
		p.getJSON("/api/monitoring/resources?service=spore", &fleet)
		usage := map[string]float64{}
		for _, n := range fleet.Nodes {
			usage[n.Hostname] = n.CPU.Usage
		}
		if fleet.Summary.TotalNodes != 3 || usage["n1"] != 10 || usage["n2"] != 30 || usage["n3"] != 12.5 {
			return fmt.Errorf("%+v", fleet)
		}
		return nil
	})
	node.show("/api/monitoring/resources", 200, "<html>maintenance</html>") // which is no document
	p.soonIs(`up{device="n3"}`, "0")
	gateway.Close()
	p.soonIs(`up{device="hall-1"}`, "0")
	p.soonIs("count(up == 0)", "2")
}

// A check fails three times, and people are told; a single failure tells nobody.
const probeRules = `groups:
  - name: probes
    interval: 100ms
    rules:
      - alert: ProbeFailed
        expr: probe_success == 0
        for: 400ms
`

func TestUptimeChecks(t *testing.T) {
	site := servePages(t)
	site.show("/health", 200, `{"status":"healthy","nodes":[{"state":"ok"}]}`)
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	p := start(t, t.TempDir(), "--rules", write(t, "rules.yml", probeRules), "--default-rules=false", "--sources", write(t, "sources.yaml", fmt.Sprintf(`
probes:
  - name: site
    target: %s/health
    service: data
    subservice: sites
    interval: 200ms
    labels: {team: web}
    body_fields:
      - {path: status, equals: healthy}
      - {path: 'nodes[0].state', equals: ok}
  - {name: broker, target: "tcp://%s", service: data, subservice: sites, interval: 200ms}
`, site.URL, broker.Addr())))
	onSite := fmt.Sprintf("instance=%s/health job=site service=data subservice=sites team=web", site.URL)
	onBroker := fmt.Sprintf("instance=tcp://%s job=broker service=data subservice=sites", broker.Addr())
	p.soon("probe_success", map[string]string{onSite: "1", onBroker: "1"})
	p.soon("probe_http_status_code", map[string]string{onSite: "200"})
	p.soonIs("count(probe_duration_seconds < 1)", "2")
	p.beyond(`probe_http_duration_seconds{phase="processing"} >= 0`, -1)

	site.show("/health", 200, `{"status":"degraded","nodes":[{"state":"ok"}]}`) // the status is as expected, the body is not
	p.soonAlert("ProbeFailed", "job", "site", "firing")
	p.soon("probe_success", map[string]string{onSite: "0", onBroker: "1"})
	broker.Close()
	p.soonAlert("ProbeFailed", "job", "broker", "firing")
	site.show("/health", 200, `{"status":"healthy","nodes":[{"state":"ok"}]}`)
	p.soonAlert("ProbeFailed", "job", "site", "")
	site.show("/health", 500, `{"status":"healthy","nodes":[{"state":"ok"}]}`)
	p.soonIs("probe_http_status_code", "500")
	p.soonAlert("ProbeFailed", "job", "site", "firing")
}

// awaitStored waits until a topic's retained message is in a file: unlike the event,
// it is written soon after it was acknowledged, and a kill may come before.
func awaitStored(t *testing.T, dir, topic string) {
	t.Helper()
	eventually(t, "the retained message is stored", func() error {
		files, err := filepath.Glob(filepath.Join(dir, "journal", "jetstream", "*", "streams", "KV_*", "msgs", "*.blk"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), topic) {
				return nil
			}
		}
		return fmt.Errorf("it is in none of %q", files)
	})
}

// A retained message is one event, however often it is delivered again.
func TestARetainedMessageCountsOnce(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	const topic = "spore/plant/hall/n1/resources"
	device := connect3(t, p.MQTT, "n1")
	device.await(device.Publish(topic, 1, true, `{"hostname":"n1","cpu":{"usage_percent":20}}`))
	awaitStored(t, dir, topic)
	for round := range 2 {
		for i := range 3 {
			seen := make(chan bool, 1)
			listener := connect3(t, p.MQTT, fmt.Sprintf("listener-%d", i))
			listener.await(listener.Subscribe("spore/#", 1, func(_ paho3.Client, m paho3.Message) { seen <- m.Retained() }))
			select {
			case retained := <-seen:
				if !retained {
					t.Error("it was delivered as if it were new")
				}
			case <-time.After(patience):
				t.Fatal("it was not delivered")
			}
		}
		if acc := p.settled(1); acc.Sum.Received != 1 {
			t.Errorf("round %d, the books: %+v", round, acc.Sum)
		}
		p.soonIs(`weir_source_readings_total{source="n1"}`, "1")
		if round == 0 {
			p.kill()
			p = start(t, dir)
		}
	}
}
