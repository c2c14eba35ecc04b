package fold

import (
	"fmt"

	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/index"

	"weir/pkg/remotewrite"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

// State is everything that the journal says up to a position.
type State struct {
	settings Settings
	decoder  Decoder
	topics   topicCache

	origin  uint64 // the first journal position that was folded, 0 before
	cursor  uint64 // the last one
	journal string // id of the journal

	clock int64 // the latest receipt of an event, unix nanoseconds

	mappings    mappings
	names       *names
	tenants     tenants
	sources     sources
	tracks      tracks
	index       *index.Index
	clients     clients
	writers     writers
	deadLetters deadLetters

	events uint64              // folded by this State; says which readings are of one event
	plan   []planned           // of the event being folded
	added  []added             // what it adds, by tenant
	values []schema.FieldValue // of its readings' named values
	row    history.Row         // that is being appended
	rows   history.Decoder     // of the last rows of tracks
	absent []Absence           // of the track being appended to
	key    []byte              // of a strand
}

// Decoder reads what events say: decode.Decoder does.
type Decoder interface {
	// Decode returns the readings of a payload, which are valid until the next
	// call, or why it is rejected. It depends on its arguments alone.
	Decode(t decode.Topic, payload []byte) ([]schema.Reading, *schema.Rejection)
}

// SetDecoder has the state use another decoder than decode.New's: for tests of
// what no payload says yet. It must be the same whenever the journal is folded.
func (s *State) SetDecoder(d Decoder) { s.decoder = d }

// New returns the state before the first frame of a journal.
func New(settings Settings) *State {
	names := newNames()
	return &State{
		mappings: mappings{set: mapping.Shipped()},
		names:    names,
		settings: settings,
		decoder:  decode.New(decode.WithRemoteWrites(remotewrite.New())),
		tenants:  newTenants(),
		tracks:   newTracks(),
		index:    index.New(names),
		clients:  newClients(),
		writers:  newWriters(),
	}
}

// Cursor returns the journal position up to which the state goes, 0 for none.
func (s *State) Cursor() uint64 { return s.cursor }

// Origin returns the first journal position that the state goes back to, 0
// before the first frame.
func (s *State) Origin() uint64 { return s.origin }

// Journal returns the id of the journal that the state was folded from, "" for
// none yet.
func (s *State) Journal() string { return s.journal }

// StartAfter has a new state begin behind a position of the journal called id:
// where that begins, if it is not position 1.
func (s *State) StartAfter(seq uint64, id string) {
	if s.origin != 0 {
		panic("BUG: a state that has frames cannot start anew")
	}
	s.cursor, s.journal = seq, id
}

// Outcome says what a frame did.
type Outcome struct {
	Skipped     bool // the frame was stored twice and folded before
	Events      int  // = Applied + Duplicate + Rejected
	Applied     int
	Duplicate   int
	Rejected    int
	Readings    int // readings with values
	Late        int // of them, older than their source's newest
	ClockSkewed int // events whose own time was not plausible

	History HistoryOutcome

	Reset *ResetOutcome // nil unless the frame was a get-and-reset
}

// HistoryOutcome says what a frame did to the history.
type HistoryOutcome struct {
	Rows       int // kept; the ends of tracks are rows too
	Samples    int // values of them
	TooOld     int // readings older than what is kept; they stay until the next turn
	Chunks     int // sealed
	ChunkBytes int
	Expired    int // buckets of tenants forgotten
}

// ResetOutcome holds what a get-and-reset got before it reset.
type ResetOutcome struct {
	ID      string
	Cursor  uint64
	Tenants []schema.TenantState // ascending; shares nothing with the state
}

// Apply folds the frame at journal position seq. f is not kept and may be
// reused. Positions must ascend; that they do without a gap is the caller's to
// check.
func (s *State) Apply(seq uint64, f *schema.Frame) Outcome {
	if seq <= s.cursor {
		panic(fmt.Sprintf("BUG: frame %d folded behind %d", seq, s.cursor))
	}
	if s.origin == 0 {
		s.origin = seq
	}
	s.cursor = seq
	if !s.writers.pass(f.Writer, f.Number, seq) {
		return Outcome{Skipped: true}
	}
	out := Outcome{Events: len(f.Events)}
	s.applyEvents(f, &out)
	for _, c := range f.Received {
		s.tenant(c.Tenant).Received += c.Events
	}
	for i := range f.Operations {
		s.tenant(f.Operations[i].Tenant).operate(&f.Operations[i])
	}
	if f.Reset != nil {
		out.Reset = &ResetOutcome{ID: f.Reset.ID, Cursor: seq, Tenants: s.tenants.getAndReset()}
	}
	return out
}

// applyEvents folds a frame's events and, between them, its disconnects. The
// frame does not say where among its events a disconnect stood; its time does:
// before the first event received after it. So a client that went and came back
// within one frame is back, as it would be had they been two.
func (s *State) applyEvents(f *schema.Frame, out *Outcome) {
	gone := f.Disconnects
	for i := range f.Events {
		e := &f.Events[i]
		for len(gone) > 0 && gone[0].At < e.Received {
			s.disconnect(&gone[0])
			gone = gone[1:]
		}
		s.applyEvent(e, out)
	}
	for i := range gone {
		s.disconnect(&gone[i])
	}
}
