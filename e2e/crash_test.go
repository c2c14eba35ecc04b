package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/devices/loadgen"
)

var (
	kills     = flag.Int("kills", 4, "how often the crash test kills the process")
	crashSeed = flag.Uint64("crash-seed", 0, "seed of the crash test's moments; 0 takes a new one and prints it")
)

// TestEveryAcknowledgedEventIsCountedOnceThroughKills publishes numbered events
// over several connections while the process is killed at random moments. At
// the end each acknowledged number is in its task's readings exactly once, no
// number is there twice, the books balance, and the journal folded anew gives
// the state that is on disk.
func TestEveryAcknowledgedEventIsCountedOnceThroughKills(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (run again with -crash-seed %d)", seed, seed)
	r := rand.New(rand.NewPCG(seed, 1))

	dir := t.TempDir()
	options := []string{"--checkpoint-interval", "100ms"}
	addr := nowhere()
	boot := func() *process {
		p := start(t, dir, options...)
		addr.set(p.MQTT)
		return p
	}
	p := boot()
	publishers := startPublishers(t, addr.get)

	for kill := range *kills {
		// A random moment, measured in acknowledgements.
		target := publishers.acknowledged() + 1 + r.Uint64N(400)
		eventually(t, "enough is acknowledged for the next kill", func() error {
			if n := publishers.acknowledged(); n < target {
				return fmt.Errorf("kill %d: %d of %d", kill, n, target)
			}
			return nil
		})
		addr.set("")
		p.kill()
		p = boot()
	}
	publishers.drain(t)
	acc := p.settled(publishers.acknowledged())
	publishers.check(t, p)
	t.Logf("%d kills, %d acknowledged, books: %+v", *kills, publishers.acknowledged(), acc.Sum)

	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := tool(t, "rebuild", "--data-dir", dir); err != nil {
		t.Errorf("rebuild: %v\n%s", err, out)
	}
	p = boot()
	if again := p.settled(0); again.Sum != acc.Sum {
		t.Errorf("after the rebuild the books say %+v, before %+v", again.Sum, acc.Sum)
	}
	publishers.check(t, p)
}

// publishers are numbered publishers of each kind.
type publishers []*loadgen.Numbered

func startPublishers(t *testing.T, addr func() string) publishers {
	t.Helper()
	var ps publishers
	for _, c := range []loadgen.NumberedConfig{
		{QoS: 1, Version: 4, Name: "v3-qos1", Connections: 3},
		{QoS: 2, Version: 4, Name: "v3-qos2", Connections: 2},
		{QoS: 1, Version: 5, Name: "v5-qos1", Connections: 2},
		{QoS: 2, Version: 5, Name: "v5-qos2", Connections: 2},
	} {
		c.Addr, c.Rate = addr, 400
		n, err := loadgen.StartNumbered(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Stop)
		ps = append(ps, n)
	}
	return ps
}

func (ps publishers) acknowledged() uint64 {
	sum := uint64(0)
	for _, p := range ps {
		sum += p.Acknowledged()
	}
	return sum
}

func (ps publishers) drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, p := range ps {
		if err := p.Drain(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// check compares what was acknowledged with each task's readings.
func (ps publishers) check(t *testing.T, p *process) {
	t.Helper()
	for _, n := range ps {
		for _, report := range n.Reports() {
			if len(report.Rejected) > 0 || len(report.Abandoned) > 0 || len(report.Unsettled) > 0 {
				t.Errorf("%s: rejected %v, abandoned %v, unsettled %v", report.Client, report.Rejected, report.Abandoned, report.Unsettled)
			}
			if len(report.Faults) > 0 {
				t.Errorf("%s: the broker broke the protocol: %v", report.Client, report.Faults)
			}
			stored := readNumbers(t, p, report.Task)
			for number, times := range stored {
				if times != 1 {
					t.Errorf("%s: number %d is stored %d times", report.Task, number, times)
				}
			}
			missing := slices.DeleteFunc(slices.Clone(report.Acknowledged), func(n uint64) bool { return stored[n] > 0 })
			if len(missing) > 0 {
				t.Errorf("%s: %d acknowledged numbers are missing, %d first", report.Task, len(missing), missing[0])
			}
			if len(report.Acknowledged) == 0 {
				t.Errorf("%s: nothing was acknowledged", report.Task)
			}
		}
	}
}

func readNumbers(t *testing.T, p *process, task string) map[uint64]int {
	t.Helper()
	var page struct {
		Total   int
		Metrics []struct {
			Metrics struct {
				Number uint64 `json:"uptime_seconds"`
			}
		}
	}
	p.getJSON("/tasks/"+task+"/metrics?limit=1000000", &page)
	if page.Total != len(page.Metrics) {
		t.Errorf("%s: the page has %d of %d readings", task, len(page.Metrics), page.Total)
	}
	numbers := map[uint64]int{}
	for _, m := range page.Metrics {
		numbers[m.Metrics.Number]++
	}
	return numbers
}

func TestAResetUnderLoadLosesNothingAndCountsNothingTwice(t *testing.T) {
	p := start(t, t.TempDir())
	ps := startPublishers(t, func() string { return p.MQTT })
	type sums struct {
		Sum struct {
			IncomingTransactions uint64
		}
	}
	total, resets := uint64(0), 0
	for ps.acknowledged() < 3000 {
		var s sums
		p.getJSON("/admin/metrics?reset=true", &s)
		total += s.Sum.IncomingTransactions
		resets++
	}
	ps.drain(t)
	acc := p.settled(ps.acknowledged())
	var s sums
	p.getJSON("/admin/metrics?reset=true", &s)
	total += s.Sum.IncomingTransactions
	if total != acc.Sum.Received {
		t.Errorf("%d resets saw %d transactions, %d were received", resets+1, total, acc.Sum.Received)
	}
}
