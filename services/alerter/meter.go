package alerter

import (
	"weir/pkg/metrics"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
)

// meter has the alerter's own metrics.
type meter struct {
	set      *metrics.Set
	rules    *metrics.CounterSeries
	failures *metrics.CounterSeries
	missed   *metrics.CounterSeries
	seconds  *metrics.SummarySeries
	reloaded *metrics.CounterSeries
	refused  *metrics.CounterSeries
}

func newMeter(a *App) *meter {
	set := metrics.NewSet(
		metrics.Desc{Name: "weir_alerter_rule_evaluations_total", Type: metrics.Counter, Help: "Evaluations of rules."},
		metrics.Desc{Name: "weir_alerter_rule_evaluation_failures_total", Type: metrics.Counter, Help: "Evaluations of rules that failed; the alerts stay as they are."},
		metrics.Desc{Name: "weir_alerter_group_evaluations_missed_total", Type: metrics.Counter, Help: "Evaluations of groups that were left out since others took too long."},
		metrics.Desc{Name: "weir_alerter_group_evaluation_seconds", Type: metrics.Summary, Help: "Time that the evaluation of a group takes."},
		metrics.Desc{Name: "weir_alerter_rule_groups", Type: metrics.Gauge, Help: "Groups of rules that are evaluated."},
		metrics.Desc{Name: "weir_alerter_alerts", Type: metrics.Gauge, Help: "Alerts that are pending or firing, by state."},
		metrics.Desc{Name: "weir_alerter_transitions_total", Type: metrics.Counter, Help: "Changes of alerts, by the state that they came to."},
		metrics.Desc{Name: "weir_alerter_notices_total", Type: metrics.Counter, Help: "Attempts to tell receivers, by receiver, integration and outcome."},
		metrics.Desc{Name: "weir_alerter_notices_owed", Type: metrics.Gauge, Help: "Notices that are due and not delivered."},
		metrics.Desc{Name: "weir_alerter_notice_groups_failing", Type: metrics.Gauge, Help: "Groups of alerts of which an integration could not be told at the last attempt."},
		metrics.Desc{Name: "weir_alerter_plan_seconds", Type: metrics.Gauge, Help: "Time that finding out what is due took the last time."},
		metrics.Desc{Name: "weir_alerter_ledger_position", Type: metrics.Gauge, Help: "Position of the last message in the alerts' stream."},
		metrics.Desc{Name: "weir_alerter_ledger_queue_bytes", Type: metrics.Gauge, Help: "Bytes of events that wait for the alerts' stream."},
		metrics.Desc{Name: "weir_alerter_ledger_degraded", Type: metrics.Gauge, Help: "1 while the alerter goes on although its events cannot be stored."},
		metrics.Desc{Name: "weir_alerter_reloads_total", Type: metrics.Counter, Help: "Times that rules and routes were read again, by whether they were taken."},
		metrics.Desc{Name: "weir_alerter_config_ok", Type: metrics.Gauge, Help: "0 while the files of rules and routes are in error, and what they said before holds."},
	)
	m := &meter{set: set,
		rules: set.Counter("weir_alerter_rule_evaluations_total"), failures: set.Counter("weir_alerter_rule_evaluation_failures_total"),
		missed: set.Counter("weir_alerter_group_evaluations_missed_total"), seconds: set.Summary("weir_alerter_group_evaluation_seconds"),
		reloaded: set.Counter("weir_alerter_reloads_total", metrics.L("taken", "true")),
		refused:  set.Counter("weir_alerter_reloads_total", metrics.L("taken", "false")),
	}
	m.watch(a)
	return m
}

// watch declares what is read off the alerter's parts, once they are there.
func (m *meter) watch(a *App) {
	gauge := func(name string, f func() float64, labels ...metrics.Label) {
		m.set.Gauge(name, func() float64 {
			if !a.running.Load() {
				return 0
			}
			return f()
		}, labels...)
	}
	gauge("weir_alerter_rule_groups", func() float64 { return float64(len(a.evaluator.Status())) })
	for _, state := range []alert.Status{alert.Firing, alert.Pending} {
		gauge("weir_alerter_alerts", func() (n float64) {
			a.ledger.Read(func(s *alert.State) {
				firing, pending := activeAlerts(s)
				n = float64(map[alert.Status]int{alert.Firing: firing, alert.Pending: pending}[state])
			})
			return n
		}, metrics.L("state", string(state)))
	}
	gauge("weir_alerter_notices_owed", func() float64 { return float64(a.deliverer.Health().Owed) })
	gauge("weir_alerter_notice_groups_failing", func() float64 { return float64(len(a.deliverer.Health().Failing)) })
	gauge("weir_alerter_plan_seconds", func() float64 { return a.deliverer.Health().Took.Seconds() })
	gauge("weir_alerter_ledger_position", func() float64 { return float64(a.ledger.Health().Position) })
	gauge("weir_alerter_ledger_queue_bytes", func() float64 { return float64(a.ledger.Health().Queued) })
	gauge("weir_alerter_ledger_degraded", func() float64 { return number(a.ledger.Health().Degraded) })
	gauge("weir_alerter_config_ok", func() float64 {
		a.mu.Lock()
		defer a.mu.Unlock()
		return number(a.configError == nil)
	})
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *meter) evaluated(e evaluate.Evaluation) {
	m.rules.Add(e.Rules)
	m.failures.Add(e.Failed)
	m.missed.Add(e.Missed)
	m.seconds.Update(e.Took.Seconds())
}

func (m *meter) transition(t *alert.Transition) {
	if t.From != t.Alert.Status {
		m.set.Counter("weir_alerter_transitions_total", metrics.L("to", string(t.Alert.Status))).Inc()
	}
}

func (m *meter) attempted(n *alert.Notice) {
	m.set.Counter("weir_alerter_notices_total", metrics.L("receiver", n.Receiver), metrics.L("integration", n.Integration),
		metrics.L("outcome", string(n.Outcome))).Inc()
}

func (m *meter) reloads(taken bool) {
	if taken {
		m.reloaded.Inc()
	} else {
		m.refused.Inc()
	}
}
