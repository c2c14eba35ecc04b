package ingest

import (
	"context"
	"errors"
	"time"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pushtopic"
	"weir/services/ingest/internal/intake"
)

// newIntake returns what takes pushes over HTTP.
func (a *App) newIntake() *intake.Intake {
	in := intake.New(intake.Config{
		Submit: func(ctx context.Context, e schema.Event, tenant schema.Tenant, answer int) error {
			_, err := a.store(ctx, e, tenant, answer)
			if errors.Is(err, errStopped) {
				return intake.ErrClosed
			}
			return err
		},
		Users: a.cfg.Users, MaxBody: journal.MaxEntryBytes, MaxText: packed.Default, Keep: min(a.cfg.MaxPayload, journal.MaxEntryBytes-pushtopic.MaxHead),
		WriteTenant: a.writeTenant,
		Version:     a.cfg.Version, Level: a.cfg.LogLevel, Now: time.Now,
		Observer: intake.Observer{
			Served: a.meter.served,
			Failed: func(route string, err error) { a.cfg.Logger.Warn("a request failed", "route", route, "error", err) },
			Refused: func(correlator, text string) {
				a.cfg.Logger.Info("a notice was refused", "correlator", correlator, "error", text)
			},
			Panicked: func(route string, v any, stack []byte) {
				a.cfg.Logger.Error("a handler panicked", "route", route, "panic", v, "stack", string(stack))
			},
		},
	})
	a.meter.watchBodies(in.Bodies)
	return in
}

// stopIntake takes no more pushes. Those being served end, with the committer's
// end at the latest: the channel then has the error.
func (a *App) stopIntake(ctx context.Context) <-chan error {
	if a.intake == nil {
		none := make(chan error, 1)
		none <- nil
		return none
	}
	return a.intake.Stop(ctx)
}
