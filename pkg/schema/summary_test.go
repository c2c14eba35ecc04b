package schema_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

func encoded(s schema.Summary) []byte { return s.AppendBinary(nil) }

func TestQuantilesAreWithinTwoPercentOfTheExactOnes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		var s schema.Summary
		values := make([]uint64, 1+r.IntN(2000))
		for i := range values {
			values[i] = r.Uint64() >> r.IntN(60)
			if i%7 == 0 {
				values[i] = uint64(r.IntN(100))
			}
			values[i] &= 1<<50 - 1 // nanoseconds of two weeks: sums do not overflow
			s.Add(values[i])
		}
		slices.Sort(values)
		if s.Min != values[0] || s.Max != values[len(values)-1] || s.Count != uint64(len(values)) {
			t.Fatalf("extremes %d %d of %d values", s.Min, s.Max, s.Count)
		}
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			exact := float64(values[int(q*float64(len(values)-1))])
			if got := float64(s.Quantile(q)); got < exact*0.98-1 || got > exact*1.02+1 {
				t.Errorf("quantile %v is %v, exactly %v", q, got, exact)
			}
		}
	}
}

func TestMergingIsAddingAll(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var all, merged schema.Summary
	for range 10 {
		var part schema.Summary
		for range r.IntN(100) {
			v, n := r.Uint64N(1<<40), 1+r.Uint64N(3)
			all.AddN(v, n)
			part.AddN(v, n)
		}
		merged.Merge(&part)
	}
	if !bytes.Equal(encoded(all), encoded(merged)) {
		t.Error("the merged summary differs from the one that saw all values")
	}
	var back schema.Summary
	reader := wire.NewReader(encoded(all))
	back.ReadBinary(reader)
	if err := reader.Done(); err != nil || !bytes.Equal(encoded(back), encoded(all)) {
		t.Errorf("the summary does not come back: %v", err)
	}
	clone := all.Clone()
	all.Add(1)
	if bytes.Equal(encoded(clone), encoded(all)) {
		t.Error("a clone shares its buckets")
	}
}

func TestAnEmptySummaryIsOneByte(t *testing.T) {
	var s schema.Summary
	if s.Quantile(0.5) != 0 || len(encoded(s)) != 1 {
		t.Errorf("quantile %d, %d bytes", s.Quantile(0.5), len(encoded(s)))
	}
}
