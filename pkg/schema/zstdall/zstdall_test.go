package zstdall

import (
	"bytes"
	"testing"
)

func TestWhatIsPackedIsReadAndNoMoreThanIsAllowed(t *testing.T) {
	text := bytes.Repeat([]byte("weir "), 1000)
	packed := NewEncoder().EncodeAll(text, nil)
	if got, err := NewDecoder(uint64(len(text))).DecodeAll(packed, nil); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
	}
	if _, err := NewDecoder(uint64(len(text))-1).DecodeAll(packed, nil); err == nil {
		t.Error("more than is allowed was read")
	}
}
