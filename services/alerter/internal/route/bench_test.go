package route

import (
	"fmt"
	"strings"
	"testing"

	"weir/services/alerter/internal/alert"
)

// many makes a world in which 10,000 alerts fire.
func many(b *testing.B, groupBy string) *world {
	w := newWorld(b, strings.Replace(anything, "group_by: [alertname]", "group_by: "+groupBy, 1), Options{FallbackReceiver: "fallback"})
	for i := range 10_000 {
		w.fire(fmt.Sprintf("A%d service=fleet subservice=/ instance=node-%05d zone=%d severity=warning", i%20, i, 4+i%7))
	}
	for i := range 20 {
		w.silence(fmt.Sprint(i), fmt.Sprintf("Z%d", i), 0, 3600*sec)
	}
	return w
}

// BenchmarkPlan is one plan over 10,000 alerts that fire, after one event each
// time: the first tells of them all, the others find nothing new.
func BenchmarkPlan(b *testing.B) {
	for _, groupBy := range []string{"[alertname]", "[]", "['...']"} {
		b.Run("nothing new, group_by "+groupBy, func(b *testing.B) {
			w := many(b, groupBy).at(60 * sec)
			for _, d := range w.plan().Due {
				w.send(d)
			}
			for b.Loop() {
				w.state.Apply(alert.Event{Rule: &alert.RuleChange{Name: "x", Deleted: true}})
				if p := w.plan(); len(p.Due) != 0 {
					b.Fatal(len(p.Due))
				}
			}
		})
		b.Run("all due, group_by "+groupBy, func(b *testing.B) {
			w := many(b, groupBy).at(60 * sec)
			for b.Loop() {
				w.state.Apply(alert.Event{Rule: &alert.RuleChange{Name: "x", Deleted: true}})
				if p := w.plan(); len(p.Due) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
	b.Run("the first of a process", func(b *testing.B) {
		w := many(b, "[alertname]").at(60 * sec)
		for b.Loop() {
			w.router.known = newKnown()
			w.plan()
		}
	})
}
