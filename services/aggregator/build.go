package aggregator

import (
	"context"
	"errors"
	"log/slog"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/store"
)

// buildJob folds a part of the journal, first..last, into an empty directory.
type buildJob struct {
	journal     frames
	first, last uint64
	id          string // the journal's
	dir         string
	settings    fold.Settings
	logger      *slog.Logger
	progress    func(done, total, events uint64)
}

// run leaves a closed store, which is on disk.
func (b *buildJob) run(ctx context.Context) (err error) {
	s, err := store.Open(store.Config{Dir: b.dir, Bulk: true, Logger: b.logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	state, err := s.Load(b.settings)
	if err != nil {
		return err
	}
	state.StartAfter(b.first-1, b.id)
	if b.last < b.first {
		return s.Commit(state) // an empty journal
	}
	ahead, err := readAhead(ctx, b.journal, b.first-1)
	if err != nil {
		return err
	}
	defer ahead.stop()
	return b.fold(ctx, ahead, state, s)
}

func (b *buildJob) fold(ctx context.Context, ahead *ahead, state *fold.State, s *store.Store) error {
	events, unsaved := uint64(0), 0
	for d := range ahead.frames {
		if err := ctx.Err(); err != nil {
			return err // some frames may come still: those that were read before
		}
		if d.err != nil {
			return d.err
		}
		out := state.Apply(d.seq, d.frame)
		events += uint64(out.Events)
		unsaved += out.Events
		b.progress(d.seq-b.first+1, b.last-b.first+1, events)
		if d.seq == b.last {
			return s.Commit(state)
		}
		if unsaved >= eventsPerCheckpoint || state.PendingBytes() >= pendingPerCheckpoint {
			if err := s.Commit(state); err != nil {
				return err
			}
			unsaved = 0
		}
	}
	return ctx.Err()
}
