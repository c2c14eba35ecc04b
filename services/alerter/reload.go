package alerter

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/api"
	"weir/services/alerter/internal/deliver"
	"weir/services/alerter/internal/notify"
	"weir/services/alerter/internal/rule"
)

// Reload reads the rules' and routes' files again. An error says why nothing
// changed; it is logged, and shown in the health until a reload succeeds.
func (a *App) Reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload(ctx)
	a.mu.Lock()
	a.configError = err
	a.mu.Unlock()
	if err != nil {
		a.meter.reloads(false)
		a.cfg.Logger.Error("the rules and routes stay as they are: a file is in error", "error", err)
		return err
	}
	a.meter.reloads(true)
	a.cfg.Logger.Info("rules and routes were read again")
	return nil
}

func (a *App) reload(ctx context.Context) error {
	read := fingerprint(&a.cfg)
	a.mu.Lock()
	a.read = read
	a.mu.Unlock()
	f, err := load(&a.cfg)
	if err != nil {
		return err
	}
	setup, routing, err := a.prepare(f)
	if err != nil {
		return err
	}
	if err := a.evaluator.Set(ctx, slices.Concat(f.groups, a.tenantGroups())); err != nil {
		return err
	}
	before := a.take(f, routing)
	a.deliverer.Set(setup)
	notify.CloseIdle(before.integrations)
	return nil
}

// prepare makes what the parts of the alerter need of the files.
func (a *App) prepare(f *files) (deliver.Setup, api.Routing, error) {
	own, err := f.router(&a.cfg)
	if err != nil {
		return deliver.Setup{}, api.Routing{}, err
	}
	shown, err := f.router(&a.cfg)
	if err != nil {
		return deliver.Setup{}, api.Routing{}, err
	}
	logged, err := f.router(&a.cfg)
	if err != nil {
		return deliver.Setup{}, api.Routing{}, err
	}
	f.logged = logged
	routing := api.Routing{Router: shown, Original: f.routes.String(), ResolveTimeout: time.Duration(f.routes.Global.ResolveTimeout)}
	for i := range f.routes.Receivers {
		routing.Receivers = append(routing.Receivers, f.routes.Receivers[i].Name)
	}
	return deliver.Setup{Router: own, Integrations: f.integrations}, routing, nil
}

// take makes files those that hold and returns those that did.
func (a *App) take(f *files, routing api.Routing) *files {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.files
	a.files, a.routing, a.logged = f, routing, f.logged
	return before
}

// lastRead is the fingerprint of the files when they were read last.
func (a *App) lastRead() [32]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read
}

// setGroups lets the evaluator have the files' groups and the tenants' rules as
// they are now.
func (a *App) setGroups(ctx context.Context) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	a.mu.Lock()
	groups := a.files.groups
	a.mu.Unlock()
	if err := a.evaluator.Set(ctx, slices.Concat(groups, a.tenantGroups())); err != nil && ctx.Err() == nil {
		a.cfg.Logger.Error("the rules stay as they are", "error", err)
	}
}

// followTenantRules gives the tenants' rules to the evaluator when they change.
func (a *App) followTenantRules(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.rulesChanged:
			a.setGroups(ctx)
		}
	}
}

// tenantGroups returns the tenants' rules. One that is refused now, as an older
// version took it, is not evaluated, and says why wherever rules are shown. Each
// is read once. It is called by one goroutine at a time.
func (a *App) tenantGroups() []rule.Group {
	var changes []*alert.RuleChange
	a.ledger.Read(func(s *alert.State) {
		for _, c := range s.Rules {
			changes = append(changes, c)
		}
	})
	slices.SortFunc(changes, func(a, b *alert.RuleChange) int {
		return cmp.Or(strings.Compare(a.Tenant.Service, b.Tenant.Service),
			strings.Compare(a.Tenant.Subservice, b.Tenant.Subservice), strings.Compare(a.Name, b.Name))
	})
	groups := make([]rule.Group, 0, len(changes))
	known := make(map[*alert.RuleChange]rule.Group, len(changes))
	for _, c := range changes {
		g, read := a.tenantRules[c]
		if !read {
			var err error
			if g, err = rule.FromAPI(c.Tenant, c.Body); err != nil {
				g = rule.Unusable(c, err)
			}
		}
		known[c] = g
		groups = append(groups, g)
	}
	a.tenantRules = known
	return groups
}
