package readport

import (
	"context"
	"fmt"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/store"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// maxDeadLetters bounds a page: each dead letter carries its payload.
const maxDeadLetters = 1000

// deadLetterView is what one moment knows of the dead letters: those on disk, and
// behind them those that wait for a checkpoint.
type deadLetterView struct {
	total    uint64
	groups   []store.Group // nil for all
	onDisk   *store.DeadLetters
	lastDisk uint64
	pending  []fold.DeadLetter // ascending, all above lastDisk
}

func (p *Port) deadLetters(_ context.Context, request []byte, to *stream) error {
	var q schema.DeadLettersRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	match, err := matcher(&q)
	if err != nil {
		return err
	}
	v := p.viewDeadLetters(match)
	defer v.onDisk.Close()
	if q.Seq != 0 {
		return v.one(q.Seq, to)
	}
	return v.page(q.Offset, min(q.Limit, maxDeadLetters), match, to)
}

// matcher returns nil if q does not restrict.
func matcher(q *schema.DeadLettersRequest) (func(schema.Tenant, schema.Reason) bool, error) {
	reason := schema.ReasonNone
	if q.Reason != "" {
		var ok bool
		if reason, ok = schema.ParseReason(q.Reason); !ok {
			return nil, fmt.Errorf("%w: no such reason as %q", ErrBadRequest, q.Reason)
		}
	}
	if q.Service == nil && q.Subservice == nil && reason == schema.ReasonNone {
		return nil, nil
	}
	return func(t schema.Tenant, r schema.Reason) bool {
		return (q.Service == nil || *q.Service == t.Service) &&
			(q.Subservice == nil || *q.Subservice == t.Subservice) &&
			(reason == schema.ReasonNone || reason == r)
	}, nil
}

func (p *Port) viewDeadLetters(match func(schema.Tenant, schema.Reason) bool) deadLetterView {
	v := deadLetterView{}
	if match != nil {
		v.groups = []store.Group{}
	}
	p.State.Read(func(s *fold.State) {
		s.Tenants(func(t *schema.TenantState) {
			for reason, n := range t.Rejected {
				g := store.Group{Tenant: t.Tenant, Reason: schema.Reason(reason)}
				if n == 0 || (match != nil && !match(g.Tenant, g.Reason)) {
					continue
				}
				v.total += n
				if match != nil {
					v.groups = append(v.groups, g)
				}
			}
		})
		v.pending, v.lastDisk = s.PendingDeadLetters(), s.DeadLettersStored()
		v.onDisk = p.DeadLetters.DeadLetters()
	})
	return v
}

func (v *deadLetterView) one(seq uint64, to *stream) error {
	letter, found, err := schema.DeadLetter{}, false, error(nil)
	switch {
	case seq <= v.lastDisk:
		letter, found, err = v.onDisk.Get(seq)
	case seq-v.lastDisk <= uint64(len(v.pending)):
		letter, found = v.pending[seq-v.lastDisk-1].DeadLetter, true
	}
	if err != nil {
		return err
	}
	total := uint64(0)
	if found {
		total = 1
	}
	to.record(func(b []byte) []byte { return wire.AppendUint(b, total) })
	if found {
		to.record(letter.AppendBinary)
	}
	return nil
}

func (v *deadLetterView) page(offset, limit uint64, match func(schema.Tenant, schema.Reason) bool, to *stream) error {
	to.record(func(b []byte) []byte { return wire.AppendUint(b, v.total) })
	for i := len(v.pending) - 1; i >= 0 && limit > 0; i-- {
		letter := &v.pending[i].DeadLetter
		switch {
		case match != nil && !match(letter.Tenant, letter.Reason):
		case offset > 0:
			offset--
		default:
			to.record(letter.AppendBinary)
			limit--
		}
	}
	letters, err := v.onDisk.Page(v.groups, v.lastDisk, offset, limit)
	if err != nil {
		return err
	}
	for i := range letters {
		to.record(letters[i].AppendBinary)
	}
	return nil
}
