package wire_test

import (
	"errors"
	"math"
	"testing"

	"weir/pkg/schema/wire"
)

func TestFloatsComeBackToTheBitAndWholeOnesAreShort(t *testing.T) {
	tests := []struct {
		name string
		v    float64
		size int
	}{
		{"zero", 0, 1},
		{"minus zero is not zero", math.Copysign(0, -1), 9},
		{"one", 1, 1},
		{"minus one", -1, 1},
		{"bytes of memory", 7340032, 4},
		{"the largest whole number kept short", 1<<52 - 1, 8},
		{"beyond it", 1 << 52, 9},
		{"two decimals", 12.25, 9},
		{"the largest float", math.MaxFloat64, 9},
		{"the smallest float", math.SmallestNonzeroFloat64, 9},
		{"infinity", math.Inf(-1), 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := wire.AppendFloat(nil, tt.v)
			if len(b) != tt.size {
				t.Errorf("%v takes %d bytes, want %d", tt.v, len(b), tt.size)
			}
			r := wire.NewReader(b)
			if got := r.Float(); math.Float64bits(got) != math.Float64bits(tt.v) || r.Done() != nil {
				t.Errorf("%v comes back as %v, %v", tt.v, got, r.Done())
			}
		})
	}
}

func TestARecordCutAnywhereIsShort(t *testing.T) {
	b := wire.AppendUint(nil, 300)
	b = wire.AppendInt(b, -300)
	b = wire.AppendString(b, "name")
	b = wire.AppendFloat(b, 0.5)
	b = wire.AppendBool(b, true)
	read := func(b []byte) error {
		r := wire.NewReader(b)
		r.Uint()
		r.Int()
		_ = r.String()
		r.Float()
		r.Bool()
		return r.Done()
	}
	if err := read(b); err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if err := read(b[:n]); !errors.Is(err, wire.ErrShort) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if err := read(append(b, 0)); err == nil {
		t.Error("a byte too many is not seen")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		for range r.Count() {
			_ = r.String()
			r.Float()
			r.Int()
			r.BytesView()
		}
		if r.Err() != nil && len(r.Rest()) > 0 {
			t.Error("bytes are left after an error")
		}
	})
}
