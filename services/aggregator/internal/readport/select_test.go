package readport

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// sent is what a node has sent, in the order in which it came.
type sent struct {
	host, zone string
	at         int64
	cpu        float64
}

// fleet sends readings of a few nodes, late ones and changes of labels among
// them, and remembers them.
type fleet struct {
	*rand.Rand
	all []sent
}

func (f *fleet) send(b *bench, n int) {
	for range n {
		i := len(f.all)
		host := f.IntN(4)
		s := sent{host: fmt.Sprintf("n%d", host), zone: "east", at: at(i * 5), cpu: float64(f.IntN(10_000)) / 100}
		if host == 3 && i/400%2 == 1 {
			s.zone = "west"
		}
		if f.IntN(8) == 0 {
			s.at -= int64(f.IntN(4000)) * 1e9
		}
		f.all = append(f.all, s)
		e := node(farm, s.host, s.zone, s.cpu, s.at)
		e.Received = at(i * 5)
		b.fold(e)
	}
}

// series returns the samples of the fleet's CPU usage, without markers.
func (f *fleet) series(fromMS, toMS int64) []series {
	byLabels := map[string]map[int64]float64{}
	for _, s := range f.all {
		t := s.at / 1e6
		labels := fmt.Sprintf("{__name__=%s,node=%s,service=farm,subservice=yard,type=spore-node,version=1.0.0,zone=%s}", cpuMetric, s.host, s.zone)
		if t < fromMS || t > toMS {
			continue
		}
		if byLabels[labels] == nil {
			byLabels[labels] = map[int64]float64{}
		}
		byLabels[labels][t] = s.cpu // of the same second the one that came last wins
	}
	var all []series
	for labels, samples := range byLabels {
		s := series{Labels: labels}
		for t := range samples {
			s.T = append(s.T, t)
		}
		slices.Sort(s.T)
		for _, t := range s.T {
			s.V = append(s.V, samples[t])
		}
		all = append(all, s)
	}
	sortSeries(all)
	return all
}

func sortSeries(all []series) {
	slices.SortFunc(all, func(a, b series) int { return cmp.Compare(a.Labels, b.Labels) })
}

// withoutMarkers drops staleness markers, and series of nothing else.
func withoutMarkers(all []series) (out []series) {
	for _, s := range all {
		n := series{Labels: s.Labels}
		for i := range s.T {
			if !history.IsStale(s.V[i]) {
				n.T, n.V = append(n.T, s.T[i]), append(n.V, s.V[i])
			}
		}
		if len(n.T) > 0 {
			out = append(out, n)
		}
	}
	sortSeries(out)
	return out
}

func TestSelectGivesWhatWasSent(t *testing.T) {
	b := newBench(t, nil)
	f := &fleet{Rand: foldtest.Rand(foldtest.Seed(t))}
	for range 40 {
		f.send(b, 20+f.IntN(200))
		switch f.IntN(4) {
		case 0:
			b.checkpoint(t)
		case 1:
			b.reload(t)
		}
		end := len(f.all) * 5
		from, to := ms(f.IntN(end+600)-600), ms(f.IntN(end+600))
		if f.IntN(5) == 0 {
			from, to = -1<<62, 1<<62
		}
		q := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: min(from, to), To: max(from, to)}
		all := b.mustSelect(t, q)
		if diff := gocmp.Diff(f.series(q.From, q.To), withoutMarkers(all)); diff != "" {
			t.Fatalf("%d sent, %d..%d (-want +got):\n%s", len(f.all), q.From, q.To, diff)
		}
		q.Latest = true
		if diff := gocmp.Diff(lastSamples(all), b.mustSelect(t, q), sameFloats); diff != "" {
			t.Fatalf("latest of %d..%d (-want +got):\n%s", q.From, q.To, diff)
		}
	}
}

var sameFloats = gocmp.Comparer(func(a, b float64) bool { return a == b || history.IsStale(a) && history.IsStale(b) })

func lastSamples(all []series) (last []series) {
	for _, s := range all {
		n := len(s.T) - 1
		last = append(last, series{s.Labels, s.T[n:], s.V[n:]})
	}
	return last
}

// What a request sees does not depend on where the rows are: in logs, pending,
// or on disk.
func TestACheckpointChangesNoAnswer(t *testing.T) {
	b := newBench(t, nil)
	f := &fleet{Rand: foldtest.Rand(foldtest.Seed(t))}
	f.send(b, 3000)
	ask := func() []series {
		return b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{equal("service", "farm")}, From: ms(-5000), To: ms(20_000)})
	}
	before := ask()
	b.checkpoint(t)
	if diff := gocmp.Diff(before, ask(), sameFloats); diff != "" || len(before) < 4*20 {
		t.Errorf("%d series; after a checkpoint (-before +after):\n%s", len(before), diff)
	}
	b.reload(t)
	if diff := gocmp.Diff(before, ask(), sameFloats); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
}

func TestALongSeriesComesInParts(t *testing.T) {
	b := newBench(t, nil)
	const samples = 2*schema.MaxPartSamples + 5
	for i := range samples {
		b.fold(node(farm, "a", "z", float64(i), at(10*i)))
		if i%4000 == 0 {
			b.checkpoint(t)
		}
	}
	q := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, To: ms(10 * samples)}
	parts := 0
	err := b.ask(t, schema.ReadSelect, q, func(data []byte) error {
		for r := wire.NewReader(data); len(r.Rest()) > 0 && r.Err() == nil; parts++ {
			var p schema.SeriesPart
			if p.ReadBinary(r); len(p.T) > schema.MaxPartSamples || p.First != (parts == 0) || p.Last != (parts == 2) {
				t.Errorf("part %d has %d samples, first %v, last %v", parts, len(p.T), p.First, p.Last)
			}
		}
		return nil
	})
	all := b.mustSelect(t, q)
	if err != nil || parts != 3 || len(all) != 1 || len(all[0].T) < samples || all[0].V[samples-1] != samples-1 {
		t.Errorf("%d parts, %d series, %v", parts, len(all), err)
	}
}

func TestWhatIsAskedForIsGivenAndNoMore(t *testing.T) {
	b := newBench(t, nil)
	for i := range 50 {
		for n := range 6 {
			b.fold(node(farm, fmt.Sprintf("n%d", n), "z", float64(i), at(10*i)))
		}
	}
	b.fold(node(plant, "old", "z", 1, at(-100_000)))
	all := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric), equal("service", "farm")}, To: ms(490)}
	for _, test := range []struct {
		name            string
		change          func(*schema.SelectRequest)
		series, samples int
	}{
		{"everything", func(*schema.SelectRequest) {}, 6, 300},
		{"as many samples as allowed", func(q *schema.SelectRequest) { q.MaxSamples = 300 }, 6, 300},
		{"a range", func(q *schema.SelectRequest) { q.From, q.To = ms(100), ms(190) }, 6, 60},
		{"a range between samples", func(q *schema.SelectRequest) { q.From, q.To = ms(101), ms(109) }, 0, 0},
		{"a range that ends before it begins", func(q *schema.SelectRequest) { q.From, q.To = ms(190), ms(100) }, 0, 0},
		{"some series", func(q *schema.SelectRequest) { q.Limit = 2 }, 2, 100},
		{"the latest", func(q *schema.SelectRequest) { q.Latest = true }, 6, 6},
		{"the latest of some series", func(q *schema.SelectRequest) { q.Latest, q.Limit = true, 4 }, 4, 4},
		{"labels", func(q *schema.SelectRequest) { q.LabelsOnly = true }, 6, 0},
		{"labels of some series", func(q *schema.SelectRequest) { q.LabelsOnly, q.Limit = true, 5 }, 5, 0},
		{"labels of what was there before", func(q *schema.SelectRequest) { q.LabelsOnly, q.To = true, ms(-1) }, 0, 0},
		{"labels of all times", func(q *schema.SelectRequest) { q.LabelsOnly, q.Matchers = true, q.Matchers[:1] }, 7, 0},
		{"nothing matches", func(q *schema.SelectRequest) { q.Matchers = []schema.Matcher{name("up")} }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := all
			test.change(&q)
			got := b.mustSelect(t, q)
			samples := 0
			for _, s := range got {
				samples += len(s.T)
			}
			if len(got) != test.series || samples != test.samples {
				t.Errorf("%d samples of %d series, want %d of %d", samples, len(got), test.samples, test.series)
			}
		})
	}
}

func TestAFallenSilentSourceEndsItsSeries(t *testing.T) {
	b := newBench(t, nil)
	for i := range 20 {
		b.fold(node(farm, "a", "z", 1, at(20*i)))
	}
	last := ms(20 * 19)
	q := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: ms(0), To: last + 299_000, Latest: true}
	got := b.mustSelect(t, q)
	if len(got) != 1 || len(got[0].T) != 1 || !history.IsStale(got[0].V[0]) || got[0].T[0] != last+50_000 {
		t.Errorf("long after it gives %+v", got)
	}
	q.To = last + 49_000
	if got := b.mustSelect(t, q); len(got) != 1 || got[0].T[0] != last || got[0].V[0] != 1 {
		t.Errorf("soon after it gives %+v", got)
	}
	q.From, q.To = last+1, last+299_000
	if got := withoutMarkers(b.mustSelect(t, q)); len(got) != 0 {
		t.Errorf("behind it gives %+v", got)
	}
}

// The range has too few samples to tell how often there are some; those before
// it are in a chunk on disk, pending, or came late.
func TestHowSoonASeriesEndsIsKnownFromBeforeTheRange(t *testing.T) {
	const rows, every = history.ChunkRows + 3, 110
	first := int((history.BucketStart(history.Bucket(at(0))+1) - at(0)) / 1e9)
	inOrder := func(i int) int { return i }
	backwards := func(i int) int { return rows - 1 - i }
	for _, test := range []struct {
		name       string
		order      func(int) int
		checkpoint bool
	}{
		{"a pending chunk", inOrder, false},
		{"a chunk on disk", inOrder, true},
		{"late ones", backwards, false},
		{"late ones on disk", backwards, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			for i := range rows {
				b.fold(node(farm, "a", "z", 1, at(first+every*test.order(i))))
			}
			if test.checkpoint {
				b.checkpoint(t)
			}
			last := ms(first + every*(rows-1))
			q := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: last, To: last + 299_000}
			for _, q.Latest = range []bool{true, false} {
				got := lastSamples(b.mustSelect(t, q))
				if len(got) != 1 || !history.IsStale(got[0].V[0]) || got[0].T[0] != last+every*2500 {
					t.Errorf("latest %v: it ends with %+v", q.Latest, got)
				}
			}
		})
	}
}

// A node that sends often is stale after the floor, 30 s, to the millisecond.
func TestALiveSeriesIsToldFromAStaleOne(t *testing.T) {
	b := newBench(t, nil)
	for i := range 30 {
		b.fold(node(farm, "a", "z", 1, at(5*i)))
	}
	last := ms(5 * 29)
	for _, test := range []struct {
		name  string
		to    int64
		stale bool
		t     int64
	}{
		{"at its last sample", last, false, last},
		{"just before the floor", last + 29_999, false, last},
		{"at the floor", last + 30_000, true, last + 30_000},
		{"behind it", last + 30_001, true, last + 30_000},
		{"before its last sample", last - 1, false, last - 5000},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: ms(0), To: test.to, Latest: true})
			if len(got) != 1 || len(got[0].T) != 1 || got[0].T[0] != test.t || history.IsStale(got[0].V[0]) != test.stale {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSelectionsAreRefused(t *testing.T) {
	b := newBench(t, nil)
	for i := range 50 {
		b.fold(node(farm, "a", "z", 1, at(10*i)))
	}
	all := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, To: ms(490)}
	for _, test := range []struct {
		name    string
		request any
		want    refused
	}{
		{"what is not JSON", "{", refused{"400", "bad request: unexpected end of JSON input"}},
		{"a type of matcher that there is not", schema.SelectRequest{Matchers: []schema.Matcher{{Type: "~", Name: "a"}}}, refused{"400", `bad request: no such type of matcher as "~"`}},
		{"an expression that is none", schema.SelectRequest{Matchers: []schema.Matcher{{Type: "=~", Name: "zone", Value: "("}}}, refused{"400", "bad request: label zone: error parsing regexp: missing closing ): `(`"}},
		{"one sample too many", with(all, func(q *schema.SelectRequest) { q.MaxSamples = 49 }), refused{"422", "too many samples: the selection has more than 49"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := b.ask(t, schema.ReadSelect, test.request, func([]byte) error { return nil })
			var got *refused
			if !errors.As(err, &got) || *got != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func with(q schema.SelectRequest, change func(*schema.SelectRequest)) schema.SelectRequest {
	change(&q)
	return q
}

// TestADeviceWithASlowClockIsNotSilent: its samples are always old, and yet it is
// there.
func TestADeviceWithASlowClockIsNotSilent(t *testing.T) {
	for _, test := range []struct {
		name string
		slow int // seconds
		from int // when it is asked, after the last reading
		want string
	}{
		{"a clock that is right ends the series after the floor", 0, 31, "!"},
		{"one that is two minutes slow does so that much later by its own time", 120, 29, "9"},
		{"and no later by ours", 120, 31, "!"},
		{"one that is slower than the ceiling is not waited for that long", 400, 1, "!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			for i := range 10 {
				e := node(farm, "n", "east", float64(i), at(10*i-test.slow))
				e.Received = at(10 * i)
				b.fold(e)
			}
			now := 90 + test.from
			all := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: ms(now - 600), To: ms(now), Latest: true})
			if len(all) != 1 || len(all[0].V) != 1 {
				t.Fatalf("%+v", all)
			}
			got := fmt.Sprint(all[0].V[0])
			if isMarker(all[0].V[0]) {
				got = "!"
			}
			if got != test.want {
				t.Errorf("the latest is %s, not %s", got, test.want)
			}
		})
	}
}
