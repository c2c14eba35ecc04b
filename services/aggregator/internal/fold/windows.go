package fold

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"weir/pkg/schema"
)

// client is what is known of one client: its duplicate window, and the sources
// that it last spoke for.
type client struct {
	id      string
	sources []*source

	// The window: entry i of all that were ever entered stands at index
	// i mod schema.DuplicateWindow, so entries grows until it has that length.
	number  uint64 // 1, 2, 3 … in the order of first entries; 0 without a window
	entries []uint64
	entered uint64 // how many entries there ever were
	saved   uint64 // entered at the last checkpoint
	entry   uint64 // the number of the latest among all clients' entries
	dirty   bool
	newer   *client // neighbours in the order of their latest entries
	older   *client
}

// SegmentSize is how many entries of a window stand under one key: a busy
// client's checkpoint writes the segments that changed, not 8 KiB each time.
const SegmentSize = 64

// clients is the table of all clients that have a window or spoke for a source.
// Invariant: newest..oldest lists those with a window, in descending order of
// client.entry, which is in the store: so what is forgotten first is the same
// after a restart.
type clients struct {
	byID    map[string]*client
	numbers uint64 // the last number given
	entries uint64 // how many entries there ever were, of all clients
	windows int    // how many clients have a window
	newest  *client
	oldest  *client
	dirty   []*client
	removed []removedWindow
}

type removedWindow struct {
	number   uint64
	segments int
}

func newClients() clients { return clients{byID: map[string]*client{}} }

// windowEntry identifies an event among those of its client: the packet id, and
// 48 bits of a hash over what was published. By chance alone, a retransmission
// is taken for another event of the window once in 2^38 times at the most, and
// only with the same packet id.
func windowEntry(e *schema.Event, topicHash uint64) uint64 {
	const odd = 0x9E3779B97F4A7C15 // 2^64 / golden ratio: spreads the topic's bits
	h := xxhash.Sum64(e.Payload) ^ (topicHash*odd + uint64(e.QoS))
	h ^= h >> 29
	return uint64(e.PacketID)<<48 | (h*odd)>>16
}

// isDuplicate reports whether an event is its client's retransmission of one in
// the client's window. An event that is none is entered. Only the publications
// of a client's own session have packet ids; nothing else can be retransmitted.
func (cs *clients) isDuplicate(e *schema.Event, topicHash uint64, limit int) bool {
	if e.QoS == 0 || e.PacketID == 0 {
		return false
	}
	c, entry := cs.get(e.Client), windowEntry(e, topicHash)
	if e.Dup && slices.Contains(c.entries, entry) {
		return true
	}
	cs.enter(c, entry)
	if cs.windows > limit {
		cs.forget(cs.oldest)
	}
	return false
}

func (cs *clients) get(id string) *client {
	c := cs.byID[id]
	if c == nil {
		c = &client{id: strings.Clone(id)}
		cs.byID[c.id] = c
	}
	return c
}

func (cs *clients) enter(c *client, entry uint64) {
	if c.number == 0 {
		cs.numbers++
		cs.windows++
		c.number = cs.numbers
	}
	if slot := c.entered % schema.DuplicateWindow; slot < uint64(len(c.entries)) {
		c.entries[slot] = entry
	} else {
		c.entries = append(c.entries, entry)
	}
	cs.entries++
	c.entered++
	c.entry = cs.entries
	cs.moveToNewest(c)
	if !c.dirty {
		c.dirty = true
		cs.dirty = append(cs.dirty, c)
	}
}

func (cs *clients) moveToNewest(c *client) {
	if cs.newest == c {
		return
	}
	cs.unlink(c)
	c.older = cs.newest
	if c.older != nil {
		c.older.newer = c
	} else {
		cs.oldest = c
	}
	cs.newest = c
}

func (cs *clients) unlink(c *client) {
	if c.newer != nil {
		c.newer.older = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	}
	if cs.oldest == c {
		cs.oldest = c.newer
	}
	if cs.newest == c {
		cs.newest = c.older
	}
	c.newer, c.older = nil, nil
}

// forget drops a client's window.
func (cs *clients) forget(c *client) {
	cs.unlink(c)
	cs.windows--
	if c.saved > 0 {
		cs.removed = append(cs.removed, removedWindow{c.number, segments(c.saved)})
	}
	c.number, c.entries, c.entered, c.saved, c.entry = 0, nil, 0, 0, 0
	cs.dropIfIdle(c)
}

// dropIfIdle forgets a client of which nothing is known any more.
func (cs *clients) dropIfIdle(c *client) {
	if c.number == 0 && len(c.sources) == 0 {
		delete(cs.byID, c.id)
	}
}

// segments returns how many segments a window of so many entries has.
func segments(entered uint64) int {
	n := int(min(entered, schema.DuplicateWindow))
	return (n + SegmentSize - 1) / SegmentSize
}

// takeDirty returns the clients whose windows changed, by number, and those
// that were forgotten, and calls them clean.
func (cs *clients) takeDirty() (dirty []*client, removed []removedWindow) {
	for _, c := range cs.dirty {
		c.dirty = false
		if c.number != 0 {
			dirty = append(dirty, c)
		}
	}
	slices.SortFunc(dirty, func(a, b *client) int { return cmp.Compare(a.number, b.number) })
	removed = cs.removed
	slices.SortFunc(removed, func(a, b removedWindow) int { return cmp.Compare(a.number, b.number) })
	cs.dirty, cs.removed = nil, nil
	return dirty, removed
}

// eachChangedSegment calls visit for each segment that has entries which the
// store does not have, in ascending order, and calls them saved.
func (c *client) eachChangedSegment(visit func(segment int, entries []uint64)) {
	changed := [schema.DuplicateWindow / SegmentSize]bool{}
	first := max(c.saved, c.entered-min(c.entered, schema.DuplicateWindow))
	for i := first; i < c.entered; i++ {
		changed[i%schema.DuplicateWindow/SegmentSize] = true
	}
	for segment, yes := range changed {
		if yes {
			from := segment * SegmentSize
			visit(segment, c.entries[from:min(from+SegmentSize, len(c.entries))])
		}
	}
	c.saved = c.entered
}
