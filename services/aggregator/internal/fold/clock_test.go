package fold

import (
	"math"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

func TestTimesOfAnEvent(t *testing.T) {
	const received = 1000
	year := int64(365 * 24 * 3600)
	for _, c := range []struct {
		name string
		own  []int64 // seconds of the test's journal
		want []int64
	}{
		{"plausible times are used", []int64{10, 20, received + 300}, []int64{10, 20, received + 300}},
		{"one too early counts for its receipt", []int64{-10 * year}, []int64{received}},
		{"one too far ahead counts for its receipt", []int64{received + 301}, []int64{received}},
		{"a batch that is too early keeps its shape", []int64{-10 * year, -10*year + 60, -10*year + 120}, []int64{received - 120, received - 60, received}},
		{"in whatever order it comes", []int64{-10*year + 120, -10 * year, -10*year + 60}, []int64{received, received - 120, received - 60}},
		{"a batch that is too far ahead keeps its shape", []int64{year, year + 60, year + 90}, []int64{received - 90, received - 30, received}},
		{"both, and what is plausible", []int64{-10 * year, -10*year + 60, 20, year, year + 5}, []int64{received - 60, received, 20, received - 5, received}},
		{"equal times stay equal", []int64{-10 * year, -10 * year}, []int64{received, received}},
		{"one that would be too early even so counts for its receipt", []int64{-30 * year, -10 * year}, []int64{received, received}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := openJournal()
			var readings []schema.Reading
			for _, own := range c.own {
				readings = append(readings, board("", "", own, "a"))
			}
			times := j.settings.times(readings, at(received))
			var got []int64
			skewed := false
			for i := range readings {
				when, wrong := times.of(&readings[i])
				got = append(got, (when-at(0))/second)
				skewed = skewed || wrong
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
			if out := j.events(say(received, readings...)); out.ClockSkewed > 1 || skewed != (out.ClockSkewed == 1) {
				t.Errorf("skewed %v, counted %d", skewed, out.ClockSkewed)
			}
		})
	}
}

func TestReadingsWithoutADateCountForTheirReceipt(t *testing.T) {
	s := DefaultSettings()
	readings := []schema.Reading{{Clock: schema.ClockUptime, Time: 5}, {Clock: schema.ClockNone}, {Clock: schema.ClockUnix, Time: 7}}
	times := s.times(readings, at(0))
	for i := range readings {
		if when, skewed := times.of(&readings[i]); when != at(0) || skewed != (i == 2) {
			t.Errorf("%d: %d, skewed %v", i, when, skewed)
		}
	}
}

// A series that ends among samples of a wrong clock ends where it says.
func TestEndsAndStalenessMarkersOfAWrongClockKeepTheirPlace(t *testing.T) {
	j := openJournal()
	past := int64(-10 * 365 * 24 * 3600)
	marker := board("", "0", past+30, "a")
	marker.Named[0].Value = math.Float64frombits(0x7ff0000000000002)
	j.events(say(100, board("", "0", past, "a"), board("", "0", past+15, "a"), marker, board("", "1", past+15, "a"), ended("1", past+40), board("", "2", past+60, "a")))
	if diff := cmp.Diff([]string{"0 current: 40a 55a 70a", "1 current: 55a 80!", "2 current: 100a"}, j.strands(t)); diff != "" {
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
}

// Whatever times readings say, they count for times between the first plausible
// one and the last, in the order in which they say, each kind of wrong among
// itself; and the order of the readings does not matter.
func TestTimesProperties(t *testing.T) {
	s := DefaultSettings()
	seed := foldtest.Seed(t)
	rng := foldtest.Rand(seed)
	check := func(own []int64) bool {
		readings := make([]schema.Reading, len(own))
		for i, at := range own {
			if rng.IntN(2) == 0 { // not all are centuries away
				at = foldtest.Start + at%int64(100*24*time.Hour)
			}
			readings[i] = schema.Reading{Clock: schema.ClockUnix, Time: at, ID: string(rune('a' + i%26))}
		}
		times := s.times(readings, at(0))
		for i := range readings {
			a := &readings[i]
			atA, skewedA := times.of(a)
			if atA < s.Earliest || atA > at(0)+int64(s.Ahead) || skewedA == (atA == a.Time) && a.Time != at(0) {
				t.Logf("%d counts for %d", a.Time, atA)
				return false
			}
			for k := range readings {
				b := &readings[k]
				atB, _ := times.of(b)
				same := s.plausible(a, at(0)) == s.plausible(b, at(0))
				if same && a.Time < b.Time && atB-atA != b.Time-a.Time && atA != at(0) {
					t.Logf("%d and %d count for %d and %d", a.Time, b.Time, atA, atB)
					return false
				}
			}
		}
		slices.Reverse(readings)
		return s.times(readings, at(0)) == times
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
