package fold

import (
	"cmp"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// Ordered reports whether Sources can run: whether no source came since Order.
func (s *State) Ordered() bool {
	for _, t := range s.tenants.ordered {
		if len(t.fresh) > 0 {
			return false
		}
	}
	return true
}

// Order puts the sources in order. It changes the state's listing, so it must
// run alone.
func (s *State) Order() {
	for _, t := range s.tenants.ordered {
		if len(t.fresh) > 0 {
			t.ordered = append(t.ordered, t.fresh...)
			slices.SortFunc(t.ordered, compareSources)
			t.fresh = nil
		}
	}
}

func compareSources(a, b *source) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID), strings.Compare(a.name().typ, b.name().typ))
}

func compareEntries(a, b *client) int { return cmp.Compare(a.entry, b.entry) }

// SourceCount returns how many sources there are.
func (s *State) SourceCount() uint64 { return s.sources.count }

// Tenants calls visit for each tenant, ascending.
func (s *State) Tenants(visit func(*schema.TenantState)) {
	for _, t := range s.tenants.ordered {
		visit(&t.TenantState)
	}
}

// Sources calls visit for each source that q selects, in ascending order of
// tenant, kind and id. The state must be Ordered.
func (s *State) Sources(q *schema.SourcesRequest, visit func(*schema.Source)) {
	for _, t := range s.tenants.ordered {
		if (q.Service != "" && q.Service != t.Tenant.Service) || (q.Subservice != "" && q.Subservice != t.Tenant.Subservice) {
			continue
		}
		for _, src := range t.ordered {
			if selects(q, &src.Source) {
				visit(&src.Source)
			}
		}
	}
}

func selects(q *schema.SourcesRequest, src *schema.Source) bool {
	if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, src.Kind) {
		return false
	}
	if (q.ID != "" && q.ID != src.ID) || (q.Parent != "" && q.Parent != src.Parent) {
		return false
	}
	for name, value := range q.Labels {
		if src.Label(name) != value {
			return false
		}
	}
	return true
}

// PendingDeadLetters returns the dead letters that are not known to be in the
// store, oldest first: all of a higher number than any there. They do not change.
func (s *State) PendingDeadLetters() []DeadLetter { return s.deadLetters.pending }

// DeadLettersStored returns the number of the last dead letter that is known to
// be in the store.
func (s *State) DeadLettersStored() uint64 {
	return s.deadLetters.count - uint64(len(s.deadLetters.pending))
}
