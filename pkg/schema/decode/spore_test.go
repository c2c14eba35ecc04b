package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

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
		{"the flash's share", `{"flash":{"total_bytes":4000,"used_bytes":1000}}`, "field flash.used_bytes 1000\n  field flash.free_bytes 3000\n  field flash.usage_percent 25\n", "fragmentation"},
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
