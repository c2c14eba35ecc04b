package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// at is a row of one field at a second, with the second for its value.
func at(seconds ...float64) []Row {
	var rows []Row
	for _, s := range seconds {
		rows = append(rows, Row{Time: int64(s * 1e9), Fields: []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: s}}})
	}
	return rows
}

// every is rows at a steady interval, in seconds.
func every(from, to, interval float64) []Row {
	var rows []Row
	for s := from; s <= to; s += interval {
		rows = append(rows, at(s)...)
	}
	return rows
}

func endAt(seconds float64) []Row { return []Row{{Time: int64(seconds * 1e9), End: true}} }

func otherField(seconds ...float64) []Row {
	rows := at(seconds...)
	for i := range rows {
		rows[i].Fields[0].Field = schema.TaskMemoryBytes
	}
	return rows
}

func join(parts ...[]Row) (rows []Row) {
	for _, p := range parts {
		rows = append(rows, p...)
	}
	return rows
}

func TestStaleness(t *testing.T) {
	tests := []struct {
		name     string
		rows     []Row // in the order of arrival
		from, to float64
		want     string // samples in seconds; ! marks the end of the series
	}{
		{"a silent source ends after two and a half intervals", every(0, 120, 20), 100, 1000, "100 120 170!"},
		{"the floor keeps a fast source alive for half a minute", every(0, 10, 1), 10, 1000, "10 40!"},
		{"the ceiling ends a slow source after five minutes", every(0, 3600, 600), 3000, 4500, "3000 3300! 3600 3900!"},
		{"two intervals tell nothing", every(0, 40, 20), 40, 1000, "40 340!"},
		{"three intervals are enough", every(0, 60, 20), 60, 1000, "60 110!"},
		{"eight intervals are looked at: a new one counts when it is half of them", join(every(0, 200, 20), every(240, 360, 40)), 300, 1000, "320 360 460!"},
		{"and until then the old one", join(every(0, 200, 20), every(240, 320, 40)), 300, 1000, "320 370!"},
		{"a shorter one counts when it is most of them", join(every(0, 480, 40), every(500, 580, 20)), 580, 1000, "580 630!"},
		{"and until then the longer one", join(every(0, 480, 40), every(500, 560, 20)), 560, 1000, "560 660!"},
		{"of two intervals by turns the longer counts, when eight are known", at(0, 5, 60, 65, 120, 125, 180, 185, 240, 245), 180, 1000, "180 185 215! 240 245 382.5!"},
		{"a gap is one interval of eight", join(every(0, 100, 20), every(700, 740, 20)), 700, 1000, "700 720 740 790!"},
		{"what was before four ceilings tells nothing", join(every(0, 100, 20), every(1300.001, 1345, 20)), 100, 3000, "100 150! 1300.001 1320.001 1340.001 1640.001!"},
		{"what was just within them does", join(every(0, 100, 20), at(1240)), 100, 3000, "100 150! 1240 1290!"},
		{"one reading alone lives for the ceiling", at(7), 0, 1000, "7 307!"},
		{"a gap ends the series, and the next sample revives it", join(every(0, 100, 20), every(300, 340, 20)), 100, 1000, "100 150! 300 320 340 390!"},
		{"a gap of exactly the limit is none", join(every(0, 100, 20), at(150)), 100, 140, "100"},
		{"a lost sample is no gap", join(every(0, 100, 20), at(140)), 100, 150, "100 140"},
		{"a marker before the range is not shown", every(0, 120, 20), 180, 1000, ""},
		{"a marker at the range's first millisecond is shown", every(0, 120, 20), 170, 1000, "170!"},
		{"a marker behind the range is not shown", every(0, 120, 20), 100, 169.999, "100 120"},
		{"a marker in the range of a sample before it is shown", every(0, 120, 20), 121, 1000, "170!"},
		{"an end ends the series at its time", join(every(0, 100, 20), endAt(110)), 100, 1000, "100 110!"},
		{"an end in the sample's millisecond ends the series in the next", join(every(0, 100, 20), endAt(100.0002)), 100, 1000, "100 100.001!"},
		{"an end of a series that has ended says nothing", join(every(0, 100, 20), endAt(200)), 100, 1000, "100 150!"},
		{"nor does it in a range behind that", join(every(0, 100, 20), endAt(900)), 600, 1000, ""},
		{"an end before any sample says nothing", join(endAt(1), at(2)), 0, 100, "2"},
		{"a sample after an end revives the series", join(every(0, 100, 20), endAt(110), at(130)), 100, 170, "100 110! 130"},
		{"a sample in the end's millisecond takes its place", join(every(0, 100, 20), endAt(110), at(110)), 100, 150, "100 110"},
		{"two ends are one", join(every(0, 100, 20), endAt(110), endAt(111)), 100, 1000, "100 110!"},
		{"readings of other fields do not keep a series alive", join(every(0, 100, 20), otherField(120, 140, 160, 180)), 100, 1000, "100 150!"},
		{"a late sample closes the gap", join(every(0, 100, 20), at(160), at(130)), 100, 200, "100 130 160"},
		{"a late sample lives as long as the others", join(every(0, 100, 20), at(400), at(200)), 100, 390, "100 150! 200 250!"},
		{"an open log of a few rows ends as the sealed chunk before it", every(0, 2420, 20), 2400, 4000, "2400 2420 2470!"},
		{"a late sample within a gap makes two intervals of it", join(every(0, 60, 20), at(200), at(130)), 60, 1000, "60 110! 130 180! 200 250!"},
		{"samples of one millisecond are one", join(every(0, 40, 20), at(40.0001, 40.0002)), 40, 1000, "40.0002 340!"},
		{"a sealed chunk before a gap ends by its own intervals", join(every(0, 1190, 10), every(2000, 2150, 50)), 1190, 2300, "1190 1220! 2000 2030! 2050 2080! 2100 2130! 2150 2275!"},
		{"the last of a millisecond's samples stands", at(1, 1.0001, 1.0002, 2), 0, 3, "1.0002 2"},
		{"of one nanosecond's samples the later stands", join(at(1, 2), lateValue(1, 9)), 0, 3, "9 2"},
		{"nothing gives nothing", nil, 0, 1000, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := SampleQuery{Field: schema.TaskCPUPercent, From: int64(tt.from * 1000), To: int64(tt.to * 1000)}
			got := describe(samplesOf(t, trackOf(t, tt.rows), q))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

// lateValue is a row whose value is not its time.
func lateValue(seconds, value float64) []Row {
	rows := at(seconds)
	rows[0].Fields[0].Value = value
	return rows
}

// describe shows the values, and the times of markers in seconds.
func describe(s Samples) string {
	text := ""
	for i, v := range s.V {
		if i > 0 {
			text += " "
		}
		if IsStale(v) {
			text += fmt.Sprintf("%v!", float64(s.T[i])/1000)
		} else {
			text += fmt.Sprint(v)
		}
	}
	return text
}

func TestALimitIsTheIntervalTimesTheFactorBetweenFloorAndCeiling(t *testing.T) {
	s := Staleness{Factor: 3, Floor: time.Minute, Ceiling: time.Hour}
	for interval, want := range map[time.Duration]time.Duration{
		time.Second:      time.Minute,
		time.Minute:      3 * time.Minute,
		30 * time.Minute: time.Hour,
		0:                time.Hour,
	} {
		l := s.limits()
		if got := time.Duration(l.of(interval.Milliseconds())) * time.Millisecond; got != want {
			t.Errorf("limit at %v: %v, not %v", interval, got, want)
		}
	}
}

func TestHowFarBackAnAnswerReaches(t *testing.T) {
	for s, want := range map[Staleness]time.Duration{
		{}: 25 * time.Minute,
		{Factor: 2, Floor: time.Second, Ceiling: time.Hour}:   5 * time.Hour,
		{Factor: 2, Floor: time.Minute, Ceiling: time.Minute}: time.Minute, // nothing to be learned
	} {
		if got := s.Reach(); got != want {
			t.Errorf("%+v: %v, not %v", s, got, want)
		}
	}
}

func TestWhoIsLateIsNotSilent(t *testing.T) {
	for _, tt := range []struct {
		name string
		lag  time.Duration
		to   float64
		rows []Row
		want string
	}{
		{"a series lives longer by how late its newest sample came", 90 * time.Second, 1000, every(0, 100, 20), "100 240!"},
		{"and longer than the ceiling", 200 * time.Second, 1000, at(100), "100 600!"},
		{"an end ends it all the same", 90 * time.Second, 1000, join(every(0, 100, 20), endAt(110)), "100 110!"},
		{"but a gap before it is one", 90 * time.Second, 1000, join(every(0, 100, 20), every(300, 340, 20)), "100 150! 300 320 340 480!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := SampleQuery{Field: schema.TaskCPUPercent, From: 100_000, To: int64(tt.to * 1000), Lag: tt.lag}
			if d := cmp.Diff(tt.want, describe(samplesOf(t, trackOf(t, tt.rows), q))); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

func TestWhatHoldsIsRepeatedUntilItEnds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		latest   bool
		from, to float64
		rows     []Row
		want     string // with the times in seconds
	}{
		{"each minute until the next one", false, 0, 400, at(10, 200), "10@10 10@70 10@130 10@190 200@200 200@260 200@320 200@380"},
		{"also in a range long after it", false, 86400, 86520, at(10), "10@86410 10@86470"},
		{"to the last moment before the next", false, 0, 130, at(10, 130), "10@10 10@70 130@130"},
		{"an end ends it", false, 0, 1000, join(at(10), endAt(80)), "10@10 10@70 stale@80"},
		{"also long before the range", false, 500, 1000, join(at(10), endAt(80)), ""},
		{"the latest is the last of them", true, 86400, 86520, at(10), "10@86470"},
		{"or the marker", true, 0, 1000, join(at(10), endAt(80)), "stale@80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := SampleQuery{Field: schema.TaskCPUPercent, From: int64(tt.from * 1000), To: int64(tt.to * 1000), Latest: tt.latest, Hold: time.Minute}
			var got []string
			samples := samplesOf(t, trackOf(t, tt.rows), q)
			for i, v := range samples.V {
				text := fmt.Sprint(v)
				if IsStale(v) {
					text = "stale"
				}
				got = append(got, fmt.Sprintf("%s@%v", text, float64(samples.T[i])/1000))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

func TestASeriesWhoseIntervalIsSaidNeedNotBeLearned(t *testing.T) {
	for _, tt := range []struct {
		name     string
		interval time.Duration
		rows     []Row
		want     string
	}{
		{"one reading lives for two and a half intervals", time.Minute, at(100), "100 250!"},
		{"whatever the intervals are", time.Minute, every(0, 100, 1), "100 250!"},
		{"at the least for the floor", time.Second, every(0, 100, 20), "100 130!"},
		{"at the most for the ceiling", time.Hour, every(0, 100, 20), "100 400!"},
		{"what is not said is learned", 0, every(0, 100, 20), "100 150!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range []Staleness{{}, DefaultStaleness} {
				q := SampleQuery{Field: schema.TaskCPUPercent, From: 100_000, To: 1000_000, Staleness: s.Expecting(tt.interval)}
				track := trackOf(t, tt.rows)
				if d := cmp.Diff(tt.want, describe(samplesOf(t, track, q))); d != "" {
					t.Errorf("samples (-want +got):\n%s", d)
				}
			}
		})
	}
}
