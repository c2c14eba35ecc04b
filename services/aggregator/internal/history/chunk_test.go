package history

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func TestAChunksHeadSaysWhatIsInIt(t *testing.T) {
	rows := every(100, 300, 20)
	for i := range rows {
		rows[i].Arrival = uint64(50 - i)
	}
	rows[3].Fields = append(rows[3].Fields, schema.FieldValue{Field: schema.TaskMemoryBytes, Value: 1})
	c, err := OpenChunk(new(Encoder).Chunk(nil, rows))
	if err != nil {
		t.Fatal(err)
	}
	if c.Rows() != 11 || c.Min() != 100e9 || c.Max() != 300e9 || c.MaxArrival() != 50 {
		t.Errorf("%d rows from %d to %d, up to arrival %d", c.Rows(), c.Min(), c.Max(), c.MaxArrival())
	}
	if d := cmp.Diff([]schema.Field{schema.TaskCPUPercent, schema.TaskMemoryBytes}, c.Fields(nil)); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
}

func TestALogOfSeveralBucketsIsSealedToSeveralChunks(t *testing.T) {
	hours := BucketLength.Seconds()
	l := logOf(join(at(hours+5), at(3), at(hours-1), at(3*hours), at(hours)))
	var got [][]Row
	var buckets []uint32
	for _, s := range new(Encoder).SealLog(nil, l.View()) {
		got = append(got, chunkRows(t, s.Data))
		buckets = append(buckets, s.Bucket)
	}
	want := [][]Row{at(3, hours-1), at(hours, hours+5), at(3 * hours)}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]uint32{0, 1, 3}, buckets); d != "" {
		t.Errorf("buckets (-want +got):\n%s", d)
	}
}

func TestEqualRowsHaveEqualBytes(t *testing.T) {
	var used Encoder
	seeds(t, 50, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 1+r.IntN(200))
		fresh := new(Encoder).Chunk([]byte("before"), rows)
		again := used.Chunk([]byte("before"), rows)
		if !bytes.Equal(fresh, again) {
			t.Error("an encoder that was used before gives other bytes")
		}
		sealed := used.SealLog(nil, logOf(rows).View())
		if len(sealed) != 1 || !bytes.Equal(append([]byte("before"), sealed[0].Data...), fresh) {
			t.Error("a sealed log gives other bytes")
		}
	})
}

// TestADamagedChunkIsAnErrorOrOtherRows: every byte of a chunk is changed, and
// it is cut off everywhere. Decoding must end, with any result.
func TestADamagedChunkIsAnErrorOrOtherRows(t *testing.T) {
	data := new(Encoder).Chunk(nil, randomRows(rand.New(rand.NewPCG(4, 4)), 25))
	for i := range data {
		if err := readEverything(data[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off at %d of %d: error is %v", i, len(data), err)
		}
		for _, x := range []byte{1, 0x80, 0xff} {
			changed := bytes.Clone(data)
			changed[i] ^= x
			if err := readEverything(changed); err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d changed by %#x: error is %v", i, x, err)
			}
		}
	}
}

// readEverything reads a chunk in all ways.
func readEverything(data []byte) error {
	c, err := OpenChunk(data)
	if err != nil {
		return err
	}
	var d Decoder
	var s Samples
	p := &Parts{Main: []Chunk{c}, Late: []Chunk{c}}
	for _, f := range c.Fields(nil) {
		if err := d.Samples(p, everything(f), &s); err != nil {
			return err
		}
	}
	return d.RowsDescending(p, func(*Row) bool { return true })
}
