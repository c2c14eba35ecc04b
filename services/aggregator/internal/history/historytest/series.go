package historytest

import (
	"math"
	"math/rand/v2"

	"weir/pkg/schema"
	"weir/services/aggregator/internal/history"
)

// values makes one series: each call gives the next value.
type values func(r *rand.Rand) func() float64

// series are kinds of values.
var series = []struct {
	name   string
	values values
}{
	{"constant", constant},
	{"integer gauge, wandering by up to 3", wandering(1, 3)},
	{"integer gauge, noise of 0 to 100", noise(0, 100, 1)},
	{"one decimal, temperature", drifting(45, 0.2, 10)},
	{"two decimals, noise of 0 to 100", noise(0, 10000, 100)},
	{"two decimals, load around 12", drifting(12, 1.5, 100)},
	{"counter, steady", counter(func(*rand.Rand) float64 { return 10 })},
	{"counter, about 1,500 a step", counter(func(r *rand.Rand) float64 { return math.Round(1500 + 120*r.NormFloat64()) })},
	{"counter, bursty", counter(burst)},
	{"counter, with resets", resetting(0.02, func(r *rand.Rand) float64 { return float64(r.IntN(800)) })},
	{"memory bytes, pages of 4096", memory(4096)},
	{"memory bytes, any", memory(1)},
	{"average of ten two-decimal values", averaged(10)},
	{"32-bit floats as shortest decimals", shortFloats},
	{"64-bit floats, noise", func(r *rand.Rand) func() float64 { return func() float64 { return 100 * r.Float64() } }},
	{"64-bit floats, changing seldom", seldomChanging},
}

func constant(r *rand.Rand) func() float64 {
	v := float64(r.IntN(1e6))
	return func() float64 { return v }
}

// wandering steps by up to most/scale up or down.
func wandering(scale float64, most int) values {
	return func(r *rand.Rand) func() float64 {
		v := 50.0
		return func() float64 {
			v += float64(r.IntN(2*most+1) - most)
			return math.Abs(v) / scale
		}
	}
}

// noise is even between two numbers, divided by scale.
func noise(from, to int, scale float64) values {
	return func(r *rand.Rand) func() float64 {
		return func() float64 { return float64(from+r.IntN(to-from+1)) / scale }
	}
}

// drifting is noise about a level that itself moves, rounded to 1/scale.
func drifting(level, spread, scale float64) values {
	return func(r *rand.Rand) func() float64 {
		at := level
		return func() float64 {
			at += (level-at)*0.1 + spread*0.5*r.NormFloat64()
			return math.Round((at+spread*0.5*r.NormFloat64())*scale) / scale
		}
	}
}

func counter(by func(*rand.Rand) float64) values { return resetting(0, by) }

// resetting counts up, and from zero again with a probability by value.
func resetting(probability float64, by func(*rand.Rand) float64) values {
	return func(r *rand.Rand) func() float64 {
		v := float64(r.IntN(1e7))
		return func() float64 {
			v += by(r)
			if r.Float64() < probability {
				v = 0
			}
			return v
		}
	}
}

// burst is mostly nothing, and then some kilobytes.
func burst(r *rand.Rand) float64 {
	if r.IntN(8) > 0 {
		return 0
	}
	return float64(r.IntN(200) * 512)
}

// memory is what a process has: it allocates often and frees seldom.
func memory(page float64) values {
	return func(r *rand.Rand) func() float64 {
		v := math.Round(7340032 / page)
		return func() float64 {
			switch r.IntN(10) {
			case 0, 1, 2:
				v += math.Round(float64(r.IntN(40)) * 4096 / page * (0.5 + r.Float64()))
			case 3:
				v -= math.Round(float64(r.IntN(70)) * 4096 / page * (0.5 + r.Float64()))
			}
			v = max(v, 1000)
			return v * page
		}
	}
}

// averaged is the mean of the latest n values of a load.
func averaged(n int) values {
	return func(r *rand.Rand) func() float64 {
		load := drifting(12, 1.5, 100)(r)
		var window []float64
		return func() float64 {
			window = append(window, load())
			window = window[max(0, len(window)-n):]
			return mean(window)
		}
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func shortFloats(r *rand.Rand) func() float64 {
	memory := memory(4096)(r)
	return func() float64 { return shortest(float32(memory() / 8e9 * 100)) }
}

func seldomChanging(r *rand.Rand) func() float64 {
	v := r.Float64()
	return func() float64 {
		if r.IntN(10) == 0 {
			v = r.Float64()
		}
		return v
	}
}

// single is a track of one field.
func single(v values, c clock) func(*rand.Rand, int) []history.Row {
	return func(r *rand.Rand, n int) []history.Row {
		next := v(r)
		return build(c.times(r, n), schema.DialectD1, schema.ClockRFC3339, func(int64) []schema.FieldValue {
			return []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: next()}}
		})
	}
}

// build makes rows of times and fields.
func build(times []int64, d schema.Dialect, c schema.Clock, fields func(time int64) []schema.FieldValue) []history.Row {
	rows := make([]history.Row, len(times))
	for i, t := range times {
		rows[i] = history.Row{Time: t, Arrival: uint64(i + 1), Dialect: d, Clock: c, Fields: fields(t)}
	}
	return rows
}
