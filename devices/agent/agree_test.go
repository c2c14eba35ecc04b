//go:build linux

package agent

import (
	"bufio"
	"bytes"
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

// since waits for n samples that were taken after a moment, however late they
// come, and returns all up to these.
func since(t *testing.T, s *sink.Sink, moment time.Time, n int) []taskMessage {
	t.Helper()
	var all []taskMessage
	eventually(t, "newer samples", func() bool {
		all = tasks(t, s)
		return len(all) >= n && all[len(all)-n].Metrics.Timestamp.After(moment)
	})
	return all
}

// spent is the CPU time that the samples from a number on add up to.
func spent(all []taskMessage, from int) (sum time.Duration) {
	for i := from; i < len(all); i++ {
		passed := all[i].Metrics.Timestamp.Sub(all[i-1].Metrics.Timestamp)
		sum += time.Duration(all[i].Metrics.CPU / 100 * float64(passed))
	}
	return sum
}

// stop stops a process with all its threads: it spends nothing more.
func (s *subject) stop(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(int(s.pid), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it stands still", func() bool {
		threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(int(s.pid)), "task", "*", "stat"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range threads {
			stat, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if state := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]; state != "T" {
				return false
			}
		}
		return len(threads) > 0
	})
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
	eventually(t, "it has spun for a while", func() bool { return c.cpuTime(t)-before >= 30*clockTick })
	c.stop(t)
	all := since(t, s, time.Now(), 1)
	want, got := c.cpuTime(t)-before, spent(all, first)
	if diff := (got - want).Abs(); diff > 3*clockTick {
		t.Errorf("%s by the samples, %s by /proc", got, want)
	}
	last, most := all[len(all)-1], 0.0
	for _, m := range all {
		most = math.Max(most, m.Metrics.CPU)
	}
	if last.Aggregated == nil || last.Aggregated.SampleCount != len(all) || last.Aggregated.MaxCPU != most {
		t.Errorf("aggregated %+v of %d samples, the highest %.2f %%", last.Aggregated, len(all), most)
	}
	// A process that is stopped has the same memory and threads for everybody.
	pages, err := strconv.ParseUint(strings.Fields(c.proc(t, "statm"))[1], 10, 64)
	if want := pages * uint64(os.Getpagesize()); err != nil || last.Metrics.Memory != want {
		t.Errorf("%d bytes of memory, %d by /proc (%v)", last.Metrics.Memory, want, err)
	}
	if want := c.procField(t, "status", "Threads"); last.Metrics.Threads != want {
		t.Errorf("%d threads, %d by /proc", last.Metrics.Threads, want)
	}
	if last.Metrics.Uptime < 0 || last.Metrics.Uptime > 3600 {
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
	all := since(t, s, time.Now(), 1)
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
		all := since(t, s, time.Now(), 1)
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

// TestTree measures a parent whose child works: alone, it has not spent what the
// child did.
func TestTree(t *testing.T) {
	for _, tree := range []bool{false, true} {
		t.Run("tree "+strconv.FormatBool(tree), func(t *testing.T) {
			s, c := startSink(t), startChild(t, "parent")
			a := startAgent(t, testConfig(s))
			watch(t, a, every(100*time.Millisecond), Target{PID: c.pid, Tree: tree})
			alone := later(t, s, 2)
			before := c.cpuTime(t)
			c.order(t, "begin")
			grandchild := &subject{pid: int32(c.child(t))}
			t.Cleanup(func() { _ = syscall.Kill(int(grandchild.pid), syscall.SIGKILL) })
			eventually(t, "the child's child has worked", func() bool { return grandchild.cpuTime(t) >= 30*clockTick })
			threads := since(t, s, time.Now(), 1)
			grandchild.stop(t)
			all := since(t, s, time.Now(), 2) // by two, a sum that was too low once is whole
			got, want := spent(all, len(alone)), c.cpuTime(t)-before
			if tree {
				want += grandchild.cpuTime(t)
			}
			if diff := (got - want).Abs(); diff > 5*clockTick {
				t.Errorf("%s by the samples, %s by /proc", got, want)
			}
			if n := threads[len(threads)-1].Metrics.Threads; tree && n <= alone[1].Metrics.Threads+2 {
				t.Errorf("%d threads, before %d", n, alone[1].Metrics.Threads)
			}
		})
	}
}

// TestShortChildren measures a shell whose children end long before the next
// sample: their CPU is that which the kernel adds to the shell's.
func TestShortChildren(t *testing.T) {
	script := `while read go; do i=0; while [ $i -lt 30 ]; do (j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done); i=$((i+1)); done; echo done; done`
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
	// reaped is the CPU time of children that were waited for, and all with that of
	// the shell.
	times := func() (reaped, all time.Duration) {
		fields := strings.Fields(c.proc(t, "stat")) // the shell's name has no blank
		for i, f := range fields[13:17] {           // utime, stime, cutime and cstime
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			if all += time.Duration(n) * clockTick; i >= 2 {
				reaped += time.Duration(n) * clockTick
			}
		}
		return reaped, all
	}
	reaped, want := times()
	for reaped < 20*clockTick { // as often as it takes on a fast machine
		c.order(t, "go")
		reaped, want = times()
	}
	got := spent(since(t, s, time.Now(), 2), first) // by two, a sum that was too low once is whole
	if diff := (got - want).Abs(); diff > 5*clockTick {
		t.Errorf("%s by the samples, %s of the shell and its children by /proc", got, want)
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
