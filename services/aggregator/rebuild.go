package aggregator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
)

// RebuildConfig says which journal Rebuild folds into which directory.
type RebuildConfig struct {
	NATS      *nats.Conn
	Partition int
	Dir       string // the store's directory; nothing else may have it open
	Settings
	Logger *slog.Logger // nil discards
	// Progress is called after each frame, if it is given: how many of how many
	// frames are folded, and how many events were in them.
	Progress func(done, total, events uint64)
}

// Rebuild folds the whole journal, as far as it goes when Rebuild begins, into a
// new store, and puts that in the place of the one in Dir, which may be damaged
// or absent. The old store is kept until the new one is whole and on disk.
// Errors are ErrInUse, ErrFrame, and ErrJournalGap when the old store goes
// further back than the journal still does.
func Rebuild(ctx context.Context, cfg RebuildConfig) error {
	j, err := journal.Open(ctx, cfg.NATS, journal.Config{Partition: cfg.Partition})
	if err == nil {
		err = rebuild(ctx, cfg, natsFrames{j})
	}
	if err != nil {
		return fmt.Errorf("rebuild the store: %w", err)
	}
	return nil
}

func rebuild(ctx context.Context, cfg RebuildConfig, j frames) error {
	if err := cfg.Settings.validate(); err != nil {
		return err
	}
	if err := store.Settle(store.Disk, cfg.Dir); err != nil {
		return err
	}
	old, err := store.Reserve(store.Config{Dir: cfg.Dir, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	bounds, err := j.Bounds(ctx)
	if err == nil {
		err = checkReplaceable(old, bounds)
	}
	if err == nil {
		err = buildAnew(ctx, cfg, j, bounds)
	}
	return errors.Join(err, old.Close())
}

// checkReplaceable refuses to put in a store's place one that knows less: of a
// journal whose beginning is gone, the old store may be all that is left.
func checkReplaceable(old *store.Reservation, b journal.Bounds) error {
	if b.First <= 1 {
		return nil
	}
	meta, err := old.Meta()
	switch {
	case errors.Is(err, store.ErrNoStore):
		return nil
	case err != nil:
		return fmt.Errorf("%w: the journal begins at position %d, and the store that is there cannot be read: "+
			"move its directory away to build one of what the journal has: %w", ErrJournalGap, b.First, err)
	case meta.Origin < b.First:
		return fmt.Errorf("%w: the store goes back to position %d, but the journal begins at %d: "+
			"move the store's directory away to build one of what the journal has", ErrJournalGap, meta.Origin, b.First)
	}
	return nil
}

func buildAnew(ctx context.Context, cfg RebuildConfig, j frames, b journal.Bounds) error {
	dir, err := store.BuildDir(store.Disk, cfg.Dir)
	if err != nil {
		return err
	}
	job := buildJob{
		journal: j, first: b.First, last: b.Last, id: b.ID, dir: dir, settings: cfg.Settings.fold(),
		logger: cfg.Logger, progress: progressOrNone(cfg.Progress),
	}
	if err := job.run(ctx); err != nil {
		return err
	}
	return store.Adopt(store.Disk, cfg.Dir)
}

func progressOrNone(f func(done, total, events uint64)) func(done, total, events uint64) {
	if f == nil {
		return func(uint64, uint64, uint64) {}
	}
	return f
}
