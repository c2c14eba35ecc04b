package promapi

import (
	"fmt"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/services/query/internal/jsonappend"
)

// appendValue appends what a query gave, in Prometheus' JSON.
func appendValue(b []byte, v parser.Value) []byte {
	switch v := v.(type) {
	case promql.Vector:
		return appendVector(b, v)
	case promql.Matrix:
		return appendMatrix(b, v)
	case promql.Scalar:
		b = append(appendTime(append(b, '['), v.T), `,"`...)
		return append(strconv.AppendFloat(b, v.V, 'f', -1, 64), `"]`...)
	case promql.String:
		b = append(appendTime(append(b, '['), v.T), ',')
		return append(jsonappend.String(b, v.V), ']')
	}
	panic(fmt.Sprintf("BUG: a query gave a %T", v))
}

func appendVector(b []byte, v promql.Vector) []byte {
	b = append(b, '[')
	for i := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(append(b, `{"metric":`...), v[i].Metric)
		b = appendPoint(append(b, `,"value":`...), v[i].T, v[i].F)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendMatrix(b []byte, m promql.Matrix) []byte {
	b = append(b, '[')
	for i := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(append(b, `{"metric":`...), m[i].Metric)
		if len(m[i].Floats) > 0 {
			b = appendPoints(append(b, `,"values":`...), m[i].Floats)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendPoints(b []byte, points []promql.FPoint) []byte {
	b = append(b, '[')
	for i, p := range points {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPoint(b, p.T, p.F)
	}
	return append(b, ']')
}

// appendPoint appends `[1435781451.781,"1.234"]`.
func appendPoint(b []byte, t int64, v float64) []byte {
	b = append(appendTime(append(b, '['), t), `,"`...)
	return append(appendFloat(b, v), `"]`...)
}

// appendTime appends milliseconds as seconds: 1435781451.781.
func appendTime(b []byte, t int64) []byte {
	whole, fraction := t/1000, t%1000
	if t < 0 {
		b, whole, fraction = append(b, '-'), -whole, -fraction
	}
	b = strconv.AppendInt(b, whole, 10)
	if fraction == 0 {
		return b
	}
	return append(b, '.', byte('0'+fraction/100), byte('0'+fraction/10%10), byte('0'+fraction%10))
}

// appendFloat appends a value as Prometheus writes samples: with an exponent
// only where the number would be very long.
func appendFloat(b []byte, v float64) []byte {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}

// appendLabels appends `{"__name__":"up","node":"n1"}`.
func appendLabels(b []byte, l labels.Labels) []byte {
	b = append(b, '{')
	l.Range(func(l labels.Label) { b = jsonappend.Field(b, l.Name, l.Value) })
	return append(b, '}')
}
