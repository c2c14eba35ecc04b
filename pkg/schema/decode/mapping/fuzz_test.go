package mapping

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		if len(m.payload) < 1000 {
			f.Add(m.topic, []byte(m.payload))
		}
	}
	set := testSet(f)
	used := New()
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		m, ok := set.Match(topic)
		if !ok {
			return
		}
		readings, rejection := New().Decode(&m, payload)
		again, rejectionAgain := used.Decode(&m, payload)
		if diff := cmp.Diff(rejection, rejectionAgain); diff != "" {
			t.Fatal("a used decoder says otherwise: " + diff)
		}
		if rejection != nil {
			if rejection.Detail == "" || len(rejection.Detail) > 1000 || !utf8.ValidString(rejection.Detail) || rejection.Offset < -1 || rejection.Offset > len(payload) {
				t.Errorf("%+v", rejection)
			}
			return
		}
		if len(readings) != len(again) {
			t.Fatalf("a used decoder has %d readings, a new one %d", len(again), len(readings))
		}
		if m.Mapping.Payload == PayloadJSON && !json.Valid(payload) {
			t.Error("taken, but it is no JSON")
		}
		for i := range readings {
			check(t, &m, &readings[i])
		}
	})
}

func check(t *testing.T, m *Match, r *schema.Reading) {
	t.Helper()
	if idFault(r.ID) != "" || m.Device != "" && r.ID != m.Device || !schema.ValidTenantName(m.Tenant.Service) || !schema.ValidTenantName(m.Tenant.Subservice) {
		t.Errorf("source %q of %v", r.ID, m.Tenant)
	}
	if !r.HasValues() && len(r.Attributes) == 0 || r.Time != 0 && r.Clock == schema.ClockNone {
		t.Errorf("%+v", r)
	}
	for i, l := range r.Dims {
		if l.Name == "" || l.Value == "" || !utf8.ValidString(l.Value) || i > 0 && r.Dims[i-1].Name >= l.Name {
			t.Errorf("dimensions %+v", r.Dims)
		}
	}
	for i, v := range r.Named {
		if v.Name == "" || !utf8.ValidString(v.Name) || i > 0 && r.Named[i-1].Name >= v.Name {
			t.Errorf("values %+v", r.Named)
		}
		if m.Mapping.Payload != PayloadExposition && (math.IsNaN(v.Value) || math.IsInf(v.Value, 0)) {
			t.Errorf("%s is %v", v.Name, v.Value)
		}
	}
	for i, l := range r.Attributes {
		if l.Name == "" || !utf8.ValidString(l.Value) || len(l.Value) > MaxText || i > 0 && r.Attributes[i-1].Name >= l.Name {
			t.Errorf("attributes %+v", r.Attributes)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("- match: plant/{service}/{subservice}/{device}/#\n  fields: [a, {path: '$.b[0]', values: {x: 1}}]\n  labels: {x: '{device}'}")
	f.Add("api_keys: {a: b/c}\nmappings:\n- &a {match: '+/{x...}', api_key: '{x}', device: $.a, time: [t]}\n- *a")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := Parse([]byte(text))
		if err != nil {
			if len(err.(*Error).Faults) == 0 {
				t.Error("an error without a fault")
			}
			return
		}
		again, err := Unmarshal(set.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(set.Marshal()), string(again.Marshal())); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	set := testSet(b)
	for _, topic := range []string{"plant/acme/l4/press-7/state", "j/acme/hall1/press-7/env/in", "other/topic"} {
		b.Run(topic, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Match(topic)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	set := testSet(b)
	for _, c := range []struct{ name, topic, payload string }{
		{"json", "plant/acme/l4/press-7/state", `{"temperature":21.5,"humidity":40,"motor":{"rpm":1500,"running":true,"current":3.25},"axes":[0.1,0.2,0.3],"drive":"on","firmware":"1.4.2"}`},
		{"fields", "zigbee2mqtt/kitchen", `{"device":{"ieeeAddr":"0x00158d","model":"WSDCGQ11LM"},"temperature":21.5,"battery":97,"state":"ON","linkquality":90,"last_seen":"2026-01-02T03:04:05Z"}`},
		{"number", "meters/m-1/energy", "1234.5"},
		{"ultralight", "/ul/k/dev-1/attrs", "t|21.5|h|40|p|1013.25|on|1"},
		{"exposition", "text/acme/hall1/esp-1", "# TYPE temp gauge\ntemp{probe=\"a\"} 21.5\ntemp{probe=\"b\"} 22\nboots 3\n"},
		{"influx", "telegraf/acme/hall1/gw-1", "cpu,cpu=cpu0 usage_idle=96,usage_user=3 1767323040000000000\nmem used=5i,free=6i 1767323040000000000\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			m, _ := set.Match(c.topic)
			d, payload, values := New(), []byte(c.payload), 0
			b.ReportAllocs()
			for b.Loop() {
				readings, rejection := d.Decode(&m, payload)
				if rejection != nil {
					b.Fatal(rejection)
				}
				for i := range readings {
					values += len(readings[i].Named)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(values), "ns/sample")
		})
	}
}
