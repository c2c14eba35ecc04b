package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"weir/devices/agent/overhead"
)

// benchAgentCmd measures what monitoring costs on a device.
type benchAgentCmd struct {
	For  time.Duration `default:"11s" help:"How long each agent runs."`
	Pace time.Duration `default:"10ms" help:"Interval of the samples while it is measured: shorter than any profile's own, so that a history fills."`
	Runs int           `default:"1" help:"Runs of each agent, of which the median counts."`
	PID  int32         `name:"pid" placeholder:"N" help:"Process that the agents watch; by default this one."`
	JSON bool          `name:"json" help:"Print the figures as JSON."`
}

// Help explains the command with examples.
func (benchAgentCmd) Help() string {
	return `Runs an agent for each monitoring profile, which publishes to a broker of the measurement's own, and one that measures nothing. What the others take more, in processor time and resident memory, is what monitoring adds. The processor time of a sample, divided by the profile's own interval, is the percentage of one core. Beside it stands what Propeller's monitoring document says.

Examples:

    weir bench agent
    weir bench agent --runs 5 --for 20s`
}

// Run measures and prints the figures.
func (c *benchAgentCmd) Run(s *session) error {
	if c.For < 100*time.Millisecond || c.Pace < 10*time.Millisecond || c.Pace > c.For {
		return errors.New("--pace must be 10ms at least, and --for 100ms and no less than the pace")
	}
	if c.PID == 0 {
		c.PID = int32(os.Getpid())
	}
	figures, err := overhead.Measure(s.ctx, overhead.Config{
		Agent: func(args ...string) (*exec.Cmd, error) {
			return ownCommand(s, append([]string{"agent", "watch"}, args...)...)
		},
		PID: c.PID, Pace: c.Pace, For: c.For, Runs: c.Runs,
		Progress: func(done, total int) { fmt.Fprintf(s.stderr, "agents: %d of %d\n", done, total) },
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s, figures)
	}
	return printOverhead(s, figures)
}

func printOverhead(s *session, figures []overhead.Figures) error {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "monitoring adds\tCPU a sample\tof one core\tmemory\tthe document says")
	for _, f := range figures {
		percent := ""
		if f.Percent > 0 {
			percent = fmt.Sprintf("%.4f %%", f.Percent)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.What, shortTime(f.CPU), percent, signedBytes(f.Memory), f.Claim)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

// signedBytes writes a difference: "1.2 MiB", "-300 KiB".
func signedBytes(n int64) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}
