package evaluate

import (
	"context"
	"fmt"
	"sync"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// How many queries of rules run at a time. One may hold as many samples as the
// engine lets it, and tenants may have any number of rules: so all of a tenant's
// wait for each other, and those of all tenants never for more than a few.
const (
	ownQueries       = 8 // of rules in files
	tenantsQueries   = 8
	queriesPerTenant = 2
)

// turns lets a bounded number of queries run at a time.
type turns struct {
	own, tenants turn

	mu       sync.Mutex
	byTenant map[alert.Tenant]turn
}

// turn is a number of places. Whoever has put something in has one.
type turn chan struct{}

func newTurns() *turns {
	return &turns{own: make(turn, ownQueries), tenants: make(turn, tenantsQueries), byTenant: map[alert.Tenant]turn{}}
}

// of returns the places that a group's queries need, in the order in which to
// wait for them: of a tenant whose queries take long, no more wait for the places
// of all than may run. The shipped groups need none: they are few, and must say
// how weir does while others' queries hang because of that.
func (t *turns) of(g *rule.Group) []turn {
	switch {
	case g.File == rule.DefaultsFile:
		return nil
	case g.Tenant == nil:
		return []turn{t.own}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byTenant[*g.Tenant] == nil {
		t.byTenant[*g.Tenant] = make(turn, queriesPerTenant)
	}
	return []turn{t.byTenant[*g.Tenant], t.tenants}
}

// take waits for a place of each and returns what gives them back.
func take(ctx context.Context, places []turn) (giveBack func(), err error) {
	taken := 0
	giveBack = func() {
		for _, place := range places[:taken] {
			<-place
		}
	}
	for _, place := range places {
		select {
		case place <- struct{}{}:
			taken++
		case <-ctx.Done():
			giveBack()
			return nil, fmt.Errorf("wait for the queries before: %w", ctx.Err())
		}
	}
	return giveBack, nil
}
