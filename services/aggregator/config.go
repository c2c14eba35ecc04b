package aggregator

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// Config says what an App folds and where it keeps its store. The store
// remembers Settings: to change them, rebuild it.
type Config struct {
	NATS      *nats.Conn
	Partition int
	Dir       string // the store's own directory, made if absent
	Settings
	// CheckpointInterval is how often what changed is written to the store;
	// default 1 s. A restart folds again what came since.
	CheckpointInterval time.Duration
	// StaleFloor and StaleCeiling bound how long after its last sample a series
	// ends, whatever its cadence; default 30 s and 5 min. They hold for reading:
	// the store does not depend on them.
	StaleFloor   time.Duration
	StaleCeiling time.Duration
	Logger       *slog.Logger // nil discards
}

// Settings are what the state depends on beside the journal. What is zero takes
// its default.
type Settings struct {
	// ClockEarliest is the earliest time that a device's clock may say and be
	// believed; default the beginning of 2020.
	ClockEarliest time.Time
	// ClockAhead is how far a device's clock may be ahead and be believed;
	// default 5 minutes.
	ClockAhead time.Duration
	// DuplicateWindows is how many clients' duplicate windows are kept; default
	// 100,000.
	DuplicateWindows int
	// Limits hold for each tenant that Tenants does not name.
	Limits Limits
	// Tenants have limits of their own; each is named once.
	Tenants []TenantLimits
}

// Limits say how much is kept of one tenant. What is zero takes its default;
// what is below zero is not limited.
type Limits struct {
	// Retention is how long history is kept at the least; default 15 days.
	Retention time.Duration
	// HistoryBytes is how many bytes of sealed history are kept at the most, the
	// oldest going first; default no limit.
	HistoryBytes int64
	// Series and Sources are how many there may be: an event that would make
	// more is rejected; default 1,000,000 and 100,000.
	Series  int64
	Sources int64
}

// NoLimit stands for a number, or a time, that is not limited.
const NoLimit = -1

// TenantLimits are a tenant's own limits. What is zero is as for the others.
type TenantLimits struct {
	Service    string
	Subservice string
	Limits
}

const (
	defaultCheckpointInterval = time.Second
	// A checkpoint comes earlier after this many events, so that its batch stays
	// small while much is folded at once, or when this many bytes of dead letters
	// and chunks wait in memory.
	eventsPerCheckpoint  = 250_000
	pendingPerCheckpoint = 8 << 20
)

func (c Config) withDefaults() Config {
	if c.CheckpointInterval == 0 {
		c.CheckpointInterval = defaultCheckpointInterval
	}
	if c.StaleFloor == 0 {
		c.StaleFloor = history.DefaultStaleness.Floor
	}
	if c.StaleCeiling == 0 {
		c.StaleCeiling = max(history.DefaultStaleness.Ceiling, c.StaleFloor)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// staleness says when series end.
func (c Config) staleness() history.Staleness {
	return history.Staleness{Factor: history.DefaultStaleness.Factor, Floor: c.StaleFloor, Ceiling: c.StaleCeiling}
}

// validate lists all faults.
func (c Config) validate() error {
	errs := []error{c.Settings.validate()}
	if c.NATS == nil {
		errs = append(errs, errors.New("the NATS connection must be given"))
	}
	if c.Dir == "" {
		errs = append(errs, errors.New("the directory must be given"))
	}
	if c.Partition < 0 {
		errs = append(errs, fmt.Errorf("the partition is %d, it must not be negative", c.Partition))
	}
	if c.CheckpointInterval < 0 {
		errs = append(errs, fmt.Errorf("the checkpoint interval is %s, it must be positive", c.CheckpointInterval))
	}
	if c.StaleFloor < 0 || c.StaleCeiling < c.StaleFloor {
		errs = append(errs, fmt.Errorf("series end %s to %s after their last sample, these must be positive and ascending", c.StaleFloor, c.StaleCeiling))
	}
	return errors.Join(errs...)
}

func (s Settings) validate() error {
	var errs []error
	if !s.ClockEarliest.IsZero() && s.ClockEarliest.Unix() < 0 {
		errs = append(errs, fmt.Errorf("ClockEarliest is %s, history begins in 1970", s.ClockEarliest.Format(time.DateOnly)))
	}
	if s.ClockAhead < 0 {
		errs = append(errs, fmt.Errorf("ClockAhead is %s, it must not be negative", s.ClockAhead))
	}
	if s.DuplicateWindows < 0 {
		errs = append(errs, fmt.Errorf("DuplicateWindows is %d, it must be positive", s.DuplicateWindows))
	}
	named := map[schema.Tenant]bool{}
	for _, t := range s.Tenants {
		if named[t.name()] {
			errs = append(errs, fmt.Errorf("tenant %s is there twice in Tenants", t.name()))
		}
		named[t.name()] = true
	}
	return errors.Join(errs...)
}

// fold returns the fold's settings.
func (s Settings) fold() fold.Settings {
	f := fold.DefaultSettings()
	if !s.ClockEarliest.IsZero() {
		f.Earliest = s.ClockEarliest.UnixNano()
	}
	if s.ClockAhead != 0 {
		f.Ahead = s.ClockAhead
	}
	if s.DuplicateWindows != 0 {
		f.Windows = s.DuplicateWindows
	}
	f.Limits = s.Limits.over(f.Limits)
	for _, t := range s.Tenants {
		f.Tenants = append(f.Tenants, fold.TenantLimits{Tenant: t.name(), Limits: t.Limits.over(f.Limits)})
	}
	slices.SortFunc(f.Tenants, func(a, b fold.TenantLimits) int { return a.Tenant.Compare(b.Tenant) })
	return f
}

func (t TenantLimits) name() schema.Tenant {
	return schema.Tenant{Service: t.Service, Subservice: t.Subservice}
}

// over returns the fold's limits: those of l that are given, else the defaults.
func (l Limits) over(defaults fold.Limits) fold.Limits {
	f := defaults
	for _, n := range []struct {
		given int64
		to    *uint64
	}{{l.HistoryBytes, &f.HistoryBytes}, {l.Series, &f.Series}, {l.Sources, &f.Sources}} {
		if n.given != 0 {
			*n.to = uint64(max(n.given, 0))
		}
	}
	if l.Retention != 0 {
		f.Retention = max(l.Retention, 0)
	}
	return f
}
