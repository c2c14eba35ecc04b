package fleet

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/simulate/internal/scene"
	"weir/pkg/schema"
)

// condition is one of the shipped rules, as far as a fleet can bring it about:
// its expression, which the shipped file must have, and how it is seen here.
type condition struct {
	alert, expr string
	holds       time.Duration // its for
	field       schema.Field
	met         func(v float64) bool
}

var conditions = []condition{
	{"SporeHighCPU", "spore_node_cpu_usage_percent > 80", 5 * time.Minute, schema.SporeCPUUsagePercent, func(v float64) bool { return v > 80 }},
	{"SporeHighMemory", "spore_node_memory_usage_percent > 90", 5 * time.Minute, schema.SporeMemoryUsagePercent, func(v float64) bool { return v > 90 }},
	{"SporeHighFlash", "spore_node_flash_usage_percent > 95", 5 * time.Minute, schema.SporeFlashUsagePercent, func(v float64) bool { return v > 95 }},
	{"SporeWeakSignal", "spore_node_network_signal_quality_percent < 30", 5 * time.Minute, schema.SporeNetworkSignalPercent, func(v float64) bool { return v < 30 }},
	{"DataMgmtFewHealthyPeers", "datamgmt_healthy_peers < 3", 5 * time.Minute, schema.DataNodeHealthyPeers, func(v float64) bool { return v < 3 }},
	{"DataMgmtFewPeers", "datamgmt_total_peers < 5", 5 * time.Minute, schema.DataNodeTotalPeers, func(v float64) bool { return v < 5 }},
}

// The rules about silence, with how long it takes here.
const (
	offlineAfter = 10 * time.Second
	missingAfter = 60 * time.Second // a field: the floor and the rule's for
)

// silentAfter is 2.5 of the device's intervals, but stale_floor at the least,
// and the rule's for.
func silentAfter(d *Device) time.Duration {
	return max(d.beats[0].every*5/2, 30*time.Second) + 10*time.Second
}

// watcher sees what a device's messages make of the rules.
type watcher struct {
	since   map[string]time.Duration // by alert: met since then
	heard   time.Duration            // the last message that reached the broker
	offline time.Duration            // the connection is gone since then; 0 while it is there
	heat    time.Duration            // the last temperature
	fired   map[string][]time.Duration
}

func (w *watcher) fire(alert string, at time.Duration) { w.fired[alert] = append(w.fired[alert], at) }

func (w *watcher) see(t *testing.T, d *Device, at time.Duration, turn Turn) {
	switch {
	case turn.Online:
		w.offline = 0
	case w.offline == 0:
		w.offline = at
	}
	if w.offline > 0 && at-w.offline >= offlineAfter && d.Will != nil {
		w.fire("PropletOffline", at)
	}
	if d.Will == nil && w.heard > 0 && at-w.heard >= silentAfter(d) {
		w.fire("SourceSilent", at)
	}
	if !turn.Online {
		return
	}
	for _, m := range turn.Messages {
		w.message(t, d, at, m)
	}
}

func (w *watcher) message(t *testing.T, d *Device, at time.Duration, m Message) {
	readings, rejection := see(t, d, m)
	if rejection != nil {
		w.fire("DeadLetters", at)
		return
	}
	w.heard = at
	for _, r := range readings {
		for _, c := range conditions {
			v, ok := valueOf(r, c.field)
			switch {
			case !ok:
			case !c.met(v):
				delete(w.since, c.alert)
			case w.since[c.alert] == 0:
				w.since[c.alert] = at
			case at-w.since[c.alert] >= c.holds:
				w.fire(c.alert, at)
			}
		}
		if _, ok := valueOf(r, schema.SporeCPUTemperatureC); ok {
			w.heat = at
		} else if m.Kind == KindNode && w.heat > 0 && at-w.heat >= missingAfter {
			w.fire("SourceFieldSilent", at)
		}
	}
}

func valueOf(r schema.Reading, f schema.Field) (float64, bool) {
	i := slices.IndexFunc(r.Fields, func(v schema.FieldValue) bool { return v.Field == f })
	if i < 0 {
		return 0, false
	}
	return r.Fields[i].Value, true
}

// TestScenesMakeTheShippedAlertsFireAndRecover plays each scene as the command
// does by default, looks at the messages as the shipped rules do, and compares.
func TestScenesMakeTheShippedAlertsFireAndRecover(t *testing.T) {
	const after, length, rest = time.Minute, 7 * time.Minute, 5 * time.Minute
	for _, s := range scene.All {
		t.Run(string(s.Name), func(t *testing.T) {
			t.Parallel()
			c := config()
			c.Plan = scene.Plan{Scenes: []scene.Name{s.Name}, After: after, For: length, Every: length + rest}
			fired := map[string][]time.Duration{}
			watchers := map[*Device]*watcher{}
			play(New(c), after+length+rest, func(d *Device, at time.Duration, turn Turn) {
				w := watchers[d]
				if w == nil {
					w = &watcher{since: map[string]time.Duration{}, fired: fired}
					watchers[d] = w
				}
				w.see(t, d, at, turn)
			})
			var alerts []string
			for alert, times := range fired {
				alerts = append(alerts, alert)
				if first, last := slices.Min(times), slices.Max(times); first < after || last > after+length+20*time.Second {
					t.Errorf("%s fires from %v to %v: the scene lasts from %v to %v", alert, first, last, after, after+length)
				}
			}
			slices.Sort(alerts)
			want := slices.Sorted(slices.Values(s.Alerts))
			if diff := cmp.Diff(want, alerts); diff != "" {
				t.Errorf("alerts (-those of the scene +those that fire):\n%s", diff)
			}
		})
	}
}

func TestTheRulesAreThoseThatAreShipped(t *testing.T) {
	shipped, err := os.ReadFile("../../../../services/alerter/internal/rule/defaults.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conditions {
		want := "- alert: " + c.alert + "\n        expr: " + c.expr + "\n        for: 5m\n"
		if !strings.Contains(string(shipped), want) {
			t.Errorf("the shipped rules have not:\n%s", want)
		}
	}
	for _, s := range scene.All {
		for _, alert := range s.Alerts {
			if !strings.Contains(string(shipped), "- alert: "+alert+"\n") {
				t.Errorf("%s names the alert %s, which is not shipped", s.Name, alert)
			}
		}
	}
}
