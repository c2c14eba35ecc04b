package decode

import (
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
)

func mustParse(t *testing.T, yaml string) *mapping.Set {
	t.Helper()
	set, err := mapping.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestParseMapped(t *testing.T) {
	set := mustParse(t, "[{match: 'plant/{service}/{subservice}/{device}/#', payload: number, name: temp}, {match: 'm/{service}/{subservice}/{device}/x/y'}, {match: '/notices', service: a, subservice: b, device: c}]")
	for _, c := range []struct {
		name  string
		route schema.Route
		topic string
		want  string // kind tenant
	}{
		{"a mapped topic", schema.RouteMQTT, "plant/a/b/d/t", "mapped a/b"},
		{"a will on it", schema.RouteWill, "plant/a/b/d/t", "mapped a/b"},
		{"a dead letter of it", schema.RouteReplay, "plant/a/b/d/t", "mapped a/b"},
		{"over HTTP it is none", schema.RouteHTTP, "plant/a/b/d/t", ""},
		{"nor is it fetched", schema.RoutePull, "plant/a/b/d/t", ""},
		{"nor computed", schema.RouteRule, "plant/a/b/d/t", ""},
		{"a topic of our own shapes goes first", schema.RouteMQTT, "m/a/c/b/control/proplet/alive", "alive a/b"},
		{"so does one that is nearly one", schema.RouteMQTT, "m//c/b/control/proplet/alive", "bad /"},
		{"what is none of ours may look like one", schema.RouteMQTT, "m/a/b/d/x/y", "mapped a/b"},
		{"a topic that names no tenant", schema.RouteMQTT, "plant/a//d/t", "bad /"},
		{"a topic that nothing is for", schema.RouteMQTT, "elsewhere", ""},
		{"a topic called like a path", schema.RouteMQTT, "/notices", "mapped a/b"},
		{"mappings", schema.RouteRule, MappingsTopic, "mappings /"},
		{"which no client may publish", schema.RouteMQTT, MappingsTopic, ""},
		{"nor push", schema.RouteHTTP, MappingsTopic, ""},
		{"nor put in again", schema.RouteReplay, MappingsTopic, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			topic, ours := ParseMapped(set, c.route, c.topic)
			got := ""
			if ours {
				got = topic.Kind.String() + " " + topic.Tenant.String()
			}
			if got != c.want || (topic.Kind == TopicMapped) != (topic.Mapped != nil) {
				t.Errorf("got %q, want %q: %+v", got, c.want, topic)
			}
		})
	}
}

func TestWhatIsMappedIsDecoded(t *testing.T) {
	set := mustParse(t, "[{match: 'plant/{service}/{subservice}/{device}/+', expected_interval: 5m, labels: {line: $.line}}]")
	d := New()
	decode := func(topic, payload string) ([]schema.Reading, *schema.Rejection) {
		parsed, _ := ParseMapped(set, schema.RouteMQTT, topic)
		return d.Decode(parsed, []byte(payload))
	}
	for range 2 { // a used decoder reads the same
		readings, rejection := decode("plant/a/b/d/t", `[{"t":1,"line":"l1"},{"t":2,"line":"l2"}]`)
		if rejection != nil || len(readings) != 2 {
			t.Fatalf("%+v, %v", readings, rejection)
		}
		for i, r := range readings {
			if r.Kind != schema.KindDevice || r.ID != "d" || r.Interval != 5*time.Minute || r.Presence != schema.PresenceAlive ||
				r.Named[0].Value != float64(i+1) || !slices.Equal(r.Dims, []schema.Label{{Name: "line", Value: []string{"l1", "l2"}[i]}}) {
				t.Errorf("reading %d: %+v", i, r)
			}
		}
		for _, c := range []struct{ topic, payload, want string }{
			{"plant/a/b/d/t", "{", "not_json"},
			{"plant/a/b/d/t", "{}", "unknown_shape"},
			{"plant/a/ /d/t", "{}", "bad_topic"},
		} {
			if _, rejection := decode(c.topic, c.payload); rejection == nil || rejection.Reason.String() != c.want {
				t.Errorf("%s %s: %v, want %s", c.topic, c.payload, rejection, c.want)
			}
		}
		if readings, _ := New().Decode(Topic{Kind: TopicExposition, Name: "b"}, []byte("a 1\n")); readings[0].Interval != 0 {
			t.Errorf("text says an interval: %+v", readings)
		}
	}
}

func TestMappingsAreLookedAt(t *testing.T) {
	topic, _ := ParseRuleTopic(MappingsTopic)
	if readings, rejection := New().Decode(topic, mapping.Shipped().Marshal()); rejection != nil || len(readings) != 0 {
		t.Errorf("%v, %v", readings, rejection)
	}
	for _, payload := range []string{"", "{", `{"version":2,"mappings":[]}`, `{"version":1,"mappings":[{"match":"a/#/b"}]}`, strings.Repeat("[", 1000)} {
		if _, rejection := New().Decode(topic, []byte(payload)); rejection == nil || rejection.Reason != schema.ReasonUnknownShape {
			t.Errorf("%.20q: %v", payload, rejection)
		}
	}
}
