package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"weir/devices/loadgen"
	"weir/devices/sinks"
)

// benchAlertCmd measures how long it takes from a device to a receiver.
type benchAlertCmd struct {
	Nodes     int           `default:"10000" help:"SPORE nodes that the rule looks at, none of which crosses its threshold."`
	Crossings int           `default:"200" help:"Nodes that cross it, one after the other."`
	Gap       time.Duration `default:"500ms" help:"Longest pause between two of them; it is random."`
	Interval  time.Duration `default:"1s" help:"How often the rule is evaluated."`
	Seed      uint64        `default:"1" help:"Seed of the pauses."`

	DataDir string `placeholder:"DIR" help:"Data directory of the weir that is measured, kept afterwards; by default a new one in the system's directory for temporary files, removed afterwards."`
	JSON    bool   `name:"json" help:"Print the figures as JSON."`

	Settings []string `arg:"" optional:"" help:"Flags for the weir that is started, after --."`
}

// Help explains the command with examples.
func (benchAlertCmd) Help() string {
	return `Starts a weir of its own with one rule over many nodes, and a webhook that receives its alerts (group_wait 0s). Then nodes cross the rule's threshold one after the other, at random moments between the evaluations, and it measures how long each alert takes from the broker's PUBACK to the webhook, and how long an evaluation takes.

Examples:

    weir bench alert
    weir bench alert --nodes 100 --crossings 50 --interval 200ms`
}

// alertTimeout is how long one alert may take to come.
const alertTimeout = time.Minute

// alertFigures is what was measured, as --json prints it; times in microseconds.
type alertFigures struct {
	Load        string  `json:"load"`
	Alerts      int     `json:"alerts"`
	P50         float64 `json:"p50_us"`
	P90         float64 `json:"p90_us"`
	P99         float64 `json:"p99_us"`
	Max         float64 `json:"max_us"`
	Evaluations int     `json:"evaluations"` // that were looked at
	EvaluateP50 float64 `json:"evaluation_p50_us"`
	EvaluateP99 float64 `json:"evaluation_p99_us"`
	ServerCPU   float64 `json:"server_cpu_percent"` // of one core, over the whole measurement
	Memory      uint64  `json:"server_resident_bytes"`
}

// Run measures and prints the figures.
func (c *benchAlertCmd) Run(s *session) (err error) {
	if c.Nodes < 0 || c.Crossings < 1 || c.Gap <= 0 || c.Interval < 100*time.Millisecond {
		return errors.New("crossings must be 1 at least, the gap above 0, the interval 100ms at least")
	}
	place, err := newBenchPlace(s, c.DataDir)
	if err != nil {
		return err
	}
	defer place.remove(&err)
	webhook := sinks.NewWebhook()
	receiver, err := sinks.Serve(webhook)
	if err != nil {
		return err
	}
	defer receiver.Close()
	settings, err := c.files(place, receiver.URL)
	if err != nil {
		return err
	}
	server, err := startBenchServer(s, place, append(settings, c.Settings...))
	if err != nil {
		return err
	}
	f, err := c.measure(s, server, webhook)
	if err = errors.Join(err, server.stop()); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s, f)
	}
	return f.print(s)
}

// files writes the rule and the configuration, and returns the flags for them.
func (c *benchAlertCmd) files(place benchPlace, url string) ([]string, error) {
	rules, config := filepath.Join(place.scratch, "rules.yml"), filepath.Join(place.scratch, "alertmanager.yml")
	err := errors.Join(
		os.WriteFile(rules, fmt.Appendf(nil, `groups:
  - name: bench
    interval: %s
    rules:
      - alert: HotNode
        expr: spore_node_cpu_usage_percent > 80
`, c.Interval), 0o600),
		os.WriteFile(config, fmt.Appendf(nil, `route: {receiver: bench, group_by: [node], group_wait: 0s, group_interval: 1s}
receivers: [{name: bench, webhook_configs: [{url: '%s', send_resolved: false}]}]
`, url), 0o600))
	if err != nil {
		return nil, fmt.Errorf("write the rule and the receiver: %w", err)
	}
	return []string{"--rules", rules, "--alertmanager-config", config, "--default-rules=false"}, nil
}

func (c *benchAlertCmd) measure(s *session, server *benchServer, webhook *sinks.Recorder) (*alertFigures, error) {
	f := &alertFigures{Load: fmt.Sprintf("%s nodes, %s of which cross the threshold, a rule each %v", count(uint64(c.Nodes+c.Crossings)), count(uint64(c.Crossings)), c.Interval)}
	if err := c.publish(s.ctx, server, c.quietNodes()); err != nil {
		return nil, err
	}
	if _, err := server.client.settledBooks(s.ctx, benchTenant, benchTenant, uint64(c.Nodes)); err != nil {
		return nil, err
	}
	before, err := server.client.gauges(s.ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	random := rand.New(rand.NewPCG(c.Seed, 0))
	var delays, evaluations []time.Duration
	for i := range c.Crossings {
		fmt.Fprintf(s.stderr, "\rcrossing %d of %d", i+1, c.Crossings)
		if err := pause(s.ctx, time.Duration(random.Int64N(int64(c.Gap)))); err != nil {
			return nil, err
		}
		delay, err := c.cross(s.ctx, server, webhook, i)
		if err != nil {
			return nil, err
		}
		delays = append(delays, delay)
		took, err := server.client.evaluationTime(s.ctx)
		if err != nil {
			return nil, err
		}
		evaluations = append(evaluations, took)
	}
	fmt.Fprintln(s.stderr)
	after, err := server.client.gauges(s.ctx)
	if err != nil {
		return nil, err
	}
	f.ServerCPU = 100 * float64(after.cpu()-before.cpu()) / float64(time.Since(began))
	f.Memory = uint64(after["process_resident_memory_bytes"])
	f.fill(delays, evaluations)
	return f, nil
}

// benchTenant is the service and the subservice of the nodes.
const benchTenant = "bench"

// quietNodes are one reading of each node that stays below the threshold.
func (c *benchAlertCmd) quietNodes() iter.Seq[loadgen.Message] {
	return func(yield func(loadgen.Message) bool) {
		for i := range c.Nodes {
			if !yield(nodeMessage(fmt.Sprintf("quiet-%05d", i), 10+i%60)) {
				return
			}
		}
	}
}

func nodeMessage(node string, cpu int) loadgen.Message {
	return loadgen.Message{
		Topic:   "spore/" + benchTenant + "/" + benchTenant + "/" + node + "/resources",
		Payload: fmt.Appendf(nil, `{"hostname":%q,"cpu":{"usage_percent":%d}}`, node, cpu),
	}
}

func (c *benchAlertCmd) publish(ctx context.Context, server *benchServer, messages iter.Seq[loadgen.Message]) error {
	_, err := loadgen.Backfill(ctx, loadgen.BackfillConfig{
		Addr: server.mqtt, ClientID: "weir-bench", Lanes: []iter.Seq[loadgen.Message]{messages},
	}, nil)
	return err
}

// cross has a node cross the threshold, and returns how long its alert took from
// the PUBACK to the webhook.
func (c *benchAlertCmd) cross(ctx context.Context, server *benchServer, webhook *sinks.Recorder, i int) (time.Duration, error) {
	if err := c.publish(ctx, server, slices.Values([]loadgen.Message{nodeMessage(fmt.Sprintf("hot-%05d", i), 95)})); err != nil {
		return 0, err
	}
	acknowledged := time.Now()
	ctx, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	got, err := webhook.Wait(ctx, sinks.AtLeast(i+1))
	if err != nil {
		return 0, fmt.Errorf("wait for the alert of crossing %d: %w", i+1, err)
	}
	return max(0, got[i].At.Sub(acknowledged)), nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// evaluationTime asks how long the rule group's last evaluation took.
func (c *client) evaluationTime(ctx context.Context) (time.Duration, error) {
	var a struct {
		Data struct {
			Groups []struct{ EvaluationTime float64 }
		}
	}
	if _, err := c.ask(ctx, http.MethodGet, "/api/v1/rules?exclude_alerts=true", &a); err != nil {
		return 0, fmt.Errorf("ask for the rules: %w", err)
	}
	if len(a.Data.Groups) == 0 {
		return 0, errors.New("the measured weir has no rules")
	}
	return seconds(a.Data.Groups[0].EvaluationTime), nil
}

func (f *alertFigures) fill(delays, evaluations []time.Duration) {
	at := func(all []time.Duration, p float64) float64 {
		return float64(all[min(len(all)-1, int(p*float64(len(all))))]) / 1e3
	}
	slices.Sort(delays)
	slices.Sort(evaluations)
	f.Alerts, f.Evaluations = len(delays), len(evaluations)
	f.P50, f.P90, f.P99, f.Max = at(delays, 0.5), at(delays, 0.9), at(delays, 0.99), at(delays, 1)
	f.EvaluateP50, f.EvaluateP99 = at(evaluations, 0.5), at(evaluations, 0.99)
}

func (f *alertFigures) print(s *session) error {
	var all figures
	all.add("load", "%s", f.Load)
	all.add("PUBACK to webhook", "p50 %s, p90 %s, p99 %s, longest %s (%d alerts)", microseconds(f.P50), microseconds(f.P90), microseconds(f.P99), microseconds(f.Max), f.Alerts)
	all.add("an evaluation", "p50 %s, p99 %s", microseconds(f.EvaluateP50), microseconds(f.EvaluateP99))
	all.add("server", "%.1f %% of a core, %s", f.ServerCPU, byteCount(f.Memory))
	return all.print(s.stdout)
}
