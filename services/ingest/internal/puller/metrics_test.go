package puller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/services/ingest/internal/pull"
)

func TestMetrics(t *testing.T) {
	m := pull.NewMeter(nil)
	for _, o := range []pull.Outcome{
		{Kind: pull.KindScrape, Target: "a", Duration: 1500 * time.Millisecond, Samples: 7},
		{Kind: pull.KindScrape, Target: "b", Err: errors.New("down")},
		{Kind: pull.KindDataNode, Target: "c", Limited: true},
	} {
		m.Done(o)
	}
	m.Reloaded(errors.New("bad"))
	var b strings.Builder
	NewMetrics(m).Write(&b)
	text := b.String()
	for _, want := range []string{
		`weir_pull_total{kind="scrape"} 2`, `weir_pull_failures_total{kind="scrape"} 1`, `weir_pull_rate_limited_total{kind="datamgmt"} 1`,
		`weir_pull_seconds_total{kind="scrape"} 1.5`, `weir_pull_samples_total 7`, `weir_pull_targets{kind="scrape"} 2`,
		`weir_pull_targets_down{kind="scrape"} 1`, `weir_pull_targets_down{kind="datamgmt"} 0`, `weir_pull_total{kind="probe"} 0`,
		`weir_sources_reload_failed 1`, `weir_sources_reload_errors_total 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
