package decode_test

import (
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

func TestDecodeRejects(t *testing.T) {
	task := func(metrics string) string { return `{"task_id":"t","metrics":{` + metrics + `}}` }
	node := func(rest string) string { return `{"cpu":{"usage_percent":1},` + rest + `}` }
	document := func(node string) string {
		const good = `{"hostname":"h","cpu":{"usage_percent":1}}`
		return `{"nodes":[` + good + `,` + good + `,` + good + `,` + node + `,` + good + `]}`
	}
	for _, test := range []struct {
		name, topic, payload string
		reason               schema.Reason
		offset               int
		detail               string
	}{
		{"an empty payload", taskTopic, "", schema.ReasonNotJSON, 0, "the payload is empty: expected a JSON object"},
		{"text", taskTopic, "hello", schema.ReasonNotJSON, 0, "invalid character 'h'"},
		{"white space alone", taskTopic, "  ", schema.ReasonNotJSON, 2, "ends too early"},
		{"an object that ends too early", taskTopic, `{"task_id":"t"`, schema.ReasonNotJSON, 14, "ends too early"},
		{"a word that ends too early", taskTopic, `tru`, schema.ReasonNotJSON, 3, "ends too early"},
		{"a missing value", taskTopic, `{"task_id":}`, schema.ReasonNotJSON, 11, "invalid character '}'"},
		{"something behind the object", taskTopic, `{"task_id":"t"} x`, schema.ReasonNotJSON, 16, "invalid character 'x' after top-level value"},
		{"Python's infinity", taskTopic, task(`"cpu_percent":Infinity`), schema.ReasonNotJSON, 40, "invalid character 'I'"},
		{"NaN in a field that is ignored", taskTopic, task(`"cpu_percent":1,"x":[{"y":NaN}]`), schema.ReasonNotJSON, 52, "invalid character 'N'"},
		{"NaN in a field that is ignored later", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":1},"metrics":{"cpu_percent":1},"status":nan}`, schema.ReasonNotJSON, 81, "invalid character 'a'"},
		{"NaN in a part that a later one replaces", taskTopic, `{"metrics":[NaN],"task_id":"t","metrics":{"cpu_percent":1}}`, schema.ReasonNotJSON, 12, "invalid character 'N'"},
		{"a number with a leading zero in a timestamp", taskTopic, task(`"cpu_percent":1,"timestamp":01`), schema.ReasonNotJSON, 55, "invalid character '1'"},
		{"a number with a sign in an epoch", taskTopic, task(`"cpu_percent":1,"timestamp":{"secs_since_epoch":+1}`), schema.ReasonNotJSON, 74, "invalid character '+'"},
		{"a label of NaN", nodeTopic, node(`"labels":{"a":NaN}`), schema.ReasonNotJSON, 41, "invalid character 'N'"},
		{"a control character in a text that is ignored", taskTopic, task("\"cpu_percent\":1,\"x\":\"a\tb\""), schema.ReasonNotJSON, 48, `invalid character '\t' in string`},
		{"a control character in a name that is ignored", taskTopic, task("\"cpu_percent\":1,\"a\tb\":1"), schema.ReasonNotJSON, 44, `invalid character '\t' in string`},
		{"a control character in an id", taskTopic, "{\"task_id\":\"a\nb\",\"metrics\":{\"cpu_percent\":1}}", schema.ReasonNotJSON, 13, `invalid character '\n' in string`},
		{"an escape that JSON does not know", taskTopic, task(`"cpu_percent":1,"x":"\x41"`), schema.ReasonNotJSON, 48, "invalid character 'x' in string escape code"},
		{"NaN in metadata", createTopic, `{"proplet_id":"p","metadata":{"a":NaN}}`, schema.ReasonNotJSON, 34, "invalid character 'N'"},
		{"objects within objects without end", taskTopic, strings.Repeat(`{"a":`, 400) + "1" + strings.Repeat("}", 400), schema.ReasonNotJSON, -1, "nested deeper than 300 levels"},

		{"an array", taskTopic, `[{"task_id":"t"}]`, schema.ReasonNotAnObject, -1, "the payload is an array: expected a JSON object"},
		{"a number", taskTopic, `42`, schema.ReasonNotAnObject, -1, "the payload is a number"},
		{"a string", taskTopic, `"42"`, schema.ReasonNotAnObject, -1, "the payload is a string"},
		{"null", nodeTopic, `null`, schema.ReasonNotAnObject, -1, "the payload is null"},
		{"true", aliveTopic, `true`, schema.ReasonNotAnObject, -1, "the payload is true"},
		{"NaN is no JSON at all", aliveTopic, `NaN`, schema.ReasonNotJSON, 0, "invalid character 'N'"},

		{"a task without an id", taskTopic, `{"proplet_id":"p","metrics":{"cpu_percent":1}}`, schema.ReasonMissingSource, -1, "task_id is missing or empty: expected"},
		{"a task with an empty id", taskTopic, `{"task_id":"","metrics":{"cpu_percent":1}}`, schema.ReasonMissingSource, -1, "task_id is missing or empty"},
		{"a task with null for an id", taskTopic, `{"task_id":null,"metrics":{"cpu_percent":1}}`, schema.ReasonMissingSource, -1, "task_id is missing or empty"},
		{"proplet metrics without an id", propletTopic, `{"cpu_metrics":{"percent":1}}`, schema.ReasonMissingSource, -1, "proplet_id is missing or empty"},
		{"a heartbeat without an id", aliveTopic, `{"status":"alive"}`, schema.ReasonMissingSource, -1, "proplet_id is missing or empty"},
		{"a registration without an id", createTopic, `{"namespace":"default"}`, schema.ReasonMissingSource, -1, "proplet_id is missing or empty"},
		{"a document's node without a name", gatewayTopic, document(`{"cpu":{"usage_percent":1}}`), schema.ReasonMissingSource, -1, "nodes[3].hostname is missing or empty, and so is node_ip"},

		{"a text for a number", taskTopic, task(`"cpu_percent":"12.5"`), schema.ReasonBadNumber, -1, `metrics.cpu_percent is "12.5": expected a finite number`},
		{"a boolean for a number", taskTopic, task(`"thread_count":true`), schema.ReasonBadNumber, -1, "metrics.thread_count is true"},
		{"an object for a number", taskTopic, task(`"thread_count":{"a": 1}`), schema.ReasonBadNumber, -1, `metrics.thread_count is {"a":1}`},
		{"a long text for a number", taskTopic, task(`"thread_count":"` + strings.Repeat("x", 100) + `"`), schema.ReasonBadNumber, -1, `metrics.thread_count is "` + strings.Repeat("x", 47) + "…: expected"},
		{"a text that cannot be printed for a number", taskTopic, task("\"thread_count\":\"\xff\""), schema.ReasonBadNumber, -1, `metrics.thread_count is "\"\xff\""`},
		{"NaN for a number", taskTopic, task(`"memory_percent":NaN`), schema.ReasonBadNumber, -1, "metrics.memory_percent is NaN"},
		{"minus infinity for a number", taskTopic, task(`"memory_percent":-inf`), schema.ReasonBadNumber, -1, "metrics.memory_percent is -inf"},
		{"a number beyond all floats", taskTopic, task(`"memory_percent":1e999`), schema.ReasonBadNumber, -1, "metrics.memory_percent is 1e999"},
		{"a bad number in aggregated", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":1},"aggregated":{"sample_count":"2"}}`, schema.ReasonBadNumber, -1, `aggregated.sample_count is "2"`},
		{"a bad number in D1 proplet metrics", propletTopic, `{"proplet_id":"p","metrics":{"cpu":{"percent":[]}}}`, schema.ReasonBadNumber, -1, "metrics.cpu.percent is []"},
		{"a bad number in D2 proplet metrics", propletTopic, `{"proplet_id":"p","memory_metrics":{"rss_bytes":"x"}}`, schema.ReasonBadNumber, -1, `memory_metrics.rss_bytes is "x"`},
		{"a bad number that a good one follows", taskTopic, task(`"cpu_percent":"x","cpu_percent":1`), schema.ReasonBadNumber, -1, `metrics.cpu_percent is "x"`},
		{"a bad number of a node", nodeTopic, `{"cpu":{"usage_percent":"20"}}`, schema.ReasonBadNumber, -1, `cpu.usage_percent is "20"`},
		{"a bad number of an ESP8266", nodeTopic, `{"memory":{"free_heap":"20"}}`, schema.ReasonBadNumber, -1, `memory.free_heap is "20"`},
		{"a bad number of a document's node", gatewayTopic, document(`{"hostname":"h","cpu":{"usage_percent":1e400}}`), schema.ReasonBadNumber, -1, "nodes[3].cpu.usage_percent is 1e400: expected a finite number"},

		{"an empty object", taskTopic, `{}`, schema.ReasonUnknownShape, -1, "none of the known shapes"},
		{"another object", taskTopic, `{"hello":"world"}`, schema.ReasonUnknownShape, -1, "none of the known shapes"},
		{"an empty heartbeat", aliveTopic, `{}`, schema.ReasonUnknownShape, -1, "none of the known shapes: expected proplet_id"},
		{"a heartbeat where metrics are expected", taskTopic, `{"proplet_id":"p","status":"alive"}`, schema.ReasonUnknownShape, -1, "none of the known shapes"},
		{"a task without metrics", taskTopic, `{"task_id":"t","proplet_id":"p"}`, schema.ReasonUnknownShape, -1, "metrics has none of a task's values"},
		{"a task's results where its metrics are expected", taskTopic, `{"task_id":"t","proplet_id":"p","results":"42","error":""}`, schema.ReasonUnknownShape, -1, "metrics has none of a task's values"},
		{"a task with no known values", taskTopic, task(`"gpu_percent":1`), schema.ReasonUnknownShape, -1, "metrics has none of a task's values"},
		{"metrics that are no object", taskTopic, `{"task_id":"t","metrics":5}`, schema.ReasonUnknownShape, -1, "metrics is a number: expected an object"},
		{"aggregated that is no object", taskTopic, `{"task_id":"t","metrics":{"cpu_percent":1},"aggregated":[]}`, schema.ReasonUnknownShape, -1, "aggregated is an array: expected an object"},
		{"a proplet with no known values", propletTopic, `{"proplet_id":"p","cpu_metrics":{"x":1}}`, schema.ReasonUnknownShape, -1, "cpu_metrics and memory_metrics have none of a proplet's values"},
		{"memory metrics that are no object", propletTopic, `{"proplet_id":"p","cpu_metrics":{"percent":1},"memory_metrics":"x"}`, schema.ReasonUnknownShape, -1, "memory_metrics is a string"},
		{"a node without resources", nodeTopic, `{"hostname":"h","labels":{"a":"b"}}`, schema.ReasonUnknownShape, -1, "expected a node's resources"},
		{"a node's section that is no object", nodeTopic, `{"cpu":20}`, schema.ReasonUnknownShape, -1, "cpu is a number: expected an object"},
		{"nodes that are no array", gatewayTopic, `{"nodes":{"a":1}}`, schema.ReasonUnknownShape, -1, "nodes is an object: expected an array"},
		{"a document's node that is no object", gatewayTopic, document(`null`), schema.ReasonUnknownShape, -1, "nodes[3] is null: expected a node object"},
		{"a document's node without resources", gatewayTopic, document(`{"hostname":"h"}`), schema.ReasonUnknownShape, -1, "nodes[3].cpu has no value"},

		{"an empty message of a data node", healthTopic, `{}`, schema.ReasonUnknownShape, -1, "none of the known shapes: expected a node's health with status, or its stats"},
		{"a data node's answer to too many requests", healthTopic, `{"error":"Rate limit exceeded","retry_after":3}`, schema.ReasonUnknownShape, -1, "none of the known shapes"},
		{"a data node's list of peers", statsTopic, `{"peers":[{"host":"10.0.0.1","healthy":true}],"count":1}`, schema.ReasonUnknownShape, -1, "none of the known shapes"},
		{"a component that is a number", healthTopic, `{"status":"healthy","components":{"blockchain":1}}`, schema.ReasonUnknownShape, -1, `components.blockchain is a number: expected "connected" or another word, or true or false`},
		{"components that are no object", healthTopic, `{"status":"healthy","components":["blockchain"]}`, schema.ReasonUnknownShape, -1, "components is an array: expected an object of words"},
		{"p2p that is no object", healthTopic, `{"status":"healthy","p2p":"running"}`, schema.ReasonUnknownShape, -1, "p2p is a string: expected an object"},
		{"a status that is no word", healthTopic, `{"status":1}`, schema.ReasonBadSource, -1, "status is a number: expected a string"},
		{"a bad version of a data node", healthTopic, `{"status":"healthy","version":0.1}`, schema.ReasonBadSource, -1, "version is a number"},
		{"a bad id of a data node", healthTopic, `{"status":"healthy","node_id":{}}`, schema.ReasonBadSource, -1, "node_id is an object"},
		{"peers that are a text", healthTopic, `{"status":"healthy","p2p":{"peers":"12"}}`, schema.ReasonBadNumber, -1, `p2p.peers is "12": expected a finite number`},
		{"a bad number of the stats", statsTopic, `{"total_peers":1,"uptime":"60"}`, schema.ReasonBadNumber, -1, `uptime is "60": expected a finite number`},
		{"errors by type, which have no place", statsTopic, `{"errors_total":{"timeout":1}}`, schema.ReasonBadNumber, -1, `errors_total is {"timeout":1}: expected a finite number`},
		{"a control character in a word", healthTopic, "{\"status\":\"healthy\",\"components\":{\"blockchain\":\"a\tb\"}}", schema.ReasonNotJSON, 49, `invalid character '\t' in string`},

		{"a number for an id", taskTopic, `{"task_id":7,"metrics":{"cpu_percent":1}}`, schema.ReasonBadSource, -1, "task_id is a number: expected a string"},
		{"an id that is too long", taskTopic, `{"task_id":"` + strings.Repeat("x", decode.MaxID+1) + `","metrics":{"cpu_percent":1}}`, schema.ReasonBadSource, -1, "task_id has 257 bytes, and may have 256"},
		{"an id of invalid UTF-8", aliveTopic, "{\"proplet_id\":\"a\xff\"}", schema.ReasonBadSource, -1, "proplet_id is not valid UTF-8"},
		{"an id with an escaped control character", aliveTopic, `{"proplet_id":"a\u0000"}`, schema.ReasonBadSource, -1, "proplet_id has the control character U+0000"},
		{"an id with half a surrogate pair", aliveTopic, `{"proplet_id":"a\ud83d"}`, schema.ReasonBadSource, -1, "proplet_id has half of a surrogate pair"},
		{"a bad proplet id of a task", taskTopic, `{"task_id":"t","proplet_id":[],"metrics":{"cpu_percent":1}}`, schema.ReasonBadSource, -1, "proplet_id is an array"},
		{"a bad namespace", aliveTopic, `{"proplet_id":"p","namespace":{}}`, schema.ReasonBadSource, -1, "namespace is an object"},
		{"a bad version", propletTopic, `{"proplet_id":"p","metrics":{"version":1,"cpu":{"percent":1}}}`, schema.ReasonBadSource, -1, "metrics.version is a number"},
		{"metadata that is too long", createTopic, `{"proplet_id":"p","metadata":"` + strings.Repeat("x", decode.MaxMetadata) + `"}`, schema.ReasonBadSource, -1, "metadata has 16386 bytes, and may have 16384"},
		{"metadata of invalid UTF-8", createTopic, "{\"proplet_id\":\"p\",\"metadata\":{\"a\":\"\xff\"}}", schema.ReasonBadSource, -1, "metadata is not valid UTF-8"},
		{"a bad hostname", nodeTopic, node(`"hostname":5`), schema.ReasonBadSource, -1, "hostname is a number"},
		{"a bad address", nodeTopic, node(`"node_ip":"` + strings.Repeat("1", decode.MaxID+1) + `"`), schema.ReasonBadSource, -1, "node_ip has 257 bytes"},
		{"labels that are no object", nodeTopic, node(`"labels":["a"]`), schema.ReasonBadSource, -1, "labels is an array: expected an object of strings"},
		{"a label that is an object", nodeTopic, node(`"labels":{"a":{}}`), schema.ReasonBadSource, -1, "labels.a is an object: expected a string"},
		{"a label without a name", nodeTopic, node(`"labels":{"":"b"}`), schema.ReasonBadSource, -1, "labels has an empty name"},
		{"a label's name that is too long", nodeTopic, node(`"labels":{"` + strings.Repeat("n", decode.MaxLabelName+1) + `":"b"}`), schema.ReasonBadSource, -1, "which has 129 bytes, and may have 128"},
		{"a label's name of invalid UTF-8", nodeTopic, node("\"labels\":{\"\xff\":\"b\"}"), schema.ReasonBadSource, -1, `labels has the name "\xff", which is not valid UTF-8`},
		{"a label's value that is too long", nodeTopic, node(`"labels":{"a":"` + strings.Repeat("v", decode.MaxLabelValue+1) + `"}`), schema.ReasonBadSource, -1, "labels.a has 1025 bytes, and may have 1024"},
		{"too many labels", nodeTopic, node(`"labels":{` + strings.Repeat(`"a":"b",`, decode.MaxLabels) + `"a":"b"}`), schema.ReasonBadSource, -1, "labels has 65 entries: expected at most 64"},
		{"a bad label of a document's node", gatewayTopic, document(`{"hostname":"h","cpu":{"usage_percent":1},"labels":{"a":[]}}`), schema.ReasonBadSource, -1, "nodes[3].labels.a is an array"},
	} {
		t.Run(test.name, func(t *testing.T) {
			readings, r := decodeOn(t, test.topic, test.payload)
			if r == nil {
				t.Fatalf("accepted as %s", describe(readings))
			}
			if len(readings) != 0 {
				t.Errorf("rejected with %d readings", len(readings))
			}
			if r.Reason != test.reason || r.Offset != test.offset {
				t.Errorf("got %v; want %v at byte %d", r, test.reason, test.offset)
			}
			if !strings.Contains(r.Detail, test.detail) {
				t.Errorf("detail %q does not say %q", r.Detail, test.detail)
			}
		})
	}
}

func TestDecodeGoesOnAfterARejection(t *testing.T) {
	d := decode.New()
	task, _ := decode.ParseTopic(taskTopic)
	node, _ := decode.ParseTopic(nodeTopic)
	gateway, _ := decode.ParseTopic(gatewayTopic)
	for _, bad := range []struct {
		topic   decode.Topic
		payload string
	}{
		{task, `{"task_id":7,"proplet_id":"stale","timestamp":1,"metrics":{"cpu_percent":1,"thread_count":1}}`},
		{node, `{"hostname":"stale","labels":{"a":"b","c":[]},"cpu":{"usage_percent":1}}`},
		{gateway, `{"timestamp":"2026-01-02T03:04:05Z","nodes":[{"hostname":"stale","cpu":{"usage_percent":1}},{"hostname":"stale","cpu":5,"labels":{"a":"b"}}]}`},
		{task, `{"task_id":"stale\n","metrics":`},
	} {
		if _, rejection := d.Decode(bad.topic, []byte(bad.payload)); rejection == nil {
			t.Fatalf("%s was accepted", bad.payload)
		}
		readings, rejection := d.Decode(node, []byte(`{"memory":{"free_bytes":2}}`))
		if rejection != nil {
			t.Fatal(rejection)
		}
		const want = "readings 1\n\nspore_node node-1\n  dialect gateway\n  presence alive\n  field memory.free_bytes 2\n"
		if got := describe(readings); got != want {
			t.Errorf("after %s: got %s, want %s", bad.payload, got, want)
		}
	}
}
