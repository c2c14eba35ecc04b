package fold

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

const hour = 3600

func journalWith(change func(*Settings)) *journal {
	s := DefaultSettings()
	change(&s)
	return &journal{State: New(s)}
}

func named(host string, own, received int64) schema.Event {
	return schema.Event{Topic: foldtest.SporeTopic(tenantA, host), Client: "c-" + host, Received: at(received), Payload: foldtest.SporeNode(host, "z", 1, at(own))}
}

// sources returns which sources there are, and how many tracks each has.
func (j *journal) sourcesWithTracks() (all []string) {
	j.Order()
	for _, v := range j.SourceViews(&schema.SourcesRequest{}) {
		all = append(all, fmt.Sprintf("%s %d", v.Source.ID, len(v.Tracks)))
	}
	return all
}

func TestHistoryIsForgottenByAge(t *testing.T) {
	for _, test := range []struct {
		name      string
		retention time.Duration
		events    []schema.Event
		want      []string
		expired   int
		tooOld    uint64
	}{
		{"what is young enough stays", 24 * time.Hour, []schema.Event{named("a", 0, 0), named("b", 20*hour, 20*hour)}, []string{"a 1", "b 1"}, 0, 0},
		{"a source that is silent for long is forgotten", 24 * time.Hour, []schema.Event{named("a", 0, 0), named("b", 40*hour, 40*hour)}, []string{"b 1"}, 0, 0},
		{"one that still speaks is not", 24 * time.Hour, []schema.Event{named("a", 0, 0), named("a", 20*hour, 20*hour), named("b", 40*hour, 40*hour)}, []string{"a 1", "b 1"}, 1, 0},
		{"zero keeps all for ever", 0, []schema.Event{named("a", 0, 0), named("b", 1e6*hour, 1e6*hour)}, []string{"a 1", "b 1"}, 0, 0},
		{"a reading older than what is kept is seen until the next turn", 24 * time.Hour, []schema.Event{named("b", 40*hour, 40*hour), named("a", 0, 40*hour)}, []string{"a 1", "b 1"}, 0, 1},
		{"then it is forgotten", 24 * time.Hour, []schema.Event{named("b", 40*hour, 40*hour), named("a", 0, 40*hour), named("b", 47*hour, 47*hour)}, []string{"a 0", "b 1"}, 0, 1},
		{"a device's clock does not move the journal's", 24 * time.Hour, []schema.Event{named("a", 0, 0), named("b", 40*hour, 10)}, []string{"a 1", "b 1"}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := journalWith(func(s *Settings) { s.Limits.Retention = test.retention })
			expired := 0
			for _, e := range test.events {
				expired += j.events(e).History.Expired
			}
			if diff := cmp.Diff(test.want, j.sourcesWithTracks()); diff != "" {
				t.Errorf("sources and their tracks (-want +got):\n%s", diff)
			}
			state := j.tenant(t, tenantA)
			if expired != test.expired || state.HistoryTooOld != test.tooOld || state.Sources != uint64(len(test.want)) || state.Series != j.index.Series() {
				t.Errorf("%d buckets expired; tenant: %+v", expired, state)
			}
		})
	}
}

func TestAForgottenSourceComesBackAnew(t *testing.T) {
	j := journalWith(func(s *Settings) { s.Limits.Retention = 24 * time.Hour })
	j.events(named("a", 0, 0))
	j.events(named("b", 40*hour, 40*hour))
	j.frame(schema.Frame{Disconnects: []schema.Disconnect{{Client: "c-a", At: at(40*hour + 1)}}})
	j.events(named("a", 41*hour, 41*hour))
	src := j.find(t, schema.KindSporeNode, "a")
	if src.FirstSeen != at(41*hour) || src.Readings != 1 || src.Presence != schema.PresenceAlive {
		t.Errorf("source: %+v", src)
	}
	if diff := cmp.Diff([]string{"147600 cpu 1"}, j.history(t, schema.KindSporeNode, "a")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if m := j.Meta(); m.Sources != 2 || m.SourcesEver != 3 || m.Tracks != 2 || m.TracksEver != 3 || m.Rows != 2 {
		t.Errorf("head: %+v", m)
	}
}

func TestHistoryIsForgottenBySize(t *testing.T) {
	const buckets = 12
	fill := func(limit uint64) (*journal, int) {
		j := journalWith(func(s *Settings) { s.Limits.HistoryBytes = limit })
		expired := 0
		j.events(named("silent", 0, 0))
		for i := range int64(buckets * 6) {
			expired += j.events(named("a", i*hour, i*hour)).History.Expired
		}
		return j, expired
	}
	all, _ := fill(0)
	bytes := all.tenant(t, tenantA).HistoryBytes
	limit := bytes / 2
	j, expired := fill(limit)
	state := j.tenant(t, tenantA)
	if state.HistoryBytes > limit || state.HistoryBytes < limit*2/3 || expired < buckets/3 {
		t.Errorf("%d bytes of at most %d, of %d without a limit; %d buckets expired", state.HistoryBytes, limit, bytes, expired)
	}
	if diff := cmp.Diff([]string{"a 1", "silent 0"}, j.sourcesWithTracks()); diff != "" {
		t.Errorf("the silent source lost its history, not itself (-want +got):\n%s", diff)
	}
	v := j.SourceTracks(schema.KindSporeNode, "a", schema.Tenant{})[0]
	if v.First <= at(0) || v.Pending[0].Min < v.First {
		t.Errorf("the view goes from %s, its first chunk begins at %s", foldtest.Stamp(v.First), foldtest.Stamp(v.Pending[0].Min))
	}
}

func TestTheBucketOfNowStaysWhateverItsSize(t *testing.T) {
	j := journalWith(func(s *Settings) { s.Limits.HistoryBytes = 1 })
	for i := range int64(2 * history.ChunkRows) {
		if out := j.events(named("a", i, i)); out.History.Expired > 0 {
			t.Fatalf("expired at row %d", i)
		}
	}
	if state := j.tenant(t, tenantA); state.HistoryBytes < 2 {
		t.Errorf("tenant: %+v", state)
	}
}

func TestLimits(t *testing.T) {
	fields := uint64(len(foldedFields(t)))
	gateway := func(hosts ...string) schema.Event {
		var nodes [][]byte
		for _, h := range hosts {
			nodes = append(nodes, foldtest.SporeNode(h, "z", 1, at(0)))
		}
		return schema.Event{Topic: foldtest.SporeTopic(tenantA, "gateway"), Received: at(0), Payload: foldtest.Gateway(at(0), nodes...)}
	}
	for _, test := range []struct {
		name            string
		series, sources uint64
		events          []schema.Event
		reason          schema.Reason // of the last event; all before are applied
		detail          string
	}{
		{"as many sources as there may be", 0, 2, []schema.Event{named("a", 0, 0), named("b", 0, 0)}, 0, ""},
		{"one source too many", 0, 1, []schema.Event{named("a", 0, 0), named("b", 0, 0)}, schema.ReasonSourceLimit, "factory/line1 has 1 sources of at most 1, and this event adds 1"},
		{"a heartbeat of one too many", 0, 1, []schema.Event{named("a", 0, 0), alive(at(0))}, schema.ReasonSourceLimit, "factory/line1 has 1 sources of at most 1, and this event adds 1"},
		{"a source that is there may go on", 0, 1, []schema.Event{named("a", 0, 0), named("a", 1, 1)}, 0, ""},
		{"as many series as there may be", fields, 0, []schema.Event{named("a", 0, 0), named("a", 1, 1)}, 0, ""},
		{"series of another source too many", fields, 0, []schema.Event{named("a", 0, 0), named("b", 1, 1)}, schema.ReasonSeriesLimit, fmt.Sprintf("factory/line1 has %d series of at most %d, and this event adds %d", fields, fields, fields)},
		{"series of another label too many", 2*fields - 1, 0, []schema.Event{node("a", 1, 0, 0), node("b", 1, 1, 1)}, schema.ReasonSeriesLimit, fmt.Sprintf("factory/line1 has %d series of at most %d, and this event adds %d", fields, 2*fields-1, fields)},
		{"the old label again adds none", 2 * fields, 0, []schema.Event{node("a", 1, 0, 0), node("b", 1, 1, 1), node("a", 1, 2, 2)}, 0, ""},
		{"a field that is new", 1, 0, []schema.Event{bare(1, 0, 0), node("", 1, 1, 1)}, schema.ReasonSeriesLimit, fmt.Sprintf("factory/line1 has 1 series of at most 1, and this event adds %d", fields)},
		{"a document is taken whole", 0, 3, []schema.Event{named("a", 0, 0), gateway("a", "b", "c")}, 0, ""},
		{"a document is rejected whole", 0, 2, []schema.Event{named("a", 0, 0), gateway("a", "b", "c")}, schema.ReasonSourceLimit, "factory/line1 has 1 sources of at most 2, and this event adds 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := journalWith(func(s *Settings) { s.Limits = Limits{Series: test.series, Sources: test.sources} })
			last := len(test.events) - 1
			j.events(test.events[:last]...)
			before := j.Meta()
			out := j.events(test.events[last])
			if test.reason == schema.ReasonNone {
				if out.Applied != 1 || len(j.PendingDeadLetters()) > 0 {
					t.Errorf("outcome %+v, dead letters %+v", out, j.PendingDeadLetters())
				}
				return
			}
			letters := j.PendingDeadLetters()
			if out.Rejected != 1 || len(letters) != 1 || letters[0].Reason != test.reason || letters[0].Detail != test.detail {
				t.Fatalf("outcome %+v, dead letters %+v", out, letters)
			}
			after := j.Meta()
			if after.Sources != before.Sources || after.Tracks != before.Tracks || after.Rows != before.Rows {
				t.Errorf("the rejected event changed the head: before %+v, after %+v", before, after)
			}
			if state := j.tenant(t, tenantA); state.Rejected[test.reason] != 1 || state.Series != j.index.Series() {
				t.Errorf("tenant: %+v", state)
			}
		})
	}
}

// foldedFields returns the fields of a node.
func foldedFields(t *testing.T) []schema.Field {
	t.Helper()
	j := newJournal()
	j.events(named("a", 0, 0))
	return j.SourceTracks(schema.KindSporeNode, "a", schema.Tenant{})[0].Fields
}

func TestATenantsOwnLimits(t *testing.T) {
	other := schema.Tenant{Service: "factory", Subservice: "line2"}
	j := journalWith(func(s *Settings) {
		s.Limits.Sources = 5
		s.Tenants = []TenantLimits{{Tenant: tenantA, Limits: Limits{Sources: 1}}, {Tenant: other, Limits: Limits{}}}
	})
	for i := range 8 {
		j.events(named(fmt.Sprint(i), 0, 0),
			schema.Event{Topic: foldtest.SporeTopic(other, "n"), Received: at(0), Payload: foldtest.SporeNode(fmt.Sprint(i), "z", 1, at(0))},
			schema.Event{Topic: foldtest.SporeTopic(schema.Tenant{Service: "farm", Subservice: "x"}, "n"), Received: at(0), Payload: foldtest.SporeNode(fmt.Sprint(i), "z", 1, at(0))})
	}
	got := map[string]Usage{}
	j.Usage(func(u Usage) { got[u.Tenant.String()] = u })
	for name, want := range map[string]struct{ sources, limit uint64 }{"factory/line1": {1, 1}, "factory/line2": {8, 0}, "farm/x": {5, 5}} {
		if u := got[name]; u.Sources != want.sources || u.SourceLimit != want.limit {
			t.Errorf("%s: %+v, want %+v", name, u, want)
		}
	}
}
