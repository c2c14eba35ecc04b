package packed

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestATextIsWhatItWas(t *testing.T) {
	var text bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&text, "http_requests_total{path=\"/api/v1/things/%d\",code=\"200\"} %d\n", i, i*7919%10_007)
	}
	for _, text := range [][]byte{nil, []byte("a 1\n"), text.Bytes()} {
		data := Pack(text)
		if len(text) > From && len(data) > len(text)/5 {
			t.Errorf("%d bytes became %d", len(text), len(data))
		}
		if got, err := Unpack(data); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes became %d: %v", len(text), len(got), err)
		}
	}
}

func TestWhatIsDamagedOrTooLargeIsNotUnpacked(t *testing.T) {
	whole := Pack(bytes.Repeat([]byte("a 1\n"), 1000))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	for name, data := range map[string][]byte{
		"text": []byte("a 1\n"), "a part": whole[:len(whole)-5], "a flipped bit": flipped, "a bomb": Pack(make([]byte, Max+1)),
	} {
		if got, err := Unpack(data); !errors.Is(err, ErrDamaged) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got, err := Unpack(Pack(make([]byte, Max))); err != nil || len(got) != Max {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// FuzzUnpack looks for data that are neither unpacked nor refused, or are unpacked
// to more than there may be.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("a 1\n"))
	f.Add(Pack([]byte("a 1\n")))
	f.Add(append(Pack(nil), Pack(make([]byte, 1<<20))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := Unpack(data)
		if err != nil && !errors.Is(err, ErrDamaged) || err != nil && text != nil || len(text) > Max {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		if got, err := Unpack(Pack(data)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes became %d: %v", len(data), len(got), err)
		}
	})
}
