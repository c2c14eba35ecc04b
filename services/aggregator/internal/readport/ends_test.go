package readport

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// inOrder gives the numbers from..to-1.
func inOrder(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// TestALabelThatChangesLateEndsTheSeriesAlike: a node moves to another zone, and
// its readings come in this order or that.
func TestALabelThatChangesLateEndsTheSeriesAlike(t *testing.T) {
	reversed := inOrder(0, 30)
	slices.Reverse(reversed)
	for _, test := range []struct {
		name  string
		order []int
	}{
		{"in order", inOrder(0, 30)},
		{"those of before come late", append(inOrder(10, 30), inOrder(0, 10)...)},
		{"the last of before comes late", append(append(inOrder(0, 9), inOrder(10, 30)...), 9)},
		{"the first of the new zone comes late", append(append(inOrder(0, 10), inOrder(11, 30)...), 10)},
		{"the newest comes first", append([]int{29}, inOrder(0, 29)...)},
		{"backwards", reversed},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			for n, i := range test.order {
				b.fold(node(farm, "n", []string{"east", "west"}[min(i/10, 1)], float64(i), at(30*i)))
				if n == 20 {
					b.checkpoint(t)
				}
			}
			ask := func(from, to int, latest bool) string {
				return zones(b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: ms(from), To: ms(to), Latest: latest}))
			}
			for _, q := range []struct {
				from, to int
				latest   bool
				want     string
			}{
				{240, 360, false, "east: 240 270 300!; west: 300 330 360"},
				{0, 299, true, "east: 270"},
				{0, 300, true, "east: 300!; west: 300"},
				{0, 329, true, "east: 300!; west: 300"},
				{270, 2000, true, "east: 300!; west: 945!"},
				{0, 875, true, "east: 300!; west: 870"},
			} {
				if got := ask(q.from, q.to, q.latest); got != q.want {
					t.Errorf("%d..%d, latest %v: %s, not %s", q.from, q.to, q.latest, got, q.want)
				}
			}
		})
	}
}

// zones shows the times of samples and markers, in seconds.
func zones(all []series) (text string) {
	sortSeries(all)
	for i, s := range all {
		if i > 0 {
			text += "; "
		}
		text += s.Labels[len(s.Labels)-5:len(s.Labels)-1] + ":"
		for k, t := range s.T {
			text += fmt.Sprint(" ", (t-ms(0))/1000)
			if history.IsStale(s.V[k]) {
				text += "!"
			}
		}
	}
	return text
}

// moves sends what nodes with changing labels have sent, in any order.
type moves struct{ all []schema.Event }

func newMoves(r *rand.Rand) (m moves) {
	for host := range 4 {
		zone := 0
		for i := range 600 {
			if r.IntN(50) == 0 {
				zone = r.IntN(25) // at times more tracks than are looked through
			}
			name, at, cpu := fmt.Sprintf("n%d", host), at((i+i/300*100)*10*(host+1)), float64(r.IntN(10_000))/100
			if r.IntN(100) > 0 {
				m.all = append(m.all, node(farm, name, fmt.Sprintf("z%d", zone), cpu, at))
			}
			if r.IntN(30) == 0 { // now and then at the very same time
				m.all = append(m.all, node(farm, name, "elsewhere", cpu, at))
			}
		}
	}
	slices.SortStableFunc(m.all, func(a, b schema.Event) int { return int(a.Received - b.Received) })
	for i := range m.all {
		m.all[i].Received = at(30_000 + i)
	}
	return m
}

// TestTheOrderOfArrivalDoesNotShowWhereLabelsChange compares every series,
// markers and all, in ranges and at moments.
func TestTheOrderOfArrivalDoesNotShowWhereLabelsChange(t *testing.T) {
	r := foldtest.Rand(foldtest.Seed(t))
	m := newMoves(r)
	first := newBench(t, nil)
	first.fold(m.all...)
	for range 3 {
		other := newBench(t, nil)
		r.Shuffle(len(m.all), func(i, j int) { m.all[i], m.all[j] = m.all[j], m.all[i] })
		for part := range slices.Chunk(m.all, 700) {
			other.fold(part...)
			other.checkpoint(t)
		}
		for range 60 {
			from := r.IntN(28_000)
			q := schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: ms(from), To: ms(from + 1 + r.IntN(4000)>>r.IntN(6)), Latest: r.IntN(2) == 0}
			want, got := withSamples(first.mustSelect(t, q)), withSamples(other.mustSelect(t, q))
			if diff := gocmp.Diff(want, got, sameFloats); diff != "" {
				t.Fatalf("%+v (-in order +shuffled):\n%s", q, diff)
			}
		}
	}
}

// withSamples drops series of a marker alone: they say nothing.
func withSamples(all []series) []series {
	all = slices.DeleteFunc(all, func(s series) bool { return len(s.T) == 1 && history.IsStale(s.V[0]) })
	sortSeries(all)
	return all
}

// TestWhatEndsATrack compares what is kept of the others' rows with all of them.
func TestWhatEndsATrack(t *testing.T) {
	r := foldtest.Rand(foldtest.Seed(t))
	for range 2000 {
		all := make([]moment, r.IntN(30))
		for i := range all {
			all[i] = moment{int64(r.IntN(20)), uint64(r.IntN(4))}
		}
		p, kept := newPast(all), 0
		for track := range uint64(5) {
			ends := p.ends(track, nil)
			kept += len(ends)
			for _, own := range append(slices.Clone(all), moment{-1, track}) {
				if own.track != track {
					continue
				}
				if got, want := firstBehind(ends, own.time), firstBehind(others(all, track), own.time); got != want {
					t.Fatalf("of %v, behind %v: %d, not %d", all, own, got, want)
				}
			}
		}
		if kept > len(all)+5 {
			t.Fatalf("%d moments make %d ends", len(all), kept)
		}
	}
}

// others returns when other tracks have rows, ascending.
func others(all []moment, track uint64) (times []int64) {
	for _, m := range all {
		if m.track != track {
			times = append(times, m.time)
		}
	}
	return times
}

func firstBehind(times []int64, t int64) int64 {
	for _, next := range times {
		if next > t {
			return next
		}
	}
	return -1
}
