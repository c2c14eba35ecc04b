package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/cmd/weir/internal/app"
)

// The commands that run services: all of them in one process, or one.
type (
	allCmd        struct{ settings }
	ingestCmd     struct{ settings }
	aggregatorCmd struct{ settings }
	queryCmd      struct{ settings }
	alerterCmd    struct{ settings }
)

// Run serves until the process is told to stop.
func (c *allCmd) Run(s *session) error        { return serve(s, c.settings) }
func (c *ingestCmd) Run(s *session) error     { return serve(s, c.settings) }
func (c *aggregatorCmd) Run(s *session) error { return serve(s, c.settings) }
func (c *queryCmd) Run(s *session) error      { return serve(s, c.settings) }
func (c *alerterCmd) Run(s *session) error    { return serve(s, c.settings) }

// serve runs an App from its start to its stop. To be told to stop is no
// error, at any moment; a service that cannot go on is one.
func serve(s *session, settings settings) error {
	began := time.Now()
	c, logger, level, err := settings.loadWithLevel(s)
	if err != nil {
		return err
	}
	a := app.New(app.Config{Settings: c, Role: settings.role, Version: version(), Logger: logger, LogLevel: level})
	switch err := a.Start(s.ctx); {
	case err != nil && s.ctx.Err() != nil && errors.Is(err, context.Canceled):
		logger.Info("stopped before it served")
		return nil
	case err != nil:
		return err
	}
	fmt.Fprint(s.stdout, banner(settings.role, c, a.Addrs(), time.Since(began)))

	failure := wait(s, a, logger)
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
	defer cancel()
	if err := errors.Join(failure, a.Stop(ctx)); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

// wait waits for the end: that the process is told to stop, or that a service
// cannot go on, which is the error. Until then it reloads when told to.
func wait(s *session, a *app.App, logger *slog.Logger) (failure error) {
	for {
		select {
		case <-s.ctx.Done():
			logger.Info("stopping")
			return nil
		case failure = <-a.Failed():
			logger.Error("stopping", "error", failure)
			return failure
		case <-s.hangUp:
			_ = a.Reload(s.ctx) // the alerter logs what came of it
		}
	}
}
