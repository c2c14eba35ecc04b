package fold

import (
	"fmt"
	"math"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

func TestSiblingsAreTheSourcesTracksInARange(t *testing.T) {
	j := newJournal()
	for i, zone := range []string{"a", "a", "b", "b", "c"} { // each has an end where the next begins
		j.events(node(zone, float64(i), int64(100*i), int64(100*i)))
	}
	everything := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "__name__", "spore_node_cpu_usage_percent")}
	zones := func(views []TrackView) (text string) {
		for i := range views {
			for _, l := range views[i].Labels {
				if l.Name == "zone" {
					text += l.Value
				}
			}
		}
		return text
	}
	for _, test := range []struct {
		name     string
		from, to int64
		want     string // by track
	}{
		{"all of them", 0, 400, "abc abc abc"},
		{"those that begin in time", 0, 399, "ab ab ab"},
		{"those that do not end before", 201, 400, "bc bc bc"},
		{"none, where there is but one", 0, 199, " a a"},
		{"none, where there are no rows", 401, 500, "  "},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := j.SelectTracks(everything, math.MinInt64, math.MaxInt64)
			j.AddSiblings(all, at(test.from), at(test.to))
			if got := fmt.Sprintf("%s %s %s", zones(all[0].Siblings), zones(all[1].Siblings), zones(all[2].Siblings)); got != test.want {
				t.Errorf("%q, not %q", got, test.want)
			}
		})
	}
}

func TestATrackAloneHasNoSiblings(t *testing.T) {
	j := newJournal()
	j.events(node("a", 1, 0, 0), task(1, 0, 0))
	all := j.SelectTracks([]*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+")}, math.MinInt64, math.MaxInt64)
	if n := testing.AllocsPerRun(10, func() { j.AddSiblings(all, math.MinInt64, math.MaxInt64) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range all {
		if !all[i].Alone || all[i].Siblings != nil {
			t.Errorf("track %d: %+v", all[i].Number, all[i].Siblings)
		}
	}
}
