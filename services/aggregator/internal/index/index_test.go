package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

func random(t *testing.T) *rand.Rand { return foldtest.Rand(foldtest.Seed(t)) }

func pairs(texts ...string) (all []schema.Label) {
	for i := 0; i < len(texts); i += 2 {
		all = append(all, schema.Label{Name: texts[i], Value: texts[i+1]})
	}
	return all
}

func match(t testing.TB, typ labels.MatchType, name, value string) *labels.Matcher {
	t.Helper()
	m, err := labels.NewMatcher(typ, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// names are those of the table, and "named_<n>" from FirstNamed on.
type names struct{}

func (names) Name(f schema.Field) string { return nameOf[f] }

func (names) Field(name string) (schema.Field, bool) {
	f, known := fieldOf[name]
	return f, known
}

var nameOf, fieldOf = func() (map[schema.Field]string, map[string]schema.Field) {
	byField, byName := map[schema.Field]string{}, map[string]schema.Field{}
	for _, f := range schema.Fields {
		byField[f.Field] = f.Name
	}
	for n := range schema.MaxNames {
		byField[schema.FirstNamed+schema.Field(n)] = fmt.Sprint("named_", n)
	}
	for f, name := range byField {
		byName[name] = f
	}
	return byField, byName
}()

const (
	cpu  = schema.SporeCPUUsagePercent
	free = schema.SporeMemoryFreeBytes
	task = schema.TaskCPUPercent
)

// small has four tracks: two nodes, a node whose zone is not known, a task.
func small() *Index {
	x := New(names{})
	add := func(id uint64, ls []schema.Label, fields ...schema.Field) {
		x.Add(id, ls)
		slices.Sort(fields)
		x.SetFields(id, fields)
	}
	add(1, pairs("node", "a", "service", "farm", "zone", "east"), cpu, free)
	add(2, pairs("node", "b", "service", "farm", "zone", "west"), cpu)
	add(5, pairs("node", "c", "service", "farm"), free, cpu)
	add(9, pairs("proplet_id", "p", "service", "plant", "task_id", "t"), task)
	return x
}

func TestMatchersSelectAsPrometheusDoes(t *testing.T) {
	const eq, ne, re, nre = labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp
	m := func(typ labels.MatchType, name, value string) *labels.Matcher { return match(t, typ, name, value) }
	both := []schema.Field{cpu, free}
	for _, test := range []struct {
		name string
		ms   []*labels.Matcher
		want []Match
	}{
		{"no matcher selects everything", nil, []Match{{1, both}, {2, both[:1]}, {5, both}, {9, []schema.Field{task}}}},
		{"a label equals", []*labels.Matcher{m(eq, "zone", "east")}, []Match{{1, both}}},
		{"a label equals what nothing has", []*labels.Matcher{m(eq, "zone", "north")}, nil},
		{"a label that nothing has", []*labels.Matcher{m(eq, "rack", "1")}, nil},
		{"a label that nothing has is empty everywhere", []*labels.Matcher{m(eq, "rack", ""), m(eq, "node", "b")}, []Match{{2, both[:1]}}},
		{"an empty label is one that is not there", []*labels.Matcher{m(eq, "zone", "")}, []Match{{5, both}, {9, []schema.Field{task}}}},
		{"a label is not empty", []*labels.Matcher{m(ne, "zone", "")}, []Match{{1, both}, {2, both[:1]}}},
		{"unequal matches a label that is not there", []*labels.Matcher{m(ne, "zone", "east"), m(eq, "service", "farm")}, []Match{{2, both[:1]}, {5, both}}},
		{"a set of values", []*labels.Matcher{m(re, "zone", "east|north|west")}, []Match{{1, both}, {2, both[:1]}}},
		{"none of a set of values", []*labels.Matcher{m(nre, "zone", "east|west")}, []Match{{5, both}, {9, []schema.Field{task}}}},
		{"an expression that matches the empty label", []*labels.Matcher{m(re, "zone", "e.*|")}, []Match{{1, both}, {5, both}, {9, []schema.Field{task}}}},
		{"an expression that does not", []*labels.Matcher{m(re, "zone", ".+")}, []Match{{1, both}, {2, both[:1]}}},
		{"expressions are anchored", []*labels.Matcher{m(re, "zone", "eas")}, nil},
		{"several matchers of one label", []*labels.Matcher{m(re, "node", "a|b|c"), m(ne, "node", "b"), m(nre, "node", "c.?")}, []Match{{1, both}}},
		{"a name equals", []*labels.Matcher{m(eq, "__name__", "spore_node_memory_free_bytes")}, []Match{{1, both[1:]}, {5, both[1:]}}},
		{"a name does not", []*labels.Matcher{m(ne, "__name__", "spore_node_memory_free_bytes")}, []Match{{1, both[:1]}, {2, both[:1]}, {5, both[:1]}, {9, []schema.Field{task}}}},
		{"a name by an expression", []*labels.Matcher{m(re, "__name__", "spore_.*"), m(eq, "zone", "east")}, []Match{{1, both}}},
		{"a name by none", []*labels.Matcher{m(nre, "__name__", "spore_.*")}, []Match{{9, []schema.Field{task}}}},
		{"a name that is none", []*labels.Matcher{m(eq, "__name__", "up")}, nil},
		{"a name that nothing has", []*labels.Matcher{m(eq, "__name__", "spore_node_uptime_seconds")}, nil},
		{"an empty name", []*labels.Matcher{m(eq, "__name__", "")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, small().Select(test.ms)); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCardinality(t *testing.T) {
	want := schema.Cardinality{
		Series: 6, Tracks: 4, LabelPairs: 12,
		SeriesByMetric: []schema.NameCount{{Name: "spore_node_cpu_usage_percent", Count: 3}, {Name: "spore_node_memory_free_bytes", Count: 2}},
		ValuesByLabel:  []schema.NameCount{{Name: "__name__", Count: 3}, {Name: "node", Count: 3}},
		BytesByLabel:   []schema.NameCount{{Name: "__name__", Count: 86}, {Name: "service", Count: 9}},
		SeriesByPair:   []schema.NameCount{{Name: "service=farm", Count: 5}, {Name: "__name__=spore_node_cpu_usage_percent", Count: 3}},
	}
	if diff := cmp.Diff(want, small().Cardinality(2)); diff != "" {
		t.Errorf("cardinality (-want +got):\n%s", diff)
	}
	all := small().Cardinality(100)
	if len(all.SeriesByPair) != 12 || len(all.SeriesByMetric) != 3 || len(all.ValuesByLabel) != 6 {
		t.Errorf("all of it is %+v", all)
	}
	empty := New(names{}).Cardinality(10)
	if diff := cmp.Diff(schema.Cardinality{SeriesByMetric: []schema.NameCount{}, ValuesByLabel: []schema.NameCount{}, BytesByLabel: []schema.NameCount{}, SeriesByPair: []schema.NameCount{}}, empty); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

// plain is the brute force that the index is compared with.
type plain struct {
	labels map[uint64][]schema.Label
	fields map[uint64][]schema.Field
}

func (p *plain) ids() []uint64 { return slices.Sorted(maps.Keys(p.labels)) }

func (p *plain) matches(id uint64, f schema.Field, ms []*labels.Matcher) bool {
	for _, m := range ms {
		value := ""
		if m.Name == "__name__" {
			value = names{}.Name(f)
		}
		for _, l := range p.labels[id] {
			if l.Name == m.Name {
				value = l.Value
			}
		}
		if !m.Matches(value) {
			return false
		}
	}
	return true
}

func (p *plain) sel(ms []*labels.Matcher) (all []Match) {
	for _, id := range p.ids() {
		m := Match{ID: id}
		for _, f := range p.fields[id] {
			if p.matches(id, f, ms) {
				m.Fields = append(m.Fields, f)
			}
		}
		if slices.Sort(m.Fields); len(m.Fields) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// values returns the values of a label, and names the names of all.
func (p *plain) values(name string, ms []*labels.Matcher, in func(uint64) bool) []string {
	return p.gather(ms, in, func(l schema.Label, add func(string)) {
		if l.Name == name {
			add(l.Value)
		}
	})
}

func (p *plain) names(ms []*labels.Matcher, in func(uint64) bool) []string {
	return p.gather(ms, in, func(l schema.Label, add func(string)) { add(l.Name) })
}

func (p *plain) gather(ms []*labels.Matcher, in func(uint64) bool, visit func(schema.Label, func(string))) []string {
	found := map[string]bool{}
	add := func(s string) { found[s] = true }
	for _, m := range p.sel(ms) {
		if in != nil && !in(m.ID) {
			continue
		}
		for _, f := range m.Fields {
			visit(schema.Label{Name: "__name__", Value: names{}.Name(f)}, add)
		}
		for _, l := range p.labels[m.ID] {
			visit(l, add)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// generator makes tracks and matchers from few words, so that they meet.
type generator struct {
	*rand.Rand
	t *testing.T
}

func (g generator) word() string { return string('a' + rune(g.IntN(6))) }

func (g generator) labels() (all []schema.Label) {
	for _, name := range []string{"l1", "l2", "l3"} {
		if g.IntN(4) > 0 {
			all = append(all, schema.Label{Name: name, Value: g.word()})
		}
	}
	return all
}

// field returns one of a few: of the table, and named ones.
func (g generator) field() schema.Field {
	if g.IntN(2) == 0 {
		return schema.FirstNamed + schema.Field(g.IntN(5)*12_000)
	}
	return schema.Fields[g.IntN(6)*10].Field
}

func (g generator) matchers() (ms []*labels.Matcher) {
	for range g.IntN(4) {
		typ := labels.MatchType(g.IntN(4))
		name, value := []string{"l1", "l2", "l3", "l4", "__name__"}[g.IntN(5)], g.word()
		if name == "__name__" {
			value = names{}.Name(g.field())
		}
		switch g.IntN(6) {
		case 0:
			value = ""
		case 1:
			if typ == labels.MatchRegexp || typ == labels.MatchNotRegexp {
				value = []string{".*", ".+", "a|b|", "[a-c]", "(a|b)?", "(?i)A|spore.*", "named_1.*|spore_node_cpu_frequency_mhz"}[g.IntN(7)]
			}
		case 2:
			if typ == labels.MatchRegexp || typ == labels.MatchNotRegexp {
				value += "|" + g.word()
			}
		}
		ms = append(ms, match(g.t, typ, name, value))
	}
	return ms
}

func TestTheIndexAgreesWithABruteForce(t *testing.T) {
	g := generator{random(t), t}
	x, p := New(names{}), &plain{map[uint64][]schema.Label{}, map[uint64][]schema.Field{}}
	next := uint64(0)
	for step := range 4000 {
		switch ids := p.ids(); {
		case len(ids) == 0 || g.IntN(3) == 0:
			next += 1 + g.Uint64N(3)
			p.labels[next] = g.labels()
			x.Add(next, p.labels[next])
		case g.IntN(4) == 0 && len(ids) > 200 || step > 3300:
			id := ids[g.IntN(len(ids))]
			x.Remove(id, p.labels[id])
			delete(p.labels, id)
			delete(p.fields, id)
		default:
			id, f := ids[g.IntN(len(ids))], g.field()
			if !slices.Contains(p.fields[id], f) {
				p.fields[id] = append(p.fields[id], f)
			}
			x.SetFields(id, slices.Sorted(slices.Values(p.fields[id])))
		}
		if step%10 == 0 {
			compare(g, x, p)
		}
	}
}

func compare(g generator, x *Index, p *plain) {
	g.t.Helper()
	ms := g.matchers()
	if diff := cmp.Diff(p.sel(ms), x.Select(ms), cmpopts.EquateEmpty()); diff != "" {
		g.t.Fatalf("%v selects (-want +got):\n%s", ms, diff)
	}
	var in func(uint64) bool
	if g.IntN(2) == 0 {
		in = func(id uint64) bool { return id%3 == 0 }
	}
	names := x.LabelNames(ms, in)
	slices.Sort(names)
	if diff := cmp.Diff(p.names(ms, in), names, cmpopts.EquateEmpty()); diff != "" {
		g.t.Fatalf("%v has the names (-want +got):\n%s", ms, diff)
	}
	name := []string{"l1", "l3", "l4", "__name__"}[g.IntN(4)]
	values := x.LabelValues(name, ms, in)
	slices.Sort(values)
	if diff := cmp.Diff(p.values(name, ms, in), values, cmpopts.EquateEmpty()); diff != "" {
		g.t.Fatalf("%v has of %s the values (-want +got):\n%s", ms, name, diff)
	}
	compareCardinality(g, x, p)
}

func compareCardinality(g generator, x *Index, p *plain) {
	g.t.Helper()
	metrics, byPair, values, series := map[string]uint64{}, map[string]uint64{}, map[string]map[string]bool{}, uint64(0)
	for id := range p.labels {
		for _, l := range p.labels[id] {
			byPair[l.Name+"="+l.Value] += uint64(len(p.fields[id]))
			if values[l.Name] == nil {
				values[l.Name] = map[string]bool{}
			}
			values[l.Name][l.Value] = true
		}
		for _, f := range p.fields[id] {
			series++
			metrics[names{}.Name(f)]++
		}
	}
	for name, n := range metrics {
		byPair["__name__="+name] = n
	}
	maps.DeleteFunc(byPair, func(_ string, n uint64) bool { return n == 0 })
	limit := 1 + g.IntN(30)
	got := x.Cardinality(limit)
	if got.Series != series || x.Series() != series || x.Tracks() != uint64(len(p.labels)) {
		g.t.Fatalf("%d series of %d tracks, want %d of %d", got.Series, got.Tracks, series, len(p.labels))
	}
	if diff := cmp.Diff(largest(byPair, limit), got.SeriesByPair); diff != "" {
		g.t.Fatalf("series by pair, %d of them (-want +got):\n%s", limit, diff)
	}
	if diff := cmp.Diff(largest(metrics, limit), got.SeriesByMetric); diff != "" {
		g.t.Fatalf("series by metric (-want +got):\n%s", diff)
	}
	for _, c := range got.ValuesByLabel {
		if c.Name != "__name__" && c.Count != uint64(len(values[c.Name])) {
			g.t.Fatalf("%d values of %s, want %d", c.Count, c.Name, len(values[c.Name]))
		}
	}
}

func largest(counts map[string]uint64, limit int) []schema.NameCount {
	all := []schema.NameCount{}
	for name, n := range counts {
		all = append(all, schema.NameCount{Name: name, Count: n})
	}
	return top(all, limit)
}

func TestAListKeepsItsInvariant(t *testing.T) {
	rng := random(t)
	l, want := &list{}, map[uint64]bool{}
	for step := range 200_000 {
		id := rng.Uint64N(20_000)
		if step < 100_000 == (rng.IntN(4) > 0) { // grows first, then shrinks
			if l.add(id) == want[id] {
				t.Fatalf("adding %d says it was there: %v", id, want[id])
			}
			want[id] = true
		} else {
			if l.remove(id) != want[id] {
				t.Fatalf("removing %d says it was there: %v", id, !want[id])
			}
			delete(want, id)
		}
		if step%10_000 == 0 || len(l.blocks) < 3 && step%50 == 0 {
			checkList(t, l, want)
		}
	}
	for id := range uint64(20_000) {
		l.remove(id)
	}
	checkList(t, l, nil)
}

// A block that empties beside one that is too long to be joined to it goes.
func TestABlockOfAListEmptiesBesideLongOnes(t *testing.T) {
	const n = 3 * blockSize
	for name, from := range map[string]uint64{"the first": 0, "one in the middle": blockSize, "the last": 2 * blockSize} {
		t.Run(name, func(t *testing.T) {
			l, want := &list{}, map[uint64]bool{}
			for id := range uint64(n) {
				l.add(id)
				want[id] = true
			}
			for id := from; id < from+blockSize; id++ {
				if !l.remove(id) {
					t.Fatalf("%d is not there", id)
				}
				delete(want, id)
				checkList(t, l, want)
			}
		})
	}
}

func checkList(t *testing.T, l *list, want map[uint64]bool) {
	t.Helper()
	ids := l.ids()
	if !slices.Equal(ids, slices.Sorted(maps.Keys(want))) || l.n != len(want) {
		t.Fatalf("the list has %d ids, says %d, want %d", len(ids), l.n, len(want))
	}
	for _, b := range l.blocks {
		if len(b) == 0 || len(b) > blockSize {
			t.Fatalf("a block of %d", len(b))
		}
	}
	for id := range uint64(100) {
		if l.has(id) != want[id] {
			t.Fatalf("%d is there: %v", id, l.has(id))
		}
	}
}

func TestBrokenInvariantsPanic(t *testing.T) {
	for name, f := range map[string]func(*Index){
		"a track added twice":            func(x *Index) { x.Add(1, nil) },
		"a field of no track":            func(x *Index) { x.SetFields(3, []schema.Field{cpu}) },
		"a field that there is not":      func(x *Index) { x.SetFields(2, []schema.Field{7, cpu}) },
		"a field that is lost":           func(x *Index) { x.SetFields(2, []schema.Field{free}) },
		"a track removed that is not":    func(x *Index) { x.Remove(3, nil) },
		"a label that the track has not": func(x *Index) { x.Remove(1, pairs("zone", "west")) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			f(small())
		})
	}
}

// large returns an index of n series: nodes with ten fields each, a thousand
// a zone.
func large(n int) *Index {
	x := New(names{})
	fields := firstTen()
	for i := range n / 10 {
		x.Add(uint64(i+1), pairs("node", fmt.Sprintf("spore-%06d", i), "service", "farm", "subservice", "yard", "version", fmt.Sprintf("1.%d", i%7), "zone", fmt.Sprintf("zone-%d", i/1000)))
		x.SetFields(uint64(i+1), fields)
	}
	return x
}

func BenchmarkSelect(b *testing.B) {
	const eq = labels.MatchEqual
	name := match(b, eq, "__name__", schema.Fields[3].Name)
	for _, size := range []int{100_000, 1_000_000} {
		x := large(size)
		for _, test := range []struct {
			name string
			ms   []*labels.Matcher
		}{
			{"one node's metric", []*labels.Matcher{name, match(b, eq, "node", "spore-000077")}},
			{"one node's metric in a known zone", []*labels.Matcher{name, match(b, eq, "node", "spore-000077"), match(b, labels.MatchNotEqual, "zone", "")}},
			{"a zone's metric", []*labels.Matcher{name, match(b, eq, "zone", "zone-3"), match(b, eq, "service", "farm")}},
			{"a service's metric", []*labels.Matcher{name, match(b, eq, "service", "farm")}},
			{"everything of a node", []*labels.Matcher{match(b, eq, "node", "spore-000077")}},
			{"nodes by expression", []*labels.Matcher{name, match(b, labels.MatchRegexp, "node", "spore-.*77")}},
			{"zones by expression", []*labels.Matcher{name, match(b, labels.MatchRegexp, "zone", "zone-[1-4]")}},
		} {
			b.Run(fmt.Sprint(size, "/", test.name), func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					n = len(x.Select(test.ms))
				}
				b.ReportMetric(float64(n), "tracks")
			})
		}
	}
}

func BenchmarkLabelValues(b *testing.B) {
	x := large(100_000)
	east := []*labels.Matcher{match(b, labels.MatchEqual, "zone", "zone-3")}
	name := []*labels.Matcher{match(b, labels.MatchEqual, "__name__", schema.Fields[3].Name)}
	for _, test := range []struct {
		name, label string
		ms          []*labels.Matcher
	}{
		{"10000 nodes", "node", nil}, {"10000 nodes of a metric", "node", name}, {"nodes of a zone", "node", east}, {"zones of a metric", "zone", name}, {"names", "__name__", nil}, {"names of a zone", "__name__", east},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				values := x.LabelValues(test.label, test.ms, nil)
				slices.Sort(values)
			}
		})
	}
}

func BenchmarkCardinality(b *testing.B) {
	x := large(1_000_000)
	for b.Loop() {
		x.Cardinality(10)
	}
}

func BenchmarkRemoveAndAdd(b *testing.B) {
	x := large(1_000_000)
	ls, fields := pairs("service", "farm"), firstTen()
	b.ReportAllocs()
	for id := uint64(2_000_000); b.Loop(); id++ {
		x.Add(id, ls)
		x.SetFields(id, fields)
		x.Remove(id, ls)
	}
}

func firstTen() (fields []schema.Field) {
	for _, f := range schema.Fields[:10] {
		fields = append(fields, f.Field)
	}
	return fields
}

// BenchmarkSelectNamed selects among 60,000 names, of 100,000 tracks that have
// one each, and a label that 1,000 share.
func BenchmarkSelectNamed(b *testing.B) {
	x := New(names{})
	for i := range 100_000 {
		x.Add(uint64(i+1), pairs("zone", fmt.Sprintf("zone-%d", i%100)))
		x.SetFields(uint64(i+1), []schema.Field{schema.FirstNamed + schema.Field(i%60_000)})
	}
	for _, test := range []struct {
		name string
		ms   []*labels.Matcher
	}{
		{"a name", []*labels.Matcher{match(b, labels.MatchEqual, "__name__", "named_1234")}},
		{"a zone", []*labels.Matcher{match(b, labels.MatchEqual, "zone", "zone-3")}},
		{"names by expression", []*labels.Matcher{match(b, labels.MatchRegexp, "__name__", "named_12.*")}},
		{"all names", []*labels.Matcher{match(b, labels.MatchRegexp, "__name__", ".+")}},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = len(x.Select(test.ms))
			}
			b.ReportMetric(float64(n), "tracks")
		})
	}
}
