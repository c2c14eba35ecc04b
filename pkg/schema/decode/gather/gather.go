// Package gather puts samples that come one by one together: those of one source
// with the same labels at the same time are one reading.
package gather

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"unsafe"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
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
	starts   []int32 // where each reading's samples begin in order
	order    []int32 // samples, those of each reading beside each other
	named    []schema.NamedValue
	names    []byte       // what made names of attributes are parts of
	texts    bool         // there are attributes
	seed     maphash.Seed // what is gathered does not depend on it
}

type sample struct {
	value   schema.NamedValue
	raw     string // what the name was made of, "" if it is as it was
	reading int32
}

// called returns the sample's raw name.
func (s *sample) called() string { return cmp.Or(s.raw, s.value.Name) }

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
	g.names, g.texts = g.names[:0], false
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
func (g *Gatherer) Value(reading int, v schema.NamedValue) { g.Made(reading, v, "") }

// Made adds a value whose name was made of a raw one, which may have
// seriesname.Separator in it; "" if the name is as it was. The values of a reading
// whose raw names differ do not hide each other, whatever their names: see
// seriesname.Settle.
func (g *Gatherer) Made(reading int, v schema.NamedValue, raw string) {
	g.samples = append(g.samples, sample{v, raw, int32(reading)})
}

// Text adds an attribute to a reading: unless it is new and the reading has as many
// as it may have already. Its name is made of the raw one as that of a series is.
// Of a raw name that comes twice for one reading the last text counts. It reports
// whether the attribute is new.
func (g *Gatherer) Text(reading int, raw, text string, most int) (added bool) {
	r := &g.readings[reading]
	at, known := slices.BinarySearchFunc(r.Attributes, raw, func(l schema.Label, raw string) int { return strings.Compare(l.Name, raw) })
	switch {
	case known:
		r.Attributes[at].Value = text
	case len(r.Attributes) < most:
		g.texts = true
		r.Attributes = slices.Insert(r.Attributes, at, schema.Label{Name: raw, Value: text})
		return true
	}
	return false
}

// At returns a reading that Reading returned, to add to it what is neither a value
// nor an attribute. It is valid until the next call of Reading.
func (g *Gatherer) At(reading int) *schema.Reading { return &g.readings[reading] }

// Readings returns the readings, ascending by time, those of one time in the
// order in which they came first; each has its values by name. Of a raw name that
// came twice for one reading the last value counts. They are valid until Reset.
func (g *Gatherer) Readings() []schema.Reading {
	g.place()
	for i := range g.readings {
		first := len(g.named)
		g.values(g.order[g.starts[i]:g.starts[i+1]])
		g.readings[i].Named = g.named[first:len(g.named):len(g.named)]
		if g.texts {
			g.attributes(g.readings[i].Attributes)
		}
	}
	byTime := func(a, b schema.Reading) int { return cmp.Compare(a.Time, b.Time) }
	if !slices.IsSortedFunc(g.readings, byTime) {
		slices.SortStableFunc(g.readings, byTime)
	}
	return g.readings
}

// place puts the samples of each reading beside each other, in the order in which
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
	g.order = slices.Grow(g.order[:0], len(g.samples))[:len(g.samples)]
	for i := len(g.samples) - 1; i >= 0; i-- {
		reading := g.samples[i].reading
		g.starts[reading]--
		g.order[g.starts[reading]] = int32(i)
	}
	g.named = slices.Grow(g.named[:0], len(g.samples))
}

// values appends the values of a reading's samples, ascending by name, each once.
func (g *Gatherer) values(own []int32) {
	g.sort(own)
	for i := 1; i < len(own); i++ {
		if a, b := &g.samples[own[i-1]], &g.samples[own[i]]; a.value.Name == b.value.Name && a.called() != b.called() {
			g.settle(own)
			g.sort(own)
			break
		}
	}
	for i, k := range own {
		if i+1 == len(own) || g.samples[own[i+1]].value.Name != g.samples[k].value.Name {
			g.named = append(g.named, g.samples[k].value)
		}
	}
}

func (g *Gatherer) sort(own []int32) {
	byName := func(a, b int32) int { return strings.Compare(g.samples[a].value.Name, g.samples[b].value.Name) }
	if !slices.IsSortedFunc(own, byName) {
		slices.SortStableFunc(own, byName)
	}
}

// settle gives the samples of a reading names that do not clash.
func (g *Gatherer) settle(own []int32) {
	all := make([]seriesname.Made, len(own))
	for i, k := range own {
		all[i] = seriesname.Made{Name: g.samples[k].value.Name, Raw: g.samples[k].called()}
	}
	seriesname.Settle(all)
	for i, k := range own {
		g.samples[k].value.Name = all[i].Name
	}
}

// attributes names attributes, which have their raw names until then.
func (g *Gatherer) attributes(own []schema.Label) {
	if !slices.ContainsFunc(own, func(l schema.Label) bool { return !seriesname.Valid(l.Name) }) {
		return
	}
	all := make([]seriesname.Made, len(own))
	for i := range own {
		start := len(g.names)
		g.names = seriesname.Append(g.names, start, own[i].Name)
		all[i] = seriesname.Made{Name: view(g.names[start:]), Raw: own[i].Name}
	}
	seriesname.Settle(all)
	for i := range own {
		own[i].Name = all[i].Name
	}
	slices.SortFunc(own, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
}

// view returns bytes as text that does not outlive them.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
