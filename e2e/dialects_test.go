package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
)

// A message of each dialect, as the contracts show it, and the page on which it
// must be found. The golden pages were written by hand from the contracts.
var dialects = []struct {
	name    string
	topic   string
	qos     byte
	payload string
	page    string // path on the internal listener
	golden  string
}{
	{
		name: "D0, Propeller's document", topic: "m/domain-1/c/channel-1/metrics/proplet", qos: 2,
		payload: `{"task_id":"task-d0","proplet_id":"b1a2",
 "metrics":{"cpu_usage_percent":12.25,"memory_usage_bytes":7340032,"memory_usage_percent":0.4,
  "disk_read_bytes":4096,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,
  "uptime_seconds":7,"thread_count":3,"file_descriptor_count":11,"timestamp":"2026-01-02T03:04:05.000006Z"},
 "aggregated":{"avg_cpu_usage":12.25,"max_cpu_usage":12.25,"avg_memory_usage":7340032,"max_memory_usage":7340032,
  "total_disk_read":0,"total_disk_write":0,"total_network_rx":0,"total_network_tx":0,"sample_count":1}}`,
		page: "/tasks/task-d0/metrics", golden: "task_d0.json",
	},
	{
		name: "D1, the Go proplet", topic: "m/domain-1/c/channel-1/control/proplet/task_metrics", qos: 2,
		payload: `{"task_id":"task-d1","proplet_id":"b1a2",
 "metrics":{"cpu_percent":12.25,"memory_bytes":7340032,"memory_percent":0.4,
  "disk_read_bytes":4096,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,
  "uptime_seconds":7,"thread_count":3,"file_descriptor_count":11,"timestamp":"2026-01-02T03:04:05.000006789Z"},
 "aggregated":{"avg_cpu_usage":12.25,"max_cpu_usage":13,"avg_memory_usage":7340032,"max_memory_usage":7340032,
  "total_disk_read":0,"total_disk_write":0,"total_network_rx":0,"total_network_tx":0,"sample_count":2}}`,
		page: "/tasks/task-d1/metrics", golden: "task_d1.json",
	},
	{
		name: "D1r, the Rust proplet of the same age", topic: "m/domain-1/c/channel-1/control/proplet/task_metrics", qos: 1,
		payload: `{"task_id":"task-d1r","proplet_id":"b1a2",
 "metrics":{"cpu_percent":0.5,"memory_bytes":1024,"memory_percent":0.4,
  "disk_read_bytes":4096,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,
  "uptime_seconds":7,"thread_count":3,"timestamp":"2026-01-02T03:04:05.123456789+00:00"}}`,
		page: "/tasks/task-d1r/metrics", golden: "task_d1r.json",
	},
	{
		name: "D2, the Rust proplet of today", topic: "m/domain-1/c/channel-1/control/proplet/task_metrics", qos: 2,
		payload: `{"task_id":"task-d2","proplet_id":"b1a2",
 "metrics":{"cpu_percent":12.25,"memory_bytes":7340032,"memory_percent":0.0,"disk_read_bytes":0,"disk_write_bytes":0,
  "uptime_seconds":7,"thread_count":3,"file_descriptor_count":11},
 "aggregated":null,
 "timestamp":{"secs_since_epoch":1767323045,"nanos_since_epoch":6789}}`,
		page: "/tasks/task-d2/metrics", golden: "task_d2.json",
	},
	{
		name: "D3, the embedded proplet", topic: "m/domain-1/c/channel-1/control/proplet/task_metrics", qos: 1,
		payload: `{"task_id":"task-d3","proplet_id":"emb1",
 "metrics":{"cpu_percent":3.0,"memory_bytes":20480.0,"memory_percent":1.5,"disk_read_bytes":0,"disk_write_bytes":0,
  "uptime_seconds":12.0,"thread_count":2.0,"file_descriptor_count":0},
 "timestamp":12345}`,
		page: "/tasks/task-d3/metrics", golden: "task_d3.json",
	},
	{
		name: "the Go proplet's own metrics", topic: "m/domain-1/c/channel-1/control/proplet/metrics", qos: 2,
		payload: `{"proplet_id":"go-1","namespace":"default",
 "metrics":{"version":"v1","timestamp":"2026-01-02T03:04:05Z",
  "cpu":{"user_seconds":0.21,"system_seconds":0.05,"percent":1.5},
  "memory":{"rss_bytes":20971520,"heap_alloc_bytes":3145728,"heap_sys_bytes":8388608,"heap_inuse_bytes":4194304,
            "container_usage_bytes":30000000,"container_limit_bytes":536870912}}}`,
		page: "/proplets/go-1/metrics", golden: "proplet_d1.json",
	},
	{
		name: "the Rust proplet's own metrics", topic: "m/domain-1/c/channel-1/control/proplet/metrics", qos: 2,
		payload: `{"proplet_id":"rust-1","namespace":"default","timestamp":{"secs_since_epoch":1767323045,"nanos_since_epoch":0},
 "cpu_metrics":{"user_seconds":0.2,"system_seconds":0.1,"percent":0.7},
 "memory_metrics":{"rss_bytes":20971520,"heap_alloc_bytes":0,"heap_sys_bytes":0,"heap_inuse_bytes":0}}`,
		page: "/proplets/rust-1/metrics", golden: "proplet_d2.json",
	},
	{
		name: "a SPORE node in the gateway's form", topic: "spore/factory/line1/spore-a/resources", qos: 1,
		payload: `{"timestamp":1767323045,"node_ip":"10.0.0.5","hostname":"spore-a",
   "cpu":{"frequency_mhz":160,"usage_percent":20,"temperature_c":50.5},
   "memory":{"total_bytes":98304,"free_bytes":49152,"used_bytes":49152,"usage_percent":50},
   "network":{"bytes_sent":100,"bytes_received":200,"packets_sent":1,"packets_received":2,"rssi_dbm":-60,"signal_quality_percent":80},
   "flash":{"total_bytes":4194304,"used_bytes":1048576,"free_bytes":3145728,"usage_percent":25},
   "labels":{"version":"1.0.0","stable":"true","env":"production","zone":"zone-1","type":"spore-node"}}`,
		page: "/api/monitoring/resources?zone=zone-1", golden: "spore_gateway_form.json",
	},
	{
		name: "a SPORE node in its own form", topic: "spore/factory/line2/spore-esp/resources", qos: 1,
		payload: `{"cpu":{"current_usage":30,"average_usage":25.5,"max_usage":80,"min_usage":1,"measurement_count":99,"is_measuring":true},
 "memory":{"free_heap":20480,"total_heap":81920,"min_free_heap":10240,"max_alloc_heap":16384,"heap_fragmentation":12,"heap_usage_percent":75},
 "filesystem":{"total_bytes":1000000,"used_bytes":250000,"free_bytes":750000,"usage_percent":25},
 "system":{"uptime_ms":61000,"uptime_seconds":61,"uptime_formatted":"1m1s"}}`,
		page: "/api/monitoring/resources?service=factory&subservice=line2", golden: "spore_esp8266_form.json",
	},
	{
		name: "a SPORE gateway's whole document", topic: "spore/plant/hall/gateway/resources", qos: 1,
		payload: `{"timestamp":"2026-01-02T03:04:05Z",
 "nodes":[
  {"timestamp":1767323045,"node_ip":"10.0.1.1","hostname":"n1","cpu":{"frequency_mhz":80,"usage_percent":10,"temperature_c":45},
   "memory":{"total_bytes":100,"free_bytes":60,"used_bytes":40,"usage_percent":40},
   "network":{"bytes_sent":1,"bytes_received":2,"packets_sent":3,"packets_received":4,"rssi_dbm":-65,"signal_quality_percent":75.5},
   "flash":{"total_bytes":10,"used_bytes":1,"free_bytes":9,"usage_percent":10},"labels":{"version":"1.1.0"}},
  {"timestamp":1767323046,"node_ip":"10.0.1.2","hostname":"n2","cpu":{"frequency_mhz":160,"usage_percent":35.5,"temperature_c":55},
   "memory":{"total_bytes":100,"free_bytes":40,"used_bytes":60,"usage_percent":60},
   "network":{"bytes_sent":10,"bytes_received":20,"packets_sent":30,"packets_received":40,"rssi_dbm":-50,"signal_quality_percent":100},
   "flash":{"total_bytes":10,"used_bytes":3,"free_bytes":7,"usage_percent":30},"labels":{"version":"1.2.0"}}],
 "summary":{"total_nodes":2}}`,
		page: "/api/monitoring/resources?service=plant", golden: "spore_aggregate.json",
	},
	{
		name: "a proplet's registration", topic: "m/domain-2/c/channel-2/control/proplet/create", qos: 2,
		payload: `{"namespace":"default","proplet_id":"reg-1","metadata":{"description":"x","tags":["edge"],"location":"lab","ip":"10.0.0.9",
   "environment":"docker","os":"linux","hostname":"h1","cpu_arch":"x86_64","total_memory_bytes":8000000000,"proplet_version":"0.5.0","wasm_runtime":"wasmtime"}}`,
		page: "/proplets/reg-1", golden: "proplet_registered.json",
	},
}

// checkGolden compares an answer with a golden file; "<now>" in the file stands
// for a time of this run.
func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	want := golden.Want(t, "golden/"+file, got)
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(string(want))), "<now>", `[^",}]+`) + "\\s*$"
	if !regexp.MustCompile(pattern).Match(got) {
		t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(string(got))))
	}
}

func TestEachDialectIsShownAsTheContractsSay(t *testing.T) {
	p := start(t, t.TempDir(), "--retention", "0") // whose next turn would drop readings of these dates
	v3, v5 := connect3(t, p.MQTT, "three"), connect5(t, p.MQTT, "five")
	for i, d := range dialects {
		// Every other one comes by either version of MQTT.
		if i%2 == 0 {
			v3.publish(d.topic, d.qos, []byte(d.payload))
		} else {
			v5.publish(d.topic, d.qos, []byte(d.payload))
		}
	}
	acc := p.settled(uint64(len(dialects)))
	if acc.Sum.Applied != uint64(len(dialects)) {
		t.Errorf("%d of %d messages were applied", acc.Sum.Applied, len(dialects))
	}
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			for _, addr := range []string{p.Internal, p.External} {
				a := request(t, "GET", addr, d.page)
				if a.Status != 200 {
					t.Fatalf("GET %s: %d %s", d.page, a.Status, a.Body)
				}
				if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
					t.Errorf("content type %q", a.Header.Get("Content-Type"))
				}
				checkGolden(t, d.golden, a.Body)
			}
		})
	}
}

func TestWhatIsNotKnownIsEmptyOrSaysSo(t *testing.T) {
	p := start(t, t.TempDir())
	for _, tt := range []struct {
		path   string
		status int
		golden string
	}{
		{"/api/monitoring/resources", 200, "spore_none.json"},
		{"/tasks/unknown/metrics", 200, "page_none.json"},
		{"/proplets/unknown/metrics?offset=0&limit=100", 200, "page_none.json"},
		{"/tasks/x/metrics?limit=ten", 400, ""},
		{"/tasks/x/metrics?offset=-1", 400, ""},
		{"/proplets/unknown", 404, ""},
		{"/nowhere", 404, ""},
		{"/api/accounting", 200, "accounting_none.json"},
		{"/api/deadletters", 200, "deadletters_none.json"},
		{"/proplets", 200, "proplets_none.json"},
	} {
		a := p.get(tt.path)
		if a.Status != tt.status {
			t.Errorf("GET %s: %d %s", tt.path, a.Status, a.Body)
		}
		if tt.golden != "" {
			checkGolden(t, tt.golden, a.Body)
		} else if !strings.HasPrefix(string(a.Body), `{"error":"`) {
			t.Errorf("GET %s: the error is %s", tt.path, a.Body)
		}
	}
}

func TestEveryDialectCountsInTheTenantsMetrics(t *testing.T) {
	p := start(t, t.TempDir())
	c := connect3(t, p.MQTT, "b1a2")
	alive, garbage := []byte(`{"status":"alive","namespace":"default","proplet_id":"b1a2"}`), []byte(`not json`)
	c.publish("m/factory/c/line1/control/proplet/alive", 1, alive)
	c.publish("m/factory/c/line1/control/proplet/alive", 1, garbage)
	c.publish("m/factory/c/line2/control/proplet/alive", 2, []byte(`{"status":"alive","proplet_id":"b1a3"}`))
	p.settled(3)
	type metrics map[string]float64
	var got struct {
		Services map[string]struct {
			Subservs map[string]metrics
			Sum      metrics
		}
		Sum metrics
	}
	eventually(t, "the service time is there", func() error {
		p.getJSON("/admin/metrics", &got)
		if got.Sum["serviceTime"] <= 0 || got.Sum["incomingTransactionResponseSize"] != 12 {
			return fmt.Errorf("%v", got.Sum)
		}
		return nil
	})
	line1 := got.Services["factory"].Subservs["line1"]
	for name, want := range map[string]float64{"incomingTransactions": 2, "incomingTransactionErrors": 1, "incomingTransactionRequestSize": float64(len(alive) + len(garbage)), "notifications": 0} {
		if line1[name] != want {
			t.Errorf("line1: %s is %v, want %v", name, line1[name], want)
		}
	}
	if got.Services["factory"].Sum["incomingTransactions"] != 3 || got.Sum["incomingTransactions"] != 3 {
		t.Errorf("the sums are %v and %v", got.Services["factory"].Sum, got.Sum)
	}
	if a := request(t, "GET", p.External, "/admin/metrics?reset=true"); a.Status < 400 {
		t.Errorf("the external listener lets a reset through: %d", a.Status)
	}
	p.getJSON("/admin/metrics?reset=true", &got)
	if got.Sum["incomingTransactions"] != 3 {
		t.Errorf("the reset answers %v", got.Sum)
	}
	got.Sum = nil
	p.getJSON("/admin/metrics", &got)
	if got.Sum["incomingTransactions"] != 0 {
		t.Errorf("after the reset: %v", got.Sum)
	}
}

func TestProfilesAreOnTheInternalListenerOnly(t *testing.T) {
	p := start(t, t.TempDir())
	if a := p.get("/debug/pprof/goroutine?debug=1"); a.Status != 200 {
		t.Errorf("internal: %d %s", a.Status, a.Body)
	}
	if a := request(t, "GET", p.External, "/debug/pprof/goroutine?debug=1"); a.Status != 404 {
		t.Errorf("external: %d", a.Status)
	}
}
