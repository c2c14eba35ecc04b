//go:build linux

package agent

import (
	"bufio"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/devices/agent/sink"
)

const clockTick = 10 * time.Millisecond // of the times in /proc/PID/stat

// cpuTime is a process's CPU time as /proc has it.
func (s *subject) cpuTime(t *testing.T) time.Duration {
	t.Helper()
	stat := s.proc(t, "stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// later waits for n more messages of tasks and returns all.
func later(t *testing.T, s *sink.Sink, n int) []taskMessage {
	t.Helper()
	n += len(tasks(t, s))
	var all []taskMessage
	eventually(t, "more samples", func() bool {
		all = tasks(t, s)
		return len(all) >= n
	})
	return all
}

// TestCPUAgreesWithProc lets a child spin for a while, then stops it: the CPU
// time that the percentages add up to is that in /proc, to three clock ticks.
func TestCPUAgreesWithProc(t *testing.T) {
	s, c := startSink(t), startChild(t, "cpu")
	a := startAgent(t, testConfig(s))
	watch(t, a, every(50*time.Millisecond), Target{PID: c.pid})
	first := len(later(t, s, 2))
	before := c.cpuTime(t)
	c.order(t, "spin")
	later(t, s, 12)
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	all := later(t, s, 3)
	want := c.cpuTime(t) - before
	var got time.Duration
	for i := first; i < len(all); i++ {
		passed := all[i].Metrics.Timestamp.Sub(all[i-1].Metrics.Timestamp)
		got += time.Duration(all[i].Metrics.CPU / 100 * float64(passed))
	}
	if diff := (got - want).Abs(); diff > 3*clockTick {
		t.Errorf("%s by the samples, %s by /proc", got, want)
	}
	if want < 5*clockTick {
		t.Errorf("the child used %s only", want)
	}
	last := all[len(all)-1]
	if last.Aggregated == nil || last.Aggregated.SampleCount != len(all) || last.Aggregated.MaxCPU < 10 {
		t.Errorf("aggregated %+v of %d samples", last.Aggregated, len(all))
	}
	// A process that is stopped has the same memory and threads for everybody.
	pages, err := strconv.ParseUint(strings.Fields(c.proc(t, "statm"))[1], 10, 64)
	if want := pages * uint64(os.Getpagesize()); err != nil || last.Metrics.Memory != want {
		t.Errorf("%d bytes of memory, %d by /proc (%v)", last.Metrics.Memory, want, err)
	}
	if want := c.procField(t, "status", "Threads"); last.Metrics.Threads != want {
		t.Errorf("%d threads, %d by /proc", last.Metrics.Threads, want)
	}
	if last.Metrics.Uptime < 0 || last.Metrics.Uptime > 60 {
		t.Errorf("%d seconds up", last.Metrics.Uptime)
	}
}

// TestDiskAgreesWithProc has a child write 8 MiB to disk: what the sample says
// is what /proc says, to the byte.
func TestDiskAgreesWithProc(t *testing.T) {
	s, c := startSink(t), startChild(t, "io")
	a := startAgent(t, testConfig(s))
	watch(t, a, every(50*time.Millisecond), Target{PID: c.pid})
	later(t, s, 2)
	c.order(t, filepath.Join(t.TempDir(), "written"))
	all := later(t, s, 3)
	last := all[len(all)-1]
	read, written := c.procField(t, "io", "read_bytes"), c.procField(t, "io", "write_bytes")
	if last.Metrics.DiskWrite != written || last.Metrics.DiskRead != read {
		t.Errorf("%d read and %d written, %d and %d by /proc", last.Metrics.DiskRead, last.Metrics.DiskWrite, read, written)
	}
	if total := written - all[0].Metrics.DiskWrite; last.Aggregated.TotalDiskWrite != total {
		t.Errorf("%d written over the history, %d by /proc", last.Aggregated.TotalDiskWrite, total)
	}
}

// TestDescriptorsAgreeWithProc has a child leak 25 descriptors at a time.
func TestDescriptorsAgreeWithProc(t *testing.T) {
	s, c := startSink(t), startChild(t, "leak")
	a := startAgent(t, testConfig(s))
	watch(t, a, every(50*time.Millisecond), Target{PID: c.pid})
	before := later(t, s, 2)[0].Metrics.Descriptors
	for n := uint64(1); n <= 3; n++ {
		c.order(t, "leak")
		all := later(t, s, 2)
		open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(int(c.pid)), "fd"))
		got := all[len(all)-1].Metrics.Descriptors
		if err != nil || got != uint64(len(open)) || got < before+25*n {
			t.Errorf("%d descriptors, %d by /proc, %d before (%v)", got, len(open), before, err)
		}
	}
}

// TestNetworkAgreesWithProc compares with the counters of the network that the
// child sees: they go on while it is looked at, so they lie between two looks.
func TestNetworkAgreesWithProc(t *testing.T) {
	s, c := startSink(t), startChild(t, "idle")
	received := func() (sum uint64) {
		for line := range strings.Lines(c.proc(t, "net/dev")) {
			if card, numbers, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(card) != "lo" {
				n, err := strconv.ParseUint(strings.Fields(numbers)[0], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
		return sum
	}
	a := startAgent(t, testConfig(s))
	before := received()
	watch(t, a, every(50*time.Millisecond), Target{PID: c.pid})
	all := later(t, s, 1)
	if got, after := all[0].Metrics.NetworkRx, received(); got < before || got > after {
		t.Errorf("%d bytes received, %d and %d by /proc", got, before, after)
	}
}

// TestTree measures a parent whose child works: alone it is idle.
func TestTree(t *testing.T) {
	for _, tree := range []bool{false, true} {
		t.Run("tree "+strconv.FormatBool(tree), func(t *testing.T) {
			s, c := startSink(t), startChild(t, "parent")
			a := startAgent(t, testConfig(s))
			watch(t, a, every(100*time.Millisecond), Target{PID: c.pid, Tree: tree})
			alone := later(t, s, 2)
			c.order(t, "begin")
			grandchild := c.child(t)
			t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
			all := later(t, s, 8)
			cpu := 0.0
			for _, m := range all[len(alone):] {
				cpu = math.Max(cpu, m.Metrics.CPU)
			}
			worksToo, threads := cpu > 20, all[len(all)-1].Metrics.Threads > alone[1].Metrics.Threads+2
			if worksToo != tree || tree && !threads {
				t.Errorf("CPU %.1f %%, threads %d, before %d", cpu, all[len(all)-1].Metrics.Threads, alone[1].Metrics.Threads)
			}
		})
	}
}

// TestShortChildren measures a shell whose children end long before the next
// sample: their CPU is that which the kernel adds to the shell's.
func TestShortChildren(t *testing.T) {
	script := `read go; i=0; while [ $i -lt 30 ]; do (j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done); i=$((i+1)); done; echo done; read stop`
	cmd := exec.Command("sh", "-c", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &subject{cmd: cmd, pid: int32(cmd.Process.Pid), in: in, out: bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	s := startSink(t)
	watch(t, startAgent(t, testConfig(s)), every(100*time.Millisecond), Target{PID: c.pid, Tree: true})
	first := len(later(t, s, 2))
	c.order(t, "go")
	all := later(t, s, 3)
	var got time.Duration
	for i := first; i < len(all); i++ {
		got += time.Duration(all[i].Metrics.CPU / 100 * float64(all[i].Metrics.Timestamp.Sub(all[i-1].Metrics.Timestamp)))
	}
	fields := strings.Fields(c.proc(t, "stat"))
	reaped, err := strconv.Atoi(fields[15]) // cutime; the shell's name has no blank
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Duration(reaped) * clockTick; want < 5*clockTick || got < want-3*clockTick || got > 3*want+10*clockTick {
		t.Errorf("%s by the samples, %s of the children's by /proc", got, want)
	}
}

// child is the child of the process.
func (s *subject) child(t *testing.T) (pid int) {
	t.Helper()
	eventually(t, "the child has a child", func() bool {
		dirs, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs {
			text, err := os.ReadFile(d)
			if err != nil {
				continue // it ended
			}
			fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
			if fields[1] == strconv.Itoa(int(s.pid)) {
				pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(d)))
				return true
			}
		}
		return false
	})
	return pid
}
