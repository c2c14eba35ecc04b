package aggregator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/readport"
	"weir/services/aggregator/internal/store"

	"weir/pkg/journal"
)

// App is the aggregator of one partition.
type App struct {
	cfg     Config
	metrics *appMetrics
	limits  limitWatch
	failed  chan error

	journal  frames
	store    *store.Store
	guard    *guard
	consumer *consumer
	port     *readport.Port

	stops    []stop // last in, first out
	stopOnce sync.Once
	stopErr  error
}

// stop is a named step of stopping.
type stop struct {
	what string
	run  func() error
}

// New checks a Config; the error lists all its faults.
func New(cfg Config) (*App, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the aggregator: %w", err)
	}
	a := &App{cfg: cfg, limits: limitWatch{logger: cfg.Logger}, failed: make(chan error, 1)}
	a.metrics = newMetrics(a)
	return a, nil
}

// Failed gets one error if the aggregator cannot go on folding: ErrJournalShort,
// ErrJournalGap, ErrJournalOther, ErrFrame or ErrBroken. The read port still answers with the
// numbers up to there.
func (a *App) Failed() <-chan error { return a.failed }

// WriteMetrics writes the aggregator's own metrics in Prometheus' text format.
func (a *App) WriteMetrics(w io.Writer) { a.metrics.write(w) }

// Start loads the state and begins to fold and to answer at the read port. ctx
// bounds the start. Errors are those of the store (ErrInUse, ErrVersion,
// ErrSettings, ErrDamaged) and of the journal
// (ErrJournalShort, ErrJournalGap, ErrJournalOther).
func (a *App) Start(ctx context.Context) error {
	if err := a.start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the aggregator: %w", err), a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

func (a *App) start(ctx context.Context) error {
	if err := a.openStore(); err != nil {
		return err
	}
	j, err := journal.Open(ctx, a.cfg.NATS, journal.Config{Partition: a.cfg.Partition})
	if err != nil {
		return err
	}
	a.journal = natsFrames{j}
	end, err := a.checkPosition(ctx)
	if err != nil {
		return err
	}
	resets := newResets(a.journal)
	a.startConsumer(resets)
	return a.startPort(resets, end)
}

// checkPosition has Start fail, before anything is taken in, if the journal
// does not go with the store, and returns the journal's last position. The
// consumer checks again whenever it begins to read.
func (a *App) checkPosition(ctx context.Context) (end uint64, err error) {
	bounds, err := a.journal.Bounds(ctx)
	if err != nil {
		return 0, err
	}
	s := a.guard.state
	return bounds.Last, checkPosition(s.Origin(), s.Cursor(), s.Journal(), bounds)
}

func (a *App) openStore() error {
	if err := store.Settle(store.Disk, a.cfg.Dir); err != nil {
		return err
	}
	s, err := store.Open(store.Config{Dir: a.cfg.Dir, Logger: a.cfg.Logger})
	if err != nil {
		return err
	}
	a.onStop("close the store", s.Close)
	state, err := s.Load(a.cfg.Settings.fold())
	if err != nil {
		return err
	}
	a.store, a.guard = s, &guard{state: state}
	return nil
}

func (a *App) startConsumer(resets *resets) {
	a.consumer = &consumer{
		journal: a.journal, guard: a.guard, store: a.store, interval: a.cfg.CheckpointInterval, failed: make(chan error, 1),
		observe: observer{
			folded:     a.metrics.folded,
			checkpoint: a.onCheckpoint,
			retry:      a.onRetry,
			deliver:    resets.deliver,
		},
	}
	cursor := a.guard.state.Cursor()
	a.consumer.status.checkpoint = cursor
	a.cfg.Logger.Info("aggregator starts", "partition", a.cfg.Partition, "cursor", cursor, "sources", a.guard.state.SourceCount())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.consumer.run(ctx)
		a.passFailure()
	}()
	a.onStop("stop folding", func() error {
		cancel()
		<-ended
		return nil
	})
}

// passFailure logs what ended the consumer and passes it on to Failed.
func (a *App) passFailure() {
	select {
	case err := <-a.consumer.failed:
		a.cfg.Logger.Error("aggregator cannot go on", "error", err)
		a.failed <- err
	default:
	}
}

func (a *App) onCheckpoint(c *store.Checkpoint, took time.Duration) {
	a.metrics.checkpoint(c, took)
	var near []limitUse
	a.guard.Share(func(s *fold.State) { near = nearLimits(s) })
	a.limits.look(near)
}

func (a *App) onRetry(err error) {
	a.metrics.journalErrors.Inc()
	a.cfg.Logger.Warn("the journal cannot be read, trying again", "error", err)
}

// startPort begins to answer. end is the position up to which the journal was
// there before: it is the past.
func (a *App) startPort(resets *resets, end uint64) error {
	port, err := readport.Start(readport.Config{
		NATS: a.cfg.NATS, Partition: a.cfg.Partition,
		State: a.guard, DeadLetters: a.store, Chunks: a.store, Journal: a.journal, Resetter: resets,
		Staleness: a.cfg.staleness(), Present: end,
		Health: a.health, Observe: a.metrics.request, Logger: a.cfg.Logger,
	})
	if err != nil {
		return err
	}
	a.port = port
	a.onStop("stop the read port", port.Stop)
	return nil
}

func (a *App) onStop(what string, run func() error) { a.stops = append(a.stops, stop{what, run}) }

// Stop ends the read port and the fold, takes a last checkpoint and closes the
// store, and returns when that is done or ctx ends. Later calls return the same.
func (a *App) Stop(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.stopOnce.Do(func() { a.stopErr = a.stopAll() })
	}()
	select {
	case <-done:
		return a.stopErr
	case <-ctx.Done():
		return fmt.Errorf("stop the aggregator: %w", ctx.Err())
	}
}

func (a *App) stopAll() error {
	var errs []error
	for _, s := range slices.Backward(a.stops) {
		if err := s.run(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.what, err))
		}
	}
	return errors.Join(errs...)
}

// read calls f with the state if there is one yet.
func (a *App) read(f func(*fold.State)) {
	if a.guard != nil {
		a.guard.Share(f)
	}
}
