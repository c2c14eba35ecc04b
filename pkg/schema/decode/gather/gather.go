// Package gather puts samples that come one by one together: those of one source
// with the same labels at the same time are one reading.
package gather

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// Point is what the samples of one reading have in common.
type Point struct {
	Kind  schema.Kind
	ID    string         // of the source
	Dims  []schema.Label // ascending by name, no value empty
	Clock schema.Clock
	Time  int64 // unix nanoseconds, 0 for none
}

// Gatherer gathers the samples of one event. It keeps its memory from event to
// event and is not for concurrent use.
type Gatherer struct {
	readings []schema.Reading
	same     []int32          // of each reading: the one before with the same hash, -1 for none
	latest   map[uint64]int32 // the latest reading of a hash
	samples  []sample
	starts   []int32 // where each reading's values begin in named
	named    []schema.NamedValue
	seed     maphash.Seed // what is gathered does not depend on it
}

type sample struct {
	value   schema.NamedValue
	reading int32
}

// New returns a Gatherer.
func New() *Gatherer {
	return &Gatherer{latest: map[uint64]int32{}, seed: maphash.MakeSeed()}
}

// Reset forgets the samples, and the readings that were made of them.
func (g *Gatherer) Reset() {
	clear(g.readings) // which hold an event's strings
	clear(g.samples)
	clear(g.named)
	clear(g.latest)
	g.readings, g.same, g.samples, g.named = g.readings[:0], g.same[:0], g.samples[:0], g.named[:0]
}

// Reading returns the number of the reading that a point is, which is made if it
// is not there. Its strings and labels are kept, not copied.
func (g *Gatherer) Reading(p Point) int {
	hash := g.hash(&p)
	before, known := g.latest[hash]
	if !known {
		before = -1
	}
	for i := before; i >= 0; i = g.same[i] {
		if r := &g.readings[i]; r.Time == p.Time && r.Kind == p.Kind && r.ID == p.ID && slices.Equal(r.Dims, p.Dims) {
			return int(i)
		}
	}
	at := len(g.readings)
	g.latest[hash] = int32(at)
	g.same = append(g.same, before)
	g.readings = append(g.readings, schema.Reading{
		Kind: p.Kind, ID: p.ID, Dims: p.Dims, Clock: p.Clock, Time: p.Time, Presence: schema.PresenceAlive,
	})
	return at
}

func (g *Gatherer) hash(p *Point) uint64 {
	const prime = 0x9e3779b97f4a7c15
	h := maphash.String(g.seed, p.ID) ^ uint64(p.Time)*prime
	for i := range p.Dims {
		h = h*prime + maphash.String(g.seed, p.Dims[i].Name)
		h = h*prime + maphash.String(g.seed, p.Dims[i].Value)
	}
	return h
}

// Value adds a value to a reading that Reading returned.
func (g *Gatherer) Value(reading int, v schema.NamedValue) {
	g.samples = append(g.samples, sample{v, int32(reading)})
}

// At returns a reading that Reading returned, to add to it what is not a value.
// It is valid until the next call of Reading.
func (g *Gatherer) At(reading int) *schema.Reading { return &g.readings[reading] }

// Readings returns the readings, ascending by time, those of one time in the
// order in which they came first; each has its values by name. Of a name that
// came twice for one reading the last value counts. They are valid until Reset.
func (g *Gatherer) Readings() []schema.Reading {
	g.place()
	for i := range g.readings {
		own := g.named[g.starts[i]:g.starts[i+1]]
		byName := func(a, b schema.NamedValue) int { return strings.Compare(a.Name, b.Name) }
		if !slices.IsSortedFunc(own, byName) {
			slices.SortStableFunc(own, byName)
		}
		own = lastOfEach(own)
		g.readings[i].Named = own[:len(own):len(own)]
	}
	byTime := func(a, b schema.Reading) int { return cmp.Compare(a.Time, b.Time) }
	if !slices.IsSortedFunc(g.readings, byTime) {
		slices.SortStableFunc(g.readings, byTime)
	}
	return g.readings
}

// place puts the values of each reading beside each other, in the order in which
// they came.
func (g *Gatherer) place() {
	g.starts = append(g.starts[:0], make([]int32, len(g.readings)+1)...)
	for i := range g.samples {
		g.starts[g.samples[i].reading]++
	}
	end := int32(0)
	for i := range g.starts {
		end += g.starts[i]
		g.starts[i] = end
	}
	g.named = slices.Grow(g.named[:0], len(g.samples))[:len(g.samples)]
	for i := len(g.samples) - 1; i >= 0; i-- {
		s := &g.samples[i]
		g.starts[s.reading]--
		g.named[g.starts[s.reading]] = s.value
	}
}

func lastOfEach(named []schema.NamedValue) []schema.NamedValue {
	kept := named[:0]
	for i := range named {
		if i+1 == len(named) || named[i+1].Name != named[i].Name {
			kept = append(kept, named[i])
		}
	}
	return kept
}
