package fold

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

func openJournal() *journal {
	j := newJournal()
	j.SetDecoder(foldtest.NewOpenDecoder())
	return j
}

// say is an event of readings.
func say(received int64, readings ...schema.Reading) schema.Event {
	return schema.Event{Topic: foldtest.SporeTopic(tenantA, "open"), Client: "c", Received: at(received), Payload: foldtest.OpenPayload(readings)}
}

// board is a reading of the board "b", of values that are all 1.
func board(zone, core string, own int64, names ...string) schema.Reading {
	r := schema.Reading{Kind: schema.KindDevice, ID: "b", Clock: schema.ClockUnix, Time: at(own), Presence: schema.PresenceAlive}
	if zone != "" {
		r.Labels = []schema.Label{{Name: "zone", Value: zone}}
	}
	if core != "" {
		r.Dims = []schema.Label{{Name: "core", Value: core}}
	}
	for _, name := range names {
		r.Named = append(r.Named, schema.NamedValue{Name: name, Value: 1})
	}
	return r
}

func ended(core string, own int64) schema.Reading {
	r := board("", core, own)
	r.Ended, r.Presence = true, schema.PresenceUnknown
	return r
}

// strands shows a board's tracks, each with its rows, oldest first.
func (j *journal) strands(t *testing.T) (all []string) {
	t.Helper()
	names := j.FieldNames()
	for _, v := range j.SourceTracks(schema.KindDevice, "b", schema.Tenant{}) {
		text := ""
		for _, l := range v.Labels {
			if l.Name == "core" || l.Name == "zone" {
				text += l.Value + " "
			}
		}
		if v.Current {
			text += "current"
		}
		text = strings.TrimSpace(text) + ":"
		list := rows(t, v)
		for i := range list {
			row := &list[len(list)-1-i]
			text += fmt.Sprint(" ", (row.Time-foldtest.Start)/second)
			if row.End {
				text += "!"
			}
			for _, f := range row.Fields {
				text += names.Name(f.Field)
			}
		}
		all = append(all, text)
	}
	return all
}

func TestStrands(t *testing.T) {
	for _, test := range []struct {
		name   string
		events []schema.Event
		want   []string
	}{
		{"each set of dimensions is a track", []schema.Event{say(0, board("z", "", 0, "a"), board("z", "0", 0, "b"), board("z", "1", 0, "b")), say(10, board("z", "0", 10, "b"))},
			[]string{"z current: 0a", "0 z current: 0b 10b", "1 z current: 0b"}},
		{"another label ends the track of the same dimensions", []schema.Event{say(0, board("y", "0", 0, "a"), board("y", "1", 0, "a")), say(10, board("z", "0", 10, "a"))},
			[]string{"0 y: 0a 10!", "1 y current: 0a", "0 z current: 10a"}},
		{"what has no labels has its source's", []schema.Event{say(0, board("y", "0", 0, "a"), board("y", "1", 0, "a")), say(10, board("z", "0", 10, "a")), say(20, board("", "1", 20, "a"))},
			[]string{"0 y: 0a 10!", "1 y: 0a 20!", "0 z current: 10a", "1 z current: 20a"}},
		{"what is late has the labels of its dimensions", []schema.Event{say(0, board("y", "0", 0, "a"), board("y", "1", 0, "a")), say(20, board("z", "0", 20, "a")), say(30, board("", "1", 10, "a"), board("", "0", 10, "a"))},
			[]string{"0 y: 0a 20!", "1 y current: 0a 10a", "0 z current: 10a 20a"}},
		{"late for its source is not late for its dimensions", []schema.Event{say(20, board("y", "0", 20, "a")), say(21, board("y", "1", 0, "a")), say(22, board("z", "1", 10, "a"))},
			[]string{"0 y current: 20a", "1 y: 0a 10!", "1 z current: 10a"}},
		{"an end ends the track of its dimensions", []schema.Event{say(0, board("z", "0", 0, "a"), board("z", "1", 0, "a"), board("z", "", 0, "a")), say(10, ended("1", 10)), say(20, board("z", "1", 20, "a"))},
			[]string{"0 z current: 0a", "1 z current: 0a 10! 20a", "z current: 0a"}},
		{"an end may be late", []schema.Event{say(0, board("z", "1", 0, "a")), say(20, board("z", "1", 20, "a")), say(30, ended("1", 10))},
			[]string{"1 z current: 0a 10! 20a"}},
		{"an end of what is not known is none", []schema.Event{say(0, board("z", "0", 0, "a")), say(10, ended("1", 10), ended("", 10))},
			[]string{"0 z current: 0a"}},
		{"an end of no source makes none", []schema.Event{say(10, ended("1", 10))}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := openJournal()
			j.events(test.events...)
			if diff := cmp.Diff(test.want, j.strands(t)); diff != "" {
				t.Errorf("tracks (-want +got):\n%s", diff)
			}
		})
	}
	if j := openJournal(); j.events(say(10, ended("1", 10))).Applied != 1 || j.SourceCount() != 0 {
		t.Error("an end of no source is not applied, or makes one")
	}
}

func TestAScrapeIsOneArrival(t *testing.T) {
	j := openJournal()
	for i := range int64(3) {
		j.events(say(i, board("z", "", i, "a"), board("z", "0", i, "b"), board("z", "1", i, "b")))
	}
	for _, v := range j.SourceTracks(schema.KindDevice, "b", schema.Tenant{}) {
		for i, r := range rows(t, v) {
			if r.Arrival != uint64(3-i) {
				t.Errorf("track %d: row %d has arrival %d", v.Number, i, r.Arrival)
			}
		}
	}
}

func TestRetentionForgetsStrands(t *testing.T) {
	j := journalWith(func(s *Settings) { s.Limits.Retention = 24 * time.Hour })
	j.SetDecoder(foldtest.NewOpenDecoder())
	j.events(say(0, board("z", "", 0, "a"), board("z", "0", 0, "a")), say(20*hour, board("z", "1", 20*hour, "a")), say(40*hour, board("z", "0", 40*hour, "a")))
	src := j.tenants.byName[tenantA].sources[sourceName{kind: schema.KindDevice, id: "b"}]
	if len(src.strands) != 2 || len(src.tracks) != 2 || len(src.plain.tracks) != 0 {
		t.Errorf("%d strands, %d tracks, %d without dimensions", len(src.strands), len(src.tracks), len(src.plain.tracks))
	}
	j.events(say(60*hour, board("z", "0", 60*hour, "a")))
	if diff := cmp.Diff([]string{"0 z current: 144000a 216000a"}, j.strands(t)); diff != "" || len(src.strands) != 1 {
		t.Errorf("%d strands, tracks (-want +got):\n%s", len(src.strands), diff)
	}
}

func TestNamesGetFieldsInTheJournalsOrder(t *testing.T) {
	j := openJournal()
	r := board("", "", 0, "b", "c")
	r.Named[0].Type = schema.Gauge
	j.events(say(0, r))
	r = board("", "", 1, "a", "b", "spore_node_cpu_usage_percent")
	r.Named[1].Type, r.Named[1].Help, r.Named[1].Unit = schema.Cumulative, "Help.", "bytes"
	j.events(say(1, r))
	r.Named[1].Help = "Other."
	j.events(say(2, r))
	var got []schema.Metadata
	j.Metadata("", func(m *schema.Metadata) { got = append(got, *m) })
	want := []schema.Metadata{{Field: 1000, Name: "b", Type: schema.Gauge, Help: "Help.", Unit: "bytes"}, {Field: 1001, Name: "c"}, {Field: 1002, Name: "a"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	v := j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0]
	if diff := cmp.Diff([]schema.Field{schema.SporeCPUUsagePercent, 1000, 1001, 1002}, v.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if src := j.find(t, schema.KindDevice, "b"); len(src.Fields) != 0 {
		t.Errorf("the source shows %+v", src.Fields)
	}
}

func TestFieldsAndNamedValuesAreOneRow(t *testing.T) {
	ns := newNames()
	ns.learn([]schema.NamedValue{{Name: "z"}, {Name: "a"}})
	r := schema.Reading{Fields: []schema.FieldValue{{Field: schema.DataNodeHealthStatus, Value: 1}, {Field: schema.DataNodeErrors, Value: 2}},
		Named: []schema.NamedValue{{Name: "a", Value: 3}, {Name: "datamgmt_errors_total", Value: 9}, {Name: "datamgmt_uptime_seconds", Value: 4}, {Name: "new"}, {Name: "z", Value: 5}}}
	got, _ := ns.translate(&r, nil)
	want := []schema.FieldValue{{Field: schema.DataNodeHealthStatus, Value: 1}, {Field: schema.DataNodeUptimeSeconds, Value: 4}, {Field: schema.DataNodeErrors, Value: 2}, {Field: 1000, Value: 5}, {Field: 1001, Value: 3}}
	if diff := cmp.Diff(want, got.fields); diff != "" || got.unknown != 1 || got.teaches {
		t.Errorf("%d unknown, teaches %v, fields (-want +got):\n%s", got.unknown, got.teaches, diff)
	}
}

func TestNamedValuesAreKeptToTheBit(t *testing.T) {
	bits := []uint64{0x7ff8000000000001, 0x7ff8000000000002, 0xfff8000000000000, 0x7ff0000000000000, 0xfff0000000000000, 1 << 63, 1, 0x7ff0000000000002, 0x3fb999999999999a}
	j := openJournal()
	for i := range int64(history.ChunkRows + 20) {
		r := board("", "", i, "a", "b")
		r.Named[0].Value = math.Float64frombits(bits[int(i)%len(bits)])
		j.events(say(i, r))
	}
	v := j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0]
	if len(v.Pending) != 1 {
		t.Fatalf("%d chunks", len(v.Pending))
	}
	for _, row := range rows(t, v) {
		i := int((row.Time - foldtest.Start) / second)
		if got := math.Float64bits(row.Fields[0].Value); got != bits[i%len(bits)] {
			t.Fatalf("value %d is %x, not %x", i, got, bits[i%len(bits)])
		}
	}
}

func TestALimitOfNames(t *testing.T) {
	j := openJournal()
	j.names.most = 3
	j.events(say(0, board("", "", 0, "a", "b")))
	if out := j.events(say(1, board("", "", 1, "a", "c", "d"))); out.Rejected != 1 || j.tenant(t, tenantA).Rejected[schema.ReasonNameLimit] != 1 {
		t.Errorf("outcome %+v", out)
	}
	if got := j.PendingDeadLetters()[0].Detail; got != "the journal has 2 names of values of at most 3, and this event adds 2" {
		t.Error(got)
	}
	if out := j.events(say(2, board("", "0", 2, "c"), board("", "1", 2, "c"))); out.Applied != 1 {
		t.Errorf("a name that is there twice: %+v", out)
	}
	if n, most := j.NameCount(); n != 3 || most != 3 || j.Meta().Names != 3 {
		t.Errorf("%d names of %d", n, most)
	}
	if out := j.events(say(3, board("", "", 3, "a", "b", "c"))); out.Applied != 1 {
		t.Errorf("known names: %+v", out)
	}
}

func TestATenantsShareOfTheNames(t *testing.T) {
	j := openJournal()
	j.names.share = 2
	reject := func(e schema.Event, want string) {
		t.Helper()
		if out := j.events(e); out.Rejected != 1 {
			t.Fatalf("outcome %+v", out)
		}
		letters := j.PendingDeadLetters()
		if got := letters[len(letters)-1]; got.Detail != want || got.Reason != schema.ReasonNameLimit {
			t.Errorf("%v: %s, not %s", got.Reason, got.Detail, want)
		}
	}
	j.events(say(0, board("", "", 0, "a", "b")))
	reject(say(1, board("", "", 1, "c")), tenantA.String()+" has 2 names of values of at most 2, and this event adds 1")
	if out := j.events(say(2, board("", "", 2, "a", "b"))); out.Applied != 1 || j.tenant(t, tenantA).Names != 2 {
		t.Errorf("names that are known: %+v", out)
	}
	// Another tenant has a share of its own, and known names cost nobody anything.
	other := recorded(3, nil, sample(1, "__name__", "a", "service", "other", "subservice", "x"),
		sample(1, "__name__", "c", "service", "other", "subservice", "x"), sample(1, "__name__", "d", "service", "other", "subservice", "x"))
	if out := j.events(other); out.Applied != 1 {
		t.Errorf("another tenant's names: %+v", out)
	}
	more := recorded(4, nil, sample(1, "__name__", "e", "service", "other", "subservice", "x"))
	reject(more, "other/x has 2 names of values of at most 2, and this event adds 1")
}

// recorded is an event of a rule.
func recorded(received int64, ended [][]schema.Label, samples ...decode.RecordedSample) schema.Event {
	return schema.Event{Topic: decode.RecordedTopic, Client: "alerter", Received: at(received), Route: schema.RouteRule,
		Payload: decode.EncodeRecorded(nil, at(received)/1e6, samples, ended)}
}

func sample(v float64, pairs ...string) (s decode.RecordedSample) {
	s.Value = v
	for i := 0; i < len(pairs); i += 2 {
		s.Labels = append(s.Labels, schema.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return s
}

func TestRecordedSeriesBelongToTheirTenants(t *testing.T) {
	j := newJournal()
	gone := sample(0, "__name__", "job:x", "zone", "a")
	j.events(recorded(0, nil, sample(1, "__name__", "job:x", "zone", "a"), sample(2, "__name__", "job:x", "service", "s"), sample(3, "__name__", "job:x", "service", "factory", "subservice", "line1", "zone", "b")),
		recorded(10, [][]schema.Label{gone.Labels}))
	var got []string
	for _, v := range j.SourceTracks(schema.KindRecorded, "job:x", schema.Tenant{}) {
		text := v.Name.String()
		for _, l := range v.Labels {
			text += fmt.Sprintf(" %s=%s", l.Name, l.Value)
		}
		for _, r := range rows(t, v) {
			text += fmt.Sprintf(" %v%v", r.End, r.Fields)
		}
		got = append(got, text)
	}
	want := []string{"/ zone=a true[] false[{1000 1}]", "factory/line1 service=factory subservice=line1 zone=b false[{1000 3}]", "s/ service=s false[{1000 2}]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
	nobody := j.tenant(t, schema.Tenant{})
	if nobody.Applied != 2 || nobody.Counters != (schema.TenantState{}).Counters || nobody.Series != 1 || nobody.Sources != 1 {
		t.Errorf("the tenant without names: %+v", nobody)
	}
	if other := j.tenant(t, tenantA); other.Applied != 0 || other.Series != 1 || other.Counters != nobody.Counters {
		t.Errorf("another tenant: %+v", other)
	}
	if n := j.HealthyPeers(0); n != 0 {
		t.Errorf("%d of what is recorded are healthy", n)
	}
}

func TestARecordedEventDoesNotHalfApply(t *testing.T) {
	j := journalWith(func(s *Settings) {
		s.Tenants = []TenantLimits{{Tenant: schema.Tenant{Service: "s"}, Limits: Limits{Series: 1, Sources: 5}}, {Tenant: schema.Tenant{Service: "t"}, Limits: Limits{Sources: 1}}}
	})
	full := recorded(0, nil, sample(1, "__name__", "a"), sample(1, "__name__", "a", "service", "s"), sample(1, "__name__", "b", "service", "s"))
	if out := j.events(full); out.Rejected != 1 || j.SourceCount() != 0 || len(j.tenants.ordered) != 1 {
		t.Errorf("outcome %+v, %d sources, %d tenants", out, j.SourceCount(), len(j.tenants.ordered))
	}
	state := j.tenant(t, schema.Tenant{})
	if state.Rejected[schema.ReasonSeriesLimit] != 1 || state.LastRejected != at(0) || state.Counters[schema.IncomingErrors] != 0 {
		t.Errorf("the tenant without names: %+v", state)
	}
	if out := j.events(recorded(1, nil, sample(1, "__name__", "a", "service", "t", "x", "1"), sample(1, "__name__", "a", "service", "t", "x", "2"))); out.Applied != 1 {
		t.Errorf("two series of one source: %+v", out)
	}
	if out := j.events(recorded(2, nil, sample(1, "__name__", "b", "service", "t"))); out.Rejected != 1 {
		t.Errorf("a source too many: %+v", out)
	}
}

func TestOnlyARuleWritesToTheRecordedTopic(t *testing.T) {
	for _, route := range []schema.Route{schema.RouteMQTT, schema.RouteHTTP, schema.RouteWill, schema.RouteReplay} {
		j := newJournal()
		e := recorded(0, nil, sample(1, "__name__", "a"))
		e.Route = route
		if out := j.events(e); out.Rejected != 1 || j.tenant(t, schema.Tenant{}).Rejected[schema.ReasonBadTopic] != 1 {
			t.Errorf("route %s: %+v", route, out)
		}
	}
	j := newJournal()
	e := node("a", 1, 0, 0)
	e.Route = schema.RouteRule
	if out := j.events(e); out.Rejected != 1 {
		t.Errorf("a rule speaks for a node: %+v", out)
	}
}

func TestAbsences(t *testing.T) {
	s := func(n int64) int64 { return at(n) }
	for _, test := range []struct {
		name   string
		events []schema.Event
		want   []Absence
	}{
		{"every row has every field", []schema.Event{say(0, board("", "", 0, "a", "b")), say(10, board("", "", 10, "a", "b"))}, nil},
		{"a field that is new was not absent", []schema.Event{say(0, board("", "", 0, "a")), say(10, board("", "", 10, "a", "b"))}, nil},
		{"a field is absent since the last row that had it", []schema.Event{say(0, board("", "", 0, "a", "b")), say(10, board("", "", 10, "a")), say(20, board("", "", 20, "a"))}, []Absence{{1001, s(0), 0}}},
		{"it comes back", []schema.Event{say(0, board("", "", 0, "a", "b")), say(10, board("", "", 10, "a")), say(30, board("", "", 30, "a", "b"))}, []Absence{{1001, 0, 30 * second}}},
		{"and goes again, for less long", []schema.Event{say(0, board("", "", 0, "a", "b")), say(10, board("", "", 10, "a")), say(30, board("", "", 30, "a", "b")), say(40, board("", "", 40, "a")), say(50, board("", "", 50, "a", "b")), say(60, board("", "", 60, "a"))},
			[]Absence{{1001, s(50), 30 * second}}},
		{"an end is no row that lacks fields", []schema.Event{say(0, board("", "", 0, "a", "b")), say(10, ended("", 10)), say(20, board("", "", 20, "a"))}, []Absence{{1001, s(0), 0}}},
		{"late rows do not count", []schema.Event{say(0, board("", "", 10, "a", "b")), say(20, board("", "", 20, "a")), say(21, board("", "", 15, "a", "b")), say(22, board("", "", 16, "a"))}, []Absence{{1001, s(10), 0}}},
		{"a field that only a late row has is not absent", []schema.Event{say(20, board("", "", 20, "a")), say(21, board("", "", 10, "a", "b")), say(30, board("", "", 30, "a"))}, nil},
		{"until it is in a main row", []schema.Event{say(20, board("", "", 20, "a")), say(21, board("", "", 10, "a", "b")), say(30, board("", "", 30, "a", "b")), say(40, board("", "", 40, "a"))}, []Absence{{1001, s(30), 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := openJournal()
			j.events(test.events...)
			got := j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0].Absent
			if len(got) == 0 {
				got = nil
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("absences (-want +got):\n%s", diff)
			}
		})
	}
}
