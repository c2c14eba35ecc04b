package fold

import (
	"slices"
	"time"

	"weir/pkg/schema"
)

// Settings are what a state depends on beside the journal. They are part of the
// store: a store folded under other settings would hold another state.
type Settings struct {
	// Earliest is the first event time that is plausible, unix nanoseconds.
	Earliest int64
	// Ahead is how far an event's own time may be ahead of its receipt.
	Ahead time.Duration
	// Windows is how many clients' duplicate windows are kept. When one more
	// client publishes with QoS 1 or 2, the window of the client that has been
	// silent for longest is forgotten.
	Windows int
	// Limits hold for each tenant that Tenants does not name.
	Limits Limits
	// Tenants are the tenants with limits of their own, ascending, each once.
	Tenants []TenantLimits
}

// Limits say how much is kept of one tenant. Zero is no limit.
type Limits struct {
	// Retention is how long history is kept at the least, in the journal's own
	// time. It goes in whole buckets of history.BucketLength.
	Retention time.Duration
	// HistoryBytes is how many bytes of sealed chunks are kept at the most: the
	// oldest buckets go first. The bucket of now stays whatever its size.
	HistoryBytes uint64
	// Series and Sources are how many there may be. An event that would make one
	// more is rejected.
	Series  uint64
	Sources uint64
}

// TenantLimits are a tenant's own limits.
type TenantLimits struct {
	Tenant schema.Tenant
	Limits
}

// DefaultSettings returns the settings of the design: times from 2020 to 5
// minutes ahead, windows for 100,000 clients, history of 15 days, and for each
// tenant 1,000,000 series of 100,000 sources.
func DefaultSettings() Settings {
	return Settings{
		Earliest: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(),
		Ahead:    5 * time.Minute,
		Windows:  100_000,
		Limits:   Limits{Retention: 15 * 24 * time.Hour, Series: 1_000_000, Sources: 100_000},
	}
}

// Equal reports whether a store folded under s goes with o.
func (s Settings) Equal(o Settings) bool {
	return s.Earliest == o.Earliest && s.Ahead == o.Ahead && s.Windows == o.Windows &&
		s.Limits == o.Limits && slices.Equal(s.Tenants, o.Tenants)
}

// limits returns the limits that hold for a tenant.
func (s *Settings) limits(name schema.Tenant) Limits {
	at, found := slices.BinarySearchFunc(s.Tenants, name, func(t TenantLimits, name schema.Tenant) int { return t.Tenant.Compare(name) })
	if !found {
		return s.Limits
	}
	return s.Tenants[at].Limits
}
