package decode_test

import (
	"bytes"
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
	healthTopic  = "datamgmt/s/ss/data-1/health"
	statsTopic   = "datamgmt/s/ss/data-1/stats"
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
