package live_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
)

const second = int64(time.Second)

// start is an hour before the moment of asking.
var (
	now  = time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC).UnixNano()
	farm = schema.Tenant{Service: "farm", Subservice: "yard"}
)

// ago returns a moment some seconds before that of asking.
func ago(seconds int64) int64 { return now - seconds*second }

// matchers parses "name=value", "name=~value", "name!=value" and "name!~value".
func matchers(t testing.TB, texts ...string) (ms []*labels.Matcher) {
	t.Helper()
	for _, text := range texts {
		at := strings.IndexAny(text, "=!")
		sign := text[at : at+1]
		if at+1 < len(text) && (text[at:at+2] == "=~" || text[at] == '!') {
			sign = text[at : at+2]
		}
		types := map[string]labels.MatchType{"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp}
		ms = append(ms, labels.MustNewMatcher(types[sign], text[:at], text[at+len(sign):]))
	}
	return ms
}

// collector returns a visitor and what it was given, as text.
func collector(into *[]string) live.Visit {
	return func(all []schema.Label, v float64) bool {
		if !slices.IsSortedFunc(all, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) }) {
			panic(fmt.Sprintf("labels are not in order: %v", all))
		}
		text, name := "", ""
		for _, l := range all {
			if l.Name == schema.MetricNameLabel {
				name = l.Value
				continue
			}
			text += "," + l.Name + "=" + l.Value
		}
		*into = append(*into, fmt.Sprintf("%s{%s} %v", name, strings.TrimPrefix(text, ","), v))
		return true
	}
}

// node is a node that was heard of a second ago and sends every ten seconds.
func node() live.Source {
	of := []schema.Label{{Name: "node", Value: "a"}, {Name: "service", Value: "farm"}, {Name: "subservice", Value: "yard"}, {Name: "zone", Value: "east"}}
	return live.Source{
		Kind: schema.KindSporeNode, Labels: live.Labels(schema.KindSporeNode, "a", of),
		LastSeen: ago(1), Presence: schema.PresenceAlive,
		Readings: 7, ReadingTime: ago(1), ReadingSeen: ago(1), Limit: live.Limit{Time: 30 * time.Second, Learned: true},
	}
}

const nodeLabels = "kind=spore_node,node=a,service=farm,source=a,subservice=yard,zone=east"

func ask(t testing.TB, src live.Source, m live.Moment, ms ...string) (got []string) {
	t.Helper()
	s := live.Select(matchers(t, ms...))
	if s != nil && s.Sources() && s.Tenant(farm) && s.Kind(src.Kind) {
		s.Source(&src, &m, collector(&got))
	}
	return got
}

func TestWhatIsSaidOfASource(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*live.Source, *live.Moment)
		up     string // "" for absent
	}{
		{"a source that spoke a second ago is up", func(*live.Source, *live.Moment) {}, "1"},
		{"a source is up to the last moment of its limit", func(s *live.Source, _ *live.Moment) { s.LastSeen = ago(30) }, "1"},
		{"a source that is silent for longer is down", func(s *live.Source, _ *live.Moment) { s.LastSeen = ago(30) - 1 }, "0"},
		{"a source is up if its clock is ahead of ours", func(s *live.Source, _ *live.Moment) { s.LastSeen = ago(-100) }, "1"},
		{"a source that said that it goes is down at once", func(s *live.Source, _ *live.Moment) { s.Presence = schema.PresenceOffline }, "0"},
		{"a source that left in good order is down at once", func(s *live.Source, _ *live.Moment) { s.Presence = schema.PresenceLeft }, "0"},
		{"a source whose client went away is up until it is silent", func(s *live.Source, _ *live.Moment) { s.Presence = schema.PresenceDisconnected }, "1"},
		{"a silence that began before weir was away is not known to be one", func(s *live.Source, m *live.Moment) {
			s.LastSeen, m.DeafFrom, m.DeafTo = ago(610), ago(605), ago(5)
		}, ""},
		{"what spoke since weir is back is up", func(_ *live.Source, m *live.Moment) { m.DeafFrom, m.DeafTo = ago(605), ago(5) }, "1"},
		{"what did not speak for its limit since weir is back is down", func(s *live.Source, m *live.Moment) {
			s.LastSeen, m.DeafFrom, m.DeafTo = ago(610), ago(610), ago(31)
		}, "0"},
		{"what was silent before weir went is down all the time", func(s *live.Source, m *live.Moment) {
			s.LastSeen, m.DeafFrom, m.DeafTo = ago(700), ago(605), ago(0)
		}, "0"},
		{"what spoke and said that it goes is down, deaf or not", func(s *live.Source, m *live.Moment) {
			s.LastSeen, s.Presence, m.DeafFrom, m.DeafTo = ago(610), schema.PresenceOffline, ago(605), ago(0)
		}, "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src, m := node(), live.Moment{Now: now}
			test.change(&src, &m)
			var want []string
			if test.up != "" {
				want = append(want, "weir_source_up{"+nodeLabels+"} "+test.up)
			}
			if diff := cmp.Diff(want, ask(t, src, m, "__name__=weir_source_up")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheSeriesOfASource(t *testing.T) {
	proplet := node()
	proplet.Kind, proplet.Presence = schema.KindProplet, schema.PresenceOffline
	proplet.Labels = live.Labels(proplet.Kind, "p", []schema.Label{{Name: "proplet_id", Value: "p"}})
	proplet.Limit = live.Limit{Time: 5 * time.Minute}
	leaving := proplet
	leaving.Presence = schema.PresenceLeft
	const propletLabels = "kind=proplet,proplet_id=p,source=p"
	for _, test := range []struct {
		name string
		src  live.Source
		ms   []string
		want []string
	}{
		{"a node has all but the word that it is offline", node(), []string{"__name__=~weir_source_.+"}, []string{
			"weir_source_up{" + nodeLabels + "} 1",
			"weir_source_silence_seconds{" + nodeLabels + "} 1",
			"weir_source_lag_seconds{" + nodeLabels + "} 0",
			"weir_source_expected_interval_seconds{" + nodeLabels + "} 30",
			"weir_source_readings_total{" + nodeLabels + "} 7",
		}},
		{"a proplet that sends too few readings has no expected interval", proplet, []string{"__name__=~weir_source_.+"}, []string{
			"weir_source_up{" + propletLabels + "} 0",
			"weir_source_offline{" + propletLabels + "} 1",
			"weir_source_left{" + propletLabels + "} 0",
			"weir_source_silence_seconds{" + propletLabels + "} 1",
			"weir_source_lag_seconds{" + propletLabels + "} 0",
			"weir_source_readings_total{" + propletLabels + "} 7",
		}},
		{"a proplet that left is not offline", leaving, []string{"__name__=~weir_source_(up|offline|left)"}, []string{
			"weir_source_up{" + propletLabels + "} 0",
			"weir_source_offline{" + propletLabels + "} 0",
			"weir_source_left{" + propletLabels + "} 1",
		}},
		{"one whose clock is slow says by how much", func() live.Source { n := node(); n.ReadingTime -= 90 * second; return n }(), []string{"__name__=weir_source_lag_seconds"}, []string{"weir_source_lag_seconds{" + nodeLabels + "} 90"}},
		{"no matcher of names selects none", node(), []string{"service=farm"}, nil},
		{"matchers of any name select none", node(), []string{"__name__=~.+", "__name__!=weir_source_offline"}, nil},
		{"a name of history selects none", node(), []string{"__name__=spore_node_cpu_usage_percent"}, nil},
		{"the tenant's name is matched", node(), []string{"__name__=weir_source_up", "service=plant"}, nil},
		{"the kind is matched", node(), []string{"__name__=weir_source_up", "kind!=spore_node"}, nil},
		{"a label of its own is matched", node(), []string{"__name__=weir_source_up", "zone=~west|north"}, nil},
		{"a label that it does not have is empty", node(), []string{"__name__=weir_source_up", "rack=", "reason="}, []string{"weir_source_up{" + nodeLabels + "} 1"}},
		{"what every matcher lets pass is there", node(), []string{"__name__=weir_source_up", "zone=east", "source=a", "kind=~spore.*", "subservice=yard"}, []string{"weir_source_up{" + nodeLabels + "} 1"}},
		{"a matcher of fields selects none of these", node(), []string{"__name__=~weir_source_.+", "field!="}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ask(t, test.src, live.Moment{Now: now}, test.ms...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatRulesRecordedIsNoSource(t *testing.T) {
	if live.Select(matchers(t, "__name__=weir_source_up")).Kind(schema.KindRecorded) {
		t.Error("it is")
	}
}

func TestWhatASourceMisses(t *testing.T) {
	missing := func(since, newest, longest int64) func(*live.Source) {
		return func(s *live.Source) {
			s.Missing = []live.Missing{{Name: "spore_node_cpu_usage_percent", Labels: s.Labels, Since: ago(since), Newest: ago(newest), Longest: longest * second}}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*live.Source)
		want   float64 // 0 for none
	}{
		{"a source that misses nothing has no such series", func(*live.Source) {}, 0},
		{"a field that is missing for longer than its source may be silent", missing(31, 1, 0), 31},
		{"one that is missing for less", missing(30, 1, 0), 0},
		{"one that was missing for nearly as long before", missing(90, 1, 30), 0},
		{"one that is missing for more than three times as long as ever before", missing(91, 1, 30), 91},
		{"the fields of a source that is silent are not missing", func(s *live.Source) { missing(100, 50, 0)(s); s.LastSeen = ago(50) }, 0},
		{"those of a source that is offline are not missing", func(s *live.Source) { missing(100, 1, 0)(s); s.Presence = schema.PresenceOffline }, 0},
		{"rows that come no more are not said to lack something", missing(100, 40, 0), 0},
		{"the clock of a device that is an hour behind is compared with itself", func(s *live.Source) {
			missing(3640, 3601, 0)(s)
			s.ReadingTime = ago(3601)
		}, 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := node()
			test.change(&src)
			var want []string
			if test.want > 0 {
				want = []string{fmt.Sprintf("weir_source_field_silence_seconds{field=spore_node_cpu_usage_percent,%s} %v", nodeLabels, test.want)}
			}
			for _, ms := range [][]string{
				{"__name__=weir_source_field_silence_seconds"},
				{"__name__=weir_source_field_silence_seconds", "field=~spore_node_.+", "zone=east"},
			} {
				if diff := cmp.Diff(want, ask(t, src, live.Moment{Now: now}, ms...)); diff != "" {
					t.Errorf("%v: %s", ms, diff)
				}
			}
			if got := ask(t, src, live.Moment{Now: now}, "__name__=weir_source_field_silence_seconds", "field=other"); got != nil {
				t.Errorf("another field selects %v", got)
			}
		})
	}
}

func TestTheSeriesOfATenant(t *testing.T) {
	state := schema.TenantState{Tenant: farm, Received: 9, Applied: 6, Duplicate: 1, LastRejected: now, Late: 2, Series: 40}
	state.Rejected[schema.ReasonNotJSON] = 2
	state.Counters[schema.FiredRules] = 5
	const farmLabels = "service=farm,subservice=yard"
	for _, test := range []struct {
		name   string
		tenant schema.Tenant
		ms     []string
		want   []string
	}{
		{"when the last dead letter came", farm, []string{"__name__=weir_tenant_last_dead_letter_timestamp_seconds"}, []string{"weir_tenant_last_dead_letter_timestamp_seconds{" + farmLabels + "} 1.7673264e+09"}},
		{"dead letters by reason", farm, []string{"__name__=weir_tenant_dead_letters_total", "reason=~not_json|bad_topic"}, []string{
			"weir_tenant_dead_letters_total{reason=not_json," + farmLabels + "} 2",
			"weir_tenant_dead_letters_total{reason=bad_topic," + farmLabels + "} 0",
		}},
		{"the accounts", farm, []string{"__name__=~weir_tenant_events_.+"}, []string{
			"weir_tenant_events_received_total{" + farmLabels + "} 9",
			"weir_tenant_events_applied_total{" + farmLabels + "} 6",
			"weir_tenant_events_duplicate_total{" + farmLabels + "} 1",
			"weir_tenant_events_rejected_total{" + farmLabels + "} 2",
		}},
		{"a counter", farm, []string{"__name__=weir_tenant_fired_rules_total"}, []string{"weir_tenant_fired_rules_total{" + farmLabels + "} 5"}},
		{"what belongs to no tenant has no labels", schema.Tenant{}, []string{"__name__=weir_tenant_late_readings_total"}, []string{"weir_tenant_late_readings_total{} 2"}},
		{"a matcher of a label that tenants do not have selects none", farm, []string{"__name__=~weir_tenant_.+", "zone=east"}, nil},
		{"nor does one of reasons where there are none", farm, []string{"__name__=weir_tenant_series", "reason=not_json"}, nil},
		{"empty labels are not had", farm, []string{"__name__=weir_tenant_series", "zone=", "kind="}, []string{"weir_tenant_series{" + farmLabels + "} 40"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			of := state
			of.Tenant = test.tenant
			if s := live.Select(matchers(t, test.ms...)); s != nil && s.Tenants() && s.Tenant(of.Tenant) {
				s.Of(&of, collector(&got))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	var got []string
	state.LastRejected = 0
	live.Select(matchers(t, "__name__=weir_tenant_last_dead_letter_timestamp_seconds")).Of(&state, collector(&got))
	if got != nil {
		t.Errorf("without a dead letter there is %v", got)
	}
}

func TestEverySeriesIsThere(t *testing.T) {
	src, got := node(), []string(nil)
	src.Kind, src.Missing = schema.KindProplet, []live.Missing{{Name: "x", Since: ago(1000), Newest: ago(1)}}
	s := live.SelectAny(nil)
	s.Source(&src, &live.Moment{Now: now}, collector(&got))
	s.Of(&schema.TenantState{LastRejected: now}, collector(&got))
	names := map[string]bool{}
	for _, text := range got {
		name, _, _ := strings.Cut(text, "{")
		names[name] = true
	}
	for _, info := range schema.LiveSeries {
		if !names[info.Name] || info.Help == "" || info.Type == "" {
			t.Errorf("there is no %v", info)
		}
		delete(names, info.Name)
	}
	if len(names) > 0 {
		t.Errorf("the table lacks %v", names)
	}
}

func TestWhoHasEnoughIsGivenNoMore(t *testing.T) {
	src, n := node(), 0
	stop := func([]schema.Label, float64) bool { n++; return false }
	s := live.SelectAny(nil)
	if s.Source(&src, &live.Moment{Now: now}, stop) || s.Of(&schema.TenantState{}, stop) || n != 2 {
		t.Errorf("visited %d", n)
	}
}

func TestLabelsOfOursAreNotTheSources(t *testing.T) {
	got := live.Labels(schema.KindDevice, "pump", []schema.Label{
		{Name: "device", Value: "pump"}, {Name: "exported_kind", Value: "x"}, {Name: "field", Value: "north"}, {Name: "kind", Value: "y"}, {Name: "source", Value: "well"},
	})
	want := []schema.Label{
		{Name: "device", Value: "pump"}, {Name: "exported_exported_kind", Value: "y"}, {Name: "exported_field", Value: "north"}, {Name: "exported_kind", Value: "x"},
		{Name: "exported_source", Value: "well"}, {Name: "kind", Value: "device"}, {Name: "source", Value: "pump"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhereTheSampleIs(t *testing.T) {
	ms := func(ago int64) int64 { return now/1e6 - ago*1000 }
	for _, test := range []struct {
		name     string
		from, to int64
		at       int64
		has      bool
	}{
		{"a range up to now has it now", ms(300), ms(0), ms(0), true},
		{"one into the future has it now", ms(300), ms(-300), ms(0), true},
		{"one that ended a little ago has it at its end", ms(300), ms(30), ms(30), true},
		{"one that ended before that has none", ms(300), ms(30) - 1, 0, false},
		{"one that begins later has none", ms(-1), ms(-2), 0, false},
		{"the present instant alone has it", ms(0), ms(0), ms(0), true},
		{"one that ends before it begins has none", ms(1), ms(2), 0, false},
		{"all of time has it now", -1 << 62, 1 << 62, ms(0), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, has := (&live.Moment{Now: now}).Sample(test.from, test.to)
			if has != test.has || has && at != test.at {
				t.Errorf("at %d, %v", at, has)
			}
		})
	}
}

func TestHowLongASourceMayBeSilent(t *testing.T) {
	every := func(interval, n int64) (times []int64) {
		for i := n - 1; i >= 0; i-- {
			times = append(times, ago(i*interval))
		}
		return times
	}
	for _, test := range []struct {
		name    string
		times   []int64
		limit   time.Duration
		learned bool
	}{
		{"before any reading the ceiling holds", nil, 5 * time.Minute, false},
		{"three readings tell nothing", every(20, 3), 5 * time.Minute, false},
		{"four readings tell an interval", every(20, 4), 50 * time.Second, true},
		{"it is never below the floor", every(1, 9), 30 * time.Second, true},
		{"nor above the ceiling", every(290, 9), 5 * time.Minute, true},
		{"a gap among many is borne", []int64{ago(800), ago(780), ago(760), ago(100), ago(80), ago(60), ago(40), ago(20)}, 50 * time.Second, true},
		{"what was before a long silence tells nothing", append(every(20, 9)[:4:4], ago(-5000), ago(-5020)), 5 * time.Minute, false},
		{"only the latest eight intervals count", append(every(100, 20), ago(-20), ago(-40), ago(-60), ago(-80), ago(-100)), 50 * time.Second, true},
		{"readings of one moment are one", []int64{ago(60), ago(60), ago(60), ago(40), ago(40) + 1000, ago(20), ago(0)}, 50 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c live.Cadence
			for _, at := range test.times {
				c.Add(at)
			}
			if got := c.Limit(history.DefaultStaleness); got != (live.Limit{Time: test.limit, Learned: test.learned}) {
				t.Error(got)
			}
		})
	}
}
