package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

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
			if diff := cmp.Diff(Outcome{Events: 1, Rejected: 1}, verdicts(out)); diff != "" {
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
	if diff := cmp.Diff(Outcome{Events: 1, Applied: 1, Readings: 2}, verdicts(out)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if cpu, _ := newest(j.find(t, schema.KindSporeNode, "b")).Value(schema.SporeCPUUsagePercent); cpu != 2 {
		t.Errorf("cpu of b is %v", cpu)
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
