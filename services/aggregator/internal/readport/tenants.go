package readport

import (
	"context"
	"fmt"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

func (p *Port) tenants(_ context.Context, _ []byte, to *stream) error {
	p.State.Read(func(s *fold.State) {
		to.record(func(b []byte) []byte { return wire.AppendUint(b, s.Cursor()) })
		s.Tenants(func(t *schema.TenantState) { to.record(t.AppendBinary) })
	})
	return nil
}

func (p *Port) reset(ctx context.Context, _ []byte, to *stream) error {
	before, err := p.Resetter.Reset(ctx)
	if err != nil {
		return err
	}
	to.record(func(b []byte) []byte { return wire.AppendUint(b, before.Cursor) })
	for i := range before.Tenants {
		to.record(before.Tenants[i].AppendBinary)
	}
	return nil
}

// accounting adds what is pending to the accounts at the cursor. Both belong to
// one cursor: the accounts are copied at once, and what is pending is counted
// behind the very position that they go up to. So the sums balance however far
// the fold and the journal go on meanwhile. Received is the writers' own count
// on both sides of the cursor: it is never made up from the fold's.
func (p *Port) accounting(ctx context.Context, _ []byte, to *stream) error {
	accounts, cursor := p.accountsAtCursor()
	pending, _, err := p.Journal.ReceivedAfter(ctx, cursor)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return to.json(withPending(accounts, pending))
}

func (p *Port) accountsAtCursor() (accounts []schema.TenantAccount, cursor uint64) {
	p.State.Read(func(s *fold.State) {
		cursor = s.Cursor()
		s.Tenants(func(t *schema.TenantState) {
			accounts = append(accounts, schema.TenantAccount{Tenant: t.Tenant, AccountNumbers: schema.AccountNumbers{
				Received: t.Received, Applied: t.Applied, Duplicate: t.Duplicate, Rejected: t.RejectedTotal(),
			}})
		})
	})
	return accounts, cursor
}

// withPending merges two ascending lists of tenants.
func withPending(accounts []schema.TenantAccount, pending []schema.TenantCount) schema.Accounting {
	all := schema.Accounting{Tenants: []schema.TenantAccount{}}
	add := func(a schema.TenantAccount, pending uint64) {
		a.Received += pending
		a.Pending = pending
		all.Tenants = append(all.Tenants, a)
		all.Sum.Add(a.AccountNumbers)
	}
	for _, a := range accounts {
		for len(pending) > 0 && pending[0].Tenant.Compare(a.Tenant) < 0 {
			add(schema.TenantAccount{Tenant: pending[0].Tenant}, pending[0].Events)
			pending = pending[1:]
		}
		n := uint64(0)
		if len(pending) > 0 && pending[0].Tenant == a.Tenant {
			n, pending = pending[0].Events, pending[1:]
		}
		add(a, n)
	}
	for _, c := range pending {
		add(schema.TenantAccount{Tenant: c.Tenant}, c.Events)
	}
	return all
}
