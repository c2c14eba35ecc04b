package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/config"
	"weir/services/aggregator"
)

// The commands on a stopped data directory.
type (
	rebuildCmd struct{ settings }
	verifyCmd  struct{ settings }
)

// Run folds the whole journal into a new state.
func (c *rebuildCmd) Run(s *session) error {
	return offline(s, c.settings, "rebuild", func(ctx context.Context, j app.Journal, cfg config.Config, log *slog.Logger, p *progress) error {
		err := aggregator.Rebuild(ctx, aggregator.RebuildConfig{
			NATS: j.NATS, Partition: j.Partition, Dir: j.State, Settings: app.FoldSettings(cfg), Logger: log, Progress: p.update,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.stdout, "The state is new: %s.\n", p.summary(time.Since(p.began)))
		return nil
	})
}

// errDifference means that a state is not what its journal gives.
var errDifference = errors.New("the state on disk is not what the journal gives")

// Run compares the state on disk with the journal.
func (c *verifyCmd) Run(s *session) error {
	return offline(s, c.settings, "verify", func(ctx context.Context, j app.Journal, _ config.Config, log *slog.Logger, p *progress) error {
		difference, err := aggregator.Verify(ctx, aggregator.VerifyConfig{
			NATS: j.NATS, Partition: j.Partition, Dir: j.State, Logger: log, Progress: p.update,
		})
		switch {
		case err != nil:
			return err
		case difference != nil:
			return fmt.Errorf("%w (weir rebuild makes it so); the first difference: %s", errDifference, difference)
		}
		fmt.Fprintf(s.stdout, "The state is what the journal gives: %s.\n", p.summary(time.Since(p.began)))
		return nil
	})
}

// offline opens the journal of a data directory that no weir uses, does the
// work with it, and closes it again.
func offline(s *session, settings settings, what string, work func(context.Context, app.Journal, config.Config, *slog.Logger, *progress) error) error {
	c, log, err := settings.load(s)
	if err != nil {
		return err
	}
	return app.WithJournal(s.ctx, c, log, func(j app.Journal) error {
		p := newProgress(s.stderr, what)
		defer p.end()
		return work(s.ctx, j, c, log, p)
	})
}
