package fold

import (
	"bytes"
	"slices"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
)

// Mappings is the record of the mappings in force: those by which topics are read
// that are not of our own shapes. Before the first set of the journal those hold
// that come with weir, and there is no record.
type Mappings struct {
	Number uint64 // 1, 2, 3 … counts the sets that came into force
	Since  int64  // receipt of the event that brought this one, unix nanoseconds
	Set    []byte // as it stood in the journal
}

type mappings struct {
	Mappings
	set   *mapping.Set
	dirty bool
}

// mapBy puts the mappings into force that an event has. The same ones once more are
// no change: ingest says them whenever it starts. The event is nobody's message, and
// in no books. Only if it cannot be read, it is there as one that was received and
// rejected: what comes behind it may be read wrongly.
func (s *State) mapBy(e *schema.Event, out *Outcome) {
	m := &s.mappings
	if bytes.Equal(m.Set, e.Payload) {
		out.Events--
		return
	}
	topic := s.topics.get(e, m.set)
	if _, rejection := s.decode(topic, e); rejection != nil {
		nobody := s.tenant(schema.Tenant{})
		nobody.Received++
		s.reject(nobody, topic, e, rejection)
		out.Rejected++
		return
	}
	out.Events--
	set, err := mapping.Unmarshal(e.Payload)
	if err != nil {
		panic("BUG: mappings that were decoded cannot be read: " + err.Error())
	}
	m.set, m.dirty = set, true
	m.Number, m.Since, m.Set = m.Number+1, e.Received, slices.Clone(e.Payload)
	s.topics = topicCache{}
}

func (m *mappings) changes(to Sink) {
	if m.dirty {
		m.dirty = false
		to.Mappings(&m.Mappings)
	}
}
