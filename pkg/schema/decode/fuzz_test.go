package decode_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// fuzzTopics has a topic of each kind.
var fuzzTopics = []string{taskTopic, docTopic, propletTopic, aliveTopic, createTopic, nodeTopic, gatewayTopic, healthTopic, statsTopic, "m//c/ch/metrics/proplet"}

func FuzzDecode(f *testing.F) {
	for _, m := range messages(f) {
		for i := range fuzzTopics {
			f.Add(uint8(i), m.payload)
		}
	}
	for i, payload := range []string{
		`{"task_id":"t","metrics":{"cpu_percent":NaN}}`,
		`{"task_id":"\ud83d","metrics":{"cpu_percent":1}}`,
		`{"a":01,"task_id":"t","metrics":{"cpu_percent":1,"timestamp":{"secs_since_epoch":1}}}`,
		"{\"proplet_id\":\"a\tb\",\"status\":\"offline\"}",
		`{"proplet_id":"p","metadata":{"a":[1,{"b":"\u0000"}]}}`,
		`{"labels":{"b":1,"a":true,"b":null},"network":{"rssi_dbm":-1e308},"memory":{"total_heap":1,"free_heap":0}}`,
		`{"nodes":[{"node_ip":"10.0.0.1","cpu":{"current_usage":1}},{"hostname":"h","flash":{}}]}`,
		`{"status":"degraded","components":{"blockchain":false,"encryption":"\u0000"},"p2p":{"running":null,"peers":-0}}`,
		`{"healthy_peers":3,"active_peers":1e400,"uptime":"a` + "\t" + `b","timestamp":1767323045.12}`,
		`{"nodes":[]}`, `[]`, `nan`, ``,
	} {
		f.Add(uint8(i), []byte(payload))
	}
	used := decode.New()
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		topic, _ := decode.ParseTopic(fuzzTopics[int(which)%len(fuzzTopics)])
		readings, rejection := decode.New().Decode(topic, payload)
		if rejection != nil {
			checkRejection(t, topic, payload, readings, rejection)
		} else {
			checkReadings(t, topic, payload, readings)
		}
		again, rejectionAgain := used.Decode(topic, payload)
		if describe(again) != describe(readings) {
			t.Errorf("a used decoder reads %s, a new one %s", describe(again), describe(readings))
		}
		if (rejectionAgain == nil) != (rejection == nil) || rejection != nil && *rejectionAgain != *rejection {
			t.Errorf("a used decoder says %v, a new one %v", rejectionAgain, rejection)
		}
	})
}

func checkRejection(t *testing.T, topic decode.Topic, payload []byte, readings []schema.Reading, r *schema.Rejection) {
	t.Helper()
	if len(readings) != 0 {
		t.Errorf("%v, with readings", r)
	}
	if r.Detail == "" || len(r.Detail) > 1000 || !utf8.ValidString(r.Detail) || strings.ContainsFunc(r.Detail, unicode.IsControl) {
		t.Errorf("bad detail %q", r.Detail)
	}
	if r.Offset < -1 || r.Offset > len(payload) {
		t.Errorf("%v, of %d bytes", r, len(payload))
	}
	valid := json.Valid(payload)
	switch r.Reason {
	case schema.ReasonNotJSON:
		if valid && !strings.Contains(r.Detail, "nested deeper") {
			t.Errorf("%v, but it is JSON", r)
		}
	case schema.ReasonNotAnObject, schema.ReasonMissingSource, schema.ReasonUnknownShape, schema.ReasonBadSource:
		if !valid {
			t.Errorf("%v, but it is no JSON", r)
		}
	case schema.ReasonBadNumber:
	case schema.ReasonBadTopic:
		if topic.Kind != decode.TopicBad {
			t.Errorf("%v, on %+v", r, topic)
		}
	default:
		t.Errorf("%v is no reason of a decoder", r)
	}
}

func checkReadings(t *testing.T, topic decode.Topic, payload []byte, readings []schema.Reading) {
	t.Helper()
	if !json.Valid(payload) {
		t.Error("accepted, but it is no JSON")
	}
	if len(readings) != 1 && topic.Kind != decode.TopicResources {
		t.Errorf("%d readings on %+v", len(readings), topic)
	}
	for i := range readings {
		checkReading(t, &readings[i])
	}
}

func checkReading(t *testing.T, r *schema.Reading) {
	t.Helper()
	if r.ID == "" || !isText(r.ID) || len(r.ID) > decode.MaxID || !isText(r.Parent) || len(r.Parent) > decode.MaxID {
		t.Errorf("bad id %q or parent %q", r.ID, r.Parent)
	}
	if r.HasValues() == r.Heartbeat || r.HasValues() != (r.Dialect != schema.DialectNone) {
		t.Errorf("%d fields, heartbeat %v, dialect %v", len(r.Fields), r.Heartbeat, r.Dialect)
	}
	if r.Presence != schema.PresenceAlive && !(r.Heartbeat && r.Presence == schema.PresenceOffline) {
		t.Errorf("presence %v", r.Presence)
	}
	if r.Time != 0 && (r.Clock == schema.ClockNone || r.Clock == schema.ClockUptime) {
		t.Errorf("time %d by clock %d", r.Time, r.Clock)
	}
	checkFields(t, r)
	byName := func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) }
	for _, labels := range [][]schema.Label{r.Labels, r.Attributes} {
		if !slices.IsSortedFunc(labels, byName) || len(slices.CompactFunc(slices.Clone(labels), func(a, b schema.Label) bool { return a.Name == b.Name })) != len(labels) {
			t.Errorf("labels in disorder: %v", labels)
		}
		for _, l := range labels {
			if l.Name == "" || !isText(l.Name) || !isText(l.Value) || l.Name == "metadata" && r.Heartbeat && !json.Valid([]byte(l.Value)) {
				t.Errorf("bad label %q", l)
			}
		}
	}
}

func checkFields(t *testing.T, r *schema.Reading) {
	t.Helper()
	for i, f := range r.Fields {
		if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) || math.Signbit(f.Value) && f.Value == 0 {
			t.Errorf("%s is %v", pathOf(f.Field), f.Value)
		}
		if i > 0 && r.Fields[i-1].Field >= f.Field {
			t.Errorf("fields in disorder: %v", r.Fields)
		}
		known := slices.ContainsFunc(schema.Fields, func(info schema.FieldInfo) bool { return info.Field == f.Field && info.Kind == r.Kind })
		if !known {
			t.Errorf("%v has the field %d", r.Kind, f.Field)
		}
	}
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }
