package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/devices/sinks"
	"weir/pkg/golden"
)

// hotRules has one alert that fires and resolves at once.
const hotRules = `groups:
  - name: nodes
    interval: 100ms
    rules:
      - alert: HotNode
        expr: spore_node_cpu_usage_percent > 80
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.node }} is at {{ $value }} %"
          description: "The CPU of {{ $labels.node }} is busy."
`

// write writes a file into a directory of the test's own and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func serveSink(t testing.TB, r *sinks.Recorder) string {
	t.Helper()
	s, err := sinks.Serve(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.URL
}

// spore publishes a reading of a SPORE node.
func (c client3) spore(node string, cpu float64) {
	c.t.Helper()
	c.publish("spore/factory/line1/"+node+"/resources", 1, fmt.Appendf(nil, `{"hostname":%q,"cpu":{"usage_percent":%g},"labels":{"version":"1.1.0"}}`, node, cpu))
}

// A device crosses a threshold: everybody is told in the vendor's own form. It
// recovers: everybody is told again.
func TestAThresholdThatADeviceCrossesReachesEveryReceiver(t *testing.T) {
	slack, pagerDuty, opsGenie, webhook := sinks.NewSlack(), sinks.NewPagerDuty(), sinks.NewOpsGenie(), sinks.NewWebhook()
	mails, err := sinks.NewMailServer(sinks.MailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mails.Close() })
	config := write(t, "alertmanager.yml", fmt.Sprintf(`
global:
  slack_api_url: %s/services/T/B/x
  smtp_smarthost: %s
  smtp_from: weir@example.org
  smtp_require_tls: false
  opsgenie_api_url: %s
  opsgenie_api_key: key
  pagerduty_url: %s/v2/enqueue
route:
  receiver: everybody
  group_by: [alertname, node]
  group_wait: 0s
  group_interval: 100ms
receivers:
  - name: everybody
    slack_configs: [{channel: '#weir', send_resolved: true}]
    email_configs: [{to: ops@example.org, send_resolved: true}]
    pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
    opsgenie_configs: [{}]
    webhook_configs: [{url: %s/hook}]
`, serveSink(t, slack), mails.Addr, serveSink(t, opsGenie), serveSink(t, pagerDuty), serveSink(t, webhook)))
	p := start(t, t.TempDir(), "--rules", write(t, "rules.yml", hotRules), "--default-rules=false",
		"--alertmanager-config", config, "--external-url", "https://weir.example.org")
	device := connect3(t, p.MQTT, "esp-1")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n, news := range []struct {
		name string
		cpu  float64
	}{{"firing", 95.5}, {"resolved", 20}} {
		device.spore("spore-a", news.cpu)
		for name, sink := range map[string]*sinks.Recorder{"slack": slack, "pagerduty": pagerDuty, "opsgenie": opsGenie, "webhook": webhook} {
			got, err := sink.Wait(ctx, sinks.AtLeast(n+1))
			if err != nil {
				t.Fatalf("%s, %s: %v", news.name, name, err)
			}
			golden.Check(t, "alerts/alert-"+name+"-"+news.name+".txt", readable(t, got[n]))
		}
		got, err := mails.Wait(ctx, n+1)
		if err != nil {
			t.Fatalf("%s, mail: %v", news.name, err)
		}
		if got[n].Fault != nil {
			t.Errorf("the mail cannot be read: %v", got[n].Fault)
		}
		golden.Check(t, "alerts/alert-mail-"+news.name+".txt", normal(got[n].Subject+"\n\n"+got[n].Text))
	}

	var history struct {
		Events []struct {
			Receiver, Integration, Outcome string
			Alerts                         []struct{ Status string }
		}
	}
	eventually(t, "the history has every notice", func() error {
		history.Events = nil
		p.getJSON("/api/alerts/history?kind=notice&limit=100", &history)
		sent := map[string]int{}
		for _, e := range history.Events {
			if e.Outcome == "sent" {
				sent[e.Integration]++
			}
		}
		for _, name := range []string{"slack[0]", "email[0]", "pagerduty[0]", "opsgenie[0]", "webhook[0]"} {
			if sent[name] != 2 {
				return fmt.Errorf("%s was sent %d notices: %v", name, sent[name], sent)
			}
		}
		return nil
	})
	for name, sink := range map[string]*sinks.Recorder{"slack": slack, "pagerduty": pagerDuty, "opsgenie": opsGenie, "webhook": webhook} {
		if n := len(sink.Requests()); n != 2 {
			t.Errorf("%s got %d requests, expected 2", name, n)
		}
	}
}

// readable writes a request as its golden file has it.
func readable(t testing.TB, r sinks.Request) string {
	t.Helper()
	var body any
	if err := r.JSON(&body); err != nil {
		t.Fatal(err)
	}
	pretty, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return normal(r.Method + " " + r.Path + "\n" + string(pretty) + "\n")
}

// What differs from run to run: times, ports, and ids made of times.
var changing = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))*`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDR"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`("ts": )\d+(\.\d+)?`), "${1}0"},
	{regexp.MustCompile(`/e2e-?[^ "]*rules\.yml|/tmp/[^ "]*rules\.yml`), "RULES"},
}

func normal(s string) string {
	for _, c := range changing {
		s = c.pattern.ReplaceAllString(s, c.text)
	}
	return s
}

// The rule file of DataMgmt's document is loaded as it stands, and fires.
func TestTheRuleFileOfDataMgmtFiresAsItStands(t *testing.T) {
	rules := write(t, "datamgmt.yml", `groups:
  - name: datamgmt
    rules:
      - alert: NodeUnhealthy
        expr: datamgmt_health_status != 1
        for: 5m
        labels:
          severity: critical
        annotations:
          summary: "DataMgmt node unhealthy"
      - alert: LowPeerCount
        expr: datamgmt_peers_connected < 3
        for: 10m
        labels:
          severity: warning
        annotations:
          summary: "Low peer count: {{ $value }}"
      - alert: HighErrorRate
        expr: rate(datamgmt_errors_total[5m]) > 0.1
        for: 5m
        labels:
          severity: warning
      - alert: BlockchainDisconnected
        expr: datamgmt_blockchain_connected == 0
        for: 2m
        labels:
          severity: critical
`)
	p := start(t, t.TempDir(), "--rules", rules, "--default-rules=false")
	device := connect3(t, p.MQTT, "data-1")
	device.publish("datamgmt/plant/hall/n1/health", 1, []byte(`{"status":"degraded","components":{"blockchain":"disconnected","p2p_network":"running","encryption":"initialized"},"version":"0.1.0"}`))
	device.publish("datamgmt/plant/hall/n1/health", 1, []byte(`{"status":"degraded","p2p":{"running":true,"peers":2}}`))
	var alerts struct {
		Data struct {
			Alerts []struct {
				Labels, Annotations map[string]string
				State               string
			}
		}
	}
	eventually(t, "its alerts are pending", func() error {
		alerts.Data.Alerts = nil
		p.getJSON("/api/v1/alerts?service=plant", &alerts)
		found := map[string]string{}
		for _, a := range alerts.Data.Alerts {
			found[a.Labels["alertname"]] = a.State + " " + a.Labels["node"] + " " + a.Annotations["summary"]
		}
		for name, want := range map[string]string{
			"NodeUnhealthy": "pending n1 DataMgmt node unhealthy", "LowPeerCount": "pending n1 Low peer count: 2", "BlockchainDisconnected": "pending n1 ",
		} {
			if found[name] != want {
				return fmt.Errorf("%s is %q, expected %q", name, found[name], want)
			}
		}
		return nil
	})
	if out, err := tool(t, "check-rules", rules); err != nil || !strings.Contains(out, "4 rules") {
		t.Errorf("check-rules: %v\n%s", err, out)
	}
}

// A bad rule file changes nothing and says where it is bad; a good one holds
// without a restart.
func TestRulesAreReadAgainWhenTheirFileChanges(t *testing.T) {
	rules := write(t, "rules.yml", hotRules)
	p := start(t, t.TempDir(), "--rules", rules, "--default-rules=false")
	names := func() string {
		var got struct {
			Data struct {
				Groups []struct{ Rules []struct{ Name string } }
			}
		}
		p.getJSON("/api/v1/rules", &got)
		var all []string
		for _, g := range got.Data.Groups {
			for _, r := range g.Rules {
				all = append(all, r.Name)
			}
		}
		return strings.Join(all, " ")
	}
	eventually(t, "the rules hold", func() error { return expect(names(), "HotNode") })
	replace(t, rules, strings.Replace(hotRules, "HotNode", "VeryHotNode", 1))
	eventually(t, "the new rules hold", func() error { return expect(names(), "VeryHotNode") })
	replace(t, rules, "groups:\n  - name: nodes\n    rules:\n      - alert: Bad\n        expr: sum(\n")
	a := request(t, "POST", p.Internal, "/-/reload")
	if a.Status != 500 || !strings.Contains(string(a.Body), "rules.yml") || !strings.Contains(string(a.Body), "5") {
		t.Errorf("a bad file: %d %s", a.Status, a.Body)
	}
	if err := expect(names(), "VeryHotNode"); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
}

func expect(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// A recording rule's result is history, like everything else.
func TestARecordingRuleWritesHistory(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "--default-rules=false", "--rules", write(t, "rules.yml", `groups:
  - name: means
    interval: 200ms
    rules:
      - record: version:spore_cpu:mean
        expr: avg by (version) (spore_node_cpu_usage_percent)
        labels: {of: nodes}
`))
	device := connect3(t, p.MQTT, "esp-1")
	device.spore("a", 10)
	device.spore("b", 30)
	eventually(t, "the mean is recorded", func() error {
		a := p.get("/api/v1/query?query=" + "version:spore_cpu:mean")
		var got struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  []any
				}
			}
		}
		if err := json.Unmarshal(a.Body, &got); err != nil {
			return err
		}
		if len(got.Data.Result) != 1 || got.Data.Result[0].Value[1] != "20" {
			return fmt.Errorf("%s", a.Body)
		}
		labels := fmt.Sprint(got.Data.Result[0].Metric)
		return expect(labels, "map[__name__:version:spore_cpu:mean of:nodes version:1.1.0]")
	})
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// A node that falls silent keeps its alert firing, and says so.
func TestASeriesThatVanishesResolvesNothing(t *testing.T) {
	p := start(t, t.TempDir(), "--rules", write(t, "rules.yml", hotRules), "--default-rules=false",
		"--stale-floor", "300ms", "--stale-ceiling", "300ms")
	device := connect3(t, p.MQTT, "esp-1")
	state := func() string {
		var got struct {
			Data struct {
				Groups []struct {
					Rules []struct {
						Alerts []struct {
							State  string
							NoData *time.Time `json:"noDataSince"`
						}
					}
				}
			}
		}
		p.getJSON("/api/v1/rules", &got)
		for _, g := range got.Data.Groups {
			for _, r := range g.Rules {
				for _, a := range r.Alerts {
					return fmt.Sprintf("%s, no data: %v", a.State, a.NoData != nil)
				}
			}
		}
		return "none"
	}
	silence := func() {}
	reach := func(want string, saying func()) {
		t.Helper()
		eventually(t, "the alert is "+want, func() error {
			saying() // again at each look: what is said holds for 300 ms, and no rule need be evaluated in these
			return expect(state(), want)
		})
	}
	reach("firing, no data: false", func() { device.spore("a", 95) })
	reach("firing, no data: true", silence)
	reach("firing, no data: false", func() { device.spore("a", 96) })
	reach("firing, no data: true", silence)
	reach("none", func() { device.spore("a", 20) })
	reach("firing, no data: false", func() { device.spore("a", 95) })
	reach("firing, no data: true", silence)
	// A new firmware: the node goes on in other series, which speak for it.
	reach("none", func() {
		device.publish("spore/factory/line1/a/resources", 1, []byte(`{"hostname":"a","cpu":{"usage_percent":20},"labels":{"version":"1.2.0"}}`))
	})
}
