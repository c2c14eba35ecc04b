package aggregator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

// MeasureFoldConfig says what MeasureFold folds, and where.
type MeasureFoldConfig struct {
	Dir string // of the store, which is made; empty or absent before
	Settings
	Frames   [][]byte                         // encoded, in the journal's order
	Logger   *slog.Logger                     // nil discards
	Progress func(done, total, events uint64) // as Rebuild calls it; nil for none
}

// FoldMeasure is what folding came to.
type FoldMeasure struct {
	Took         time.Duration // until the store was closed and on disk
	HistoryBytes uint64        // of the sealed chunks
}

// MeasureFold folds frames that are in memory into a new store, as Rebuild folds
// a journal: for measurements. It returns when the store is closed and on disk.
func MeasureFold(ctx context.Context, cfg MeasureFoldConfig) (m FoldMeasure, err error) {
	if err := cfg.Settings.validate(); err != nil {
		return m, err
	}
	if err := store.Settle(store.Disk, cfg.Dir); err != nil {
		return m, err
	}
	job := buildJob{
		journal: encodedFrames(cfg.Frames), first: 1, last: uint64(len(cfg.Frames)), id: "measured", dir: cfg.Dir,
		settings: cfg.Settings.fold(), logger: cfg.Logger, progress: progressOrNone(cfg.Progress),
	}
	began := time.Now()
	if err := job.run(ctx); err != nil {
		return m, fmt.Errorf("fold the frames: %w", err)
	}
	m.Took = time.Since(began)
	if m.HistoryBytes, err = historyBytes(cfg); err != nil {
		return m, fmt.Errorf("read the store that was made: %w", err)
	}
	return m, nil
}

// historyBytes loads a store and adds up what its tenants' history takes.
func historyBytes(cfg MeasureFoldConfig) (sum uint64, err error) {
	s, err := store.Open(store.Config{Dir: cfg.Dir, Logger: cfg.Logger, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	state, err := s.Load(cfg.Settings.fold())
	if err != nil {
		return 0, err
	}
	state.Tenants(func(t *schema.TenantState) { sum += t.HistoryBytes })
	return sum, nil
}

// encodedFrames is a journal in memory that only gives what it has.
type encodedFrames [][]byte

var _ frames = encodedFrames{}

func (e encodedFrames) Read(_ context.Context, after uint64) (reader, error) {
	return &encodedReader{e, after}, nil
}

func (e encodedFrames) Bounds(context.Context) (journal.Bounds, error) {
	return journal.Bounds{First: 1, Last: uint64(len(e)), ID: "measured"}, nil
}

func (encodedFrames) Append(context.Context, string, []byte, []schema.TenantCount) (uint64, error) {
	return 0, errors.ErrUnsupported
}

func (encodedFrames) ReceivedAfter(context.Context, uint64) ([]schema.TenantCount, uint64, error) {
	return nil, 0, errors.ErrUnsupported
}

type encodedReader struct {
	frames [][]byte
	after  uint64
}

func (r *encodedReader) Next(ctx context.Context) (journal.Message, error) {
	if r.after == uint64(len(r.frames)) {
		<-ctx.Done()
		return journal.Message{}, ctx.Err()
	}
	r.after++
	return journal.Message{Seq: r.after, Data: r.frames[r.after-1]}, nil
}

func (*encodedReader) Close() {}
