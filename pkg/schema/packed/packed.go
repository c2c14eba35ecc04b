// Package packed keeps large texts small in events: what is pulled or pushed as
// text may be larger than what a message of the journal holds, and is compressed
// to a tenth and less.
package packed

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Encoding is what stands in an event for the way in which Pack packs.
const Encoding = "zstd"

// The sizes of texts, in bytes.
const (
	// From is the size from which a text is packed.
	From = 256 << 10
	// Default is the largest text that is taken where nothing else is said.
	Default = 10 << 20
	// Max is the largest text that is unpacked, so that a small event cannot ask
	// for all memory.
	Max = 16 << 20
)

// ErrDamaged means that what was to be unpacked was not packed, or is larger than
// Max.
var ErrDamaged = errors.New("the packed text is damaged")

// One encoder and one decoder serve all: EncodeAll and DecodeAll may be called
// concurrently.
var (
	encoder = newEncoder()
	decoder = newDecoder()
)

func newEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20))
	if err != nil {
		panic("BUG: zstd encoder options: " + err.Error())
	}
	// The encoder sets itself up at its first use. Do that here, not in whoever
	// comes first: a channel made inside a synctest bubble serves that bubble only.
	e.EncodeAll([]byte{0}, nil)
	return e
}

func newDecoder() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(Max))
	if err != nil {
		panic("BUG: zstd decoder options: " + err.Error())
	}
	return d
}

// Pack returns a text packed. It has a checksum.
func Pack(text []byte) []byte { return encoder.EncodeAll(text, nil) }

// Unpack returns what Pack was given. Its error wraps ErrDamaged.
func Unpack(data []byte) ([]byte, error) {
	text, err := decoder.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return text, nil
}
