package fold

import (
	"fmt"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// DeadLetter is a dead letter that no checkpoint is known to have.
type DeadLetter struct {
	schema.DeadLetter
	Ordinal uint64 // its number among those of its tenant and reason, from 1
}

// deadLetters numbers the dead letters. The state holds those that are not in
// the store yet; all others are there only.
type deadLetters struct {
	count     uint64
	handedOut uint64 // the last one that Changes handed out
	pending   []DeadLetter
	bytes     int // of pending
}

// letterOverhead is about what a dead letter takes beside its payload.
const letterOverhead = 512

func (d *deadLetters) add(t *tenant, e *schema.Event, r *schema.Rejection) {
	d.count++
	letter := schema.DeadLetter{Seq: d.count, Reason: r.Reason, Detail: detail(r), Tenant: t.Tenant, Event: *e}
	letter.Event.Refused = nil
	letter.Event.Topic = strings.Clone(e.Topic)
	letter.Event.Client = strings.Clone(e.Client)
	letter.Event.Correlator = strings.Clone(e.Correlator)
	letter.Event.Payload = slices.Clone(e.Payload)
	d.pending = append(d.pending, DeadLetter{letter, t.Rejected[r.Reason]})
	d.bytes += len(e.Payload) + letterOverhead
}

// detail returns the rejection's words, with the place where there is one.
func detail(r *schema.Rejection) string {
	if r.Offset < 0 {
		return strings.Clone(r.Detail)
	}
	return strings.TrimSpace(fmt.Sprintf("%s (at byte %d)", r.Detail, r.Offset))
}

// committed drops the dead letters up to number seq.
func (d *deadLetters) committed(seq uint64) {
	i := 0
	for ; i < len(d.pending) && d.pending[i].Seq <= seq; i++ {
		d.bytes -= len(d.pending[i].Event.Payload) + letterOverhead
	}
	d.pending = slices.Clone(d.pending[i:])
}
