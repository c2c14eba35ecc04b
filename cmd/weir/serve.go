package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/cmd/weir/internal/app"
)

// The commands that run services: all of them in one process, or one.
type (
	allCmd        struct{ settings }
	ingestCmd     struct{ settings }
	aggregatorCmd struct{ settings }
	queryCmd      struct{ settings }
)

// Run serves until the process is told to stop.
func (c *allCmd) Run(s *session) error        { return serve(s, c.settings) }
func (c *ingestCmd) Run(s *session) error     { return serve(s, c.settings) }
func (c *aggregatorCmd) Run(s *session) error { return serve(s, c.settings) }
func (c *queryCmd) Run(s *session) error      { return serve(s, c.settings) }

// serve runs an App from its start to its stop. To be told to stop is no
// error, at any moment; an aggregator that cannot go on is one.
func serve(s *session, settings settings) error {
	began := time.Now()
	c, logger, err := settings.load(s)
	if err != nil {
		return err
	}
	a := app.New(app.Config{Settings: c, Role: settings.role, Version: version(), Logger: logger})
	switch err := a.Start(s.ctx); {
	case err != nil && s.ctx.Err() != nil && errors.Is(err, context.Canceled):
		logger.Info("stopped before it served")
		return nil
	case err != nil:
		return err
	}
	fmt.Fprint(s.stdout, banner(settings.role, c, a.Addrs(), time.Since(began)))

	var failure error
	select {
	case <-s.ctx.Done():
		logger.Info("stopping")
	case failure = <-a.Failed():
		logger.Error("stopping: the aggregator cannot go on", "error", failure)
	}
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
	defer cancel()
	if err := errors.Join(failure, a.Stop(ctx)); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}
