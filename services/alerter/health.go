package alerter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/components"
)

// serveHealth answers who asks how the alerter does. Each alerter answers for
// itself.
func (a *App) serveHealth() (err error) {
	a.service, err = micro.AddService(a.cfg.NATS, micro.Config{Name: schema.AlerterService, Version: "1.0.0", Description: "weir " + a.cfg.Version})
	if err != nil {
		return fmt.Errorf("offer the alerter's NATS service: %w", err)
	}
	health := micro.HandlerFunc(func(r micro.Request) { _ = r.RespondJSON(a.health()) })
	err = a.service.AddEndpoint("health", health, micro.WithEndpointSubject(schema.AlerterHealthSubject), micro.WithEndpointQueueGroupDisabled())
	if err != nil {
		return fmt.Errorf("offer the alerter's NATS service: %w", err)
	}
	return nil
}

// health is how the alerter does now.
func (a *App) health() schema.AlerterHealth {
	h := schema.AlerterHealth{State: schema.AlerterRunning, LastEvaluationAgeMS: -1}
	a.healthOfRules(&h)
	a.healthOfAlerts(&h)
	l := a.ledger.Health()
	if l.Error != nil {
		h.LedgerError = l.Error.Error()
	}
	a.mu.Lock()
	if a.configError != nil {
		h.ConfigError = a.configError.Error()
	}
	a.mu.Unlock()
	if l.Degraded || l.Error != nil || h.EvaluationError != "" || h.ConfigError != "" || h.NoticesFailing > 0 {
		h.State = schema.AlerterDegraded
	}
	return h
}

func (a *App) healthOfRules(h *schema.AlerterHealth) {
	var last, failed time.Time
	for _, g := range a.evaluator.Status() {
		h.Groups++
		h.Rules += uint64(len(g.Rules))
		if g.Last.After(last) {
			last = g.Last
		}
		for _, r := range g.Rules {
			if r.Err != nil && r.Last.After(failed) {
				failed = r.Last
				h.EvaluationError = fmt.Sprintf("rule %s of group %s: %v", r.Name, g.Name, r.Err)
			}
		}
	}
	if !last.IsZero() {
		h.LastEvaluationAgeMS = max(time.Since(last).Milliseconds(), 0)
	}
	h.MissedEvaluations = a.meter.missed.Get()
}

func (a *App) healthOfAlerts(h *schema.AlerterHealth) {
	owed := a.deliverer.Health()
	h.NoticesOwed, h.NoticesFailing = uint64(owed.Owed), uint64(len(owed.Failing))
	a.ledger.Read(func(s *alert.State) {
		firing, pending := activeAlerts(s)
		h.Firing, h.Pending = uint64(firing), uint64(pending)
		var latest time.Time
		for _, key := range owed.Failing {
			if n := s.Notices[key]; n != nil && n.NextAttempt.After(latest) {
				latest = n.NextAttempt
				h.NoticeError, h.NoticeReceiver = n.LastError, n.Key.Receiver
			}
		}
	})
}

func activeAlerts(s *alert.State) (firing, pending int) {
	for _, alerts := range s.ByRule {
		for _, a := range alerts {
			if a.Status == alert.Firing {
				firing++
			} else {
				pending++
			}
		}
	}
	return firing, pending
}

// hears reports whether what sources say arrives: all on its way worked just now.
func (a *App) hears() bool {
	up := a.watched.Up()
	return up[components.Ingest] && up[components.Journal] && up[components.Aggregator] && up[components.Store]
}

// checkComponents asks weir's parts how they do.
func (a *App) checkComponents(ctx context.Context) map[string]bool {
	var (
		wait       sync.WaitGroup
		ingest     schema.IngestHealth
		aggregator schema.AggregatorHealth
		noIngest   error
		noFold     error
		noJournal  error
	)
	wait.Go(func() { ingest, noIngest = a.client.IngestHealth(ctx) })
	wait.Go(func() { aggregator, noFold = a.client.AggregatorHealth(ctx) })
	wait.Go(func() { noJournal = a.client.CheckJournal(ctx) })
	wait.Wait()
	up := map[string]bool{
		components.Ingest:     noIngest == nil,
		components.Aggregator: noFold == nil,
		components.Journal:    noJournal == nil && ingest.JournalError == "" && aggregator.JournalError == "",
		components.Alerter:    !a.ledger.Health().Degraded,
	}
	if noFold == nil { // without the aggregator nothing is known of its store
		up[components.Store] = aggregator.StoreError == ""
	}
	return up
}
