package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

func TestEventTime(t *testing.T) {
	node := func(clock string) []byte {
		return []byte(`{"hostname":"a","timestamp":` + clock + `,"cpu":{"usage_percent":1}}`)
	}
	for _, test := range []struct {
		name   string
		clock  string
		want   int64
		skewed int
	}{
		{"a plausible time is used", `1767323045`, 1767323045 * second, 0},
		{"five minutes ahead is plausible", `"2026-01-02T03:10:05Z"`, at(360), 0},
		{"more than five minutes ahead is skewed", `"2026-01-02T03:10:05.1Z"`, at(60), 1},
		{"before 2020 is skewed", `"2019-12-31T23:59:59Z"`, at(60), 1},
		{"1970 is skewed", `"1970-01-01T00:00:10Z"`, at(60), 1},
		{"no time is not skewed", `null`, at(60), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			out := j.events(schema.Event{Topic: foldtest.SporeTopic(tenantA, "a"), Received: at(60), Payload: node(test.clock)})
			src := j.find(t, schema.KindSporeNode, "a")
			if src.ReadingTime != test.want || out.ClockSkewed != test.skewed || j.tenant(t, tenantA).ClockSkewed != uint64(test.skewed) {
				t.Errorf("time is %s, want %s; skewed %d, want %d", foldtest.Stamp(src.ReadingTime), foldtest.Stamp(test.want), out.ClockSkewed, test.skewed)
			}
		})
	}
}

func TestALateReadingIsKeptAndDoesNotOverwriteTheLast(t *testing.T) {
	j := newJournal()
	j.events(task(1, at(10), at(10)), task(2, at(30), at(30)))
	out := j.events(task(3, at(20), at(31)))
	if out.Late != 1 || j.tenant(t, tenantA).Late != 1 {
		t.Errorf("outcome %+v", out)
	}
	src := j.find(t, schema.KindTask, "t")
	if cpu, _ := src.Value(schema.TaskCPUPercent); cpu != 2 || src.ReadingTime != at(30) || src.ReadingSeen != at(30) || src.LastSeen != at(31) || src.Readings != 3 {
		t.Errorf("source: %+v", src)
	}
	if diff := cmp.Diff([]string{"30 cpu 2", "20 cpu 3", "10 cpu 1"}, j.history(t, schema.KindTask, "t")); diff != "" {
		t.Errorf("rows, newest first (-want +got):\n%s", diff)
	}
}

func TestFieldsAreReplacedAndLabelsAndAttributesKept(t *testing.T) {
	j := newJournal()
	full := schema.Event{Topic: foldtest.SporeTopic(tenantA, "a"), Received: at(0), Payload: foldtest.SporeNode("a", "zone-1", 1, at(0))}
	bare := full
	bare.Received, bare.Payload = at(1), []byte(`{"hostname":"a","timestamp":1767323046,"memory":{"free_heap":10}}`)
	j.events(full, bare)
	src := j.find(t, schema.KindSporeNode, "a")
	if _, found := src.Value(schema.SporeCPUUsagePercent); found {
		t.Error("a value that is no longer sent is still shown")
	}
	if src.Label("zone") != "zone-1" || src.Attribute("node_ip") != "10.0.0.5" {
		t.Errorf("labels %v, attributes %v", src.Labels, src.Attributes)
	}
	relabelled := full
	relabelled.Received, relabelled.Payload = at(2), []byte(`{"hostname":"a","timestamp":1767323047,"cpu":{"usage_percent":1},"labels":{"env":"x"}}`)
	j.events(relabelled)
	if diff := cmp.Diff([]schema.Label{{Name: "env", Value: "x"}}, newest(j.find(t, schema.KindSporeNode, "a")).Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestSourcesAreSelectedInOrder(t *testing.T) {
	j := newJournal()
	b := schema.Tenant{Service: "factory", Subservice: "line2"}
	node := func(tn schema.Tenant, host, zone string) schema.Event {
		return schema.Event{Topic: foldtest.SporeTopic(tn, host), Received: at(0), Payload: foldtest.SporeNode(host, zone, 1, at(0))}
	}
	j.events(node(b, "n1", "z1"), task(1, at(0), at(0)), node(tenantA, "n2", "z1"), node(tenantA, "n1", "z2"), alive(at(0)))
	for _, test := range []struct {
		name string
		q    schema.SourcesRequest
		want []string
	}{
		{"an empty request selects all", schema.SourcesRequest{}, []string{"line1 n1", "line1 n2", "line1 p", "line1 t", "line2 n1"}},
		{"by kinds", schema.SourcesRequest{Kinds: []schema.Kind{schema.KindTask, schema.KindProplet}}, []string{"line1 p", "line1 t"}},
		{"by id", schema.SourcesRequest{ID: "n1"}, []string{"line1 n1", "line2 n1"}},
		{"by parent", schema.SourcesRequest{Parent: "p"}, []string{"line1 t"}},
		{"by tenant", schema.SourcesRequest{Service: "factory", Subservice: "line2"}, []string{"line2 n1"}},
		{"by label", schema.SourcesRequest{Labels: map[string]string{"zone": "z1"}}, []string{"line1 n2", "line2 n1"}},
		{"nothing", schema.SourcesRequest{Service: "none"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if j.Order(); !j.Ordered() {
				t.Fatal("not in order")
			}
			var got []string
			j.Sources(&test.q, func(s *schema.Source) { got = append(got, s.Tenant.Subservice+" "+s.ID) })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
		})
	}
}
