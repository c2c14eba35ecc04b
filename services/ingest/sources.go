package ingest

import (
	"context"
	"fmt"

	"weir/pkg/schema"
	"weir/services/ingest/internal/puller"
)

// newPuller returns what fetches by the sources file, which need not be there.
func (a *App) newPuller() *puller.Puller {
	return puller.New(puller.Config{
		Path: a.cfg.Sources, Version: a.cfg.Version, Logger: a.cfg.Logger,
		Mappings: checkMappings, Changed: a.sourcesChanged,
		Submit: func(ctx context.Context, e schema.Event, tenant schema.Tenant) error {
			_, err := a.store(ctx, e, tenant, 0)
			return err
		},
	})
}

// startPulling puts the mappings of topics into force and begins to fetch.
func (a *App) startPulling(ctx context.Context) error {
	if err := a.startMappings(); err != nil {
		return err
	}
	a.puller = a.newPuller()
	a.pulls = puller.NewMetrics(a.puller.Meter())
	if err := a.puller.Start(ctx); err != nil {
		return err
	}
	a.pulling = true
	return nil
}

// writeTenant returns whose a remote write is that does not say so, if the
// sources file does.
func (a *App) writeTenant() (schema.Tenant, bool) {
	f := a.puller.File()
	if f == nil {
		return schema.Tenant{}, false
	}
	t := f.RemoteWrite.Tenant()
	return t, t != schema.Tenant{}
}

// Reload reads the sources file again. An error says what is wrong with it, and
// nothing has changed then.
func (a *App) Reload(ctx context.Context) error {
	if a.cfg.Sources == "" {
		return nil
	}
	if err := a.puller.Reload(ctx); err != nil {
		return fmt.Errorf("read the sources again: %w", err)
	}
	return nil
}
