package aggregator

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/fold"
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
	Logger             *slog.Logger // nil discards
}

// Settings are what the state depends on beside the journal. What is zero takes
// its default.
type Settings struct {
	// ReadingsPerSource is how many of the latest readings of each task and
	// proplet are kept; default 100.
	ReadingsPerSource int
	// ClockEarliest is the earliest time that a device's clock may say and be
	// believed; default the beginning of 2020.
	ClockEarliest time.Time
	// ClockAhead is how far a device's clock may be ahead and be believed;
	// default 5 minutes.
	ClockAhead time.Duration
	// DuplicateWindows is how many clients' duplicate windows are kept; default
	// 100,000.
	DuplicateWindows int
}

const (
	defaultCheckpointInterval = time.Second
	// A checkpoint comes earlier after this many events, so that its batch stays
	// small while much is folded at once, or when this many bytes of dead letters
	// wait in memory.
	eventsPerCheckpoint  = 250_000
	pendingPerCheckpoint = 8 << 20
)

func (c Config) withDefaults() Config {
	if c.CheckpointInterval == 0 {
		c.CheckpointInterval = defaultCheckpointInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
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
	return errors.Join(errs...)
}

func (s Settings) validate() error {
	var errs []error
	if s.ReadingsPerSource < 0 || s.ReadingsPerSource > fold.MaxReadingsPerSource {
		errs = append(errs, fmt.Errorf("ReadingsPerSource is %d, it must be 1 to %d", s.ReadingsPerSource, fold.MaxReadingsPerSource))
	}
	if s.ClockAhead < 0 {
		errs = append(errs, fmt.Errorf("ClockAhead is %s, it must not be negative", s.ClockAhead))
	}
	if s.DuplicateWindows < 0 {
		errs = append(errs, fmt.Errorf("DuplicateWindows is %d, it must be positive", s.DuplicateWindows))
	}
	return errors.Join(errs...)
}

// fold returns the fold's settings.
func (s Settings) fold() fold.Settings {
	f := fold.DefaultSettings()
	if s.ReadingsPerSource != 0 {
		f.ReadingsPerSource = s.ReadingsPerSource
	}
	if !s.ClockEarliest.IsZero() {
		f.Earliest = s.ClockEarliest.UnixNano()
	}
	if s.ClockAhead != 0 {
		f.Ahead = s.ClockAhead
	}
	if s.DuplicateWindows != 0 {
		f.Windows = s.DuplicateWindows
	}
	return f
}
