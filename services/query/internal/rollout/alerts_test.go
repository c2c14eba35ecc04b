package rollout_test

import (
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/rollout"
)

// firing is an alert that began to fire n times ten seconds after the start.
// labels are names and values in turns.
func firing(n int, labels ...string) schema.AlertTransition {
	a := schema.AlertTransition{At: start + int64(n)*10*second, To: "firing", Labels: map[string]string{"alertname": "Hot"}}
	for i := 0; i < len(labels); i += 2 {
		a.Labels[labels[i]] = labels[i+1]
	}
	return a
}

func TestAlertsOfVersionsAndChanges(t *testing.T) {
	golden.JSON(t, "alerts.json", report(func(f *rollout.Fleet) {
		updated(f) // a: 1.9.0 from 0, 1.10.0 from 3; b: 1.9.0 from 0, 1.10.0 from 2, 1.9.0 from 4; c: 1.9.0
		f.AddAlerts([]schema.AlertTransition{
			firing(1, "node", "a", "version", "1.9.0", "service", "factory", "subservice", "line1"),
			firing(4, "node", "a", "version", "1.10.0", "service", "factory"),
			firing(9, "node", "a", "version", "1.10.0"),
			firing(5, "node", "b", "version", "1.9.0"),  // the second time
			firing(3, "node", "b", "version", "1.9.0"),  // the first time: its condition held on
			firing(2, "node", "b"),                      // what it ran then: 1.10.0
			firing(-5, "node", "c", "version", "1.9.0"), // before the first reading
			firing(1, "node", "c", "version", "2.0.0"),  // never seen
			firing(1, "node", "nobody", "version", "1.9.0"),
			firing(1, "node", "a", "version", "1.9.0", "service", "greenhouse"),
			firing(1, "node", "a", "version", "1.9.0", "service", ""),
			firing(1, "version", "1.9.0"),
		})
	}))
}

// Two nodes of one name are told apart by the alert's tenant; an alert without
// one is of both.
func TestAlertsOfTwoTenants(t *testing.T) {
	golden.JSON(t, "alerts-tenants.json", report(func(f *rollout.Fleet) {
		for _, subservice := range []string{"line1", "line2"} {
			l := labelsOf(cpu, "a", subservice)
			l[3].Value = subservice
			f.Add(l, every(0, 1), []float64{1})
		}
		f.AddAlerts([]schema.AlertTransition{
			firing(1, "node", "a", "service", "factory", "subservice", "line2"),
			firing(1, "node", "a", "subservice", "line2", "version", "line2"),
			firing(1, "node", "a"),
		})
	}))
}
