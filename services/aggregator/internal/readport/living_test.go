package readport

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// liveBench is a bench that is asked at a second of the test's journal.
type liveBench struct {
	*bench
	now int
}

func newLiveBench(t testing.TB, configure func(*Config)) *liveBench {
	l := &liveBench{}
	l.bench = newBench(t, func(c *Config) {
		c.Now = func() time.Time { return time.Unix(0, at(l.now)) }
		if configure != nil {
			configure(c)
		}
	})
	return l
}

// ask returns the live series of now, as text, in the way in which a rule asks
// for them, and sees to it that a range is told the same.
func (l *liveBench) ask(t testing.TB, ms ...schema.Matcher) (all []string) {
	t.Helper()
	q := schema.SelectRequest{Matchers: ms, From: lms(l.now - 300), To: lms(l.now), Latest: true}
	got := l.mustSelect(t, q)
	for _, s := range got {
		if len(s.T) != 1 || s.T[0] != lms(l.now) {
			t.Fatalf("samples at %v, want one at %v", s.T, lms(l.now))
		}
		all = append(all, fmt.Sprintf("%s %v", s.Labels, s.V[0]))
	}
	q.Latest = false
	if diff := cmp.Diff(got, l.mustSelect(t, q)); diff != "" {
		t.Errorf("a range is told something else (-latest +range):\n%s", diff)
	}
	return all
}

func lms(seconds int) int64 { return ms(seconds) }

// sends has a node send a reading at a second.
func (l *liveBench) sends(host string, second int) {
	l.fold(node(farm, host, "east", 1, at(second)))
	l.now = second
}

// without makes an event of a node lack one of its values.
func without(e schema.Event, value string) schema.Event {
	text := string(e.Payload)
	if !strings.Contains(text, value) {
		panic("there is no " + value)
	}
	e.Payload = []byte(strings.Replace(text, value, "", 1))
	return e
}

func liveLabels(metric, host string) string {
	return "{__name__=" + metric + ",kind=spore_node,node=" + host + ",service=farm,source=" + host + ",subservice=yard,type=spore-node,version=1.0.0,zone=east}"
}

func TestASilentSourceIsDown(t *testing.T) {
	b := newLiveBench(t, nil)
	for i := range 10 {
		b.sends("a", 20*i)
		b.sends("b", 20*i)
	}
	const last = 20 * 9
	up := func(a, b int) []string {
		return []string{fmt.Sprint(liveLabels("weir_source_up", "a"), " ", a), fmt.Sprint(liveLabels("weir_source_up", "b"), " ", b)}
	}
	for _, step := range []struct {
		name string
		now  int
		then func()
		want []string
	}{
		{"both are up", last, nil, up(1, 1)},
		{"for two and a half intervals", last + 50, nil, up(1, 1)},
		{"then they are down", last + 51, nil, up(0, 0)},
		{"one comes back", last + 60, func() { b.fold(node(farm, "a", "east", 1, at(last+60))) }, up(1, 0)},
	} {
		if b.now = step.now; step.then != nil {
			step.then()
		}
		if diff := cmp.Diff(step.want, b.ask(t, name("weir_source_up"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	want := []string{liveLabels("weir_source_silence_seconds", "b") + " 60"}
	if diff := cmp.Diff(want, b.ask(t, name("weir_source_silence_seconds"), equal("node", "b"))); diff != "" {
		t.Error(diff)
	}
}

func TestAPropletIsOfflineByItsWill(t *testing.T) {
	b := newLiveBench(t, nil)
	b.fold(schema.Event{Topic: foldtest.AliveTopic(farm), Client: "p", Received: at(0), Payload: foldtest.Alive("p")})
	ask := func() []string {
		return b.ask(t, schema.Matcher{Type: "=~", Name: "__name__", Value: "weir_source_(up|offline)"})
	}
	of := func(metric string, v int) string {
		return fmt.Sprintf("{__name__=%s,kind=proplet,proplet_id=p,service=farm,source=p,subservice=yard} %d", metric, v)
	}
	if diff := cmp.Diff([]string{of("weir_source_up", 1), of("weir_source_offline", 0)}, ask()); diff != "" {
		t.Error(diff)
	}
	b.fold(schema.Event{Topic: foldtest.AliveTopic(farm), Client: "p", Received: at(1), Payload: foldtest.Will("p"), Route: schema.RouteWill})
	b.now = 1
	if diff := cmp.Diff([]string{of("weir_source_up", 0), of("weir_source_offline", 1)}, ask()); diff != "" {
		t.Error(diff)
	}
}

const (
	temperature       = `,"temperature_c":50.5`
	temperatureMetric = "spore_node_cpu_temperature_celsius"
)

func TestAFieldThatIsGoneWhileItsSourceLivesIsMissed(t *testing.T) {
	b := newLiveBench(t, nil)
	ask := func() []string { return b.ask(t, name("weir_source_field_silence_seconds")) }
	for i := range 10 {
		b.sends("a", 10*i)
		b.sends("b", 10*i)
	}
	for i := 10; i <= 20; i++ {
		b.now = 10 * i
		b.fold(without(node(farm, "a", "east", 1, at(b.now)), temperature))
		b.sends("b", b.now)
		var want []string
		if missing := b.now - 90; missing > 30 {
			want = []string{fmt.Sprintf("{__name__=weir_source_field_silence_seconds,field=%s,%s %d", temperatureMetric, strings.TrimPrefix(liveLabels("x", "a"), "{__name__=x,"), missing)}
		}
		if diff := cmp.Diff(want, ask()); diff != "" {
			t.Errorf("after %d s (-want +got):\n%s", b.now-90, diff)
		}
	}
	up := b.ask(t, name("weir_source_up"), equal("node", "a"))
	if want := []string{liveLabels("weir_source_up", "a") + " 1"}; !slices.Equal(up, want) {
		t.Errorf("meanwhile %v", up)
	}
	b.checkpoint(t)
	b.reload(t)
	if got := ask(); len(got) != 1 {
		t.Errorf("after a restart: %v", got)
	}
	b.sends("a", 210)
	if got := ask(); got != nil {
		t.Errorf("when it is back: %v", got)
	}
}

func TestAFieldOfEveryTenthReadingIsNotMissedOnceThatIsKnown(t *testing.T) {
	b := newLiveBench(t, nil)
	raised := []int{}
	for i := range 100 {
		e := node(farm, "a", "east", 1, at(10*i))
		if i%10 != 0 {
			e = without(e, temperature)
		}
		b.fold(e)
		if i == 50 {
			b.reload(t)
		}
		b.now = 10 * i
		if got := b.ask(t, name("weir_source_field_silence_seconds")); len(got) > 0 {
			raised = append(raised, i)
		}
	}
	if !slices.Equal(raised, []int{4, 5, 6, 7, 8, 9}) { // the first time nobody can know
		t.Errorf("missed at readings %v", raised)
	}
}

func TestATenantsLastDeadLetterIsKnown(t *testing.T) {
	b := newLiveBench(t, nil)
	b.fold(schema.Event{Topic: foldtest.TaskTopic(farm), Received: at(7), Payload: []byte("{")})
	b.sends("a", 9)
	b.fold(node(plant, "a", "east", 1, at(9)))
	want := []string{fmt.Sprintf("{__name__=weir_tenant_last_dead_letter_timestamp_seconds,service=farm,subservice=yard} %v", float64(at(7))/1e9)}
	if diff := cmp.Diff(want, b.ask(t, name("weir_tenant_last_dead_letter_timestamp_seconds"))); diff != "" {
		t.Error(diff)
	}
	want = []string{"{__name__=weir_tenant_events_applied_total,service=plant,subservice=hall} 1"}
	if diff := cmp.Diff(want, b.ask(t, name("weir_tenant_events_applied_total"), equal("service", "plant"))); diff != "" {
		t.Error(diff)
	}
}

// How often a source sends is the same whether it was followed all the time, or
// is found out from the log, from what is pending, or from the disk.
func TestWhatIsExpectedDoesNotDependOnWhatWasAskedBefore(t *testing.T) {
	b := newLiveBench(t, nil)
	for i := range 300 {
		b.sends("a", 20*i+i%3+i/100*i)
		if i < 100 || i > 117 && i < 125 || i > 238 {
			if i%4 == 3 {
				b.checkpoint(t)
			}
			before := b.ask(t, name("weir_source_expected_interval_seconds"))
			b.port.live.memory = live.NewMemory(b.port.Staleness)
			if diff := cmp.Diff(before, b.ask(t, name("weir_source_expected_interval_seconds"))); diff != "" || (len(before) == 0) != (i < 3) {
				t.Fatalf("after %d readings %v (-before +then):\n%s", i+1, before, diff)
			}
		}
	}
}

func TestBeforeTheStateIsOfThePresentItDoesNotTellWhoIsSilent(t *testing.T) {
	b := newLiveBench(t, func(c *Config) { c.Present = 2 })
	b.sends("a", 0)
	b.now = 1000
	if got := b.ask(t, name("weir_source_up")); got != nil {
		t.Errorf("behind its time: %v", got)
	}
	b.fold(node(farm, "b", "east", 1, at(999)))
	want := []string{liveLabels("weir_source_up", "a") + " 0", liveLabels("weir_source_up", "b") + " 1"}
	if diff := cmp.Diff(want, b.ask(t, name("weir_source_up"))); diff != "" {
		t.Error(diff)
	}
}

// Nobody can be heard while weir is away. Who was silent before is down all the
// time; of the others it is not known until they had the time to speak.
func TestASilenceWhileWeirIsAwayIsNobodys(t *testing.T) {
	b := newLiveBench(t, nil)
	for i := range 10 {
		b.sends("a", 20*i)
		b.sends("b", 20*i)
		if i < 5 {
			b.sends("c", 20*i)
		}
	}
	b.now = 1000
	b.port.listen() // as after a start
	for _, step := range []struct {
		name    string
		now     int
		a, b, c string // up, "" for unknown
	}{
		{"at once", 1000, "", "", "0"},
		{"when one spoke", 1010, "1", "", "0"},
		{"when the other had the time to speak", 1051, "1", "0", "0"},
	} {
		if b.now = step.now; step.now == 1010 {
			b.sends("a", 1010)
		}
		var want []string
		for host, up := range map[string]string{"a": step.a, "b": step.b, "c": step.c} {
			if up != "" {
				want = append(want, liveLabels("weir_source_up", host)+" "+up)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, b.ask(t, name("weir_source_up"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestWhatRulesRecordIsNoSource(t *testing.T) {
	b := newLiveBench(t, nil)
	b.fold(schema.Event{Topic: decode.RecordedTopic, Route: schema.RouteRule, Received: at(0),
		Payload: fmt.Appendf(nil, `{"time_ms":%d,"samples":[{"labels":{"__name__":"job:x","zone":"a"},"value":1}]}`, ms(0))})
	if got := b.ask(t, schema.Matcher{Type: "=~", Name: "__name__", Value: "weir_source_.*"}); got != nil {
		t.Errorf("%v", got)
	}
	if got := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name("job:x")}, To: ms(0)}); len(got) != 1 {
		t.Errorf("recorded was %v", got)
	}
}

func TestListsHaveLiveSeriesWhereTheyAreMeant(t *testing.T) {
	b := newLiveBench(t, nil)
	b.sends("a", 0)
	request := schema.LabelNamesRequest{}
	up := []schema.Matcher{name("weir_source_up")}
	values := func(of string, q schema.LabelNamesRequest) []string {
		return b.texts(t, schema.ReadLabelValues, schema.LabelValuesRequest{Name: of, LabelNamesRequest: q})
	}
	for _, test := range []struct {
		name string
		got  []string
		has  string
		want bool
	}{
		{"all names of series", values("__name__", request), "weir_source_up", true},
		{"those of tenants too", values("__name__", request), "weir_tenant_fired_rules_total", true},
		{"a name without a series is not among them", values("__name__", request), "weir_source_offline", false},
		{"history's stay", values("__name__", request), cpuMetric, true},
		{"names of the past", values("__name__", schema.LabelNamesRequest{To: ms(-100)}), "weir_source_up", false},
		{"names of another tenant's series", values("__name__", schema.LabelNamesRequest{Matchers: []schema.Matcher{equal("service", "plant")}}), "weir_source_up", false},
		{"names of labels", b.texts(t, schema.ReadLabelNames, request), "kind", false},
		{"names of a live series' labels", b.texts(t, schema.ReadLabelNames, schema.LabelNamesRequest{Matchers: up}), "kind", true},
		{"values of a live series' label", values("kind", schema.LabelNamesRequest{Matchers: up}), "spore_node", true},
		{"values of a label of history", values("node", schema.LabelNamesRequest{Matchers: []schema.Matcher{name(cpuMetric)}}), "a", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if slices.Contains(test.got, test.has) != test.want || !slices.IsSorted(test.got) || len(slices.Compact(slices.Clone(test.got))) != len(test.got) {
				t.Errorf("%v", test.got)
			}
		})
	}
}

func TestWhatIsAskedForOfLiveSeriesIsGivenAndNoMore(t *testing.T) {
	b := newLiveBench(t, nil)
	for i := range 5 {
		b.sends(fmt.Sprint("n", i), 0)
	}
	all := schema.SelectRequest{Matchers: []schema.Matcher{{Type: "=~", Name: "__name__", Value: "weir_source_up|" + cpuMetric}}, To: ms(0)}
	for _, test := range []struct {
		name            string
		change          func(*schema.SelectRequest)
		series, samples int
	}{
		{"live ones and those of history", func(*schema.SelectRequest) {}, 10, 10},
		{"some", func(q *schema.SelectRequest) { q.Limit = 7 }, 7, 7},
		{"some of history only", func(q *schema.SelectRequest) { q.Limit = 3 }, 3, 3},
		{"labels", func(q *schema.SelectRequest) { q.LabelsOnly = true }, 10, 0},
		{"of a tenant", func(q *schema.SelectRequest) { q.Matchers = append(q.Matchers, equal("service", "plant")) }, 0, 0},
		{"by a label that only live ones have", func(q *schema.SelectRequest) { q.Matchers = append(q.Matchers, equal("source", "n3")) }, 1, 1},
		{"of all series, only those of history", func(q *schema.SelectRequest) { q.Matchers[0].Value = ".+" }, 5 * 17, 5 * 17},
		{"of a tenant, without a name", func(q *schema.SelectRequest) { q.Matchers = []schema.Matcher{equal("source", "n3")} }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := all
			q.Matchers = slices.Clone(all.Matchers)
			test.change(&q)
			got, samples := b.mustSelect(t, q), 0
			for _, s := range got {
				samples += len(s.T)
			}
			if len(got) != test.series || samples != test.samples {
				t.Errorf("%d samples of %d series, want %d of %d", samples, len(got), test.samples, test.series)
			}
		})
	}
	all.MaxSamples = 9
	if _, err := b.selectSeries(t, all); err == nil || !strings.Contains(err.Error(), "422") {
		t.Errorf("too many samples: %v", err)
	}
}

// TestASourceThatSaysHowOftenItSendsIsSilentByThat is for a device that sends each
// hour: learned limits end after minutes.
func TestASourceThatSaysHowOftenItSendsIsSilentByThat(t *testing.T) {
	b := newLiveBench(t, nil)
	b.state.SetDecoder(foldtest.NewOpenDecoder())
	said := func(second int, interval time.Duration) {
		b.fold(open(second, schema.Reading{Kind: schema.KindDevice, ID: "meter", Interval: interval, Named: []schema.NamedValue{{Name: "level", Value: 1}}}))
		b.now = second
	}
	const labels = ",device=meter,kind=device,service=farm,source=meter,subservice=yard}"
	up := func(v string) []string { return []string{"{__name__=weir_source_up" + labels + v} }
	said(0, time.Hour)
	for _, step := range []struct {
		now  int
		want []string
	}{{0, up(" 1")}, {9000, up(" 1")}, {9001, up(" 0")}} {
		b.now = step.now
		if diff := cmp.Diff(step.want, b.ask(t, name("weir_source_up"))); diff != "" {
			t.Errorf("at %d s (-want +got):\n%s", step.now, diff)
		}
	}
	want := []string{"{__name__=weir_source_expected_interval_seconds" + labels + " 9000"}
	if diff := cmp.Diff(want, b.ask(t, name("weir_source_expected_interval_seconds"))); diff != "" {
		t.Error(diff)
	}
	// Its series end by it too, if that is before the ceiling.
	said(10_000, 40*time.Second)
	got := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name("level")}, From: lms(10_000), To: lms(10_600)})
	if len(got) != 1 || len(got[0].T) != 2 || got[0].T[1] != lms(10_100) {
		t.Errorf("the series: %+v", got)
	}
	said(10_001, 0)
	if got := b.ask(t, name("weir_source_expected_interval_seconds")); len(got) != 0 {
		t.Errorf("what is not said any more: %v", got)
	}
}
