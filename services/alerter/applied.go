package alerter

import (
	"context"
	"log/slog"

	"weir/services/alerter/internal/alert"
)

// applied is told of events by the ledger, as they happen.
func (a *App) applied(events []alert.Event) {
	for i := range events {
		switch e := &events[i]; {
		case e.Transition != nil:
			a.meter.transition(e.Transition)
			a.log(e.Transition)
		case e.Rule != nil:
			select {
			case a.rulesChanged <- struct{}{}:
			default:
			}
		}
	}
}

// log writes an alert that goes to a receiver without integrations into the log:
// that is what such a receiver is for.
func (a *App) log(t *alert.Transition) {
	if t.From == t.Alert.Status || t.Alert.Status != alert.Firing && t.Alert.Status != alert.Resolved {
		return
	}
	a.mu.Lock()
	router, integrations := a.logged, a.files.integrations
	a.mu.Unlock()
	for _, receiver := range router.Receivers(t.Alert.Labels) {
		if len(integrations[receiver]) > 0 {
			continue
		}
		labels := make([]any, 0, len(t.Alert.Labels))
		for name, value := range t.Alert.Labels {
			labels = append(labels, slog.String(string(name), string(value)))
		}
		level := slog.LevelWarn
		if t.Alert.Status == alert.Resolved {
			level = slog.LevelInfo
		}
		a.cfg.Logger.Log(context.Background(), level, "alert", "status", t.Alert.Status, "name", t.Alert.Name(), "receiver", receiver, "value", float64(t.Alert.Value),
			"summary", string(t.Alert.Annotations["summary"]), "reason", string(t.Reason), slog.Group("labels", labels...))
	}
}

// degraded is told by the ledger when it goes on without its stream, and when it
// has caught up.
func (a *App) degraded(err error) {
	if err != nil {
		a.cfg.Logger.Error("alerts cannot be stored; the alerter goes on, and a crash now would forget what happens meanwhile", "error", err)
		return
	}
	a.cfg.Logger.Info("alerts are stored again")
}
