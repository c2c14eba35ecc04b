package fold

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// maxWriters is how many writers are remembered: those that wrote last. A frame
// is stored twice by a retry within moments, not by a writer of 64 writers ago.
const maxWriters = 64

// writer is what is known of one run of a writer of frames.
type writer struct {
	name   string
	number uint64 // its last frame's
	seq    uint64 // where that one lies
	dirty  bool
}

type writers struct {
	byName  map[string]*writer
	removed []string
}

func newWriters() writers { return writers{byName: map[string]*writer{}} }

// pass reports whether a frame is new, and remembers it. Invariant: a writer
// appends its frames one after the other, so a number that is not above its
// last one is a frame that the journal holds already.
func (ws *writers) pass(name string, number, seq uint64) bool {
	w := ws.byName[name]
	if w == nil {
		w = ws.add(writer{name: strings.Clone(name)})
	} else if number <= w.number {
		return false
	}
	w.number, w.seq, w.dirty = number, seq, true
	ws.evict()
	return true
}

func (ws *writers) add(w writer) *writer {
	ws.byName[w.name] = &w
	return &w
}

func (ws *writers) evict() {
	if len(ws.byName) <= maxWriters {
		return
	}
	oldest := slices.MinFunc(slices.Collect(maps.Values(ws.byName)), func(a, b *writer) int { return cmp.Compare(a.seq, b.seq) })
	delete(ws.byName, oldest.name)
	ws.removed = append(ws.removed, oldest.name)
}

// takeDirty returns the writers that changed and the names of those that were
// forgotten, each in order, and calls them clean.
func (ws *writers) takeDirty() (dirty []*writer, removed []string) {
	for _, w := range ws.byName {
		if w.dirty {
			w.dirty = false
			dirty = append(dirty, w)
		}
	}
	slices.SortFunc(dirty, func(a, b *writer) int { return strings.Compare(a.name, b.name) })
	for _, name := range ws.removed {
		if ws.byName[name] == nil { // it may have come back
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	ws.removed = nil
	return dirty, slices.Compact(removed)
}
