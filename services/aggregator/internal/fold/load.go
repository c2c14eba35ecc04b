package fold

import (
	"fmt"
	"slices"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
)

// Loader makes a state from a store's records. The tables come in this order:
// mappings, names, tenants, tenants' histories (each with its buckets), sources, tracks, pages of
// logs, windows (each with its segments), writers. Its errors say which record
// cannot belong to a whole store.
type Loader struct {
	state *State
	meta  Meta

	gauges    map[*tenant]schema.TenantState // as stored: what is counted must agree
	histories map[uint64]*tenant
	sources   map[uint64]*source
	source    uint64          // the last one's number
	track     *track          // the last one
	over      map[*track]bool // those whose newest main row is an end
	windows   map[uint64]*client
}

// NewLoader returns a Loader of the state with this head.
func NewLoader(m Meta) *Loader {
	s := New(m.Settings)
	s.origin, s.cursor, s.journal, s.clock = m.Origin, m.Cursor, m.Journal, m.Clock
	s.tenants.numbers, s.sources.numbers, s.tracks.numbers = m.Histories, m.SourcesEver, m.TracksEver
	s.clients.numbers, s.clients.entries = m.Clients, m.Entries
	s.deadLetters.count, s.deadLetters.handedOut = m.DeadLetters, m.DeadLetters
	s.tracks.sealed, s.tracks.handedOut = m.Chunks, m.Chunks
	return &Loader{
		state: s, meta: m, gauges: map[*tenant]schema.TenantState{}, histories: map[uint64]*tenant{},
		sources: make(map[uint64]*source, m.Sources), windows: map[uint64]*client{}, over: map[*track]bool{},
	}
}

// Mappings takes the mappings in force.
func (l *Loader) Mappings(m Mappings) error {
	set, err := mapping.Unmarshal(m.Set)
	if err != nil {
		return err
	}
	l.state.mappings = mappings{Mappings: m, set: set}
	return nil
}

// Name takes what is known of a name. They come in the order of their fields.
func (l *Loader) Name(m schema.Metadata) error {
	ns := l.state.names
	if want := schema.FirstNamed + schema.Field(len(ns.known)); m.Field != want || uint64(len(ns.known)) >= l.meta.Names {
		return fmt.Errorf("name %q has field %d, the next one is %d of %d names", m.Name, m.Field, want, l.meta.Names)
	}
	if f, known := ns.byName[m.Name]; known || m.Name == "" {
		return fmt.Errorf("name %q of field %d is that of field %d, or none", m.Name, m.Field, f)
	}
	ns.add(m)
	return nil
}

// Tenant takes a tenant's record.
func (l *Loader) Tenant(record schema.TenantState) {
	t := l.state.addTenant(record)
	l.gauges[t] = schema.TenantState{Sources: t.Sources, Series: t.Series, HistoryBytes: t.HistoryBytes}
	t.Sources, t.Series, t.HistoryBytes = 0, 0, 0
}

// Source takes a source's record. They come in the order of their numbers.
func (l *Loader) Source(number uint64, record schema.Source) error {
	if number <= l.source || number > l.meta.SourcesEver {
		return fmt.Errorf("source %d follows source %d; the last one is %d", number, l.source, l.meta.SourcesEver)
	}
	t := l.state.tenants.byName[record.Tenant]
	if t == nil {
		return fmt.Errorf("source %d is of tenant %s, which is not there", number, record.Tenant)
	}
	if t.sources[nameOf(record.Kind, record.ID, record.Labels)] != nil {
		return fmt.Errorf("source %d is %s %q of %s once more", number, record.Kind, record.ID, record.Tenant)
	}
	record.Tenant = t.Tenant
	src := t.addSource(number, record)
	l.source, l.sources[number] = number, src
	l.state.sources.count++
	l.state.clients.list(src)
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
	if err := l.checkTenants(); err != nil {
		return nil, err
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
		{"sets of mappings", s.mappings.Number, l.meta.Mappings},
		{"names of values", uint64(len(s.names.known)), l.meta.Names},
		{"tenants", uint64(len(s.tenants.ordered)), l.meta.Tenants},
		{"histories of tenants", uint64(len(l.histories)), l.meta.Histories},
		{"sources", s.sources.count, l.meta.Sources},
		{"tracks", uint64(len(s.tracks.byNumber)), l.meta.Tracks},
		{"rows of logs", s.tracks.rows, l.meta.Rows},
		{"duplicate windows", uint64(len(l.windows)), l.meta.Windows},
		{"writers", uint64(len(s.writers.byName)), l.meta.Writers},
	} {
		if c.found != c.want {
			return fmt.Errorf("%d %s are there, %d were stored", c.found, c.what, c.want)
		}
	}
	return nil
}

// checkTenants compares what was counted with what the tenants' records say.
func (l *Loader) checkTenants() error {
	for _, t := range l.state.tenants.ordered {
		want := l.gauges[t]
		for _, c := range []struct {
			what        string
			found, want uint64
		}{
			{"sources", t.Sources, want.Sources},
			{"series", t.Series, want.Series},
			{"bytes of history", t.HistoryBytes, want.HistoryBytes},
		} {
			if c.found != c.want {
				return fmt.Errorf("tenant %s: %d %s are there, %d were stored", t.Tenant, c.found, c.what, c.want)
			}
		}
	}
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
