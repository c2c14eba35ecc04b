package store

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// Pebble's settings. The state is in memory: the store is written all the time,
// and read at the start, for dead letters and for history.
const (
	// The cache takes memory as it fills: reading history does that, hardly the
	// start. It holds what a page that is drawn again and again shows, and not
	// what a fleet has sent in hours.
	blockCacheBytes = 64 << 20
	// A memtable takes the checkpoints of many seconds, so that what is written
	// each second is written to a table once.
	memTableBytes = 8 << 20
	// Two of them wait to be flushed before a commit has to wait.
	memTablesBeforeStop = 4
	// Commits go on during a compaction until L0 is this deep.
	l0CompactAt = 4
	l0StopAt    = 40
	// A compaction leaves the other core to the fold.
	compactions = 1
	walSyncStep = 1 << 20 // bytes; spreads the work of a large batch's sync

	pebbleFormat = pebble.FormatValueSeparation // pinned: a new Pebble must not change it silently
)

func options(cfg Config, background func(error)) *pebble.Options {
	return &pebble.Options{
		FS:                          cfg.FS,
		CacheSize:                   blockCacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTablesBeforeStop,
		L0CompactionThreshold:       l0CompactAt,
		L0StopWritesThreshold:       l0StopAt,
		CompactionConcurrencyRange:  func() (int, int) { return compactions, compactions },
		WALBytesPerSync:             walSyncStep,
		FormatMajorVersion:          pebbleFormat,
		DisableWAL:                  cfg.Bulk,
		ReadOnly:                    cfg.ReadOnly,
		ErrorIfNotExists:            cfg.ReadOnly,
		Logger:                      pebbleLog{cfg.Logger},
		EventListener: &pebble.EventListener{
			BackgroundError: background,
			// Without a listener Pebble ends the process. Whoever reads what is
			// damaged gets an error anyway.
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				background(fmt.Errorf("%s is damaged: %w", info.Path, info.Details))
			},
		},
	}
}

// pebbleLog passes Pebble's log on: what it does all day is of no interest.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// fatal is what Fatalf panics with.
type fatal string

// Fatalf must not return: Pebble cannot go on. In a commit the panic becomes
// ErrBroken; in Pebble's own goroutines it ends the process, which loses nothing
// that the journal does not have.
func (l pebbleLog) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error("pebble cannot go on: " + text)
	panic(fatal(text))
}
