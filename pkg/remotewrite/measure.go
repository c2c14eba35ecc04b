package remotewrite

import (
	"google.golang.org/protobuf/encoding/protowire"

	"weir/pkg/schema"
)

// The fields of the messages that are counted before they are decoded.
const (
	v1Series     = 1 // of prometheus.WriteRequest
	v2Series     = 5 // of io.prometheus.write.v2.Request
	v1Histograms = 4 // of prometheus.TimeSeries
	v2Histograms = 3 // of io.prometheus.write.v2.TimeSeries
	v2Refs       = 1
	anySamples   = 2 // of both
)

// measure refuses a request that lists more than may be. It goes before the
// decoder, for which two bytes are an element of up to 400: without it a small
// body could take gigabytes.
func measure(v Version, message []byte) *schema.Rejection {
	series, histograms := protowire.Number(v1Series), protowire.Number(v1Histograms)
	if v == V2 {
		series, histograms = v2Series, v2Histograms
	}
	elements, samples := 0, 0
	err := fields(message, func(n protowire.Number, value []byte) {
		elements++
		if n != series {
			return
		}
		// A series that is broken is for the decoder to find.
		_ = fields(value, func(n protowire.Number, value []byte) {
			elements++
			switch {
			case n == histograms:
				elements += len(value) / 2 // its spans and counts
				samples++
			case v == V2 && n == v2Refs:
				elements += len(value) / 2 // a label each
			case n == anySamples:
				samples++
			}
		})
	})
	switch {
	case err != nil:
		return rejection(schema.ReasonUnknownShape, "the request is not %s: %v", v, err)
	case samples > MaxSamples:
		return rejection(schema.ReasonTooLarge, "the request has %d samples: expected at most %d", samples, MaxSamples)
	case elements > MaxElements:
		return rejection(schema.ReasonTooLarge, "the request has %d labels, samples and the like: expected at most %d", elements, MaxElements)
	}
	return nil
}

// fields calls visit for each field of a message, with the bytes of those that
// have a length.
func fields(message []byte, visit func(n protowire.Number, value []byte)) error {
	for len(message) > 0 {
		n, t, size := protowire.ConsumeTag(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		var value []byte
		if t == protowire.BytesType {
			value, size = protowire.ConsumeBytes(message)
		} else {
			size = protowire.ConsumeFieldValue(n, t, message)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		visit(n, value)
	}
	return nil
}
