package profile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	for _, n := range Table {
		text, err := json.Marshal(n.Profile)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s\n%s\n", n.Name, n.Title, text)
		if err := n.Profile.Validate(); err != nil {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
	golden.Check(t, "table.txt", b.String())
}

func TestChoose(t *testing.T) {
	with := func(name string, change func(*Profile)) Profile {
		p, ok := ByName(name)
		if !ok {
			t.Fatalf("no profile %s", name)
		}
		change(&p)
		return p
	}
	same := func(*Profile) {}
	seconds := func(n float64) func(*Profile) {
		return func(p *Profile) { p.Interval = time.Duration(n * float64(time.Second)) }
	}
	tests := []struct {
		name   string
		choice Choice
		want   Profile
	}{
		{"a task gets the standard profile", Choice{}, with(Standard, same)},
		{"a daemon gets the one for daemons", Choice{Daemon: true}, with(Daemon, same)},
		{"a name goes before the automatic choice", Choice{Name: "minimal", Daemon: true}, with(Minimal, same)},
		{"a name may be the document's heading", Choice{Name: "Real-time API"}, with(API, same)},
		{"a heading may have other blanks", Choice{Name: " long_running_daemon "}, with(Daemon, same)},
		{"a full profile replaces everything", Choice{JSON: []byte(`{"enabled":true,"interval":5,"collect_cpu":true,"collect_memory":true,"collect_disk_io":false,"collect_network_io":true,"collect_threads":true,"collect_file_descriptors":true,"export_to_mqtt":true,"retain_history":true,"history_size":500}`)}, with(API, same)},
		{"a partial one overlays the automatic one", Choice{JSON: []byte(`{"enabled":true,"interval":5,"export_to_mqtt":true}`)}, with(Standard, seconds(5))},
		{"a partial one of a daemon overlays the daemons'", Choice{Daemon: true, JSON: []byte(`{"interval":5}`)}, with(Daemon, seconds(5))},
		{"a partial one overlays the one that is named", Choice{Name: "batch", JSON: []byte(`{"history_size":7}`)}, with(Batch, func(p *Profile) { p.HistorySize = 7 })},
		{"a large interval is nanoseconds", Choice{JSON: []byte(`{"interval":2000000000}`)}, with(Standard, seconds(2))},
		{"the smallest number of nanoseconds is too short, the next unit is not", Choice{JSON: []byte(`{"interval":10000000}`)}, with(Standard, seconds(0.01))},
		{"an interval may be a part of a second", Choice{JSON: []byte(`{"interval":0.5}`)}, with(Standard, seconds(0.5))},
		{"an interval may be a duration", Choice{JSON: []byte(`{"interval":"1m30s"}`)}, with(Standard, seconds(90))},
		{"null is not given", Choice{JSON: []byte(`{"interval":null,"enabled":null}`)}, with(Standard, same)},
		{"a task has it under the code's key", Choice{JSON: []byte(`{"id":"x","monitoring_profile":{"collect_cpu":false}}`)}, with(Standard, func(p *Profile) { p.CollectCPU = false })},
		{"a task has it under the document's key", Choice{JSON: []byte(`{"id":"x","functionName":"f","monitoringProfile":{"collect_cpu":false}}`)}, with(Standard, func(p *Profile) { p.CollectCPU = false })},
		{"a task may be a daemon", Choice{JSON: []byte(`{"id":"x","daemon":true}`)}, with(Daemon, same)},
		{"a task's null is no profile", Choice{JSON: []byte(`{"id":"x","monitoring_profile":null}`)}, with(Standard, same)},
		{"a task may switch it off", Choice{JSON: []byte(`{"monitoringProfile":{"enabled":false}}`)}, with(Standard, func(p *Profile) { p.Enabled = false })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Choose(tt.choice)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("profile (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChooseFails(t *testing.T) {
	tests := []struct {
		name   string
		choice Choice
		want   string
	}{
		{"an unknown name", Choice{Name: "fast"}, `there is no monitoring profile "fast": expected one of standard, minimal, intensive, batch, api, daemon, disabled`},
		{"no JSON", Choice{JSON: []byte("fast")}, "read the monitoring profile: it is no JSON object"},
		{"a list", Choice{JSON: []byte("[]")}, "it is no JSON object"},
		{"null", Choice{JSON: []byte("null")}, "it is null"},
		{"two objects", Choice{JSON: []byte("{}{}")}, "something follows the JSON object"},
		{"a mistyped field", Choice{JSON: []byte(`{"colect_cpu":true}`)}, `"colect_cpu" is no field of a monitoring profile`},
		{"a flag that is a number", Choice{JSON: []byte(`{"enabled":1}`)}, "enabled is 1: expected true or false"},
		{"an interval of none", Choice{JSON: []byte(`{"interval":0}`)}, "interval is 0s: expected 10ms to 24h0m0s"},
		{"an interval before now", Choice{JSON: []byte(`{"interval":-5}`)}, "interval is -5s"},
		{"an endless interval", Choice{JSON: []byte(`{"interval":1e300}`)}, "interval is 1e300: expected 24h0m0s at most"},
		{"an interval in words", Choice{JSON: []byte(`{"interval":"often"}`)}, `interval is "often": expected seconds, nanoseconds or a duration`},
		{"an interval that is true", Choice{JSON: []byte(`{"interval":true}`)}, "interval is true: expected seconds"},
		{"half a sample", Choice{JSON: []byte(`{"history_size":0.5}`)}, "history_size is 0.5: expected a number of samples"},
		{"less than no samples", Choice{JSON: []byte(`{"history_size":-1}`)}, "history_size is -1: expected 0 to 1000000"},
		{"both keys", Choice{JSON: []byte(`{"monitoring_profile":{},"monitoringProfile":{}}`)}, "it has both monitoring_profile and monitoringProfile"},
		{"a profile that is a text", Choice{JSON: []byte(`{"monitoring_profile":"minimal"}`)}, "read the task's monitoring_profile: it is no JSON object"},
		{"a daemon that is a text", Choice{JSON: []byte(`{"daemon":"yes"}`)}, `daemon is "yes": expected true or false`},
		{"all faults are said", Choice{JSON: []byte(`{"enabled":1,"interval":true}`)}, "expected true or false\ninterval is true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Choose(tt.choice)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
