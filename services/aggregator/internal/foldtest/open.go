package foldtest

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"slices"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// OpenDecoder decodes what decode.Decoder does, and payloads that OpenPayload
// made: any readings, of kinds that name their values themselves.
type OpenDecoder struct{ decoder *decode.Decoder }

// NewOpenDecoder returns an OpenDecoder.
func NewOpenDecoder() *OpenDecoder { return &OpenDecoder{decode.New()} }

// openPrefix begins the payloads of OpenPayload.
var openPrefix = []byte("open:")

// OpenPayload returns the payload that says these readings, on any topic of ours.
func OpenPayload(readings []schema.Reading) []byte {
	said := openSaid{Readings: readings}
	eachValue(readings, func(v *float64) { said.Bits = append(said.Bits, math.Float64bits(*v)) })
	b := bytes.NewBuffer(slices.Clone(openPrefix))
	if err := gob.NewEncoder(b).Encode(said); err != nil {
		panic(fmt.Sprintf("BUG: readings cannot be encoded: %v", err))
	}
	return b.Bytes()
}

// openSaid is what a payload says. Its values are said apart: gob takes -0 for 0.
type openSaid struct {
	Readings []schema.Reading
	Bits     []uint64
}

func eachValue(readings []schema.Reading, visit func(*float64)) {
	for i := range readings {
		for k := range readings[i].Named {
			visit(&readings[i].Named[k].Value)
		}
	}
}

// Decode implements fold.Decoder.
func (d *OpenDecoder) Decode(t decode.Topic, payload []byte) (readings []schema.Reading, rejection *schema.Rejection) {
	data, open := bytes.CutPrefix(payload, openPrefix)
	if !open {
		return d.decoder.Decode(t, payload)
	}
	var said openSaid
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&said); err != nil {
		return nil, &schema.Rejection{Reason: schema.ReasonUnknownShape, Detail: err.Error(), Offset: -1}
	}
	eachValue(said.Readings, func(v *float64) {
		*v = math.Float64frombits(said.Bits[0])
		said.Bits = said.Bits[1:]
	})
	return said.Readings, nil
}

// value returns a value of any sort.
func (g *Generator) value() float64 {
	switch g.rng.IntN(12) {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1 - 2*g.rng.IntN(2))
	case 2:
		return math.Float64frombits(0x7ff8000000000000 | g.rng.Uint64N(1<<40))
	case 3:
		return math.Copysign(0, -1)
	}
	return float64(g.rng.IntN(1000)) / 10
}

// recorded returns what rules record: of several tenants, and of none.
func (g *Generator) recorded() []byte {
	var samples []decode.RecordedSample
	var ended [][]schema.Label
	for range g.rng.IntN(5) {
		labels := []schema.Label{{Name: "__name__", Value: fmt.Sprintf("job:x%d", g.rng.IntN(3))}}
		if g.rng.IntN(3) > 0 {
			labels = append(labels, schema.Label{Name: "zone", Value: fmt.Sprintf("z%d", g.rng.IntN(4))})
		}
		if g.rng.IntN(2) == 0 {
			t := g.tenant()
			labels = append(labels, schema.Label{Name: "service", Value: t.Service}, schema.Label{Name: "subservice", Value: t.Subservice})
		}
		if g.rng.IntN(6) == 0 {
			ended = append(ended, labels)
		} else {
			samples = append(samples, decode.RecordedSample{Labels: labels, Value: g.value()})
		}
	}
	return decode.EncodeRecorded(nil, g.moment()/1e6, samples, ended)
}

// openReadings returns what a board sends at once.
func (g *Generator) openReadings() []schema.Reading {
	board := fmt.Sprintf("board-%d", g.rng.IntN(3))
	at, step := g.moment(), g.rng.Int64N(2)*g.rng.Int64N(60e9) // some batches are of several times
	var readings []schema.Reading
	for i := range 1 + g.rng.IntN(4) {
		at += step
		r := schema.Reading{Kind: schema.KindDevice, ID: board, Clock: schema.ClockUnix, Time: at, Presence: schema.PresenceAlive}
		if g.rng.IntN(3) > 0 {
			r.Labels = []schema.Label{{Name: "zone", Value: fmt.Sprintf("z%d", g.rng.IntN(2))}}
			if board == "board-2" { // whose types are sources of their own
				r.Labels = slices.Insert(r.Labels, 0, schema.Label{Name: "type", Value: fmt.Sprintf("t%d", g.rng.IntN(2))})
			}
		}
		if i > 0 {
			r.Dims = []schema.Label{{Name: "core", Value: fmt.Sprint(i)}, {Name: "mode", Value: fmt.Sprintf("m%d", g.rng.IntN(2))}}
		}
		if g.rng.IntN(20) == 0 {
			t := g.tenant()
			r.Tenant = &t
		}
		if r.Ended = g.rng.IntN(10) == 0; !r.Ended {
			r.Named = g.namedValues()
		}
		if board == "board-1" { // whose counters may fall
			r.CounterTolerance = 20
		}
		r.All = r.Ended && i == 2 // of all that it has
		readings = append(readings, r)
	}
	return readings
}

func (g *Generator) namedValues() (all []schema.NamedValue) {
	for i := range 12 {
		if g.rng.IntN(3) == 0 && i > 0 {
			continue
		}
		v := schema.NamedValue{Name: fmt.Sprintf("name_%02d", (i*7)%12), Value: g.value()}
		switch g.rng.IntN(8) {
		case 0:
			v.Type = schema.Gauge
		case 2:
			v.Type = schema.Cumulative
		case 1:
			v.Help, v.Unit = fmt.Sprintf("Help %d.", g.rng.IntN(2)), "seconds"
		}
		all = append(all, v)
	}
	if g.rng.IntN(9) == 0 {
		all = append(all, schema.NamedValue{Name: "proplet_cpu_usage_percent", Value: 7})
	}
	slices.SortFunc(all, func(a, b schema.NamedValue) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return all
}
