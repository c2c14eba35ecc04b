package fold

import (
	"cmp"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// sourceName names a source within its tenant. Devices are told apart by the label
// "type" of their own, too, which their series have: entities of NGSI with one id
// and different types are not the same, and what is sent without a type is of
// neither.
type sourceName struct {
	kind schema.Kind
	id   string
	typ  string
}

func nameOf(kind schema.Kind, id string, own []schema.Label) sourceName {
	name := sourceName{kind: kind, id: id}
	if kind != schema.KindDevice {
		return name
	}
	for _, l := range own {
		if l.Name == labelType {
			name.typ = l.Value
		}
	}
	return name
}

func nameIn(r *schema.Reading) sourceName { return nameOf(r.Kind, r.ID, r.Labels) }

// name returns the source's name, which its labels do not change: it has but
// readings of this name.
func (src *source) name() sourceName { return nameOf(src.Kind, src.ID, src.Labels) }

// source is a source's record and its tracks.
type source struct {
	schema.Source
	number    uint64 // 1, 2, 3 … in the order in which the journal first names them
	tenant    *tenant
	dirty     bool
	forgotten bool

	plain   strand             // the tracks without dimensions
	strands map[string]*strand // the others, by their dimensions
	tracks  []*track           // all, by number
	thinned bool               // tracks has some that are forgotten, for a moment
	counted uint64             // the event whose readings Readings counted last

	client      *client // that last spoke for it, nil for none
	clientIndex int     // where the client lists it
}

// sources numbers the sources; they are listed by tenant.
type sources struct {
	numbers   uint64 // the last number given
	count     uint64
	dirty     []*source
	forgotten []uint64
}

// called returns the sources with a kind and id, ascending by number.
func (t *tenant) called(kind schema.Kind, id string) (all []*source) {
	at, _ := slices.BinarySearchFunc(t.ordered, sourceName{kind: kind, id: id}, func(src *source, of sourceName) int {
		return cmp.Or(cmp.Compare(src.Kind, of.kind), strings.Compare(src.ID, of.id))
	})
	for _, src := range t.ordered[at:] {
		if src.Kind != kind || src.ID != id {
			break
		}
		all = append(all, src)
	}
	for _, src := range t.fresh {
		if src.Kind == kind && src.ID == id {
			all = append(all, src)
		}
	}
	slices.SortFunc(all, func(a, b *source) int { return cmp.Compare(a.number, b.number) })
	return all
}

// applyReading folds one reading. One that is older than the newest reading of its
// source says nothing of how the source is now, except that it is there.
func (s *State) applyReading(t *tenant, e *schema.Event, r *schema.Reading, p *planned, out *Outcome) {
	src := p.source
	if src == nil {
		src = s.source(t, r, e.Received)
	}
	s.sources.touch(src)
	s.hear(src, e, r)
	old := src.isLate(r, p.at)
	if !old {
		src.describe(r)
	}
	if !r.HasValues() {
		return
	}
	out.Readings++
	src.count(r, s.events)
	if !old {
		src.replaceReading(r, p.at, e.Received)
	}
	if p.unknown > 0 || p.teaches {
		t.Names += s.names.learn(r.Named)
		p.translation, s.values = s.names.translate(r, s.values)
	}
	if late := s.keep(src, r, p, old, &out.History); late {
		t.Late++
		out.Late++
	}
}

// count counts a reading. All with dimensions that an event has of one source
// count as one: they are what it sent at once, and each series has then the next
// number where it has no gap.
func (src *source) count(r *schema.Reading, event uint64) {
	if len(r.Dims) == 0 || src.counted != event {
		src.Readings++
	}
	src.counted = event
}

// isLate reports whether a reading is older than the newest of its source.
func (src *source) isLate(r *schema.Reading, at int64) bool {
	return r.HasValues() && src.Readings > 0 && at < src.ReadingTime
}

// source returns the source that a reading is about. It is the one place where
// a source comes into being; prepare has seen to the limit on their number.
func (s *State) source(t *tenant, r *schema.Reading, received int64) *source {
	name := nameIn(r)
	if src := t.sources[name]; src != nil {
		return src
	}
	s.sources.numbers++
	s.sources.count++
	return t.addSource(s.sources.numbers, schema.Source{
		Tenant: t.Tenant, Kind: r.Kind, ID: strings.Clone(r.ID), Labels: cloneLabels(r.Labels),
		FirstSeen: received, LastSeen: received,
	})
}

func (t *tenant) addSource(number uint64, record schema.Source) *source {
	src := &source{Source: record, number: number, tenant: t}
	src.plain.source = src
	t.sources[src.name()] = src
	t.fresh = append(t.fresh, src)
	t.Sources++
	return src
}

// touch has the next checkpoint write src.
func (ss *sources) touch(src *source) {
	if !src.dirty {
		src.dirty = true
		ss.dirty = append(ss.dirty, src)
	}
}

// takeDirty returns the sources that changed and the numbers of those that were
// forgotten, by number, and calls them clean.
func (ss *sources) takeDirty() (dirty []*source, forgotten []uint64) {
	dirty, forgotten = ss.dirty, ss.forgotten
	slices.Sort(forgotten)
	slices.SortFunc(dirty, func(a, b *source) int { return cmp.Compare(a.number, b.number) })
	for _, src := range dirty {
		src.dirty = false
	}
	ss.dirty, ss.forgotten = nil, nil
	return dirty, forgotten
}

// describe takes over what a message says of the source itself. Labels replace
// all labels if the message carries any list of them; attributes only add.
func (src *source) describe(r *schema.Reading) {
	src.Interval = r.Interval
	if r.Parent != "" && r.Parent != src.Parent {
		src.Parent = strings.Clone(r.Parent)
	}
	if r.Labels != nil && !slices.Equal(src.Labels, r.Labels) {
		src.Labels = cloneLabels(r.Labels)
	}
	for _, a := range r.Attributes {
		src.setAttribute(a)
	}
}

func (src *source) setAttribute(a schema.Label) {
	at, found := slices.BinarySearchFunc(src.Attributes, a.Name, func(l schema.Label, name string) int { return strings.Compare(l.Name, name) })
	switch {
	case !found:
		src.Attributes = slices.Insert(src.Attributes, at, cloneLabel(a))
	case src.Attributes[at].Value != a.Value:
		src.Attributes[at].Value = strings.Clone(a.Value)
	}
}

// replaceReading makes r the last reading: its fields wholly, so that a value
// which the device no longer sends is not shown as if it did. Of one with
// dimensions only the time is noted: it is a part of what the source says.
func (src *source) replaceReading(r *schema.Reading, at, received int64) {
	src.ReadingTime, src.ReadingSeen = at, received
	if len(r.Dims) > 0 {
		return
	}
	src.Dialect, src.Clock = r.Dialect, r.Clock
	src.Fields = append(src.Fields[:0], r.Fields...)
}

func cloneLabel(l schema.Label) schema.Label {
	return schema.Label{Name: strings.Clone(l.Name), Value: strings.Clone(l.Value)}
}

func cloneLabels(labels []schema.Label) []schema.Label {
	if len(labels) == 0 {
		return nil
	}
	clone := make([]schema.Label, len(labels))
	for i, l := range labels {
		clone[i] = cloneLabel(l)
	}
	return clone
}
