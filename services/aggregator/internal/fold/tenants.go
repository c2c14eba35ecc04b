package fold

import (
	"slices"

	"weir/pkg/schema"
)

// tenant is a tenant's numbers and its sources.
type tenant struct {
	schema.TenantState
	dirty   bool
	sources map[sourceName]*source
	ordered []*source // by kind and id, without fresh
	fresh   []*source // came since the last Order
}

// tenants is the table of all tenants. A tenant that came never goes.
type tenants struct {
	byName  map[schema.Tenant]*tenant
	ordered []*tenant
	dirty   []*tenant
}

func newTenants() tenants { return tenants{byName: map[schema.Tenant]*tenant{}} }

// get returns a tenant to be changed: it is written by the next checkpoint.
func (ts *tenants) get(name schema.Tenant) *tenant {
	t := ts.byName[name]
	if t == nil {
		t = ts.add(schema.TenantState{Tenant: cloneTenant(name)})
	}
	ts.touch(t)
	return t
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
