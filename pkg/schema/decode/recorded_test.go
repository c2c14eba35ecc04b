package decode_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

func recordedTopic(t testing.TB) decode.Topic {
	t.Helper()
	topic, ok := decode.ParseRuleTopic(decode.RecordedTopic)
	if !ok || topic.Kind != decode.TopicRecorded || topic.Tenant != (schema.Tenant{}) {
		t.Fatalf("the topic is %+v, %v", topic, ok)
	}
	return topic
}

func TestOnlyRulesWriteToTheRecordedTopic(t *testing.T) {
	recordedTopic(t)
	for _, topic := range []string{decode.RecordedTopic, "weir/other", ""} {
		if got, ok := decode.ParseTopic(topic); ok {
			t.Errorf("ParseTopic takes %q for %+v", topic, got)
		}
	}
	for _, topic := range []string{"weir/other", "weir/recorded/", "m/a/c/b/metrics/proplet"} {
		if got, ok := decode.ParseRuleTopic(topic); ok {
			t.Errorf("ParseRuleTopic takes %q for %+v", topic, got)
		}
	}
}

// recordedText puts a recorded reading into words.
func recordedText(r *schema.Reading) string {
	text := r.ID
	if r.Tenant != nil {
		text = r.Tenant.String() + " " + text
	}
	for _, l := range r.Dims {
		text += fmt.Sprintf(" %s=%s", l.Name, l.Value)
	}
	if r.Ended {
		text += " ended"
	}
	for _, v := range r.Named {
		text += fmt.Sprintf(" %s %x", v.Name, math.Float64bits(v.Value))
		if !math.IsNaN(v.Value) {
			text += fmt.Sprintf(" %v", v.Value)
		}
	}
	return text
}

func TestRecordedSamples(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          []string
	}{
		{"nothing", `{"time_ms":1767323045000}`, nil},
		{"a series without labels belongs to no tenant", `{"time_ms":1767323045000,"samples":[{"labels":{"__name__":"up"},"value":1}]}`, []string{"up up 3ff0000000000000 1"}},
		{"labels are dimensions, empty ones are none", `{"time_ms":1,"samples":[{"labels":{"zone":"a","__name__":"job:x","b":"","a":"1"},"value":-0}]}`, []string{"job:x a=1 zone=a job:x 8000000000000000 -0"}},
		{"a series belongs to the tenant that its labels say", `{"time_ms":1,"samples":[{"labels":{"service":"s","subservice":"u","__name__":"x"},"value":0.1},{"labels":{"service":"s","__name__":"x"},"value":2}]}`,
			[]string{"s/ x x 4000000000000000 2", "s/u x x 3fb999999999999a 0.1"}},
		{"values that JSON has not", `{"time_ms":1,"samples":[{"labels":{"__name__":"a"},"value":"NaN"},{"labels":{"__name__":"b"},"value":"+Inf"},{"labels":{"__name__":"c"},"value":"-Inf"},{"labels":{"__name__":"d"},"value":"0x7ff0000000000002"}]}`,
			[]string{"a a 7ff8000000000001", "b b 7ff0000000000000 +Inf", "c c fff0000000000000 -Inf", "d d 7ff0000000000002"}},
		{"of a series that is there twice the last counts", `{"time_ms":1,"samples":[{"labels":{"__name__":"b"},"value":1},{"labels":{"__name__":"a","x":"1"},"value":2},{"labels":{"__name__":"b"},"value":3}]}`,
			[]string{"a x=1 a 4000000000000000 2", "b b 4008000000000000 3"}},
		{"what ended stands behind", `{"time_ms":1,"ended":[{"__name__":"a","service":"s"}],"samples":[{"labels":{"__name__":"b"},"value":1}]}`,
			[]string{"b b 3ff0000000000000 1", "s/ a ended"}},
		{"any text is a label's value", `{"time_ms":1,"samples":[{"labels":{"__name__":"a","path":"C:\\udata\n\u0001","ü":"é"},"value":1}]}`,
			[]string{"a path=C:\\udata\n\x01 ü=é a 3ff0000000000000 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			readings, rejection := decode.New().Decode(recordedTopic(t), []byte(test.payload))
			if rejection != nil {
				t.Fatal(rejection)
			}
			var got []string
			for i := range readings {
				got = append(got, recordedText(&readings[i]))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordedEventsThatAreRejected(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		reason        schema.Reason
	}{
		{"no JSON", `{"time_ms":1`, schema.ReasonNotJSON},
		{"no JSON where nothing is read", `{"time_ms":1,"x":[01]}`, schema.ReasonNotJSON},
		{"no object", `[]`, schema.ReasonNotAnObject},
		{"no time", `{"samples":[]}`, schema.ReasonUnknownShape},
		{"a time that is no whole number", `{"time_ms":1.5}`, schema.ReasonUnknownShape},
		{"a time that no clock shows", `{"time_ms":1e300}`, schema.ReasonUnknownShape},
		{"samples that are no list", `{"time_ms":1,"samples":{}}`, schema.ReasonUnknownShape},
		{"no labels", `{"time_ms":1,"samples":[{"value":1}]}`, schema.ReasonUnknownShape},
		{"no value", `{"time_ms":1,"samples":[{"labels":{"__name__":"a"}}]}`, schema.ReasonBadNumber},
		{"a value that is no number", `{"time_ms":1,"samples":[{"labels":{"__name__":"a"},"value":"many"}]}`, schema.ReasonBadNumber},
		{"a value that no float holds", `{"time_ms":1,"samples":[{"labels":{"__name__":"a"},"value":1e999}]}`, schema.ReasonBadNumber},
		{"no name", `{"time_ms":1,"samples":[{"labels":{"zone":"a"},"value":1}]}`, schema.ReasonMissingSource},
		{"an ended series without a name", `{"time_ms":1,"ended":[{}]}`, schema.ReasonMissingSource},
		{"a label that is no text", `{"time_ms":1,"samples":[{"labels":{"__name__":"a","b":1},"value":1}]}`, schema.ReasonBadSource},
		{"a label without a name", `{"time_ms":1,"samples":[{"labels":{"__name__":"a","":"x"},"value":1}]}`, schema.ReasonBadSource},
		{"a tenant that cannot be", `{"time_ms":1,"samples":[{"labels":{"__name__":"a","service":"x/y"},"value":1}]}`, schema.ReasonBadSource},
		{"a subservice that cannot be", `{"time_ms":1,"ended":[{"__name__":"a","subservice":"+"}]}`, schema.ReasonBadSource},
		{"a text that is too long", `{"time_ms":1,"ended":[{"__name__":"` + strings.Repeat("a", decode.MaxRecordedText+1) + `"}]}`, schema.ReasonBadSource},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, rejection := decode.New().Decode(recordedTopic(t), []byte(test.payload)); rejection == nil || rejection.Reason != test.reason {
				t.Errorf("%v, want %v", rejection, test.reason)
			}
		})
	}
}

func TestTheFormOfWhatIsRecorded(t *testing.T) {
	labels := func(zone string) []schema.Label {
		return []schema.Label{{Name: "__name__", Value: "job:x"}, {Name: "zone", Value: zone}}
	}
	got := decode.EncodeRecorded([]byte("> "), 1767323045000, []decode.RecordedSample{{Labels: labels("ü\""), Value: 1.5}, {Labels: labels("b"), Value: math.Inf(-1)}}, [][]schema.Label{labels("c"), nil})
	const want = `> {"time_ms":1767323045000,"samples":[{"labels":{"__name__":"job:x","zone":"ü\""},"value":1.5},{"labels":{"__name__":"job:x","zone":"b"},"value":"-Inf"}],"ended":[{"__name__":"job:x","zone":"c"},{}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzEncodeRecorded(f *testing.F) {
	f.Add(int64(1767323045000), "job:x", "zone", "a", 1.5, "s")
	f.Add(int64(0), "ü\x00", "__name", "\xff\"\\", math.Copysign(0, -1), "")
	f.Add(int64(1), "n", "x", "<&>\u2028", math.Float64frombits(0x7ff0000000000002), "a")
	f.Fuzz(func(t *testing.T, at int64, name, label, value string, v float64, service string) {
		at &= 1<<42 - 1
		if name == "" || label == "" || label == "__name__" || label == "subservice" || label == "service" || !schema.ValidTenantName(service) {
			return
		}
		labels := []schema.Label{{Name: "__name__", Value: name}, {Name: label, Value: value}, {Name: "service", Value: service}}
		payload := decode.EncodeRecorded(nil, at, []decode.RecordedSample{{Labels: labels, Value: v}, {Labels: labels[:1], Value: -v}}, [][]schema.Label{labels})
		readings, rejection := decode.New().Decode(recordedTopic(t), payload)
		if rejection != nil {
			if rejection.Reason == schema.ReasonBadSource && max(len(name), len(label), len(value)) > decode.MaxRecordedText/6 {
				return
			}
			t.Fatalf("%s: %v", payload, rejection)
		}
		if len(readings) != 3 || !readings[2].Ended || readings[2].HasValues() || readings[1].Tenant == nil || readings[1].Tenant.Service != service {
			t.Fatalf("%s: %+v", payload, readings)
		}
		if got := readings[1].Named[0].Value; math.Float64bits(got) != math.Float64bits(v) || readings[1].Time != at*1e6 {
			t.Errorf("%v at %d, want %v at %d", got, readings[1].Time, v, at)
		}
		if utf8.ValidString(name) && utf8.ValidString(label) && utf8.ValidString(value) && value != "" {
			if r := &readings[1]; r.ID != name || len(r.Dims) != 1 || r.Dims[0] != (schema.Label{Name: label, Value: value}) {
				t.Errorf("%s comes back as %+v", payload, r)
			}
		}
	})
}

func FuzzRecorded(f *testing.F) {
	for _, payload := range []string{
		`{"time_ms":1767323045000,"samples":[{"labels":{"__name__":"job:x","zone":"a"},"value":1.5},{"labels":{"__name__":"job:x","service":"s"},"value":"NaN"}],"ended":[{"__name__":"job:x","zone":"b"}]}`,
		`{"time_ms":1,"samples":[{"labels":{"__name__":"a","__name__":"b","x":"\ud83d"},"value":"0x7ff8000000000abc"}]}`,
		`{"time_ms":1e3,"samples":null,"ended":[{"__name__":"a"},{"__name__":"a"}]}`, `{"time_ms":-0,"samples":[[]]}`,
	} {
		f.Add([]byte(payload))
	}
	used := decode.New()
	f.Fuzz(func(t *testing.T, payload []byte) {
		topic := recordedTopic(t)
		readings, rejection := decode.New().Decode(topic, payload)
		again, rejectionAgain := used.Decode(topic, payload)
		if (rejection == nil) != (rejectionAgain == nil) || len(readings) != len(again) {
			t.Fatalf("a used decoder says %v, a new one %v", rejectionAgain, rejection)
		}
		if rejection != nil {
			checkRejection(t, topic, payload, readings, rejection)
			return
		}
		var samples []decode.RecordedSample
		var ended [][]schema.Label
		for i := range readings {
			r := &readings[i]
			checkRecorded(t, r)
			if recordedText(r) != recordedText(&again[i]) {
				t.Errorf("a used decoder reads %s, a new one %s", recordedText(&again[i]), recordedText(r))
			}
			labels := append(slices.Clone(r.Dims), schema.Label{Name: "__name__", Value: r.ID})
			if r.Tenant != nil {
				labels = append(labels, schema.Label{Name: "service", Value: r.Tenant.Service}, schema.Label{Name: "subservice", Value: r.Tenant.Subservice})
			}
			if r.Ended {
				ended = append(ended, labels)
			} else {
				samples = append(samples, decode.RecordedSample{Labels: labels, Value: r.Named[0].Value})
			}
		}
		at := int64(1)
		if len(readings) > 0 {
			at = readings[0].Time / 1e6
		}
		written, rejection := used.Decode(topic, decode.EncodeRecorded(nil, at, samples, ended))
		if rejection != nil || len(written) != len(readings) {
			t.Fatalf("what was read is written wrongly: %v, %d readings of %d", rejection, len(written), len(readings))
		}
		for i := range written {
			if recordedText(&written[i]) != recordedText(&readings[i]) || written[i].Time != readings[i].Time {
				t.Errorf("%s is written as %s", recordedText(&readings[i]), recordedText(&written[i]))
			}
		}
	})
}

func checkRecorded(t *testing.T, r *schema.Reading) {
	t.Helper()
	if r.Kind != schema.KindRecorded || r.ID == "" || r.Clock != schema.ClockUnix || r.Ended == r.HasValues() || len(r.Fields) > 0 || r.Labels != nil {
		t.Errorf("reading %+v", r)
	}
	if !r.Ended && (len(r.Named) != 1 || r.Named[0].Name != r.ID) {
		t.Errorf("%s has the values %+v", r.ID, r.Named)
	}
	if r.Tenant != nil && (*r.Tenant == schema.Tenant{} || r.Tenant.Service != "" && !schema.ValidTenantName(r.Tenant.Service)) {
		t.Errorf("tenant %+v", r.Tenant)
	}
	for i, l := range r.Dims {
		if l.Value == "" || l.Name == "" || l.Name == "__name__" || l.Name == "service" || l.Name == "subservice" || i > 0 && r.Dims[i-1].Name >= l.Name {
			t.Errorf("dimensions %+v", r.Dims)
		}
	}
}
