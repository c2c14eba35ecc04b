package history

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/pkg/schema"
)

// inTurns returns rows that have a part of the fields each, in turn, with an end
// now and then.
func inTurns(r *rand.Rand, n, fields, part int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Time: int64(i+1) * 10e9, Arrival: uint64(i + 1)}
		if r.IntN(30) == 0 {
			rows[i].End = true
			continue
		}
		for k := range part {
			rows[i].Fields = append(rows[i].Fields, schema.FieldValue{Field: schema.Field(1 + (i*part+k)%fields), Value: float64(r.IntN(1000)) / 8})
		}
		slices.SortFunc(rows[i].Fields, func(a, b schema.FieldValue) int { return int(a.Field) - int(b.Field) })
	}
	return rows
}

// A decoder remembers what it decoded for the fields before: each field has the
// same samples as if it were the first.
func TestTheFieldsBeforeDoNotShow(t *testing.T) {
	seeds(t, 30, func(t *testing.T, r *rand.Rand) {
		rows := inTurns(r, 20+r.IntN(300), 60, 15)
		p := trackOf(t, shuffledTail(r, rows))
		var d Decoder
		var got Samples
		for range 2 { // ascending, and in any order
			for _, f := range r.Perm(62) {
				for _, latest := range []bool{true, false} {
					q := SampleQuery{Field: schema.Field(f), From: rows[len(rows)-1].Time/1e6 - 1000*int64(r.IntN(1000)), To: rows[len(rows)-1].Time/1e6 + 1000*int64(r.IntN(300)), Latest: latest}
					if err := d.Samples(p, q, &got); err != nil {
						t.Fatal(err)
					}
					if want := samplesOf(t, p, q); !sameSamples(want, got) {
						t.Fatalf("%+v: got %v, want %v", q, got, want)
					}
				}
			}
		}
	})
}

// shuffledTail lets some of the rows come late.
func shuffledTail(r *rand.Rand, rows []Row) []Row {
	rows = slices.Clone(rows)
	for range r.IntN(10) {
		i, k := r.IntN(len(rows)), r.IntN(len(rows))
		rows[i], rows[k] = rows[k], rows[i]
	}
	return rows
}

// A chunk's columns are found in whatever order they are asked for.
func TestColumnsInAnyOrder(t *testing.T) {
	seeds(t, 30, func(t *testing.T, r *rand.Rand) {
		c, err := OpenChunk(new(Encoder).Chunk(nil, inTurns(r, 40, 60, 15)))
		if err != nil {
			t.Fatal(err)
		}
		all := map[schema.Field]column{}
		c.eachField(func(f schema.Field, col column) bool {
			all[f] = col
			return true
		})
		for range 300 {
			f := schema.Field(r.IntN(70))
			got, ok := c.column(f)
			want, there := all[f]
			if ok != there || ok && (!slices.Equal(got.data, want.data) || got.partial != want.partial) {
				t.Fatalf("field %d: %v, want %v", f, ok, there)
			}
		}
	})
}

// The newest samples of names that a device sends in turns cost about as much as
// all of them; they once took a thousand times as long. The bound is far away
// from both.
func TestManyNamesInTurns(t *testing.T) {
	const fields, bound = 5000, time.Minute
	rows := inTurns(rand.New(rand.NewPCG(1, 1)), 110, fields, 1000)
	p := trackOf(t, rows)
	start := time.Now()
	for _, latest := range []bool{true, false} {
		var d Decoder
		var s Samples
		for f := range schema.Field(fields) {
			if err := d.Samples(p, SampleQuery{Field: f + 1, To: rows[len(rows)-1].Time / 1e6, Latest: latest}, &s); err != nil || len(s.T) == 0 {
				t.Fatalf("field %d: %v, %v", f+1, s, err)
			}
		}
	}
	if took := time.Since(start); took > bound {
		t.Errorf("it took %v", took)
	}
}

// BenchmarkManyNames seals and reads what a device sends in turns.
func BenchmarkManyNames(b *testing.B) {
	rows := inTurns(rand.New(rand.NewPCG(1, 1)), ChunkRows, 30_000, 500)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			logOf(rows)
		}
	})
	l := logOf(rows)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			new(Encoder).SealLog(nil, l.View())
		}
	})
	for name, latest := range map[string]bool{"newest": true, "all": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var d Decoder
				var s Samples
				for f := range schema.Field(30_000) {
					if err := d.Samples(&Parts{MainLog: l.View()}, SampleQuery{Field: f + 1, To: 1 << 50, Latest: latest}, &s); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
