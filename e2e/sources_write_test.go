package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// foreignPrometheus is a Prometheus that scrapes itself and writes remotely.
type foreignPrometheus struct {
	addr string
	log  *lockedBuffer
}

var listeningOn = regexp.MustCompile(`msg="?Listening on"? address=(127\.0\.0\.1:\d+)`)

// startPrometheus starts Debian's Prometheus. Its own address is its only target.
func startPrometheus(t testing.TB, binary, writeURL string) foreignPrometheus {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 250ms, scrape_timeout: 250ms, external_labels: {site: lab}}
scrape_configs:
  - job_name: prometheus
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
remote_write:
  - url: %s
    queue_config: {batch_send_deadline: 100ms, min_backoff: 30ms, max_backoff: 200ms}
    metadata_config: {send_interval: 500ms}
`, writeURL)
	replace(t, filepath.Join(dir, "prometheus.yml"), config)
	cmd := exec.Command(binary, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", "127.0.0.1:0", "--log.format", "logfmt")
	f := foreignPrometheus{log: &lockedBuffer{}}
	cmd.Stdout, cmd.Stderr = f.log, f.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus printed:\n%s", f.log)
		}
	})
	eventually(t, "Prometheus serves", func() error {
		found := listeningOn.FindStringSubmatch(f.log.String())
		if found == nil {
			return fmt.Errorf("it has not said where")
		}
		f.addr = found[1]
		return nil
	})
	replace(t, filepath.Join(dir, "targets.json"), fmt.Sprintf(`[{"targets":[%q]}]`, f.addr))
	return f
}

// samplesUntil returns the samples of the ten minutes until a time of all series of
// Prometheus' job at an address, by their labels but the tenant's and the site.
func samplesUntil(t testing.TB, addr string, at time.Time) map[string][]promSample {
	t.Helper()
	var got struct {
		Data struct{ Result []promSeries }
	}
	a := request(t, "GET", addr, instantPath(`{job="prometheus"}[10m]`, at))
	if err := json.Unmarshal(a.Body, &got); err != nil || a.Status != 200 {
		t.Fatalf("%s: %d %s, %v", addr, a.Status, a.Body, err)
	}
	all := map[string][]promSample{}
	for _, s := range got.Data.Result {
		var labels []string
		for name, value := range s.Metric {
			if name != "site" && name != "service" && name != "subservice" {
				labels = append(labels, name+"="+value)
			}
		}
		slices.Sort(labels)
		all[strings.Join(labels, " ")] = s.Values
	}
	return all
}

// A Prometheus writes remotely through a kill of ours: afterwards both have the
// same samples.
func TestAPrometheusThatWritesRemotely(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("this takes a Prometheus to write: Debian's package prometheus is not installed")
	}
	dir := t.TempDir()
	p := start(t, dir)
	way := startHollow(t, p.Intake)
	prometheus := startPrometheus(t, binary, "http://"+way.Addr().String()+"/api/v1/write?service=infra&subservice=prometheus")
	const scrapes = `count_over_time(up{job="prometheus",service="infra",subservice="prometheus",site="lab"}[10m])`
	p.beyond(scrapes, 5)
	way.server.set("")
	p.kill()
	p = start(t, dir)
	way.server.set(p.Intake)
	p.beyond(scrapes, 15)

	// The histories up to a time are the same, once everything has come. That is so
	// for Prometheus' own, too: a scrape has the time at which it began.
	until := time.Now()
	var want map[string][]promSample
	eventually(t, "weir has what Prometheus has", func() error {
		want = samplesUntil(t, prometheus.addr, until)
		got := samplesUntil(t, p.Internal, until)
		for labels, samples := range want {
			if diff := cmp.Diff(samples, got[labels]); diff != "" {
				return fmt.Errorf("%s (-Prometheus +weir)\n%s", labels, diff)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d series, Prometheus has %d", len(got), len(want))
		}
		return nil
	})
	if len(want) < 300 {
		t.Errorf("Prometheus has %d series of itself", len(want))
	}
	n := 0
	for _, samples := range want {
		n += len(samples)
	}
	t.Logf("%d series of %d samples are the same", len(want), n)
	if acc := p.settled(1); acc.Sum.Rejected > 0 {
		t.Errorf("the books: %+v", acc.Sum)
	}
}
