// Package model is what simulated devices are made of: state that a step of one
// simulated second moves on. It is pure. All that looks like chance comes from
// a seed and the moment, so the same seed gives the same values, in whatever
// steps a device is moved on, and looking at it changes nothing.
package model

// Tick is a moment of simulated time: seconds since the midnight before the
// simulation began.
type Tick int64

// The lengths of an hour and a day.
const (
	Hour Tick = 3600
	Day  Tick = 24 * Hour
)

// Effects are what a scene does to a device at a moment. The zero value is an
// ordinary day.
type Effects struct {
	Load          float64 // added to the processor's load, of which 1 is all
	Memory        float64 // share of the memory in use besides
	Flash         float64 // share of the flash in use besides
	Signal        float64 // dB that the radio signal loses
	Offline       bool    // no way to the broker; the device works on
	Firmware      string  // the version that it has to run, "" for its own
	Peers         float64 // share of a data node's peers that are gone
	Chainless     bool    // a data node has lost its blockchain
	NoHeat        bool    // the temperature is not reported any more
	Haste         float64 // how many times as often as usual it reports; 0 is once
	Malformations float64 // share of the messages that are malformed
}

// Influence says what a scene does to one device at any moment.
type Influence func(Tick) Effects

// Calm is the influence of no scene.
func Calm(Tick) Effects { return Effects{} }
