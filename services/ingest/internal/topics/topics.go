// Package topics knows which topics are journaled, and whose they are: those of
// our own shapes, and those that the mappings in force are for.
package topics

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

// Table parses topics. It may be used by several goroutines at a time.
//
// Invariant: the mappings in force are those that were last put into the journal's
// queue, and what is read by mappings enters the queue while they are in force: so
// whoever folds the journal reads it by the same ones.
type Table struct {
	entering sync.RWMutex // read-locked by Enter
	now      atomic.Pointer[force]
	put      []byte // what Change put last; nil before
}

// force is a set of mappings in force, with the topics that were seen meanwhile.
type force struct {
	set   *mapping.Set
	mu    sync.Mutex
	known map[string]Topic
}

// Topics that are remembered; what is forgotten is parsed again.
const (
	maxKnown      = 1 << 14
	maxKnownBytes = 512 // longer ones are parsed each time
)

// Topic is a parsed topic.
type Topic struct {
	decode.Topic
	Ours bool   // it is journaled
	by   *force // nil for a topic of our own shapes, whatever the mappings are
}

// New returns a table with the mappings that come with weir.
func New() *Table {
	t := &Table{}
	t.now.Store(newForce(mapping.Shipped()))
	return t
}

func newForce(set *mapping.Set) *force { return &force{set: set, known: map[string]Topic{}} }

// Change puts mappings into force: put puts what stands for them into the journal's
// queue. They are not put there again if Change put the same ones before.
func (t *Table) Change(set *mapping.Set, put func(payload []byte) error) error {
	payload := set.Marshal()
	t.entering.Lock()
	defer t.entering.Unlock()
	if bytes.Equal(t.put, payload) {
		return nil
	}
	if err := put(payload); err != nil {
		return err
	}
	t.put = payload
	t.now.Store(newForce(set))
	return nil
}

// Parse parses the topic that a client publishes on.
func (t *Table) Parse(topic string) Topic {
	if own, ours := decode.ParseTopic(topic); ours {
		return Topic{Topic: own, Ours: true}
	}
	return t.now.Load().parse(topic)
}

func (f *force) parse(topic string) Topic {
	f.mu.Lock()
	defer f.mu.Unlock()
	if found, known := f.known[topic]; known {
		return found
	}
	topic = strings.Clone(topic) // it may share the memory of a whole packet
	p := Topic{by: f}
	p.Topic, p.Ours = decode.ParseMapped(f.set, schema.RouteMQTT, topic)
	if len(topic) > maxKnownBytes {
		return p
	}
	if len(f.known) >= maxKnown {
		clear(f.known)
	}
	f.known[topic] = p
	return p
}

// ParseReplay parses the topic of a dead letter that is put in again.
func (t *Table) ParseReplay(topic string) (decode.Topic, bool) {
	return decode.ParseMapped(t.now.Load().set, schema.RouteReplay, topic)
}

// Current reports whether a topic means what it meant when it was parsed.
func (t *Table) Current(p *Topic) bool { return p.by == nil || p.by == t.now.Load() }

// Enter keeps the mappings in force until Leave is called with the same topic:
// meanwhile what was published on it is put into the journal's queue. It returns
// false if they have changed: then the topic is to be parsed again, and Leave is not
// to be called.
func (t *Table) Enter(p *Topic) bool {
	if !p.held() {
		return t.Current(p)
	}
	t.entering.RLock()
	if t.Current(p) {
		return true
	}
	t.entering.RUnlock()
	return false
}

// Leave ends what Enter began.
func (t *Table) Leave(p *Topic) {
	if p.held() {
		t.entering.RUnlock()
	}
}

// held reports whether it takes mappings to journal what comes on a topic.
func (p *Topic) held() bool { return p.Ours && p.by != nil }
