package history

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// everything asks for all of a field.
func everything(f schema.Field) SampleQuery {
	return SampleQuery{Field: f, From: math.MinInt64, To: math.MaxInt64}
}

func TestSamplesAreWhatTheRowsSay(t *testing.T) {
	seeds(t, 50, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 2+r.IntN(400))
		p := trackOf(t, shuffled(r, rows))
		for _, f := range randomFields {
			want := map[int64][]float64{} // any of the values of a millisecond's last nanosecond
			last := map[int64]int64{}
			for i := range rows {
				for _, v := range rows[i].Fields {
					ms := milliseconds(rows[i].Time)
					if v.Field != f {
						continue
					}
					if rows[i].Time > last[ms] {
						want[ms] = nil
					}
					if rows[i].Time >= last[ms] {
						last[ms], want[ms] = rows[i].Time, append(want[ms], v.Value)
					}
				}
			}
			checkSamples(t, f, want, samplesOf(t, p, everything(f)))
		}
	})
}

func checkSamples(t *testing.T, f schema.Field, want map[int64][]float64, got Samples) {
	t.Helper()
	found := 0
	for i, ms := range got.T {
		if i > 0 && ms <= got.T[i-1] {
			t.Fatalf("field %d: time %d after %d", f, ms, got.T[i-1])
		}
		values, ok := want[ms]
		switch {
		case !ok && !IsStale(got.V[i]):
			t.Fatalf("field %d: %v at %d, where there is none", f, got.V[i], ms)
		case ok && !slices.ContainsFunc(values, func(v float64) bool { return math.Float64bits(v) == math.Float64bits(got.V[i]) }):
			t.Fatalf("field %d: %v at %d, not %v", f, got.V[i], ms, values)
		case ok:
			found++
		}
	}
	if found != len(want) {
		t.Fatalf("field %d: %d samples of %d", f, found, len(want))
	}
}

func TestLatestIsTheLastOfTheFullAnswer(t *testing.T) {
	var d Decoder
	seeds(t, 50, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 2+r.IntN(600))
		p := trackOf(t, shuffled(r, rows))
		first, length := milliseconds(rows[0].Time), milliseconds(rows[len(rows)-1].Time)-milliseconds(rows[0].Time)
		for range 60 {
			q := SampleQuery{Field: randomFields[r.IntN(len(randomFields))], From: first + r.Int64N(length+1)}
			q.To = q.From + r.Int64N(length+400_000)
			full := samplesOf(t, p, q)
			q.Latest = true
			var latest Samples
			if err := d.Samples(p, q, &latest); err != nil {
				t.Fatal(err)
			}
			want := Samples{full.T[max(0, len(full.T)-1):], full.V[max(0, len(full.V)-1):]}
			if d := cmp.Diff(want, latest, sameBits, cmp.Transformer("nil", func(s []int64) []int64 { return append([]int64{}, s...) }), cmp.Transformer("nil", func(s []float64) []float64 { return append([]float64{}, s...) })); d != "" {
				t.Fatalf("%+v (-last of all +latest):\n%s", q, d)
			}
		}
	})
}

// TestARangeIsACutOutOfEverything: whatever the range, its samples are those
// that the whole series has there.
func TestARangeIsACutOutOfEverything(t *testing.T) {
	seeds(t, 40, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 2+r.IntN(400))
		p := trackOf(t, shuffled(r, rows))
		f := randomFields[r.IntN(len(randomFields))]
		all := samplesOf(t, p, everything(f))
		from := milliseconds(rows[r.IntN(len(rows))].Time)
		q := SampleQuery{Field: f, From: from, To: from + r.Int64N(400_000)}
		var want Samples
		for i, ms := range all.T {
			if ms >= q.From && ms <= q.To {
				want.add(ms, all.V[i])
			}
		}
		if d := cmp.Diff(want, samplesOf(t, p, q), sameBits); d != "" {
			t.Fatalf("%+v (-cut +range):\n%s", q, d)
		}
	})
}

func TestRowsComeDownInOrder(t *testing.T) {
	var d Decoder
	seeds(t, 40, func(t *testing.T, r *rand.Rand) {
		rows := shuffled(r, randomRows(r, 1+r.IntN(600)))
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b Row) int { return int(a.Time - b.Time) })
		slices.Reverse(want)
		var got []Row
		err := d.RowsDescending(trackOf(t, rows), func(r *Row) bool {
			got = append(got, cloneRow(r))
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		sameRows(t, want, got)
	})
}
