package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
	return offline(s, c.settings, "rebuild", "The state is new", func(t offlineTask) error {
		return aggregator.Rebuild(t.ctx, aggregator.RebuildConfig{
			NATS: t.journal.NATS, Partition: t.journal.Partition, Dir: t.journal.State,
			Settings: app.FoldSettings(t.config), Logger: t.log, Progress: t.progress.update,
		})
	})
}

// errDifference means that a state is not what its journal gives.
var errDifference = errors.New("the state on disk is not what the journal gives")

// Run compares the state on disk with the journal.
func (c *verifyCmd) Run(s *session) error {
	return offline(s, c.settings, "verify", "The state is what the journal gives", func(t offlineTask) error {
		difference, err := aggregator.Verify(t.ctx, aggregator.VerifyConfig{
			NATS: t.journal.NATS, Partition: t.journal.Partition, Dir: t.journal.State,
			Logger: t.log, Progress: t.progress.update,
		})
		if err == nil && difference != nil {
			return fmt.Errorf("%w (weir rebuild makes it so); the first difference: %s", errDifference, difference)
		}
		return err
	})
}

// offlineTask is what a tool on a stopped data directory works with.
type offlineTask struct {
	ctx      context.Context
	journal  app.Journal
	config   config.Config
	log      *slog.Logger
	progress *progress
}

// offline opens the journal of a data directory that no weir uses, does the
// work with it, and closes it again. When the work succeeds, it prints the
// verdict and how much was folded.
func offline(s *session, settings settings, what, verdict string, work func(offlineTask) error) error {
	c, log, err := settings.load(s)
	if err != nil {
		return err
	}
	var p *progress
	err = app.WithJournal(s.ctx, c, log, func(j app.Journal) error {
		p = newProgress(s.stderr, what)
		defer p.end()
		return work(offlineTask{s.ctx, j, c, log, p})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s: %s.\n", verdict, p.summary())
	return nil
}
