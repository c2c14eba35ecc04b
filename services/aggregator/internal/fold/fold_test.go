package fold

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

var tenantA = schema.Tenant{Service: "factory", Subservice: "line1"}

const second = int64(time.Second)

// at returns a moment of the test's journal.
func at(seconds int64) int64 { return foldtest.Start + seconds*second }

// journal folds one frame after the other into a state.
type journal struct {
	*State
	seq uint64
}

func newJournal() *journal { return &journal{State: New(DefaultSettings())} }

func (j *journal) frame(f schema.Frame) Outcome {
	j.seq++
	if f.Writer == "" {
		f.Writer, f.Number = "w", j.seq
	}
	return j.Apply(j.seq, &f)
}

func (j *journal) events(events ...schema.Event) Outcome {
	return j.frame(schema.Frame{Events: events})
}

func (j *journal) find(t *testing.T, kind schema.Kind, id string) schema.Source {
	t.Helper()
	j.Order()
	var found []schema.Source
	j.Sources(&schema.SourcesRequest{Kinds: []schema.Kind{kind}, ID: id}, func(s *schema.Source) { found = append(found, *s) })
	if len(found) != 1 {
		t.Fatalf("%d sources are %v %q", len(found), kind, id)
	}
	return found[0]
}

func (j *journal) tenant(t *testing.T, name schema.Tenant) schema.TenantState {
	t.Helper()
	state := j.tenants.byName[name]
	if state == nil {
		t.Fatalf("no tenant %s", name)
	}
	return state.Clone()
}

func task(cpu float64, own, received int64) schema.Event {
	return schema.Event{Topic: foldtest.TaskTopic(tenantA), Client: "c", Received: received, Payload: foldtest.Task("t", "p", cpu, own)}
}

func alive(received int64) schema.Event {
	return schema.Event{Topic: foldtest.AliveTopic(tenantA), Client: "c", Received: received, Payload: foldtest.Alive("p")}
}

func TestEachEventCountsOnce(t *testing.T) {
	first := task(1, at(0), at(0))
	first.QoS, first.PacketID = 1, 7
	again := first
	again.Dup = true
	otherPacket, otherQoS, otherPayload, otherTopic, otherClient := again, again, again, again, again
	otherPacket.PacketID = 8
	otherQoS.QoS = 2
	otherPayload.Payload = foldtest.Task("t", "p", 2, at(0))
	otherTopic.Topic = foldtest.TaskTopic(schema.Tenant{Service: "factory", Subservice: "line2"})
	otherClient.Client = "d"
	notMarked := first
	unnumbered := again
	unnumbered.QoS, unnumbered.PacketID = 0, 0

	for _, test := range []struct {
		name  string
		event schema.Event
		want  Outcome
	}{
		{"a retransmission is a duplicate", again, Outcome{Events: 1, Duplicate: 1}},
		{"another packet id is another event", otherPacket, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"another QoS is another event", otherQoS, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"another payload under the same packet id is another event", otherPayload, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"another topic is another event", otherTopic, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"another client's is another event", otherClient, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"without DUP it is a new event that looks the same", notMarked, Outcome{Events: 1, Applied: 1, Readings: 1}},
		{"QoS 0 is never a retransmission", unnumbered, Outcome{Events: 1, Applied: 1, Readings: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			j.events(first)
			if diff := cmp.Diff(test.want, j.events(test.event)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheWindowHoldsTheLatestEventsOfAClient(t *testing.T) {
	event := func(n int) schema.Event {
		e := task(float64(n), at(0), at(0))
		e.QoS, e.PacketID = 1, uint16(n)
		return e
	}
	j := newJournal()
	for n := range schema.DuplicateWindow + 1 {
		j.events(event(n + 1))
	}
	for _, test := range []struct {
		name      string
		n         int
		duplicate int
	}{
		{"the oldest is forgotten", 1, 0},
		{"the newest is known", schema.DuplicateWindow + 1, 1},
		{"the window's last but one is known", 3, 1}, // forgetting 1 entered it anew, and so forgot 2
		{"what was entered anew is known", 1, 1},
		{"and what that pushed out is not", 2, 0},
	} {
		e := event(test.n)
		e.Dup = true
		if out := j.events(e); out.Duplicate != test.duplicate {
			t.Errorf("%s: %+v", test.name, out)
		}
	}
}

func TestARetransmittedRejectIsOneDeadLetter(t *testing.T) {
	j := newJournal()
	bad := schema.Event{Topic: foldtest.TaskTopic(tenantA), Client: "c", QoS: 1, PacketID: 1, Received: at(0), Payload: []byte("no")}
	again := bad
	again.Dup = true
	j.events(bad, again)
	state := j.tenant(t, tenantA)
	if state.Duplicate != 1 || state.RejectedTotal() != 1 || len(j.PendingDeadLetters()) != 1 {
		t.Errorf("%d duplicates, %d rejected, %d dead letters", state.Duplicate, state.RejectedTotal(), len(j.PendingDeadLetters()))
	}
}

func TestAFrameStoredTwiceCountsOnce(t *testing.T) {
	j := newJournal()
	f := schema.Frame{Writer: "w", Number: 1, Events: []schema.Event{task(1, at(0), at(0))}, Received: []schema.TenantCount{{Tenant: tenantA, Events: 1}},
		Operations: []schema.Operations{{Tenant: tenantA, Counters: []schema.CounterDelta{{Counter: schema.IncomingResponseSize, Delta: 4}}}}}
	j.frame(f)
	if out := j.frame(f); !out.Skipped || out.Events != 0 {
		t.Errorf("second time: %+v", out)
	}
	if out := j.frame(schema.Frame{Writer: "another", Number: 1}); out.Skipped {
		t.Errorf("another writer's first frame: %+v", out)
	}
	state := j.tenant(t, tenantA)
	if state.Applied != 1 || state.Received != 1 || state.Counters[schema.IncomingResponseSize] != 4 {
		t.Errorf("got %+v", state)
	}
	if j.Cursor() != 3 {
		t.Errorf("cursor is %d", j.Cursor())
	}
}

func TestOnlyTheLatestWritersAreRemembered(t *testing.T) {
	j := newJournal()
	name := func(n int) string { return string(rune('A' + n)) }
	for n := range maxWriters {
		j.frame(schema.Frame{Writer: name(n), Number: 1})
	}
	j.frame(schema.Frame{Writer: name(0), Number: 2}) // now the oldest is B
	j.frame(schema.Frame{Writer: name(maxWriters), Number: 1})
	if out := j.frame(schema.Frame{Writer: name(0), Number: 2}); !out.Skipped {
		t.Error("a writer that wrote lately was forgotten")
	}
	if out := j.frame(schema.Frame{Writer: name(1), Number: 1}); out.Skipped {
		t.Error("the writer that had been silent for longest was remembered")
	}
}

func TestRejectedEvents(t *testing.T) {
	topic := foldtest.TaskTopic(tenantA)
	for _, test := range []struct {
		name   string
		event  schema.Event
		tenant schema.Tenant
		reason schema.Reason
	}{
		{"what is not JSON is rejected", schema.Event{Topic: topic, Payload: []byte("{")}, tenantA, schema.ReasonNotJSON},
		{"a bad topic belongs to no tenant", schema.Event{Topic: "m//c/x/control/proplet/alive", Payload: foldtest.Alive("p")}, schema.Tenant{}, schema.ReasonBadTopic},
		{"a topic that is none of ours is a bad topic", schema.Event{Topic: "other", Payload: foldtest.Alive("p")}, schema.Tenant{}, schema.ReasonBadTopic},
		{"ingest's refusal overrides the decoder", schema.Event{Topic: topic, Payload: foldtest.Task("t", "p", 1, at(0)), Refused: &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: "big"}}, tenantA, schema.ReasonTooLarge},
		{"a refusal of a newer ingest is kept in words", schema.Event{Topic: topic, Refused: &schema.Refusal{Reason: 77}}, tenantA, schema.ReasonUnknownShape},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			test.event.Client, test.event.Received = "c", at(0)
			out := j.events(test.event)
			if diff := cmp.Diff(Outcome{Events: 1, Rejected: 1}, out); diff != "" {
				t.Fatalf("outcome (-want +got):\n%s", diff)
			}
			state, letter := j.tenant(t, test.tenant), j.PendingDeadLetters()[0]
			if state.Rejected[test.reason] != 1 || state.Counters[schema.IncomingErrors] != 1 || state.Counters[schema.IncomingTransactions] != 1 {
				t.Errorf("tenant: %+v", state)
			}
			if letter.Seq != 1 || letter.Ordinal != 1 || letter.Reason != test.reason || letter.Tenant != test.tenant || letter.Event.Topic != test.event.Topic || letter.Detail == "" {
				t.Errorf("dead letter: %+v", letter)
			}
		})
	}
}

func TestAnEventWithABadNodeAppliesNoneOfItsNodes(t *testing.T) {
	j := newJournal()
	payload := foldtest.Gateway(at(0), foldtest.SporeNode("a", "z", 1, at(0)), []byte(`{"hostname":"b","cpu":{"usage_percent":"x"}}`))
	out := j.events(schema.Event{Topic: foldtest.SporeTopic(tenantA, "gateway"), Received: at(0), Payload: payload})
	if out.Rejected != 1 || j.SourceCount() != 0 {
		t.Errorf("%+v, %d sources", out, j.SourceCount())
	}
}

func TestAGatewaysDocumentIsOneEventWithSeveralReadings(t *testing.T) {
	j := newJournal()
	payload := foldtest.Gateway(at(0), foldtest.SporeNode("a", "z", 1, at(0)), foldtest.SporeNode("b", "z", 2, at(0)))
	out := j.events(schema.Event{Topic: foldtest.SporeTopic(tenantA, "gateway"), Received: at(0), Payload: payload})
	if diff := cmp.Diff(Outcome{Events: 1, Applied: 1, Readings: 2}, out); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if cpu, _ := newest(j.find(t, schema.KindSporeNode, "b")).Value(schema.SporeCPUUsagePercent); cpu != 2 {
		t.Errorf("cpu of b is %v", cpu)
	}
}

func newest(s schema.Source) *schema.Source { return &s }

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
	if got, want := cpus(t, j, 0, 10), []float64{2, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("readings, newest first: %v, want %v", got, want)
	}
}

func TestTheLatestReadingsAreKept(t *testing.T) {
	j := &journal{State: New(Settings{ReadingsPerSource: 3, Earliest: 0, Windows: 1})}
	for _, when := range []int64{50, 10, 40, 20, 30, 50, 5} {
		j.events(task(float64(when), at(when), at(100)))
	}
	if got, want := cpus(t, j, 0, 10), []float64{50, 50, 40}; !slices.Equal(got, want) {
		t.Errorf("readings, newest first: %v, want %v", got, want)
	}
	if got, want := cpus(t, j, 1, 1), []float64{50}; !slices.Equal(got, want) {
		t.Errorf("second reading: %v, want %v", got, want)
	}
	if got := cpus(t, j, 5, 1); len(got) != 0 {
		t.Errorf("behind the end: %v", got)
	}
}

func cpus(t *testing.T, j *journal, offset, limit uint64) []float64 {
	t.Helper()
	_, page := j.Readings(&schema.ReadingsRequest{Kind: schema.KindTask, ID: "t", Offset: offset, Limit: limit})
	var all []float64
	for _, data := range page {
		all = append(all, cpuOf(t, data))
	}
	return all
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

func TestAHeartbeatLeavesTheReadingAlone(t *testing.T) {
	j := newJournal()
	j.events(
		schema.Event{Topic: foldtest.PropletMetricsTopic(tenantA), Client: "c", Received: at(0), Payload: foldtest.PropletMetrics("p", 7, at(0))},
		alive(at(10)),
		schema.Event{Topic: foldtest.CreateTopic(tenantA), Client: "c", Received: at(20), Payload: foldtest.Create("p", "lab")},
	)
	src := j.find(t, schema.KindProplet, "p")
	if cpu, _ := src.Value(schema.PropletCPUPercent); cpu != 7 || src.Readings != 1 || src.Dialect != schema.DialectD2 || src.LastAlive != at(20) {
		t.Errorf("source: %+v", src)
	}
	if src.Attribute("metadata") == "" || src.Attribute("namespace") != "default" {
		t.Errorf("attributes: %v", src.Attributes)
	}
}

func TestPresence(t *testing.T) {
	will := schema.Event{Topic: foldtest.AliveTopic(tenantA), Client: "c", Route: schema.RouteWill, Received: at(20), Payload: foldtest.Will("p")}
	odd := will
	odd.Payload = foldtest.Alive("p")
	replay := alive(at(30))
	replay.Route = schema.RouteReplay
	other := alive(at(15))
	other.Client = "d"
	gone := schema.Frame{Disconnects: []schema.Disconnect{{Client: "c", At: at(20)}}}
	one := func(e ...schema.Event) schema.Frame { return schema.Frame{Events: e} }
	for _, test := range []struct {
		name   string
		frames []schema.Frame
		want   schema.Presence
		since  int64
	}{
		{"a heartbeat says alive", []schema.Frame{one(alive(at(0)), alive(at(10)))}, schema.PresenceAlive, at(0)},
		{"a will says offline", []schema.Frame{one(alive(at(0)), will)}, schema.PresenceOffline, at(20)},
		{"a will says offline, whatever is in it", []schema.Frame{one(alive(at(0)), odd)}, schema.PresenceOffline, at(20)},
		{"a heartbeat after a will says alive", []schema.Frame{one(alive(at(0)), will, alive(at(30)))}, schema.PresenceAlive, at(30)},
		{"the client's end says disconnected", []schema.Frame{one(alive(at(0))), gone}, schema.PresenceDisconnected, at(20)},
		{"the end of another client says nothing", []schema.Frame{one(alive(at(0)), other), gone}, schema.PresenceAlive, at(0)},
		{"an end does not hide a will", []schema.Frame{one(alive(at(0)), will), gone}, schema.PresenceOffline, at(20)},
		{"a will after the end says offline", []schema.Frame{one(alive(at(0))), gone, one(will)}, schema.PresenceOffline, at(20)},
		{"an end that is told late says nothing", []schema.Frame{one(alive(at(0))), one(alive(at(21))), gone}, schema.PresenceAlive, at(0)},
		{"gone and back within one frame is back", []schema.Frame{{Events: []schema.Event{alive(at(0)), alive(at(30))}, Disconnects: gone.Disconnects}}, schema.PresenceAlive, at(30)},
		{"a replay says nothing of the device", []schema.Frame{one(alive(at(0))), gone, one(replay)}, schema.PresenceDisconnected, at(20)},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			for _, f := range test.frames {
				j.frame(f)
			}
			src := j.find(t, schema.KindProplet, "p")
			if src.Presence != test.want || src.PresenceSince != test.since {
				t.Errorf("%v since %s, want %v since %s", src.Presence, foldtest.Stamp(src.PresenceSince), test.want, foldtest.Stamp(test.since))
			}
		})
	}
}

func TestAGetAndResetClearsCountersAndNotTheAccount(t *testing.T) {
	j := newJournal()
	ops := schema.Operations{Tenant: tenantA, Counters: []schema.CounterDelta{{Counter: schema.IncomingResponseSize, Delta: 4}, {Counter: schema.NumCounters + 1, Delta: 9}}}
	ops.ServiceTime.Add(1000)
	event := task(1, at(0), at(0))
	out := j.frame(schema.Frame{Events: []schema.Event{event}, Received: []schema.TenantCount{{Tenant: tenantA, Events: 1}}, Operations: []schema.Operations{ops}, Reset: &schema.Reset{ID: "r", At: at(1)}})
	if out.Reset == nil || out.Reset.ID != "r" || out.Reset.Cursor != 1 || len(out.Reset.Tenants) != 1 {
		t.Fatalf("outcome %+v", out.Reset)
	}
	before, after := out.Reset.Tenants[0], j.tenant(t, tenantA)
	if before.Counters[schema.IncomingTransactions] != 1 || before.Counters[schema.IncomingRequestSize] != uint64(len(event.Payload)) ||
		before.Counters[schema.IncomingResponseSize] != 4 || before.ServiceTime.Count != 1 {
		t.Errorf("before: %+v", before)
	}
	if after.Counters != [schema.NumCounters]uint64{} || after.ServiceTime.Count != 0 || after.Applied != 1 || after.Received != 1 {
		t.Errorf("after: %+v", after)
	}
	j.frame(schema.Frame{Operations: []schema.Operations{ops}})
	if before.ServiceTime.Count != 1 {
		t.Error("the answer shares memory with the state")
	}
}

func TestTheWindowOfTheClientSilentForLongestIsForgotten(t *testing.T) {
	s := DefaultSettings()
	s.Windows = 2
	j := &journal{State: New(s)}
	event := func(client string, dup bool) schema.Event {
		e := alive(at(0))
		e.Client, e.QoS, e.PacketID, e.Dup = client, 1, 1, dup
		return e
	}
	j.events(event("a", false), event("b", false), event("a", false), event("c", false))
	for _, test := range []struct {
		client    string
		duplicate int
	}{{"a", 1}, {"c", 1}, {"b", 0}} {
		if out := j.events(event(test.client, true)); out.Duplicate != test.duplicate {
			t.Errorf("client %s: %+v", test.client, out)
		}
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

func TestHealth(t *testing.T) {
	j := newJournal()
	j.events(alive(at(0)), task(1, at(50), at(50)))
	if n := j.HealthyPeers(at(10)); n != 1 {
		t.Errorf("%d healthy sources", n)
	}
	if j.MeanServiceTime() != 0 {
		t.Errorf("mean service time is %d", j.MeanServiceTime())
	}
}

func cpuOf(t *testing.T, data []byte) float64 {
	t.Helper()
	var stored schema.StoredReading
	r := wire.NewReader(data)
	if stored.ReadBinary(r); r.Done() != nil {
		t.Fatal(r.Done())
	}
	cpu, _ := stored.Value(schema.TaskCPUPercent)
	return cpu
}
