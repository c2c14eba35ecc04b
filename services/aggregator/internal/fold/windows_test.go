package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

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
			if diff := cmp.Diff(test.want, verdicts(j.events(test.event))); diff != "" {
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
