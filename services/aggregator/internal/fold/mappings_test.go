package fold

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

func mappingsEvent(payload string) schema.Event {
	return schema.Event{Topic: decode.MappingsTopic, Received: at(7), Route: schema.RouteRule, Payload: []byte(payload)}
}

func setOf(t *testing.T, yaml string) schema.Event {
	t.Helper()
	set, err := mapping.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return mappingsEvent(string(set.Marshal()))
}

func published(topic, payload string) schema.Event {
	return schema.Event{Topic: topic, Client: "c", Received: at(0), Payload: []byte(payload)}
}

// TestATopicMeansWhatTheMappingsBeforeItSay uses one topic under three sets, within
// one frame and across frames.
func TestATopicMeansWhatTheMappingsBeforeItSay(t *testing.T) {
	j := newJournal()
	hall := published("plant/hall/d1/state", "21.5")
	a := setOf(t, "[{match: 'plant/{subservice}/{device}/state', service: factory, payload: number, name: temp, expected_interval: 1h}]")
	b := setOf(t, "[{match: 'plant/{line}/{device}/state', service: farm, subservice: x, payload: text, name: state, labels: {line: '{line}'}}]")
	out := j.events(hall, a, hall, b, hall)
	if out.Events != 3 || out.Applied != 2 || out.Rejected != 1 {
		t.Errorf("%+v", out)
	}
	first, second := schema.Tenant{Service: "factory", Subservice: "hall"}, schema.Tenant{Service: "farm", Subservice: "x"}
	for tenant, applied := range map[schema.Tenant]uint64{first: 1, second: 1, {}: 0} {
		if got := j.tenant(t, tenant); got.Applied != applied {
			t.Errorf("tenant %s: %d applied, want %d", tenant, got.Applied, applied)
		}
	}
	if src := j.tenants.byName[first].sources[sourceName{kind: schema.KindDevice, id: "d1"}]; src.Interval != time.Hour || src.plain.track == nil {
		t.Errorf("the source by the first mapping: %+v", src)
	}
	views := j.SourceTracks(schema.KindDevice, "d1", second)
	if len(views) != 1 || cmp.Diff([]schema.Label{{Name: "line", Value: "hall"}}, views[0].Dims) != "" || views[0].Interval != 0 {
		t.Errorf("the source by the second mapping: %+v", views)
	}
	if j.mappings.Number != 2 {
		t.Errorf("%d sets came into force, want 2", j.mappings.Number)
	}
	j.events(b)
	if j.mappings.Number != 2 || j.mappings.dirty != true {
		t.Errorf("the same set once more: %d", j.mappings.Number)
	}
	j.events(a, hall)
	if got := j.tenant(t, first).Applied; got != 2 {
		t.Errorf("by the first set again: %d applied", got)
	}
}

func TestMappingsThatCannotBeReadChangeNothing(t *testing.T) {
	j := newJournal()
	before := j.mappings.set
	out := j.events(mappingsEvent("{"), mappingsEvent(`{"version":99,"mappings":[]}`), mappingsEvent(`{"version":1,"mappings":[{"match":""}]}`))
	if none := j.tenant(t, schema.Tenant{}); none.Received != 3 || none.Applied != 0 || none.Rejected[schema.ReasonUnknownShape] != 3 {
		t.Errorf("the books: %+v", none)
	}
	if out.Events != 3 || out.Rejected != 3 || j.mappings.set != before || j.mappings.Number != 0 {
		t.Errorf("%+v, %d sets", out, j.mappings.Number)
	}
	foreign := mappingsEvent(string(foldtest.Mappings[1].Marshal()))
	for _, route := range []schema.Route{schema.RouteMQTT, schema.RouteWill, schema.RouteHTTP, schema.RoutePull, schema.RouteReplay} {
		foreign.Route = route
		if out := j.events(foreign); out.Rejected != 1 || j.mappings.Number != 0 {
			t.Errorf("by %s: %+v", route, out)
		}
	}
	if c := j.tenant(t, schema.Tenant{}).Counters[schema.IncomingTransactions]; c != 4 {
		t.Errorf("%d transactions, want those of devices and of operators only", c)
	}
}

func TestWhatComesByMappingsThatAreThereByThemselves(t *testing.T) {
	for _, c := range []struct {
		name, topic, payload, want string
	}{
		{"any JSON", "j/factory/line1/d/env", `{"t":21.5,"in":{"h":1}}`, ""},
		{"an agent's JSON", "/json/k/d/attrs", `{"t":"21.5"}`, ""},
		{"Ultralight", "/ul/k/d/attrs", "t|21.5|h|40", ""},
		{"Ultralight that is none", "/ul/k/d/attrs", "t|21.5|h", "unknown_shape"},
		{"JSON that is none", "j/factory/line1/d/env", "{", "not_json"},
		{"a topic that names no tenant", "j/factory//d/env", "{}", "bad_topic"},
		{"a topic that nothing is for", "plant/x", "{}", "bad_topic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJournal()
			out := j.events(published(c.topic, c.payload))
			if (c.want == "") != (out.Applied == 1) || out.Readings != out.Applied {
				t.Errorf("%+v", out)
			}
			if letters := j.deadLetters.pending; c.want != "" && (len(letters) != 1 || letters[0].Reason.String() != c.want || !strings.Contains(letters[0].Event.Topic, c.topic)) {
				t.Errorf("dead letters %+v, want %s", letters, c.want)
			}
		})
	}
}
