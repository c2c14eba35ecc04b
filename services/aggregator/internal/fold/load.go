package fold

import (
	"fmt"
	"slices"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// Loader makes a state from a store's records. The tables come in this order:
// tenants, sources, readings, windows (each with its segments), writers. Its
// errors say which record cannot belong to a whole store.
type Loader struct {
	state *State
	meta  Meta

	sources []*source // by number-1
	windows map[uint64]*client
}

// NewLoader returns a Loader of the state with this head.
func NewLoader(m Meta) *Loader {
	s := New(m.Settings)
	s.origin, s.cursor, s.journal = m.Origin, m.Cursor, m.Journal
	s.sources.count = m.Sources
	s.clients.numbers, s.clients.entries = m.Clients, m.Entries
	s.deadLetters.count, s.deadLetters.handedOut = m.DeadLetters, m.DeadLetters
	return &Loader{state: s, meta: m, windows: map[uint64]*client{}}
}

// Tenant takes a tenant's record.
func (l *Loader) Tenant(t schema.TenantState) {
	l.state.tenants.add(t)
}

// Source takes a source's record. They come in the order of their numbers.
func (l *Loader) Source(number uint64, record schema.Source) error {
	if number != uint64(len(l.sources))+1 {
		return fmt.Errorf("source %d follows source %d", number, len(l.sources))
	}
	t := l.state.tenants.byName[record.Tenant]
	if t == nil {
		return fmt.Errorf("source %d is of tenant %s, which is not there", number, record.Tenant)
	}
	if t.sources[sourceName{record.Kind, record.ID}] != nil {
		return fmt.Errorf("source %d is %s %q of %s once more", number, record.Kind, record.ID, record.Tenant)
	}
	record.Tenant = t.Tenant
	src := t.addSource(number, record)
	src.saved = record.Readings
	l.sources = append(l.sources, src)
	l.state.clients.list(src)
	return nil
}

// Reading takes a reading of a source. They come in the order of their slots;
// data is kept.
func (l *Loader) Reading(source uint64, slot int, arrival uint64, data []byte) error {
	if source == 0 || source > uint64(len(l.sources)) {
		return fmt.Errorf("a reading of source %d, which is not there", source)
	}
	src := l.sources[source-1]
	if slot != len(src.latest.ring) {
		return fmt.Errorf("source %d: the reading in slot %d follows the one in slot %d", source, slot, len(src.latest.ring)-1)
	}
	if arrival == 0 || arrival > src.Readings {
		return fmt.Errorf("source %d: reading %d of %d", source, arrival, src.Readings)
	}
	var stored schema.StoredReading
	r := wire.NewReader(data)
	if stored.ReadBinary(r); r.Done() != nil {
		return fmt.Errorf("source %d: the reading in slot %d: %w", source, slot, r.Done())
	}
	src.latest.ring = append(src.latest.ring, reading{time: stored.Time, arrival: arrival, slot: slot, data: data})
	return nil
}

// Window takes the record of a client's duplicate window.
func (l *Loader) Window(w Window) error {
	c := l.state.clients.get(w.ID)
	if c.number != 0 || w.Client == 0 || w.Client > l.meta.Clients || w.Entered == 0 || w.Entry > l.meta.Entries {
		return fmt.Errorf("the window of client %d (%q) cannot be", w.Client, w.ID)
	}
	c.number, c.entered, c.saved, c.entry = w.Client, w.Entered, w.Entered, w.Entry
	l.windows[w.Client] = c
	return nil
}

// Segment takes a segment of a window. They come in ascending order.
func (l *Loader) Segment(number uint64, segment int, entries []uint64) error {
	c := l.windows[number]
	if c == nil {
		return fmt.Errorf("a segment of the window of client %d, which is not there", number)
	}
	if segment*SegmentSize != len(c.entries) {
		return fmt.Errorf("client %d: segment %d of the window follows %d entries", number, segment, len(c.entries))
	}
	c.entries = append(c.entries, entries...)
	return nil
}

// Writer takes what is known of a writer.
func (l *Loader) Writer(name string, number, seq uint64) {
	l.state.writers.add(writer{name: name, number: number, seq: seq})
}

// State returns the state, once everything has been taken.
func (l *Loader) State() (*State, error) {
	if err := l.checkCounts(); err != nil {
		return nil, err
	}
	for _, src := range l.sources {
		if err := src.loaded(l.meta.Settings.ReadingsPerSource); err != nil {
			return nil, err
		}
	}
	if err := l.linkWindows(); err != nil {
		return nil, err
	}
	l.state.Order()
	return l.state, nil
}

func (l *Loader) checkCounts() error {
	s := l.state
	for _, c := range []struct {
		what        string
		found, want uint64
	}{
		{"tenants", uint64(len(s.tenants.ordered)), l.meta.Tenants},
		{"sources", uint64(len(l.sources)), l.meta.Sources},
		{"duplicate windows", uint64(len(l.windows)), l.meta.Windows},
		{"writers", uint64(len(s.writers.byName)), l.meta.Writers},
	} {
		if c.found != c.want {
			return fmt.Errorf("%d %s are there, %d were stored", c.found, c.what, c.want)
		}
	}
	return nil
}

// loaded puts the readings, which came by slot, in the order of time.
func (src *source) loaded(limit int) error {
	want := uint64(0)
	if keepsReadings(src.Kind) {
		want = min(src.Readings, uint64(limit))
	}
	if uint64(len(src.latest.ring)) != want {
		return fmt.Errorf("source %d: %d readings are there, %d were stored", src.number, len(src.latest.ring), want)
	}
	slices.SortFunc(src.latest.ring, compareReadings)
	return nil
}

// linkWindows puts the clients in the order of their latest entries.
func (l *Loader) linkWindows() error {
	cs := &l.state.clients
	byEntry := make([]*client, 0, len(l.windows))
	for number, c := range l.windows {
		if want := min(c.entered, schema.DuplicateWindow); uint64(len(c.entries)) != want {
			return fmt.Errorf("client %d: %d entries of its window are there, %d were stored", number, len(c.entries), want)
		}
		byEntry = append(byEntry, c)
	}
	slices.SortFunc(byEntry, compareEntries)
	for _, c := range byEntry {
		cs.moveToNewest(c)
	}
	cs.windows = len(byEntry)
	return nil
}
