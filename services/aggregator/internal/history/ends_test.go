package history

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func TestOtherLabelsEndASeries(t *testing.T) {
	tests := []struct {
		name     string
		rows     []Row     // in the order of arrival
		others   []float64 // when the source sent something under other labels
		from, to float64
		want     string
	}{
		{"at the first reading with others", every(0, 100, 20), []float64{120, 140, 160}, 100, 1000, "100 120!"},
		{"also if that came first", join(at(200), every(0, 100, 20)), []float64{120, 140, 160}, 100, 210, "100 120! 200"},
		{"as at a row that is an end", join(every(0, 100, 20), endAt(120)), []float64{120, 140}, 100, 1000, "100 120!"},
		{"at the row that is an end, if that is before", join(every(0, 100, 20), endAt(110)), []float64{120, 140}, 100, 1000, "100 110!"},
		{"before the row that is an end", join(every(0, 100, 20), endAt(120)), []float64{110}, 100, 1000, "100 110!"},
		{"until the labels change back", join(every(0, 100, 20), at(180, 200)), []float64{120, 140, 160, 220}, 100, 1000, "100 120! 180 200 220!"},
		{"by turns", every(0, 80, 20), []float64{10, 30, 50, 70}, 0, 80, "0 10! 20 30! 40 50! 60 70! 80"},
		{"not if it has ended", every(0, 100, 20), []float64{200, 220}, 100, 1000, "100 150!"},
		{"nor before any sample", at(2), []float64{1}, 0, 100, "2"},
		{"in the next millisecond at the earliest", every(0, 100, 20), []float64{100.0002}, 100, 1000, "100 100.001!"},
		{"not where a sample is", every(0, 100, 20), []float64{99.9999, 100}, 100, 140, "100"},
		{"but at the next then", every(0, 100, 20), []float64{100, 120}, 100, 1000, "100 120!"},
		{"which holds for a row that is an end, too", join(every(0, 100, 20), endAt(100)), []float64{120}, 100, 1000, "100 120!"},
		{"behind the range they say nothing", every(0, 100, 20), []float64{120}, 100, 119.999, "100"},
		{"before the range they do", every(0, 100, 20), []float64{120}, 130, 1000, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := trackOf(t, tt.rows)
			for _, s := range tt.others {
				p.Ends = append(p.Ends, int64(s*1e9))
			}
			q := SampleQuery{Field: schema.TaskCPUPercent, From: int64(tt.from * 1000), To: int64(tt.to * 1000)}
			if d := cmp.Diff(tt.want, describe(samplesOf(t, p, q))); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

func TestTimesAreThoseOfReadingsInTheRange(t *testing.T) {
	var d Decoder
	seeds(t, 40, func(t *testing.T, r *rand.Rand) {
		rows := shuffled(r, randomRows(r, 1+r.IntN(600)))
		for i := range rows { // ends by word
			if rows[i].End && r.IntN(2) == 0 {
				rows[i].Arrival = uint64(1 + r.IntN(5))
			}
		}
		p := trackOf(t, rows)
		for range 5 {
			from := rows[r.IntN(len(rows))].Time
			to := from + r.Int64N(1e12)>>r.IntN(20)
			var want []int64
			for i := range rows {
				if row := &rows[i]; (!row.End || row.Arrival > 0) && row.Time >= from && row.Time <= to {
					want = append(want, row.Time)
				}
			}
			got, err := d.Times(p, from, to, nil)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("%d..%d (-want +got):\n%s", from, to, cmp.Diff(want, got))
			}
		}
	})
}
