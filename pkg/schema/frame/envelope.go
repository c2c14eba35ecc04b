package frame

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"weir/pkg/schema/zstdall"
)

const (
	magic      = "WEIR"
	version    = 1
	headerSize = 16

	codecNone = 0
	codecZstd = 1

	// compressFrom is the body size from which zstd is worth its header.
	compressFrom = 128

	// MaxBody bounds a frame's body before compression, so that a damaged size
	// cannot ask for all memory.
	MaxBody = 8 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The fastest level already finds what devices repeat.
var (
	zstdEncoder = zstdall.NewEncoder(zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
	zstdDecoder = zstdall.NewDecoder(MaxBody)
)

// seal appends the envelope of body to dst.
func seal(dst, body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(body), MaxBody)
	}
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	codec := byte(codecNone)
	if len(body) >= compressFrom {
		codec = codecZstd
		dst = zstdEncoder.EncodeAll(body, dst)
	} else {
		dst = append(dst, body...)
	}
	h := dst[start:]
	copy(h, magic)
	h[4], h[5] = version, codec
	binary.LittleEndian.PutUint32(h[8:], crc32.Checksum(h[headerSize:], castagnoli))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(body)))
	return dst, nil
}

// open checks the envelope and returns the body.
func open(data []byte) ([]byte, error) {
	if len(data) < headerSize || string(data[:4]) != magic {
		return nil, fmt.Errorf("%w: it does not begin with a frame's header", ErrCorrupt)
	}
	if data[4] != version {
		return nil, fmt.Errorf("%w: %d, this program reads %d", ErrVersion, data[4], version)
	}
	stored, size := data[headerSize:], binary.LittleEndian.Uint32(data[12:])
	if sum := crc32.Checksum(stored, castagnoli); sum != binary.LittleEndian.Uint32(data[8:]) {
		return nil, fmt.Errorf("%w: checksum %08x, expected %08x", ErrCorrupt, sum, binary.LittleEndian.Uint32(data[8:]))
	}
	if size > MaxBody {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, MaxBody)
	}
	body := stored
	switch data[5] {
	case codecNone:
	case codecZstd:
		var err error
		if body, err = zstdDecoder.DecodeAll(stored, make([]byte, 0, size)); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
	default:
		return nil, fmt.Errorf("%w: compression %d", ErrVersion, data[5])
	}
	if len(body) != int(size) {
		return nil, fmt.Errorf("%w: body of %d bytes, expected %d", ErrCorrupt, len(body), size)
	}
	return body, nil
}
