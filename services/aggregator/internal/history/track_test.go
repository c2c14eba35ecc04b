package history

import (
	"math/rand/v2"
	"testing"
)

// testTrack keeps rows as the fold does: main and late, sealed at ChunkRows
// rows or at a bucket's end.
type testTrack struct {
	t          *testing.T
	encoder    Encoder
	main, late Log
	newest     int64
	any        bool
	parts      Parts
}

func (k *testTrack) add(r *Row) {
	if k.any && r.Time < k.newest {
		k.late.Append(r)
		if k.late.Len() == ChunkRows {
			k.parts.Late = k.seal(&k.late, k.parts.Late)
		}
		return
	}
	if k.main.Len() > 0 && Bucket(r.Time) != Bucket(k.main.Newest()) {
		k.parts.Main = k.seal(&k.main, k.parts.Main)
	}
	k.main.Append(r)
	k.newest, k.any = r.Time, true
	if k.main.Len() == ChunkRows {
		k.parts.Main = k.seal(&k.main, k.parts.Main)
	}
}

func (k *testTrack) seal(l *Log, into []Chunk) []Chunk {
	k.t.Helper()
	for _, s := range k.encoder.SealLog(nil, l.View()) {
		c, err := OpenChunk(s.Data)
		if err != nil {
			k.t.Fatalf("open a sealed chunk: %v", err)
		}
		if c.Rows() != s.Rows || c.Min() != s.Min || c.Max() != s.Max {
			k.t.Fatalf("chunk of %d rows from %d to %d, sealed as %+v", c.Rows(), c.Min(), c.Max(), s)
		}
		into = append(into, c)
	}
	l.Reset()
	return into
}

// all returns the parts of all rows so far.
func (k *testTrack) all() *Parts {
	p := k.parts
	p.MainLog, p.LateLog = k.main.View(), k.late.View()
	return &p
}

// trackOf returns the parts of rows that come in this order.
func trackOf(t *testing.T, rows []Row) *Parts {
	t.Helper()
	k := testTrack{t: t}
	for i := range rows {
		k.add(&rows[i])
	}
	return k.all()
}

// samplesOf asks for a series, which must not fail.
func samplesOf(t *testing.T, p *Parts, q SampleQuery) Samples {
	t.Helper()
	var s Samples
	if err := new(Decoder).Samples(p, q, &s); err != nil {
		t.Fatalf("read samples: %v", err)
	}
	return s
}

// shuffled returns rows in an order of arrival in which many are late.
func shuffled(r *rand.Rand, rows []Row) []Row {
	rows = append([]Row(nil), rows...)
	for range r.IntN(1 + len(rows)) {
		i, j := r.IntN(len(rows)), r.IntN(len(rows))
		rows[i], rows[j] = rows[j], rows[i]
	}
	for i := range rows {
		if !rows[i].End {
			rows[i].Arrival = uint64(i + 1)
		}
	}
	return rows
}
