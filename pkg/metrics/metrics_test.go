package metrics_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/pkg/metrics"
)

func TestASetIsWrittenByNameWithHelpAndType(t *testing.T) {
	s := metrics.NewSet(
		metrics.Desc{Name: "weir_queue_events", Type: metrics.Gauge, Help: "Events in the queue."},
		metrics.Desc{Name: "weir_events_total", Type: metrics.Counter, Help: "Events seen."},
	)
	s.Gauge("weir_queue_events", func() float64 { return 7 })
	s.Counter("weir_events_total", metrics.L("client", `a"b\c`)).Add(3)
	s.Counter("weir_events_total", metrics.L("client", "d"), metrics.L("qos", "1")).Inc()
	var b bytes.Buffer
	s.Write(&b)
	want := `# HELP weir_events_total Events seen.
# TYPE weir_events_total counter
weir_events_total{client="a\"b\\c"} 3
weir_events_total{client="d",qos="1"} 1
# HELP weir_queue_events Events in the queue.
# TYPE weir_queue_events gauge
weir_queue_events 7
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("exposition differs (-want +got):\n%s", diff)
	}
}

func TestSummariesAndProcessMetricsPassPrometheusLint(t *testing.T) {
	s := metrics.NewSet(metrics.Desc{Name: "weir_commit_seconds", Type: metrics.Summary, Help: "Duration of a commit."})
	s.Summary("weir_commit_seconds").Update(0.25)
	var b bytes.Buffer
	s.Write(&b)
	metrics.WriteProcess(&b)
	for _, name := range []string{"weir_commit_seconds_count 1", "process_cpu_seconds_total ", "go_goroutines "} {
		if !strings.Contains(b.String(), name) {
			t.Errorf("%q is missing in\n%s", name, b.String())
		}
	}
	problems, err := promlint.New(&b).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestAnUndeclaredMetricPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	metrics.NewSet().Counter("weir_unknown_total")
}
