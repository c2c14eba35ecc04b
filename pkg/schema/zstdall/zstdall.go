// Package zstdall makes the coders of texts that are whole in memory. EncodeAll
// and DecodeAll of one coder may be called concurrently, so one serves all.
package zstdall

import "github.com/klauspost/compress/zstd"

// NewEncoder returns an encoder whose EncodeAll works in the caller's goroutine.
func NewEncoder(options ...zstd.EOption) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, append(options, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		panic("BUG: zstd encoder options: " + err.Error())
	}
	// The encoder sets itself up at its first use. Do that here, not in whoever
	// comes first: a channel made inside a synctest bubble serves that bubble only.
	e.EncodeAll([]byte{0}, nil)
	return e
}

// oneByte is the frame of a single zero: its magic, a header that says the size,
// and one raw block.
const oneByte = "\x28\xb5\x2f\xfd" + "\x20\x01" + "\x09\x00\x00" + "\x00"

// NewDecoder returns a decoder whose DecodeAll refuses what would take more than so
// many bytes.
func NewDecoder(most uint64) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		panic("BUG: zstd decoder options: " + err.Error())
	}
	if _, err := d.DecodeAll([]byte(oneByte), nil); err != nil { // as the encoder
		panic("BUG: zstd cannot read a frame: " + err.Error())
	}
	return d
}
