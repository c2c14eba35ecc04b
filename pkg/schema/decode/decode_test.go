package decode_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// The topics of the tests, by what is expected on them.
const (
	taskTopic    = "m/d/c/ch/control/proplet/task_metrics"
	docTopic     = "m/d/c/ch/metrics/proplet"
	propletTopic = "m/d/c/ch/control/proplet/metrics"
	aliveTopic   = "m/d/c/ch/control/proplet/alive"
	createTopic  = "m/d/c/ch/control/proplet/create"
	nodeTopic    = "spore/s/ss/node-1/resources"
	gatewayTopic = "spore/s/ss/gateway/resources"
)

func decodeOn(t testing.TB, topic, payload string) ([]schema.Reading, *schema.Rejection) {
	t.Helper()
	parsed, ok := decode.ParseTopic(topic)
	if !ok {
		t.Fatalf("%s is none of our topics", topic)
	}
	return decode.New().Decode(parsed, []byte(payload))
}

// decodeOne decodes a payload that has one reading.
func decodeOne(t testing.TB, topic, payload string) schema.Reading {
	t.Helper()
	readings, rejection := decodeOn(t, topic, payload)
	if rejection != nil {
		t.Fatalf("%s\non %s: %v", payload, topic, rejection)
	}
	if len(readings) != 1 {
		t.Fatalf("%d readings, want 1", len(readings))
	}
	return readings[0]
}

// facts flattens a reading to its lines in the golden files.
func facts(r schema.Reading) string { return describe([]schema.Reading{r}) }

func TestDecodeGoesByTheShape(t *testing.T) {
	const (
		task      = `{"task_id":"t","proplet_id":"p","metrics":{"cpu_percent":1}}`
		propletD1 = `{"proplet_id":"p","metrics":{"cpu":{"percent":1}}}`
		propletD2 = `{"proplet_id":"p","cpu_metrics":{"percent":1}}`
		control   = `{"proplet_id":"p","status":"alive"}`
		node      = `{"cpu":{"usage_percent":1}}`
		document  = `{"nodes":[{"hostname":"h","cpu":{"usage_percent":1}}]}`
	)
	for _, test := range []struct{ name, topic, payload, want string }{
		{"a task's metrics on the proplets' topic", propletTopic, task, "proplet_task t"},
		{"a task's metrics on the document's topic", docTopic, task, "proplet_task t"},
		{"a task's metrics on the heartbeats' topic", aliveTopic, task, "proplet_task t"},
		{"D1 proplet metrics on the tasks' topic", taskTopic, propletD1, "proplet p"},
		{"D1 proplet metrics on the document's topic", docTopic, propletD1, "proplet p"},
		{"D2 proplet metrics on the tasks' topic", taskTopic, propletD2, "proplet p"},
		{"a heartbeat on the registrations' topic", createTopic, control, "proplet p"},
		{"a heartbeat with nothing but the id", aliveTopic, `{"proplet_id":"p"}`, "proplet p"},
		{"a node on the gateway's topic", gatewayTopic, node, "spore_node gateway"},
		{"a document on a node's topic", nodeTopic, document, "spore_node h"},
		{"a node with nodes that are null", nodeTopic, `{"nodes":null,"cpu":{"usage_percent":1}}`, "spore_node node-1"},
		{"metrics with a cpu that is no object are a task's", taskTopic, `{"task_id":"t","metrics":{"cpu":3,"cpu_percent":1}}`, "proplet_task t"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := facts(decodeOne(t, test.topic, test.payload)); !strings.Contains(got, "\n"+test.want+"\n") {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestDecodeTellsTheDialect(t *testing.T) {
	task := func(metrics, outer string) string {
		return `{"task_id":"t","metrics":{` + metrics + `}` + outer + `}`
	}
	const zeros = `"cpu_percent":1,"disk_read_bytes":0,"disk_write_bytes":0,"file_descriptor_count":0`
	const epoch = `{"secs_since_epoch":1767323045,"nanos_since_epoch":1}`
	for _, test := range []struct {
		name, payload string
		want          schema.Dialect
		clock         schema.Clock
	}{
		{"the document's names are D0", task(`"cpu_usage_percent":1,"timestamp":"2026-01-02T03:04:05Z"`, ""), schema.DialectD0, schema.ClockRFC3339},
		{"the document's memory names are D0", task(`"memory_usage_bytes":1`, ""), schema.DialectD0, schema.ClockNone},
		{"the document's names are D0 whatever the time", task(`"cpu_usage_percent":1,"timestamp":`+epoch, ""), schema.DialectD0, schema.ClockEpoch},
		{"UTC as Go writes it is D1", task(`"cpu_percent":1,"timestamp":"2026-01-02T03:04:05Z"`, ""), schema.DialectD1, schema.ClockRFC3339},
		{"a local time is D1", task(`"cpu_percent":1,"timestamp":"2026-01-02T03:04:05+02:00"`, ""), schema.DialectD1, schema.ClockRFC3339},
		{"UTC as Rust writes it is D1r", task(`"cpu_percent":1,"timestamp":"2026-01-02T03:04:05.5+00:00"`, ""), schema.DialectD1r, schema.ClockRFC3339},
		{"an epoch object is D2", task(`"cpu_percent":1`, `,"timestamp":`+epoch), schema.DialectD2, schema.ClockEpoch},
		{"a string beside metrics, as D2's document has it, is D2", task(`"cpu_percent":1`, `,"timestamp":"2026-01-02T03:04:05Z"`), schema.DialectD2, schema.ClockRFC3339},
		{"milliseconds since boot are D3", task(`"cpu_percent":1`, `,"timestamp":86400000`), schema.DialectD3, schema.ClockUptime},
		{"an embedded proplet that is up for a month is D3", task(zeros, `,"timestamp":2592000000`), schema.DialectD3, schema.ClockUptime},
		{"unix seconds with D2's names are D2", task(`"cpu_percent":1`, `,"timestamp":1767323045`), schema.DialectD2, schema.ClockUnix},
		{"without a time it is D1", task(`"cpu_percent":1`, ""), schema.DialectD1, schema.ClockNone},
		{"D1 proplet metrics", `{"proplet_id":"p","metrics":{"timestamp":"2026-01-02T03:04:05Z","memory":{"rss_bytes":1}}}`, schema.DialectD1, schema.ClockRFC3339},
		{"D1r proplet metrics", `{"proplet_id":"p","metrics":{"timestamp":"2026-01-02T03:04:05+00:00","cpu":{"percent":1}}}`, schema.DialectD1r, schema.ClockRFC3339},
		{"D2 proplet metrics", `{"proplet_id":"p","memory_metrics":{"rss_bytes":1},"timestamp":` + epoch + `}`, schema.DialectD2, schema.ClockEpoch},
		{"D2 proplet metrics without a time", `{"proplet_id":"p","memory_metrics":{"rss_bytes":1}}`, schema.DialectD2, schema.ClockNone},
		{"an embedded proplet's heap is D3", `{"proplet_id":"p","memory_metrics":{"heap_free_bytes":1},"timestamp":2592000000}`, schema.DialectD3, schema.ClockUptime},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := decodeOne(t, taskTopic, test.payload)
			if r.Dialect != test.want || r.Clock != test.clock {
				t.Errorf("dialect %s, clock %d; want %s, %d", r.Dialect, r.Clock, test.want, test.clock)
			}
		})
	}
}

func TestDecodeIsTolerant(t *testing.T) {
	for _, test := range []struct{ name, topic, payload, want string }{
		{"integers for floats", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":12}}`, "field metrics.cpu_percent 12"},
		{"floats for integers", taskTopic, `{"task_id":"t","metrics":{"thread_count":3.0}}`, "field metrics.thread_count 3"},
		{"exponents", taskTopic, `{"task_id":"t","metrics":{"memory_bytes":1.5e+6}}`, "field metrics.memory_bytes 1500000"},
		{"numbers beyond 2^63", taskTopic, `{"task_id":"t","metrics":{"memory_bytes":18446744073709551615}}`, "field metrics.memory_bytes 18446744073709552000"},
		{"numbers too small for a float are 0", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":1e-999}}`, "field metrics.cpu_percent 0"},
		{"minus 0 is 0", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":-0.0}}`, "field metrics.cpu_percent 0\n"},
		{"null for a value", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":null,"thread_count":1}}`, "presence alive\n  field metrics.thread_count 1"},
		{"null for an object", nodeTopic, `{"network":null,"cpu":{"usage_percent":1}}`, "field cpu.usage_percent 1"},
		{"null for an id that is not needed", taskTopic, `{"task_id":"t","proplet_id":null,"metrics":{"cpu_percent":1}}`, "proplet_task t\n  dialect d1"},
		{"unknown fields everywhere", taskTopic, `{"a":[1,{"b":null}],"task_id":"t","metrics":{"gpu":{"x":"y"},"cpu_percent":1},"aggregated":{"p99":1e999}}`, "field metrics.cpu_percent 1"},
		{"white space", taskTopic, " {\n\t\"task_id\" : \"t\" ,\r\n \"metrics\":{ \"cpu_percent\" : 1 } } \n", "field metrics.cpu_percent 1"},
		{"escapes in names and in ids", taskTopic, `{"task\u005fid":"caf\u00e9 \ud83d\ude00","metrics":{"cpu_p\u0065rcent":1}}`, "proplet_task café 😀"},
		{"the last of a repeated name counts", taskTopic, `{"task_id":"a","task_id":"b","metrics":{"cpu_percent":1,"cpu_percent":2}}`, "proplet_task b\n  dialect d1\n  presence alive\n  field metrics.cpu_percent 2"},
		{"of two names the first in the table counts", taskTopic, `{"task_id":"t","metrics":{"cpu_usage_percent":7,"cpu_percent":2}}`, "field metrics.cpu_percent 2"},
		{"in whatever order", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":2,"cpu_usage_percent":7}}`, "field metrics.cpu_percent 2"},
		{"fields in any order come out sorted", taskTopic, `{"aggregated":{"sample_count":4},"metrics":{"thread_count":3,"memory_bytes":2,"cpu_percent":1},"task_id":"t"}`,
			"field metrics.cpu_percent 1\n  field metrics.memory_bytes 2\n  field metrics.thread_count 3\n  field aggregated.sample_count 4"},
		{"values in aggregated alone", taskTopic, `{"task_id":"t","metrics":{},"aggregated":{"sample_count":4}}`, "field aggregated.sample_count 4"},
		{"a status that is not known is a sign of life", aliveTopic, `{"proplet_id":"p","status":"busy"}`, "presence alive\n  heartbeat true"},
		{"a status that is no text is a sign of life", aliveTopic, `{"proplet_id":"p","status":[5]}`, "presence alive\n  heartbeat true"},
		{"a heartbeat with a time", aliveTopic, `{"proplet_id":"p","timestamp":"2026-01-02T03:04:05Z"}`, "clock rfc3339\n  time 2026-01-02T03:04:05Z"},
		{"metadata that is no object", createTopic, `{"proplet_id":"p","metadata":[1, "x"]}`, `attribute metadata [1,"x"]`},
		{"metadata with escapes", createTopic, `{"proplet_id":"p","metadata":{"d\u0065s":"a\n\"b\" \ud83d" , "n":1}}`, `attribute metadata {"d\u0065s":"a\n\"b\" \ud83d","n":1}`},
		{"metadata that is null", createTopic, `{"proplet_id":"p","metadata":null}`, "heartbeat true\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := facts(decodeOne(t, test.topic, test.payload)); !strings.Contains(got, test.want) {
				t.Errorf("got %s, want it to have %s", got, test.want)
			}
		})
	}
}

func TestDecodeNamesSporeNodes(t *testing.T) {
	const cpu = `"cpu":{"usage_percent":1}`
	for _, test := range []struct{ name, topic, payload, want string }{
		{"the hostname comes before the topic", nodeTopic, `{"hostname":"h","node_ip":"10.0.0.1",` + cpu + `}`, "spore_node h"},
		{"the topic comes before the address", nodeTopic, `{"node_ip":"10.0.0.1",` + cpu + `}`, "spore_node node-1"},
		{"an empty hostname is none", nodeTopic, `{"hostname":"",` + cpu + `}`, "spore_node node-1"},
		{"in a document the address stands in for the hostname", gatewayTopic, `{"nodes":[{"node_ip":"10.0.0.1",` + cpu + `}]}`, "spore_node 10.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := facts(decodeOne(t, test.topic, test.payload)); !strings.Contains(got, "\n"+test.want+"\n") {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestDecodeDerivesWhatFollows(t *testing.T) {
	signal := func(rssi string) string { return `{"network":{"rssi_dbm":` + rssi + `}}` }
	const derived = "attribute signal_quality derived"
	for _, test := range []struct {
		name, payload string
		want, not     string
	}{
		{"the signal quality from the signal strength", signal("-65"), "field network.signal_quality_percent 70\n  " + derived, ""},
		{"at least 0", signal("-110.5"), "signal_quality_percent 0\n", ""},
		{"at most 100", signal("-30"), "signal_quality_percent 100\n", ""},
		{"even from a signal strength that cannot be", signal("-1e308"), "signal_quality_percent 0\n", ""},
		{"but not if it is given", `{"network":{"rssi_dbm":-65,"signal_quality_percent":75.5}}`, "signal_quality_percent 75.5", derived},
		{"nor from nothing", `{"network":{"bytes_sent":1}}`, "bytes_sent 1", "signal"},
		{"the used memory and its share", `{"memory":{"total_heap":80000,"free_heap":20000}}`, "field memory.used_bytes 60000\n  field memory.usage_percent 75\n", derived},
		{"the share only if it is not given", `{"memory":{"total_heap":80000,"free_heap":20000,"heap_usage_percent":74}}`, "field memory.usage_percent 74\n", derived},
		{"no share of no memory", `{"memory":{"total_heap":0,"free_heap":0}}`, "field memory.used_bytes 0\n", "usage_percent"},
		{"nothing of figures that contradict each other", `{"memory":{"total_heap":1,"free_heap":2}}`, "free_bytes 2", "used_bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := facts(decodeOne(t, nodeTopic, test.payload))
			if !strings.Contains(got, test.want) {
				t.Errorf("got %s, want it to have %s", got, test.want)
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("got %s, want it not to have %s", got, test.not)
			}
		})
	}
}

func TestDecodeTakesLabels(t *testing.T) {
	node := func(labels string) string { return `{"cpu":{"usage_percent":1},"labels":` + labels + `}` }
	for _, test := range []struct {
		name, labels string
		want         []schema.Label
	}{
		{"sorted by name", `{"zone":"z","env":"e","a":"1"}`, []schema.Label{{Name: "a", Value: "1"}, {Name: "env", Value: "e"}, {Name: "zone", Value: "z"}}},
		{"the last of a repeated name counts", `{"a":"1","b":"2","a":"3","a":"4"}`, []schema.Label{{Name: "a", Value: "4"}, {Name: "b", Value: "2"}}},
		{"booleans and numbers stand for their text", `{"n":1.50,"stable":true,"x":false}`, []schema.Label{{Name: "n", Value: "1.50"}, {Name: "stable", Value: "true"}, {Name: "x", Value: "false"}}},
		{"null stands for no label", `{"a":null,"b":"2"}`, []schema.Label{{Name: "b", Value: "2"}}},
		{"an empty text is kept", `{"a":""}`, []schema.Label{{Name: "a"}}},
		{"no labels in an empty object", `{}`, []schema.Label{}},
		{"none at all in null", `null`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := decodeOne(t, nodeTopic, node(test.labels)).Labels
			if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
		})
	}
}

func TestDecodeReadsADocumentsNodesInOrder(t *testing.T) {
	readings, rejection := decodeOn(t, gatewayTopic, `{"timestamp":"2026-01-02T03:04:05Z","nodes":[
		{"hostname":"b","timestamp":1767323000,"cpu":{"usage_percent":1},"labels":{"n":1}},
		{"hostname":"a","cpu":{"current_usage":2}},
		{"hostname":"b","timestamp":1767323001.25,"cpu":{"usage_percent":3},"labels":{"n":3}}]}`)
	if rejection != nil {
		t.Fatal(rejection)
	}
	want := `readings 3

spore_node b
  dialect gateway
  clock unix
  time 2026-01-02T03:03:20Z
  presence alive
  field cpu.usage_percent 1
  label n 1

spore_node a
  dialect esp8266
  clock rfc3339
  time 2026-01-02T03:04:05Z
  presence alive
  field cpu.usage_percent 2

spore_node b
  dialect gateway
  clock unix
  time 2026-01-02T03:03:21.25Z
  presence alive
  field cpu.usage_percent 3
  label n 3
`
	if got := describe(readings); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// manyNodes is a document with n nodes, each with values, labels and attributes
// of its own.
func manyNodes(n int) string {
	var b strings.Builder
	b.WriteString(`{"nodes":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"hostname":"node-%d","node_ip":"10.0.0.%d","cpu":{"usage_percent":%d},"labels":{"rack":%d,"zone":"z%d"},"network":{"rssi_dbm":-70}}`, i, i, i, i, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

func TestDecodeKeepsAllReadingsOfALargeDocument(t *testing.T) {
	const n = 1000
	topic, _ := decode.ParseTopic(gatewayTopic)
	d := decode.New()
	for range 3 { // grown buffers, kept buffers, fresh buffers after a large payload
		readings, rejection := d.Decode(topic, []byte(manyNodes(n)))
		if rejection != nil || len(readings) != n {
			t.Fatalf("%d readings, %v; want %d", len(readings), rejection, n)
		}
		for i, r := range readings {
			text := fmt.Sprintf(" %s %v %v %v", r.ID, r.Fields[0].Value, r.Labels, r.Attributes)
			want := fmt.Sprintf(" node-%d %d [{rack %d} {zone z%d}] [{node_ip 10.0.0.%d} {signal_quality derived}]", i, i, i, i, i)
			if text != want {
				t.Fatalf("node %d is%s, want%s", i, text, want)
			}
		}
		if _, rejection := d.Decode(topic, []byte(`{"cpu":{"usage_percent":1}}`)); rejection != nil {
			t.Fatal(rejection)
		}
	}
}

func TestDecodeLeavesThePayloadAlone(t *testing.T) {
	for _, m := range messages(t) {
		topic, ok := decode.ParseTopic(m.topic)
		if !ok {
			continue
		}
		before := bytes.Clone(m.payload)
		decode.New().Decode(topic, m.payload)
		if !bytes.Equal(before, m.payload) {
			t.Errorf("%s was changed", m.name)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, m := range messages(t) {
		topic, ok := decode.ParseTopic(m.topic)
		if !ok {
			continue
		}
		d := decode.New()
		d.Decode(topic, m.payload)
		if n := testing.AllocsPerRun(100, func() { d.Decode(topic, m.payload) }); n != 0 {
			t.Errorf("%s allocates %v times", m.name, n)
		}
	}
}
