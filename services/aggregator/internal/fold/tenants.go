package fold

import (
	"slices"

	"weir/pkg/schema"
)

// tenant is a tenant's numbers, its sources and what there is of their history.
type tenant struct {
	schema.TenantState
	dirty   bool
	limits  Limits
	sources map[sourceName]*source
	ordered []*source // by kind, id and type, without fresh
	fresh   []*source // came since the last Order

	number  uint64 // 1, 2, 3 … in the order of their first tracks; 0 before
	horizon uint32 // the first bucket that is kept
	buckets []bucket
	tracks  []*track // by number
	changed bool     // number or horizon did since the last checkpoint
	expired bool     // the horizon did
}

// tenants is the table of all tenants. A tenant that came never goes.
type tenants struct {
	byName  map[schema.Tenant]*tenant
	ordered []*tenant
	dirty   []*tenant
	numbers uint64 // the last number given
}

func newTenants() tenants { return tenants{byName: map[schema.Tenant]*tenant{}} }

// tenant returns a tenant to be changed: it is written by the next checkpoint.
//
// Invariant: a tenant's horizon is the one by age, unless that by bytes is
// beyond it.
func (s *State) tenant(name schema.Tenant) *tenant {
	t := s.tenants.byName[name]
	if t == nil {
		t = s.addTenant(schema.TenantState{Tenant: cloneTenant(name)})
	}
	s.tenants.touch(t)
	return t
}

func (s *State) addTenant(state schema.TenantState) *tenant {
	t := s.tenants.add(state)
	t.limits = s.settings.limits(t.Tenant)
	t.horizon = t.agedHorizon(s.clock)
	return t
}

// enumerate gives a tenant its number, under which its history is stored.
func (ts *tenants) enumerate(t *tenant) {
	if t.number == 0 {
		ts.numbers++
		t.number, t.changed = ts.numbers, true
	}
}

// touch has the next checkpoint write t.
func (ts *tenants) touch(t *tenant) {
	if !t.dirty {
		t.dirty = true
		ts.dirty = append(ts.dirty, t)
	}
}

func (ts *tenants) add(state schema.TenantState) *tenant {
	t := &tenant{TenantState: state, sources: map[sourceName]*source{}}
	ts.byName[t.Tenant] = t
	at, _ := slices.BinarySearchFunc(ts.ordered, t, compareTenants)
	ts.ordered = slices.Insert(ts.ordered, at, t)
	return t
}

func compareTenants(a, b *tenant) int { return a.Tenant.Compare(b.Tenant) }

// operate adds what serving the tenant's transactions cost. A counter that a
// newer ingest knows and this fold does not is passed over.
func (t *tenant) operate(o *schema.Operations) {
	for _, d := range o.Counters {
		if d.Counter < schema.NumCounters {
			t.Counters[d.Counter] += d.Delta
		}
	}
	t.ServiceTime.Merge(&o.ServiceTime)
}

// getAndReset clears all tenants' operational counters and returns the states
// before. The accounting numbers stay: nothing resets those.
func (ts *tenants) getAndReset() []schema.TenantState {
	before := make([]schema.TenantState, len(ts.ordered))
	for i, t := range ts.ordered {
		before[i] = t.Clone()
		ts.touch(t)
		t.Counters = [schema.NumCounters]uint64{}
		t.ServiceTime.Reset()
	}
	return before
}

// takeDirty returns the tenants that changed, in order, and calls them clean.
func (ts *tenants) takeDirty() []*tenant {
	dirty := ts.dirty
	slices.SortFunc(dirty, compareTenants)
	for _, t := range dirty {
		t.dirty = false
	}
	ts.dirty = nil
	return dirty
}
