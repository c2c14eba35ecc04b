package fold

import (
	"testing"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

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
	last := will
	last.Route = schema.RouteMQTT
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
		{"the same by its own hand says left", []schema.Frame{one(alive(at(0)), last)}, schema.PresenceLeft, at(20)},
		{"the end of the client of one that left says nothing", []schema.Frame{one(alive(at(0)), last), gone}, schema.PresenceLeft, at(20)},
		{"a will of one that left says offline", []schema.Frame{one(alive(at(0)), last), one(will)}, schema.PresenceOffline, at(20)},
		{"a last word after a will says left", []schema.Frame{one(alive(at(0)), will), one(last)}, schema.PresenceLeft, at(20)},
		{"a heartbeat of one that left says alive", []schema.Frame{one(alive(at(0)), last, alive(at(30)))}, schema.PresenceAlive, at(30)},
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

func TestWhatDoesNotAnswerHasNotLeft(t *testing.T) {
	j := newJournal()
	j.events(schema.Event{Topic: "/scrape?instance=i&job=j&service=factory&subservice=line1", Received: at(0), Route: schema.RoutePull, Payload: []byte("# weir-scrape up=0 duration=1\n")})
	if p := j.find(t, schema.KindTarget, "j/i").Presence; p != schema.PresenceOffline {
		t.Errorf("it is %s", p)
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
