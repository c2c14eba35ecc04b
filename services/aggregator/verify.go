package aggregator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
)

// VerifyConfig says which store Verify compares with which journal.
type VerifyConfig struct {
	NATS      *nats.Conn
	Partition int
	Dir       string       // the store's directory; nothing else may have it open
	Logger    *slog.Logger // nil discards
	// Progress is as in RebuildConfig.
	Progress func(done, total, events uint64)
}

// Difference is the first difference between a store and what its journal gives.
type Difference = store.Difference

// suffixVerify names the temporary store, beside the one that is verified.
const suffixVerify = ".verify"

// Verify folds the journal, up to the position of the store in Dir, into a
// temporary store, and returns the first difference between the two, nil if
// they are equal in every byte. It changes nothing. Errors are ErrInUse,
// ErrNoStore, ErrVersion, ErrDamaged, ErrFrame, ErrJournalShort, and
// ErrJournalGap when the journal no longer goes back as far as the store.
func Verify(ctx context.Context, cfg VerifyConfig) (*Difference, error) {
	j, err := journal.Open(ctx, cfg.NATS, journal.Config{Partition: cfg.Partition})
	if err != nil {
		return nil, fmt.Errorf("verify the store: %w", err)
	}
	d, err := verify(ctx, cfg, natsFrames{j})
	if err != nil {
		return nil, fmt.Errorf("verify the store: %w", err)
	}
	return d, nil
}

func verify(ctx context.Context, cfg VerifyConfig, j frames) (d *Difference, err error) {
	if err := store.Settle(store.Disk, cfg.Dir); err != nil {
		return nil, err
	}
	onDisk, err := store.Open(store.Config{Dir: cfg.Dir, ReadOnly: true, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, onDisk.Close()) }()
	temporary := cfg.Dir + suffixVerify
	if err := os.RemoveAll(temporary); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if err := refold(ctx, cfg, j, onDisk, temporary); err != nil {
		return nil, err
	}
	folded, err := store.Open(store.Config{Dir: temporary, ReadOnly: true, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folded.Close()) }()
	return store.Compare(onDisk, folded)
}

// refold folds what the store was folded from into another one.
func refold(ctx context.Context, cfg VerifyConfig, j frames, onDisk *store.Store, dir string) error {
	meta, err := onDisk.Meta()
	if err != nil {
		return err
	}
	bounds, err := j.Bounds(ctx)
	if err != nil {
		return err
	}
	if err := checkPosition(meta.Origin, meta.Cursor, meta.Journal, bounds); err != nil {
		return err
	}
	if meta.Origin != 0 && meta.Origin < bounds.First {
		return fmt.Errorf("%w: it begins at position %d, the store goes back to %d", ErrJournalGap, bounds.First, meta.Origin)
	}
	first := meta.Origin
	if first == 0 { // a store without a frame
		first = meta.Cursor + 1
	}
	job := buildJob{
		journal: j, first: first, last: meta.Cursor, id: bounds.ID, dir: dir, settings: meta.Settings,
		logger: cfg.Logger, progress: progressOrNone(cfg.Progress),
	}
	return job.run(ctx)
}
