package history

import "encoding/binary"

// columnReader reads columns. It holds scratch.
type columnReader struct {
	model   numberModel
	numbers []int64
}

// read reads a column of len(into) ≥ 1 numbers, and the caller's note of it.
func (r *columnReader) read(data []byte, into []int64) (note byte, err error) {
	h, rest, err := readColumnHead(data)
	if err != nil {
		return 0, err
	}
	if h.predictor > straight {
		skipped := min(h.predictor.skipped(), len(into))
		if err := r.readDifferences(rest, into[skipped:]); err != nil {
			return 0, err
		}
	}
	h.predictor.restore(into, h.with)
	for i, v := range into {
		into[i] = h.first + v*h.factor
	}
	return h.note, nil
}

func (r *columnReader) readDifferences(data []byte, into []int64) error {
	if len(data) < 2 {
		return damaged("column ends before its shape")
	}
	packed := binary.LittleEndian.Uint16(data)
	if packed == foreseen {
		clear(into)
		return nil
	}
	z := unpackShape(packed)
	d := newDecoder(data[2:])
	r.model = numberModel{}
	r.model.read(&d, &z, into)
	return nil
}

// columnHead is what stands before a column's differences.
type columnHead struct {
	predictor predictor
	note      byte
	first     int64
	factor    int64
	with      parameters
}

func readColumnHead(data []byte) (h columnHead, rest []byte, err error) {
	if len(data) == 0 {
		return h, nil, damaged("column is empty")
	}
	h.predictor, h.note, h.factor = predictor(data[0]&columnPredictor), data[0]>>columnNote, 1
	if h.predictor >= predictors {
		return h, nil, damaged("column has unknown predictor %d", h.predictor)
	}
	factored := data[0]&columnFactor != 0
	data = data[1:]
	ok := true
	number := func() int64 {
		v, n := binary.Varint(data)
		if n <= 0 {
			ok = false
			return 0
		}
		data = data[n:]
		return v
	}
	h.first = number()
	if factored {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return h, nil, damaged("column ends in its head")
		}
		h.factor, data = int64(v), data[n:]
	}
	switch h.predictor {
	case straight, mean, bend:
		h.with.start = number()
	case line:
		h.with.start = number()
		h.with.slope = number()
	}
	if !ok {
		return h, nil, damaged("column ends in its head")
	}
	return h, data, nil
}
