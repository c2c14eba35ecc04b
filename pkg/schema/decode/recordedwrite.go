package decode

import (
	"encoding/json"
	"math"
	"strconv"

	"weir/pkg/schema"
)

// RecordedSample is the value of a series that a rule recorded.
type RecordedSample struct {
	Labels []schema.Label // each name once, in any order; __name__ among them
	Value  float64        // any, NaN and infinite too
}

// EncodeRecorded appends the payload of an event for RecordedTopic: the values of
// series at a moment, in unix milliseconds, and the labels of those that ended
// there.
func EncodeRecorded(dst []byte, atMS int64, samples []RecordedSample, ended [][]schema.Label) []byte {
	dst = strconv.AppendInt(append(dst, `{"time_ms":`...), atMS, 10)
	dst = append(dst, `,"samples":[`...)
	for i := range samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLabelsJSON(append(dst, `{"labels":`...), samples[i].Labels)
		dst = append(appendValueJSON(append(dst, `,"value":`...), samples[i].Value), '}')
	}
	dst = append(dst, `],"ended":[`...)
	for i, labels := range ended {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLabelsJSON(dst, labels)
	}
	return append(dst, "]}"...)
}

func appendLabelsJSON(dst []byte, labels []schema.Label) []byte {
	dst = append(dst, '{')
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendTextJSON(dst, l.Name), ':')
		dst = appendTextJSON(dst, l.Value)
	}
	return append(dst, '}')
}

func appendTextJSON(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic("BUG: a string is no JSON: " + err.Error())
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// appendValueJSON writes a value as recordedNumber reads it.
func appendValueJSON(dst []byte, v float64) []byte {
	switch bits := math.Float64bits(v); {
	case math.IsInf(v, 1):
		return append(dst, `"+Inf"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Inf"`...)
	case bits == normalNaN:
		return append(dst, `"NaN"`...)
	case math.IsNaN(v):
		hex := strconv.FormatUint(bits, 16) // a NaN's has 16 digits
		return append(append(append(dst, `"0x`...), hex...), '"')
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
