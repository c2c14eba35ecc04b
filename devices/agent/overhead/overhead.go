// Package overhead measures what an agent's monitoring costs: the processor time
// and the memory that an agent takes with it, beyond those that it takes
// without.
package overhead

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"weir/devices/agent/profile"
	"weir/devices/agent/sink"
)

// Config says what to measure.
type Config struct {
	// Agent is the command of an agent, to which arguments are added: those of
	// weir agent watch.
	Agent func(args ...string) (*exec.Cmd, error)
	PID   int32         // the process that is watched
	Pace  time.Duration // interval of the samples, in the place of the profiles' own
	For   time.Duration // how long each agent runs, once it has registered
	Runs  int           // of each agent, of which the median counts

	Progress func(done, total int) // may be nil
}

// Figures are what one agent costs more than one that measures nothing.
type Figures struct {
	What    string
	Samples uint64        // published or not, of one run
	CPU     time.Duration // for each sample
	Percent float64       // of one core, at the profile's own interval; 0 where there is no interval
	Memory  int64         // bytes of resident memory, on Linux without the pages of the program's file
	Claim   string        // what Propeller's document says
}

// row is an agent to be measured.
type row struct {
	what     string
	args     []string
	interval time.Duration
	claim    string
}

// claims are the document's.
var claims = map[string]string{
	profile.Minimal: "< 0.1 %, ~1 MB", profile.Standard: "< 0.5 %, ~2 MB", profile.Intense: "< 2 %, ~5 MB",
}

// rows are the profiles, and the intensive one with histories of several sizes.
func rows() []row {
	var rows []row
	for _, n := range profile.Table {
		if n.Profile.Enabled {
			rows = append(rows, row{"profile " + n.Name, []string{"--profile", n.Name}, n.Profile.Interval, claims[n.Name]})
		}
	}
	for _, h := range []struct {
		size  int
		claim string
	}{{0, "~1 MB"}, {100, "~2 MB"}, {1000, "~5 MB"}} {
		json := fmt.Sprintf(`{"history_size":%d,"retain_history":%t}`, h.size, h.size > 0)
		rows = append(rows, row{fmt.Sprintf("%d samples kept", h.size), []string{"--profile", profile.Standard, "--profile-json", json}, 0, h.claim})
	}
	return rows
}

// cost is what one run of an agent took.
type cost struct {
	cpu    time.Duration
	memory int64
}

// Measure runs an agent for each profile and each size of history, one after
// the other, against a sink of its own.
func Measure(ctx context.Context, c Config) ([]Figures, error) {
	s, err := sink.Start("127.0.0.1:0", false)
	if err != nil {
		return nil, err
	}
	all := rows()
	done := func(n int) {
		if c.Progress != nil {
			c.Progress(n, len(all)+1)
		}
	}
	base, err := c.median(ctx, s, []string{"--profile", profile.Disabled}, []string{"PROPLET_ENABLE_MONITORING=true"})
	var figures []Figures
	for i, r := range all {
		if err != nil {
			break
		}
		done(i + 1)
		var got cost
		if got, err = c.median(ctx, s, append(r.args, "--interval", c.Pace.String()), nil); err == nil {
			figures = append(figures, r.figures(base, got, uint64(c.For/c.Pace)))
		}
	}
	done(len(all) + 1)
	return figures, errors.Join(err, s.Stop())
}

func (r row) figures(base, got cost, samples uint64) Figures {
	f := Figures{What: r.what, Samples: samples, Claim: r.claim, Memory: got.memory - base.memory}
	f.CPU = max(got.cpu-base.cpu, 0) / time.Duration(max(samples, 1))
	if r.interval > 0 {
		f.Percent = 100 * f.CPU.Seconds() / r.interval.Seconds()
	}
	return f
}

// median is the median of several runs: memory depends on when garbage was
// collected last, processor time on what else the machine did.
func (c Config) median(ctx context.Context, s *sink.Sink, args, env []string) (cost, error) {
	var cpu, memory []int64
	for range max(c.Runs, 1) {
		got, err := c.run(ctx, s, args, env)
		if err != nil {
			return cost{}, err
		}
		cpu, memory = append(cpu, int64(got.cpu)), append(memory, got.memory)
	}
	return cost{time.Duration(middle(cpu)), middle(memory)}, nil
}

// startTimeout is how long an agent may take to register.
const startTimeout = time.Minute

// look is how often it is asked whether it has.
const look = 5 * time.Millisecond

// run runs one agent for a while, and asks for its memory at the end.
//
// The time counts from the agent's registration. One that is interrupted before it
// minds signals dies of the signal, or, where signals are ignored, as nohup has it,
// does not hear of it and stays.
func (c Config) run(ctx context.Context, s *sink.Sink, args, env []string) (got cost, err error) {
	args = append([]string{
		"--pid", fmt.Sprint(c.PID), "--broker", "tcp://" + s.Addr(), "--metrics-interval", "1h", "--log-level", "error",
	}, args...)
	cmd, err := c.Agent(args...)
	if err != nil {
		return got, err
	}
	cmd.Env, cmd.Stderr = append(cmd.Env, env...), os.Stderr
	before := s.Count()
	if err := cmd.Start(); err != nil {
		return got, fmt.Errorf("start an agent: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := registered(ctx, s, before, ended); err != nil {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		return got, err
	}
	stop := time.NewTimer(c.For)
	defer stop.Stop()
	select {
	case <-stop.C:
	case <-ctx.Done():
		err = ctx.Err()
	case err := <-ended:
		return got, tooEarly(err)
	}
	got.memory, err = resident(int32(cmd.Process.Pid), err)
	err = errors.Join(err, interrupt(cmd.Process))
	if wait := <-ended; err == nil && wait != nil && !interrupted(cmd.ProcessState) {
		err = fmt.Errorf("the agent failed: %w", wait)
	}
	got.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return got, err
}

// registered waits until an agent has said its first word to the sink, which had
// heard so many before. What it takes from ended it puts back.
func registered(ctx context.Context, s *sink.Sink, before uint64, ended chan error) error {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for s.Count() == before {
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			return tooEarly(err)
		case <-late.C:
			return fmt.Errorf("the agent has not registered within %s", startTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tooEarly is the error of an agent that ended by itself, well or not.
func tooEarly(err error) error {
	if err == nil {
		return errors.New("the agent ended too early")
	}
	return fmt.Errorf("the agent failed: %w", err)
}

func resident(pid int32, before error) (int64, error) {
	if before != nil {
		return 0, before
	}
	n, err := ownMemory(&process.Process{Pid: pid})
	if err != nil {
		return 0, fmt.Errorf("ask for the agent's memory: %w", err)
	}
	return n, nil
}
