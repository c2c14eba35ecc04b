package fold

import "weir/pkg/schema"

// Meta is what a state holds beside its tables, and how long these are: enough
// to see that a store lacks something.
type Meta struct {
	Origin      uint64 // first journal position folded
	Cursor      uint64 // last one
	Journal     string // id of the journal folded
	Settings    Settings
	Clock       int64  // latest receipt of an event, unix nanoseconds
	Mappings    uint64 // sets of mappings that came into force
	Names       uint64 // that named values brought
	Tenants     uint64
	Histories   uint64 // tenants that ever had a track: the last number given
	Sources     uint64
	SourcesEver uint64 // the last number given
	Tracks      uint64
	TracksEver  uint64 // the last number given
	Rows        uint64 // in all open logs
	Chunks      uint64 // ever sealed
	Windows     uint64 // clients with a duplicate window
	Clients     uint64 // clients that ever had one: the last number given
	Entries     uint64 // entries ever made in all windows
	Writers     uint64
	DeadLetters uint64
}

// Meta returns the state's head.
func (s *State) Meta() Meta {
	return Meta{
		Origin: s.origin, Cursor: s.cursor, Journal: s.journal, Settings: s.settings,
		Clock:       s.clock,
		Mappings:    s.mappings.Number,
		Names:       uint64(len(s.names.known)),
		Tenants:     uint64(len(s.tenants.ordered)),
		Histories:   s.tenants.numbers,
		Sources:     s.sources.count,
		SourcesEver: s.sources.numbers,
		Tracks:      uint64(len(s.tracks.byNumber)),
		TracksEver:  s.tracks.numbers,
		Rows:        s.tracks.rows,
		Chunks:      s.tracks.sealed,
		Windows:     uint64(s.clients.windows),
		Clients:     s.clients.numbers,
		Entries:     s.clients.entries,
		Writers:     uint64(len(s.writers.byName)),
		DeadLetters: s.deadLetters.count,
	}
}

// Window is the record of a client's duplicate window.
type Window struct {
	Client  uint64 // its number
	ID      string
	Entered uint64 // entries ever made
	Entry   uint64 // the number of the latest among all clients' entries
}

// Sink takes what a checkpoint has to write. What it is given is valid during
// the call only.
type Sink interface {
	Client(w Window)
	ClientForgotten(number uint64, segments int)
	DeadLetter(d *DeadLetter)
	Writer(name string, number, seq uint64)
	WriterForgotten(name string)
	Meta(m Meta)
	// Mappings gives the mappings in force, if they changed.
	Mappings(m *Mappings)
	// Name gives what is known of a name that named values brought.
	Name(m *schema.Metadata)
	Source(number uint64, record *schema.Source)
	SourceForgotten(number uint64)
	Tenant(t *schema.TenantState)
	// Segment gives the entries of a window from segment*SegmentSize on, at
	// most SegmentSize.
	Segment(client uint64, segment int, entries []uint64)

	TenantHistory(h TenantHistory)
	// Expired says that a tenant's chunks and buckets below one are forgotten. It
	// comes before all chunks and buckets.
	Expired(tenant uint64, below uint32)
	Bucket(tenant uint64, b Bucket)
	Track(t *Track)
	// TrackForgotten gives how many pages of its logs there may be.
	TrackForgotten(number uint64, main, late int)
	LogPage(track uint64, late bool, page int, data []byte)
	// LogDropped says that a log's pages from..to-1 are no longer there.
	LogDropped(track uint64, late bool, from, to int)
	Chunk(c *SealedChunk)
}

// Changes hands out all that changed since the last call, and calls it clean:
// whoever fails to store it has to load the state anew. Each table comes in
// ascending order, chunks in that of their sealing. Dead letters and chunks stay
// until Committed.
func (s *State) Changes(to Sink) {
	dirty, forgotten := s.clients.takeDirty()
	for _, c := range forgotten {
		to.ClientForgotten(c.number, c.segments)
	}
	for _, c := range dirty {
		to.Client(Window{Client: c.number, ID: c.id, Entered: c.entered, Entry: c.entry})
	}
	s.deadLetters.changes(to)
	s.writers.changes(to)
	to.Meta(s.Meta())
	s.mappings.changes(to)
	s.names.changes(to)
	s.sources.changes(to)
	s.tenants.changes(to)
	s.tracks.changes(to)
	for _, c := range dirty {
		c.eachChangedSegment(func(segment int, entries []uint64) { to.Segment(c.number, segment, entries) })
	}
}

func (ss *sources) changes(to Sink) {
	dirty, forgotten := ss.takeDirty()
	for _, number := range forgotten {
		to.SourceForgotten(number)
	}
	for _, src := range dirty {
		to.Source(src.number, &src.Source)
	}
}

func (ts *tenants) changes(to Sink) {
	for _, t := range ts.takeDirty() {
		to.Tenant(&t.TenantState)
		if t.number > 0 {
			t.historyChanges(to)
		}
	}
}

func (d *deadLetters) changes(to Sink) {
	for i := range d.pending {
		if l := &d.pending[i]; l.Seq > d.handedOut {
			to.DeadLetter(l)
		}
	}
	d.handedOut = d.count
}

func (ws *writers) changes(to Sink) {
	dirty, forgotten := ws.takeDirty()
	for _, name := range forgotten {
		to.WriterForgotten(name)
	}
	for _, w := range dirty {
		to.Writer(w.name, w.number, w.seq)
	}
}

// Committed says that the store has the changes handed out with this Meta, so
// that its dead letters and chunks need not be kept here any longer.
func (s *State) Committed(m Meta) {
	s.deadLetters.committed(m.DeadLetters)
	s.tracks.committed(m.Chunks)
}

// PendingBytes returns about how many bytes of dead letters and chunks wait for
// a checkpoint.
func (s *State) PendingBytes() int { return s.deadLetters.bytes + s.tracks.pendingBytes }
