// Package wire is the small binary encoding of weir's state records and read
// port: varints, length-prefixed strings and floats by their bits. It is
// deterministic: equal values have equal bytes.
package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrShort means that a record ended before its last value.
var ErrShort = errors.New("wire: record is too short")

// AppendUint appends an unsigned varint.
func AppendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// AppendInt appends a zigzag varint.
func AppendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// AppendString appends a length and the bytes of s.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendBytes appends a length and the bytes.
func AppendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendBool appends one byte, 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// maxExactInt bounds the whole numbers that AppendFloat writes as varints: well
// within the range in which every whole number is a float64.
const maxExactInt = 1 << 52

// AppendFloat appends a float64, exact to the bit. Whole numbers, which is what
// devices mostly send, take a varint of 1 to 8 bytes, others 9 bytes.
//
// Form: uvarint(zigzag(v)+1) for a whole number, or a 0 byte and 8 bytes of
// IEEE 754 bits, little endian.
func AppendFloat(b []byte, v float64) []byte {
	if i := int64(v); float64(i) == v && i > -maxExactInt && i < maxExactInt && (i != 0 || !math.Signbit(v)) {
		return binary.AppendUvarint(b, (uint64(i<<1)^uint64(i>>63))+1)
	}
	b = append(b, 0)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// Reader reads what the Append functions wrote. The first error sticks: later
// reads return zero values, and Err tells.
type Reader struct {
	b    []byte
	pos  int
	text string // b as a string, for a sharing Reader
	err  error
}

// NewReader reads from b. Strings of the result have memory of their own.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// NewSharingReader reads from b, of which it makes one copy that all strings of
// the result share. It is the faster one for many short-lived records; what is
// kept for long keeps all of the copy.
func NewSharingReader(b []byte) *Reader { return &Reader{b: b, text: string(b)} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Rest returns the bytes that are not read yet.
func (r *Reader) Rest() []byte { return r.b[r.pos:] }

// Done returns the first error, or an error if bytes are left over.
func (r *Reader) Done() error {
	if r.err == nil && r.pos < len(r.b) {
		return errors.New("wire: bytes after the record's end")
	}
	return r.err
}

func (r *Reader) fail() { r.err, r.pos = ErrShort, len(r.b) }

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	if r.pos < len(r.b) && r.b[r.pos] < 0x80 { // most are one byte
		r.pos++
		return uint64(r.b[r.pos-1])
	}
	v, n := binary.Uvarint(r.b[r.pos:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.pos += n
	return v
}

// Int reads a zigzag varint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b[r.pos:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.pos += n
	return v
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.pos >= len(r.b) {
		r.fail()
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

// Bool reads one byte as a bool.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// BytesView reads a length and as many bytes, sharing the record's memory.
func (r *Reader) BytesView() []byte {
	start, end := r.span()
	return r.b[start:end:end]
}

// String reads a length and as many bytes.
func (r *Reader) String() string {
	start, end := r.span()
	if r.text != "" {
		return r.text[start:end]
	}
	return string(r.b[start:end])
}

// span reads a length and passes over as many bytes.
func (r *Reader) span() (start, end int) {
	n := r.Uint()
	if n > uint64(len(r.b)-r.pos) {
		r.fail()
		return r.pos, r.pos
	}
	start = r.pos
	r.pos += int(n)
	return start, r.pos
}

// Float reads a float64.
func (r *Reader) Float() float64 {
	u := r.Uint()
	if u > 0 {
		u--
		return float64(int64(u>>1) ^ -int64(u&1))
	}
	if r.err != nil || len(r.b)-r.pos < 8 {
		r.fail()
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.b[r.pos:]))
	r.pos += 8
	return v
}

// Count reads the length of a list whose items take at least one byte each, so
// that a damaged length cannot ask for more memory than the record has bytes.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.b)-r.pos) {
		r.fail()
		return 0
	}
	return int(n)
}
