package mapping

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
	"weir/pkg/schema"
)

// testSet is the set of testdata/mappings.yaml, as the journal has it.
func testSet(t testing.TB) *Set {
	t.Helper()
	text, err := os.ReadFile("testdata/mappings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unmarshal(set.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(set.Marshal(), again.Marshal()) {
		t.Fatalf("%s\nbecame\n%s", set.Marshal(), again.Marshal())
	}
	return again
}

// messages are read by the sets of the tests; what becomes of them stands in
// testdata/explain.golden.
var messages = []struct{ name, topic, payload string }{
	{"each number and each boolean is a series", "plant/acme/l4/press-7/state", `{"temperature":21.5,"motor":{"rpm":1500,"running":true},"axes":[0.1,0.2],"firmware":"1.4.2","error":null}`},
	{"texts that stand for numbers", "plant/acme/l4/press-7/state", `{"drive":"on","brake":"off","lid":"fault","lamp":"dim"}`},
	{"a list of objects", "plant/acme/hall1/press-7/x/y", `[{"at":1767323045,"v":1},{"meta":{"at":"2026-01-02T03:04:06.5Z"},"v":2},{"v":3}]`},
	{"a time in milliseconds and an empty label", "plant/acme/hall1/press-7", `{"at":1767323045250,"v":1}`},
	{"a time that is none stays a value", "plant/acme/hall1/press-7", `{"at":8000,"v":1}`},
	{"names that are made valid", "j/acme/hall1/d", `{"air.temp":1,"2nd value":2,"größe":3}`},
	{"names of any script", "j/acme/hall1/d", `{"温度":21.5,"湿度":40,"फ़र्श":{"तापमान":20}}`},
	{"names that would become the same stay apart", "j/acme/hall1/d", `{"temp-1":1,"temp 1":2,"a ":3,"a_":4,"m":{"x":5,"y-1":6,"y 1":7},"m_x":8,"m.x":9}`},
	{"texts whose names would become the same", "j/acme/hall1/d", `{"s 1":"a","s-1":"b","s-1":"c","on":true}`},
	{"names that would become the same, behind a prefix", "plant/acme/l4/press-7/state", `{"t-1":1,"t 1":2,"t_1":3}`},
	{"names in line protocol that would become the same", "telegraf/acme/hall1/gw-1", `m,a-b=1,a.b=2 t-1=1,t\ 1=2`},
	{"a name that comes twice counts once, the last one", "j/acme/hall1/d", `{"a":1,"a":2,"b":{"c":1},"b":{"c":2}}`},
	{"any JSON, the rest of the topic is a label", "j/acme/hall1/press-7/env/in", `{"t":21.5,"timestamp":"2026-01-02T03:04:05Z"}`},
	{"lists that are long", "j/acme/hall1/d", `{"spectrum":[` + strings.Repeat("1,", MaxElements-1) + `2,3,4]}`},
	{"what lies too deep is left out", "j/acme/hall1/d", strings.Repeat(`{"a":`, MaxDepth) + `{"deep":1}` + strings.Repeat("}", MaxDepth-1) + `,"v":1}`},
	{"a number alone", "meters/m-1/energy", " 1234.5\n"},
	{"a number with an exponent", "meters/m-1/energy", "-1e3"},
	{"a text that stands for a number", "doors/front", "open"},
	{"a text that is a number", "doors/front", "1"},
	{"a text that is neither", "doors/front", "jammed"},
	{"values by JSON path", "zigbee2mqtt/kitchen", `{"device":{"ieeeAddr":"0x00158d","model":"WSDCGQ11LM"},"temperature":"21.5","battery":97,"state":"ON","power":{"a":1,"b":{"c":2}},"linkquality":90,"last_seen":"2026-01-02T03:04:05+01:00"}`},
	{"a word that no number stands for", "zigbee2mqtt/kitchen", `{"device":{"ieeeAddr":"d"},"state":"LOCK","battery":1}`},
	{"line protocol", "telegraf/acme/hall1/gw-1", "cpu,cpu=cpu0,host=x usage_idle=96 1767323040000000000\nmem used=5i,state=\"ok\" 1767323041000000000\n"},
	{"exposition text", "boards/acme/hall1/esp-1/metrics", "# TYPE temp gauge\n# HELP temp air\ntemp{probe=\"a\",site=\"x\"} 21.5\ntemp{probe=\"b\"} nan 1767323040000\nboots 3"},
	{"exposition text without labels, with a summary as prometheus_express writes it", "text/acme/hall1/esp-1", "# TYPE t summary\nt_count 2\nt_total 0.75\n# TYPE c counter\nc_total 1\nc_created 5"},
	{"Ultralight of a key that is known", "/ul/4jggokgpepnvsb2uv4s40d59ov/dev-1/attrs", "t|21.5|h|40|s|ok|on|true"},
	{"Ultralight with groups and times", "/ul/4jggokgpepnvsb2uv4s40d59ov/dev-1/attrs", "2026-01-02T03:04:05Z|t|1#2026-01-02T03:04:06Z|t|2"},
	{"Ultralight of a key that is not known", "/other key/dev-1/attrs", "t|21.5"},
	{"JSON of an IoT agent's device", "/json/4jggokgpepnvsb2uv4s40d59ov/dev-1/attrs", `{"t":"21.5","h":40,"TimeInstant":"2026-01-02T03:04:05Z","place":{"room":"7b"}}`},
	{"JSON on the topic for both", "/k/dev-1/attrs", ` [{"t":1}]`},
	{"one attribute", "/ul/k/dev-1/attrs/t", "21.5"},

	{"a topic of nobody", "other/topic", "1"},
	{"a topic with too few levels", "meters/m-1", "1"},
	{"a topic with too many levels", "meters/m-1/energy/x", "1"},
	{"a server's own topic", "$SYS/x", "1"},
	{"a service that is none", "j/a b/hall1/d", "{}"},
	{"an empty subservice", "j/acme//d", "{}"},
	{"a device without a name", "j/acme/hall1//x", "{}"},
	{"a topic that ends before the device", "j/acme/hall1", "{}"},
	{"an API key that is empty", "/ul//d/attrs", "t|1"},
	{"an empty payload", "j/acme/hall1/d", ""},
	{"text where JSON is expected", "j/acme/hall1/d", "21.5 C"},
	{"a number where an object is expected", "j/acme/hall1/d", "21.5"},
	{"a list of numbers", "j/acme/hall1/d", "[1,2]"},
	{"an object that ends too early", "j/acme/hall1/d", `{"a":1`},
	{"an object without values", "j/acme/hall1/d", `{"a":null,"b":{}}`},
	{"a number beyond all", "j/acme/hall1/d", `{"a":1e999}`},
	{"no device where one is expected", "zigbee2mqtt/kitchen", `{"battery":97}`},
	{"a device with a control character", "zigbee2mqtt/kitchen", `{"device":{"ieeeAddr":"a\nb"},"battery":97}`},
	{"a word where a number is expected", "meters/m-1/energy", "n/a"},
	{"a number that only Go takes for one", "meters/m-1/energy", "0x10"},
	{"line protocol with one bad line", "telegraf/acme/hall1/gw-1", "cpu v=1\ncpu v=\n"},
	{"exposition text that is none", "text/acme/hall1/esp-1", "a 1\nb c"},
	{"Ultralight with half a pair", "/ul/k/d/attrs", "t|21.5|h"},
	{"Ultralight without a name", "/ul/k/d/attrs", "|21.5"},
	{"bytes that are no text", "/ul/k/d/attrs", "t|\xff"},
	{"more values than may be", "j/acme/hall1/d", "{" + manyValues(MaxValues+1) + "}"},
	{"more objects than may be", "j/acme/hall1/d", "[" + strings.Repeat("{},", MaxRecords) + "{}]"},
	{"a name that gets too long", "j/acme/hall1/d", `{"` + strings.Repeat("a", MaxName+1) + `":1}`},
}

func manyValues(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"v%d":%d`, i, i))
	}
	return strings.Join(all, ",")
}

func TestWhatBecomesOfMessages(t *testing.T) {
	set := testSet(t)
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "== %s\n%s %s\n", m.name, m.topic, quote(m.payload))
		b.WriteString(set.Explain(m.topic, []byte(m.payload)))
	}
	golden.Check(t, "explain.golden", b.String())
}

func TestWhatStandsInTheJournal(t *testing.T) {
	golden.Check(t, "set.golden", string(testSet(t).Marshal())+"\n")
}

func TestConfigurationsWithoutMappingsHaveTheShippedOnes(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "[]", "{}", "null", "mappings:\n", "api_keys: {}"} {
		set, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !bytes.Equal(set.Marshal(), Shipped().Marshal()) {
			t.Errorf("%q is %s", text, set.Marshal())
		}
	}
	if set, err := ParseNode(nil); err != nil || len(set.Mappings()) != len(shipped) {
		t.Errorf("nothing: %v", err)
	}
}

func TestTheFirstMappingCounts(t *testing.T) {
	set, err := Parse([]byte("- {match: 'j/acme/{device}/x', payload: number, service: s, subservice: t}\n- {match: 'j/acme/+/x', payload: text, service: s, subservice: t, device: d}"))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := set.Match("j/acme/d/x"); !ok || m.Mapping.Payload != PayloadNumber || m.Device != "d" || m.Tenant != (schema.Tenant{Service: "s", Subservice: "t"}) {
		t.Errorf("%+v", m)
	}
	if m, ok := set.Match("j/acme/d/y"); !ok || !m.Mapping.Shipped {
		t.Errorf("%+v", m)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"YAML that is none", "- match: a\n  b: [", "line 2: did not find expected node content"},
		{"no list", "5", "line 1: topic_mappings: expected a list of mappings, or api_keys and mappings"},
		{"a key that is not known", "- match: x/{device}\n  topic: x", "line 2: topic_mappings: a mapping has no key topic: expected api_key, device, expected_interval, fields, help, labels, match, name, numeric, payload, prefix, service, subservice, time, type, unit, values"},
		{"keys twice", "- match: x\n  match: y", "line 2: topic_mappings: a mapping: the key match stands there already, in line 1"},
		{"all that is missing", "- payload: xml\n- {match: a/b}", "line 1: topic_mappings: match: it is missing: expected such as plant/{service}/{line}/{device}/state\nline 2: topic_mappings: service: it is missing: expected {service} in the topic, a text or api_key\nline 2: topic_mappings: subservice: it is missing: expected {subservice} in the topic, a text or api_key\nline 2: topic_mappings: device: it is missing: expected {device} in the topic, a text or a JSON path"},
		{"a payload that is not known", "- match: j/{service}/{subservice}/{device}\n  payload: xml", `line 2: topic_mappings: payload: it is "xml": expected one of json, number, text, influx, exposition, ultralight, iota`},
		{"a capture twice", "- match: '{device}/{device}'", "line 1: topic_mappings: match: {device} stands there twice"},
		{"a wildcard in the middle", "- match: 'a/#/b'", "line 1: topic_mappings: match: # stands before other levels: expected it at the end"},
		{"half a capture", "- match: 'a/x{device}'", `line 1: topic_mappings: match: the level "x{device}" is neither a text nor one {name}, '+' or '#'`},
		{"a capture that is not in the topic", "- match: j/{service}/{subservice}/{device}\n  labels:\n    line: '{line}'", "line 2: topic_mappings: labels: {line} is not in the topic, which has {service}, {subservice}, {device}"},
		{"a label of the tenant's", "- match: j/{service}/{subservice}/{device}\n  labels: {service: x}", "line 2: topic_mappings: labels: each series has the label service: expected the mapping's key service for it"},
		{"a tenant that is none", "- match: j/{device}\n  service: a b\n  subservice: c", `line 2: topic_mappings: service: it is "a b": expected 1 to 128 ASCII letters, digits, '_', '-' or '.'`},
		{"two ways to a tenant", "- match: j/{device}\n  service: a\n  subservice: c\n  api_key: x", "line 4: topic_mappings: api_key: service and subservice stand beside it: expected one of them"},
		{"a key's tenant that is none", "api_keys:\n  a: b/c\n  d: e", `line 3: topic_mappings: d: the tenant is "e": expected service/subservice, of ASCII letters, digits, '_', '-' and '.'`},
		{"a key that is empty", "api_keys:\n  '': b/c", "line 2: topic_mappings: api_keys: a key is empty: expected what devices say in their topics"},
		{"a path that is none", "- match: j/{service}/{subservice}/{device}\n  fields: [a..b, 'c[x]']", "line 2: topic_mappings: fields: \"a..b\" is not a JSON path such as $.status.code, $.list[0] or $[\"a.b\"]\nline 2: topic_mappings: fields: \"c[x]\" is not a JSON path such as $.status.code, $.list[0] or $[\"a.b\"]"},
		{"paths where there is no JSON", "- match: j/{service}/{subservice}/{device}\n  payload: number\n  time: $.t", "line 3: topic_mappings: time: there are JSON paths, and the payload is number"},
		{"one name for many values", "- match: j/{service}/{subservice}/{device}\n  name: x", "line 2: topic_mappings: name: {field} is not in it, and the payload has many values"},
		{"values that are none", "- match: j/{service}/{subservice}/{device}\n  values: {on: yes, off: .inf}", "line 2: topic_mappings: values: on stands for \"yes\": expected a number\nline 2: topic_mappings: values: off stands for \".inf\": expected a number"},
		{"an interval that is none", "- match: j/{service}/{subservice}/{device}\n  expected_interval: 30", `line 2: topic_mappings: expected_interval: it is "30": expected such as 30s, 5m or 1h30m`},
		{"a type that is none", "- match: j/{service}/{subservice}/{device}\n  type: histogram", `line 2: topic_mappings: type: it is "histogram": expected gauge or counter`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			if err == nil {
				t.Fatal("taken")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"what is no JSON", "x", "read a set of mappings: invalid character 'x' looking for beginning of value"},
		{"another version", `{"version":2,"mappings":[]}`, "read a set of mappings: it has version 2, expected 1"},
		{"a mapping that is none", `{"version":1,"mappings":[{"match":"a","payload":"json","device":"d","name":"{field}","service":"s"}]}`, "read a set of mappings: mapping 0: subservice: it is missing: expected {subservice} in the topic, a text or api_key"},
		{"a key that is not known", `{"version":1,"mappings":[],"x":1}`, `read a set of mappings: json: unknown field "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Unmarshal([]byte(c.data)); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
