package main

import (
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"weir/devices/loadgen"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/services/aggregator"
)

// kindReadings is how many readings each kind of data has: some 33 chunks.
const kindReadings = 4000

// kindOfData is data of one series, by itself.
type kindOfData struct {
	name string
	late time.Duration // how late a reading may come at the most; 0: on the second
	next func(r *rand.Rand, i int, last float64) float64
}

// kindsOfData are what devices' values are like.
var kindsOfData = []kindOfData{
	{"a constant", 0, func(*rand.Rand, int, float64) float64 { return 98304 }},
	{"a constant that changes now and then", 0, func(r *rand.Rand, _ int, last float64) float64 {
		if r.IntN(100) == 0 {
			return float64(r.IntN(10))
		}
		return last
	}},
	{"a steady counter (uptime)", 0, func(_ *rand.Rand, _ int, last float64) float64 { return last + 10 }},
	{"a counter of bytes", 0, func(r *rand.Rand, _ int, last float64) float64 { return last + float64(r.IntN(5000)) }},
	{"a wandering integer (memory, in pages)", 0, func(r *rand.Rand, _ int, last float64) float64 {
		return math.Max(last+float64(4096*(r.IntN(33)-16)), 4096)
	}},
	{"a small integer (RSSI)", 0, func(r *rand.Rand, _ int, _ float64) float64 { return -60 - float64(r.IntN(5)) }},
	{"two decimals, wandering (CPU)", 0, func(r *rand.Rand, _ int, last float64) float64 {
		return rounded(math.Min(math.Max(last+4*(r.Float64()-.5), 0), 100), 100)
	}},
	{"two decimals, at random", 0, func(r *rand.Rand, _ int, _ float64) float64 { return rounded(100*r.Float64(), 100) }},
	{"all digits (a mean)", 0, func(r *rand.Rand, _ int, last float64) float64 { return .9*last + .1*100*r.Float64() }},
	{"a constant, each up to 40 ms late", 40 * time.Millisecond, func(*rand.Rand, int, float64) float64 { return 98304 }},
	{"two decimals, wandering, as late", 40 * time.Millisecond, func(r *rand.Rand, _ int, last float64) float64 {
		return rounded(math.Min(math.Max(last+4*(r.Float64()-.5), 0), 100), 100)
	}},
}

func rounded(v, k float64) float64 { return math.Round(v*k) / k }

// measureKinds measures each kind of data, and whole sources as recorded.
func measureKinds(seed uint64) ([]aggregator.HistoryKind, error) {
	var kinds []aggregator.HistoryKind
	measure := func(name string, readings iter.Seq[schema.Reading]) error {
		k, err := aggregator.MeasureHistory(name, readings)
		kinds = append(kinds, k)
		return err
	}
	var errs []error
	for _, k := range kindsOfData {
		errs = append(errs, measure(k.name, k.readings(seed)))
	}
	start := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	whole := loadgen.Recording{Sources: 1, Start: start, Step: longStep, Steps: kindReadings, Service: "bench", Subservice: "load", Seed: seed}
	whole.Kind = loadgen.Task
	errs = append(errs, measure("a task, ten series", decoded(whole)))
	whole.Kind = loadgen.Spore
	errs = append(errs, measure("a node, seventeen series", decoded(whole)))
	return kinds, errors.Join(errs...)
}

// readings are of a clock that is read in whole microseconds.
func (k kindOfData) readings(seed uint64) iter.Seq[schema.Reading] {
	return func(yield func(schema.Reading) bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		at, last := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).UnixNano(), 40.0
		for i := range kindReadings {
			last = k.next(r, i, last)
			late := int64(0)
			if k.late > 0 {
				late = r.Int64N(k.late.Microseconds()) * 1000
			}
			fields := []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: last}}
			if !yield(schema.Reading{Kind: schema.KindTask, Time: at + int64(i)*int64(longStep) + late, Dialect: schema.DialectD1, Clock: schema.ClockRFC3339, Fields: fields}) {
				return
			}
		}
	}
}

// decoded is a recording of one source, as the fold sees it.
func decoded(recording loadgen.Recording) iter.Seq[schema.Reading] {
	return func(yield func(schema.Reading) bool) {
		d := decode.New()
		for m := range recording.Lane(0, 1) {
			topic, _ := decode.ParseTopic(m.Topic)
			readings, rejection := d.Decode(topic, m.Payload)
			if rejection != nil {
				panic("BUG: a recorded message is rejected: " + rejection.Detail)
			}
			for _, r := range readings {
				if !yield(r) {
					return
				}
			}
		}
	}
}
