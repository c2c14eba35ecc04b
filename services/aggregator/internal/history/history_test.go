package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// randomFields are the fields that random rows have, most of the time, and one
// that they never have.
var randomFields = []schema.Field{300, 301, 304, 309, 316, 325, 336, 349, 364, 381, 400, 421, 422}

// randomRows returns rows of all sorts, ascending in time and in one bucket.
func randomRows(r *rand.Rand, n int) []Row {
	const base = int64(1790000000) * 1e9
	start := BucketStart(Bucket(base))
	rows := make([]Row, n)
	t := start + r.Int64N(int64(BucketLength)/4)
	unit := []int64{1, 1e3, 1e6, 1e9}[r.IntN(4)]
	kinds := make([]int, len(randomFields)-1)
	for i := range kinds {
		kinds[i] = r.IntN(10)
	}
	arrival := r.Uint64N(1000)
	dialect := schema.Dialect(r.IntN(8))
	drop := r.IntN(3)
	values := make([]float64, len(kinds))
	for i := range rows {
		t += r.Int64N(30) * unit
		if r.IntN(10) > 0 {
			arrival++
		} else {
			arrival += r.Uint64N(50)
		}
		if r.IntN(40) == 0 {
			dialect = schema.Dialect(r.IntN(8))
		}
		rows[i] = Row{Time: t, Arrival: arrival, Dialect: dialect, Clock: schema.Clock(r.IntN(2))}
		if r.IntN(50) == 0 {
			rows[i] = Row{Time: t, End: true}
			continue
		}
		for k, kind := range kinds {
			values[k] = randomValue(r, kind, values[k])
			if drop == 0 || r.IntN(drop+3) > 0 {
				rows[i].Fields = append(rows[i].Fields, schema.FieldValue{Field: randomFields[k], Value: values[k]})
			}
		}
	}
	return rows
}

func randomValue(r *rand.Rand, kind int, before float64) float64 {
	switch kind {
	case 0:
		return 12
	case 1:
		return float64(r.IntN(5000)) / 100
	case 2:
		return before + float64(r.IntN(100))
	case 3:
		return r.NormFloat64() * 1e3
	case 4:
		return math.Float64frombits(r.Uint64())
	case 5:
		if r.IntN(8) > 0 {
			return before
		}
		return float64(r.IntN(1000)) * 4096
	case 6:
		return (before*9 + float64(r.IntN(1000))/10) / 10
	case 7:
		return float64(float32(r.Float64()))
	case 8:
		odd := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, StaleMarker, math.MaxFloat64, 1 << 53, 1<<62 + 1, -1 << 63, 1e300, 0.1}
		return odd[r.IntN(len(odd))]
	default:
		return float64(int64(r.Uint64())>>r.IntN(64)) / float64(int(1)<<r.IntN(8))
	}
}

// sameBits compares rows with their values by their bits.
var sameBits = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func cloneRow(r *Row) Row {
	c := *r
	c.Fields = append([]schema.FieldValue(nil), r.Fields...)
	return c
}

// chunkRows returns a chunk's rows, ascending.
func chunkRows(t *testing.T, data []byte) []Row {
	t.Helper()
	c, err := OpenChunk(data)
	if err != nil {
		t.Fatalf("open a chunk: %v", err)
	}
	var rows []Row
	err = new(Decoder).RowsDescending(&Parts{Main: []Chunk{c}}, func(r *Row) bool {
		rows = append([]Row{cloneRow(r)}, rows...)
		return true
	})
	if err != nil {
		t.Fatalf("read a chunk: %v", err)
	}
	return rows
}

// sameRows shows the first row that differs.
func sameRows(t *testing.T, want, got []Row) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if len(want[i].Fields)+len(got[i].Fields) == 0 {
			want[i].Fields, got[i].Fields = nil, nil
		}
		if d := cmp.Diff(want[i], got[i], sameBits); d != "" {
			t.Fatalf("row %d of %d (-want +got):\n%s", i, len(want), d)
		}
	}
	if len(want) != len(got) {
		t.Fatalf("%d rows, not %d", len(got), len(want))
	}
}

// seeds runs a property for many seeds and names the one that fails.
func seeds(t *testing.T, n int, property func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range n {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			property(t, rand.New(rand.NewPCG(uint64(seed), 1)))
		})
	}
}

func TestAChunkGivesBackItsRowsToTheBit(t *testing.T) {
	var e Encoder
	seeds(t, 100, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 1+r.IntN(200))
		got := chunkRows(t, e.Chunk(nil, rows))
		sameRows(t, rows, got)
	})
}

func TestALogGivesBackItsRowsToTheBit(t *testing.T) {
	seeds(t, 100, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 1+r.IntN(200))
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		var l Log
		for i := range rows {
			l.Append(&rows[i])
		}
		var got []Row
		l.View().Rows(func(r *Row) bool {
			got = append(got, cloneRow(r))
			return true
		})
		sameRows(t, rows, got)
	})
}
