package fold

import (
	"fmt"

	"weir/pkg/schema"
)

// applyEvent decides what becomes of one event. Every event counts as exactly
// one of applied, duplicate and rejected.
//
// The duplicate window comes before the decoder, so that the retransmission of
// an event that was rejected is a duplicate and not a second dead letter.
func (s *State) applyEvent(e *schema.Event, out *Outcome) {
	s.events++
	s.advance(e.Received, &out.History)
	if !e.Counted() {
		s.mapBy(e, out)
		return
	}
	topic := s.topics.get(e, s.mappings.set)
	if topic.tenant == nil {
		topic.tenant = s.tenant(topic.Tenant)
	}
	tenant := topic.tenant
	s.tenants.touch(tenant)
	tenant.transaction(topic, e)

	if s.clients.isDuplicate(e, topic.hash, s.settings.Windows) {
		tenant.Duplicate++
		out.Duplicate++
		return
	}
	readings, rejection := s.decode(topic, e)
	if rejection == nil {
		rejection = s.prepare(tenant, e, readings)
	}
	if rejection != nil {
		s.reject(tenant, topic, e, rejection)
		out.Rejected++
		return
	}
	tenant.Applied++
	tenant.succeeded(topic)
	out.Applied++
	s.applyReadings(tenant, e, readings, out)
}

// decode returns what an event says. Of ingest's verdicts only Refused counts:
// all others are found again from the bytes, so that a mended decoder mends the
// past when the journal is folded anew.
func (s *State) decode(topic *cachedTopic, e *schema.Event) ([]schema.Reading, *schema.Rejection) {
	if e.Refused != nil {
		return nil, refused(e.Refused)
	}
	if !topic.ours {
		return nil, &schema.Rejection{Reason: schema.ReasonBadTopic, Detail: "no topic of ours", Offset: -1}
	}
	return s.decoder.Decode(topic.Topic, e.Payload)
}

// refused returns ingest's refusal as a rejection. A reason that only a newer
// ingest knows is kept in words.
func refused(r *schema.Refusal) *schema.Rejection {
	if r.Reason == schema.ReasonNone || int(r.Reason) >= schema.NumReasons {
		return &schema.Rejection{Reason: schema.ReasonUnknownShape, Offset: -1,
			Detail: fmt.Sprintf("refused by ingest for %v: %s", r.Reason, r.Detail)}
	}
	return &schema.Rejection{Reason: r.Reason, Detail: r.Detail, Offset: -1}
}

func (s *State) reject(t *tenant, topic *cachedTopic, e *schema.Event, r *schema.Rejection) {
	if r.Reason == schema.ReasonNone || int(r.Reason) >= schema.NumReasons {
		panic(fmt.Sprintf("BUG: event rejected for %v", r.Reason))
	}
	t.Rejected[r.Reason]++
	t.LastRejected = max(t.LastRejected, e.Received)
	t.failed(topic, e)
	s.deadLetters.add(t, e, r)
}

// applyReadings folds what one applied event says, each reading for its own
// tenant: nothing in here can fail, so an event never half-applies.
func (s *State) applyReadings(t *tenant, e *schema.Event, readings []schema.Reading, out *Outcome) {
	skewed := false
	for i := range readings {
		r, p := &readings[i], &s.plan[i]
		skewed = skewed || p.skewed
		if r.Ended {
			s.end(t, e, r, p.at, &out.History)
			continue
		}
		owner := t
		if r.Tenant != nil {
			owner = s.tenant(*r.Tenant)
		}
		s.applyReading(owner, e, r, p, out)
	}
	if skewed {
		t.ClockSkewed++
		out.ClockSkewed++
	}
	s.shrink(t, &out.History)
	for i := range s.added {
		if other := s.tenants.byName[s.added[i].name]; other != nil && other != t {
			s.shrink(other, &out.History)
		}
	}
}
