package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/journal/natstest"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/alert/alerttest"
	"weir/services/alerter/internal/ledger"
)

// fleet returns the transitions with which the alerts of so many nodes begin to
// fire.
func fleet(nodes int, at time.Time) []alert.Event {
	all := make([]alert.Event, nodes)
	for i := range all {
		labels := model.LabelSet{"alertname": "SporeCpuHigh", "severity": "warning", "service": "factory", "subservice": "line1",
			"node_id": model.LabelValue(fmt.Sprintf("node-%05d", i)), "zone": model.LabelValue(fmt.Sprint("z", i%20))}
		a := alert.Alert{ID: alert.NewID("defaults;spore;SporeCpuHigh", labels, at), Rule: "defaults;spore;SporeCpuHigh", Labels: labels,
			Annotations: model.LabelSet{"summary": model.LabelValue(fmt.Sprintf("CPU of node-%05d is at 91.5 %%", i)), "description": "It was above 80 % for a minute."},
			Series:      labels, Status: alert.Firing, Value: 91.5, ActiveAt: at, FiredAt: at, GeneratorURL: "http://weir.example/graph?g0.expr=spore_cpu_percent+%3E+80&g0.tab=1"}
		all[i] = alert.Event{At: at, Transition: &alert.Transition{From: alert.Inactive, Alert: a}}
	}
	return all
}

// BenchmarkAppend stores the transitions of 10,000 alerts at once.
func BenchmarkAppend(b *testing.B) {
	l, err := ledger.Open(b.Context(), natstest.Connect(b, natstest.Run(b)), ledger.Config{SnapshotBytes: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		events := fleet(10_000, alerttest.Began.Add(time.Duration(i)*time.Second))
		b.StartTimer()
		if err := l.Append(b.Context(), events...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
	}
	_ = l.Close(b.Context())
}

// BenchmarkOpen opens a ledger with 10,000 alerts that fire, and as many events of
// history, from events and from a snapshot.
func BenchmarkOpen(b *testing.B) {
	for name, messages := range map[string]int{"events": 1 << 20, "snapshot": 1} {
		b.Run(name, func(b *testing.B) {
			nc := natstest.Connect(b, natstest.Run(b))
			l, err := ledger.Open(b.Context(), nc, ledger.Config{SnapshotMessages: messages})
			if err != nil {
				b.Fatal(err)
			}
			if err := l.Append(b.Context(), fleet(10_000, alerttest.Began)...); err != nil {
				b.Fatal(err)
			}
			if err := l.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				l, err := ledger.Open(b.Context(), nc, ledger.Config{SnapshotMessages: 1 << 20})
				if err != nil {
					b.Fatal(err)
				}
				if err := l.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSnapshot writes a snapshot of 10,000 alerts and as many events of
// history with each append.
func BenchmarkSnapshot(b *testing.B) {
	l, err := ledger.Open(b.Context(), natstest.Connect(b, natstest.Run(b)), ledger.Config{SnapshotMessages: 1})
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Append(b.Context(), fleet(10_000, alerttest.Began)...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := l.Append(b.Context(), silence("s")); err != nil {
			b.Fatal(err)
		}
	}
	_ = l.Close(b.Context())
}
