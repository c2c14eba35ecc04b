package ingest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/pkg/golden"
	"weir/services/ingest"
)

// plant is a sources file with mappings.
const plant = `topic_mappings:
  api_keys: {k-1: factory/hall}
  mappings:
    - match: plant/{service}/{line}/{device}/state
      subservice: hall
      labels: {line: "{line}"}
      values: {on: 1, off: 0}
      unit: celsius
      expected_interval: 1m
scrape_configs:
  - job_name: boards
    service: factory
    subservice: hall
    static_configs: [{targets: ["10.0.0.7:80"]}]
`

func sourcesFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sources.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMapTest(t *testing.T) {
	file := sourcesFile(t, plant)
	var out strings.Builder
	for _, c := range []struct{ name, file, topic, payload string }{
		{"a mapped topic", file, "plant/factory/l1/d1/state", `{"temp":21.5,"pump":"on","in":{"h":40},"mode":"auto"}`},
		{"a payload that is none", file, "plant/factory/l1/d1/state", `{"temp":`},
		{"a topic that names no tenant", file, "plant/a b/l1/d1/state", `{}`},
		{"an agent with a known key", file, "/ul/k-1/d1/attrs", "t|21.5|h|40"},
		{"one without a file", "", "/ul/k-1/d1/attrs", "t|21.5|h|40"},
		{"any JSON", "", "j/factory/hall/d1/env", `[{"t":1,"time":"2026-01-02T03:04:05Z"},{"t":2}]`},
		{"a topic that nothing is for", file, "plant/d1", "1"},
		{"a SPORE node", file, "spore/factory/hall/n1/resources", `{"hostname":"n1","labels":{"zone":"a"},"cpu":{"usage_percent":42},"memory":{"free_bytes":10}}`},
		{"a heartbeat", file, "m/factory/c/hall/control/proplet/alive", `{"proplet_id":"p1","status":"alive"}`},
		{"a task with a bad number", file, "m/factory/c/hall/control/proplet/task_metrics", `{"task_id":"t","proplet_id":"p","metrics":{"cpu_percent":"NaN"}}`},
		{"text", file, "expo/factory/hall/b1/metrics", "# TYPE a counter\na{core=\"0\"} 1\n"},
		{"nearly a proplet's topic", file, "m//c/hall/control/proplet/alive", `{}`},
	} {
		out.WriteString("== " + c.name + "\n")
		if err := ingest.MapTest(c.file, c.topic, c.payload, &out); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		out.WriteByte('\n')
	}
	golden.Check(t, "map-test.golden", out.String())
}

func TestWhatCannotBeTried(t *testing.T) {
	bad := sourcesFile(t, "topic_mappings:\n- match: plant/{device}\n  payload: xml\n")
	for _, c := range []struct{ name, file, topic, want string }{
		{"a topic with a wildcard", "", "plant/+/x", `"plant/+/x" is no topic of a message`},
		{"no topic", "", "", `"" is no topic of a message`},
		{"a file that is not there", "/nowhere/sources.yaml", "plant/x", "read the sources file"},
		{"a file with a fault", bad, "plant/x", `line 3: topic_mappings: payload: it is "xml"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := ingest.MapTest(c.file, c.topic, "", new(strings.Builder)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestCheckSources(t *testing.T) {
	path := sourcesFile(t, plant+"remote_write: {service: factory, subservice: all}\n")
	var out strings.Builder
	if err := ingest.CheckSources(path, &out); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "check-sources.golden", strings.Replace(out.String(), filepath.Dir(path), "DIR", 1))

	if err := ingest.CheckSources("../../deployments/sources.example.yaml", &out); err != nil {
		t.Errorf("the example: %v", err)
	}
	bad := sourcesFile(t, "scrape_configs:\n- job_name: a\n  relabel_configs: []\ntopic_mappings:\n- match: plant/#/x\n- match: ok/{device}\n  service: a\n  expected_interval: soon\n")
	err := ingest.CheckSources(bad, &out)
	if err == nil {
		t.Fatal("taken")
	}
	golden.Check(t, "check-sources-bad.golden", strings.Replace(err.Error(), filepath.Dir(bad), "DIR", 1)+"\n")
}
