// Package packed keeps large texts small in events: what is pulled or pushed as
// text may be larger than what a message of the journal holds, and is compressed
// to a tenth and less.
package packed

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"weir/pkg/schema/zstdall"
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

var (
	encoder = zstdall.NewEncoder(zstd.WithWindowSize(4 << 20))
	decoder = zstdall.NewDecoder(Max)
)

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
