package history

import "encoding/binary"

// A column of numbers is written as
//
//	1 byte   predictor | columnFactor | the caller's 4 bits << 4
//	varint   the first number
//	uvarint  what the distances from it have in common, if columnFactor
//	varints  the predictor's parameters
//	2 bytes  their shape, and the coder's bytes; unless the predictor foresees all
const (
	columnPredictor = 7
	columnFactor    = 1 << 3
	columnNote      = 4
)

// foreseen stands for a shape where all differences are zero.
const foreseen = 0xffff

// columnWriter writes columns. It holds scratch.
type columnWriter struct {
	offsets     []int64
	differences []int64
	tallies     [predictors]tally
	model       numberModel
	coder       coder

	numbers []int64 // of a column of values
	offs    []int64 // what mends them
	scratch []byte
}

// append writes a column of at least one number. note (4 bits) is the caller's.
func (w *columnWriter) append(dst []byte, numbers []int64, note byte) []byte {
	factor := w.takeOffsets(numbers)
	p, with, z := w.choose()
	first := byte(p) | note<<columnNote
	if factor > 1 {
		first |= columnFactor
	}
	dst = append(dst, first)
	dst = binary.AppendVarint(dst, numbers[0])
	if factor > 1 {
		dst = binary.AppendUvarint(dst, factor)
	}
	switch p {
	case constant:
		return dst
	case straight:
		return binary.AppendVarint(dst, with.start)
	case mean, bend:
		dst = binary.AppendVarint(dst, with.start)
	case line:
		dst = binary.AppendVarint(dst, with.start)
		dst = binary.AppendVarint(dst, with.slope)
	}
	w.differences = p.differences(w.differences[:0], w.offsets, with)
	if z.high == 0 {
		return binary.LittleEndian.AppendUint16(dst, foreseen)
	}
	z.digits = z.worthLearning(w.differences)
	dst = binary.LittleEndian.AppendUint16(dst, z.packed())
	w.model = numberModel{}
	w.coder.begin(dst)
	w.model.write(&w.coder, &z, w.differences)
	return w.coder.end()
}

// takeOffsets sets offsets and returns what they were divided by; 0 if all
// numbers are the same.
func (w *columnWriter) takeOffsets(numbers []int64) uint64 {
	w.offsets = w.offsets[:0]
	factor := uint64(0)
	for _, n := range numbers {
		d := n - numbers[0]
		w.offsets = append(w.offsets, d)
		if factor != 1 && d != 0 {
			factor = commonFactor(factor, distance(d))
		}
	}
	if factor > 1 {
		for i, d := range w.offsets {
			w.offsets[i] = d / int64(factor)
		}
	}
	return factor
}

func distance(d int64) uint64 {
	if d < 0 {
		d = -d
	}
	return uint64(d)
}

// commonFactor returns the greatest common divisor, below 2^63, of a and b > 0.
func commonFactor(a, b uint64) uint64 {
	for a != 0 {
		a, b = b%a, a
	}
	if b == 1<<63 { // no int64
		return 1 << 62
	}
	return b
}
