package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// endsAll is the end of all series of the board "b".
func endsAll() schema.Reading {
	return schema.Reading{Kind: schema.KindDevice, ID: "b", Ended: true, All: true}
}

// sees is what a scrape at a time sees, without times of its own.
func sees(received int64, readings ...schema.Reading) schema.Event {
	for i := range readings {
		readings[i].Clock, readings[i].Time = schema.ClockNone, 0
	}
	return say(received, readings...)
}

func TestTheEndOfAll(t *testing.T) {
	one, two := board("z", "0", 0, "a"), board("z", "1", 0, "a")
	plain := board("z", "", 0, "a")
	for _, test := range []struct {
		name   string
		events []schema.Event
		want   []string
	}{
		{"ends all that there is", []schema.Event{sees(0, plain, one, two), sees(10, endsAll())},
			[]string{"z current: 0a 10!", "0 z current: 0a 10!", "1 z current: 0a 10!"}},
		{"behind values ends what they are not of", []schema.Event{sees(0, plain, one, two), sees(10, plain, two, endsAll())},
			[]string{"z current: 0a 10a", "0 z current: 0a 10!", "1 z current: 0a 10a"}},
		{"ends nothing twice", []schema.Event{sees(0, plain, one), sees(10, plain, endsAll()), sees(20, plain, endsAll()), sees(30, endsAll()), sees(40, endsAll())},
			[]string{"z current: 0a 10a 20a 30!", "0 z current: 0a 10!"}},
		{"before values ends what they say, too", []schema.Event{sees(0, plain, one, two), sees(10, endsAll(), plain, two)},
			[]string{"z current: 0a 10! 10a", "0 z current: 0a 10!", "1 z current: 0a 10! 10a"}},
		{"what has ended may begin again", []schema.Event{sees(0, one), sees(10, endsAll()), sees(20, one, endsAll())}, []string{"0 z current: 0a 10! 20a"}},
		{"ends what has the labels of now", []schema.Event{sees(0, board("y", "0", 0, "a"), two), sees(10, one), sees(20, endsAll())},
			[]string{"0 y: 0a 10!", "1 z current: 0a 20!", "0 z current: 10a 20!"}},
		{"of what is not known is none", []schema.Event{sees(0, endsAll())}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := openJournal()
			for _, e := range test.events {
				if out := j.events(e); out.Applied != 1 {
					t.Fatalf("outcome %+v", out)
				}
			}
			if diff := cmp.Diff(test.want, j.strands(t)); diff != "" {
				t.Errorf("tracks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheEndOfSomeNames(t *testing.T) {
	one, two := board("z", "0", 0, "a"), board("z", "1", 0, "a", "b")
	end := endsAll()
	end.Named = []schema.NamedValue{{Name: "a"}, {Name: "unheard of"}}
	other := endsAll()
	other.Named = []schema.NamedValue{{Name: "b"}}
	for _, test := range []struct {
		name   string
		events []schema.Event
		want   []string
	}{
		{"ends what has no others, and marks the rest", []schema.Event{sees(0, one, two), sees(10, end)},
			[]string{"0 z current: 0a 10!", "1 z current: 0ab 10a"}},
		{"before values leaves these", []schema.Event{sees(0, one, two), sees(10, end, one)},
			[]string{"0 z current: 0a 10! 10a", "1 z current: 0ab 10a"}},
		{"ends nothing twice", []schema.Event{sees(0, one), sees(10, end), sees(20, end)}, []string{"0 z current: 0a 10!"}},
		{"marks nothing twice", []schema.Event{sees(0, two), sees(10, end), sees(20, end), sees(30, end, one)},
			[]string{"1 z current: 0ab 10a", "0 z current: 30a"}},
		{"marks what had a value since", []schema.Event{sees(0, two), sees(10, end), sees(20, two), sees(30, end)}, []string{"1 z current: 0ab 10a 20ab 30a"}},
		{"ends what has nothing left", []schema.Event{sees(0, two), sees(10, end), sees(20, other), sees(30, end), sees(40, other)}, []string{"1 z current: 0ab 10a 20!"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := openJournal()
			for _, e := range test.events {
				if out := j.events(e); out.Applied != 1 || out.Rejected != 0 {
					t.Fatalf("outcome %+v", out)
				}
			}
			if diff := cmp.Diff(test.want, j.strands(t)); diff != "" {
				t.Errorf("tracks (-want +got):\n%s", diff)
			}
		})
	}
}

// What a group that is put anew does not have any more ends at once, also beside
// what it still has; what it still has goes on.
func TestAnEndBeforeValuesOfTheSameMomentEndsWhatIsMissing(t *testing.T) {
	j := openJournal()
	j.events(sees(0, board("", "", 0, "a", "b")), sees(10, endsAll(), board("", "", 0, "a")), sees(20, endsAll(), board("", "", 0, "a")))
	v := j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0]
	for field, want := range map[schema.Field]int{1000: 3, 1001: 2} { // samples, the marker of an end among them
		var d history.Decoder
		var got history.Samples
		q := history.SampleQuery{Field: field, From: at(0) / 1e6, To: at(25) / 1e6, Staleness: history.Staleness{}}
		if err := d.Samples(&history.Parts{MainLog: v.Main, LateLog: v.Late}, q, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.T) != want || field == 1001 && got.T[1] != at(10)/1e6 {
			t.Errorf("field %d has samples at %v, want %d", field, got.T, want)
		}
	}
}

func TestTopicsMeanWhatTheirRouteMakesOfThem(t *testing.T) {
	j := newJournal()
	notice := schema.Event{Topic: "/notices?path=%2Fline1&service=factory", Client: "10.0.0.1", Received: at(0), Payload: []byte(`{"data":[{"id":"a","x":1}]}`)}
	for route, want := range map[schema.Route]int{schema.RouteHTTP: 1, schema.RouteReplay: 1, schema.RouteMQTT: 0, schema.RouteWill: 0, schema.RoutePull: 0, schema.RouteRule: 0} {
		notice.Route = route
		if out := j.events(notice); out.Applied != want {
			t.Errorf("by %s: %+v", route, out)
		}
	}
	if src := j.find(t, schema.KindDevice, "a"); src.Presence != schema.PresenceAlive || src.Client != "" {
		t.Errorf("source: %+v", src)
	}
}

func TestNotificationsAndFetchesAreCounted(t *testing.T) {
	j := newJournal()
	notice := func(payload string) schema.Event {
		return schema.Event{Topic: "/notices?path=%2Fline1%2C%2Fb&service=factory", Received: at(0), Route: schema.RouteHTTP, Payload: []byte(payload)}
	}
	good, bad := `{"data":[{"id":"a","x":1},{"id":"b","x":1}]}`, `{"data":`
	j.events(notice(good), notice(good), notice(bad))
	refused := notice(good)
	refused.Refused = &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: "d"}
	j.events(refused)
	scrape := schema.Event{Topic: "/scrape?instance=i&job=j&service=factory&subservice=line1", Received: at(0), Route: schema.RoutePull, Payload: []byte("# weir-scrape up=1 duration=1\na 1\n")}
	j.events(scrape)
	scrape.Payload = []byte("x")
	j.events(scrape)
	state := j.tenant(t, tenantA)
	for counter, want := range map[schema.Counter]uint64{
		schema.Notifications: 4, schema.OkNotifications: 2, schema.FailedNotifications: 2,
		schema.IncomingTransactions: 4, schema.IncomingErrors: 2, schema.IncomingRequestSize: uint64(3*len(good) + len(bad)),
		schema.OutgoingTransactions: 2, schema.OutgoingErrors: 1, schema.OutgoingResponseSize: 35,
	} {
		if got := state.Counters[counter]; got != want {
			t.Errorf("%s is %d, want %d", schema.Counters[counter].PerseoName, got, want)
		}
	}
	if state.Applied != 3 || state.RejectedTotal() != 3 {
		t.Errorf("applied %d, rejected %d", state.Applied, state.RejectedTotal())
	}
	other := j.tenant(t, schema.Tenant{Service: "factory", Subservice: "b"})
	if other.Sources != 1 || other.Applied != 0 || other.Counters != (schema.TenantState{}).Counters {
		t.Errorf("the tenant of the second path: %+v", other)
	}
}

// The client of a request has no connection whose end says anything, even if an
// MQTT client has the same name.
func TestADisconnectSaysNothingOfWhatCameOverHTTP(t *testing.T) {
	j := newJournal()
	j.events(schema.Event{Topic: "/metrics/job/b?method=POST&service=factory&subservice=line1", Client: "c", Route: schema.RouteHTTP, Received: at(0), Payload: []byte("a 1\n")}, alive(at(0)))
	j.frame(schema.Frame{Disconnects: []schema.Disconnect{{Client: "c", At: at(5)}}})
	if p := j.find(t, schema.KindProplet, "p").Presence; p != schema.PresenceDisconnected {
		t.Errorf("the proplet is %s", p)
	}
	if p := j.find(t, schema.KindTarget, "b").Presence; p != schema.PresenceAlive {
		t.Errorf("what came over HTTP is %s", p)
	}
}
