package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// agentChild says in the environment what this binary does in the place of tests:
// it is the command of an agent.
const agentChild = "E2E_AGENT_CHILD"

func init() {
	if what := os.Getenv(agentChild); what != "" {
		os.Exit(beChild(what))
	}
}

// beChild is idle but for the lines that it reads: each is a piece of work, and is
// answered when that is done.
func beChild(what string) int {
	fmt.Println(os.Getpid())
	var leaked []*os.File
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); fmt.Println("done") {
		var err error
		switch what {
		case "cpu":
			for until := ownCPUTime() + time.Second/2; ownCPUTime() < until; {
			}
		case "io":
			err = writeToDisk(orders.Text())
		case "leak":
			for range 25 {
				f, failed := os.Open(os.DevNull)
				leaked, err = append(leaked, f), errors.Join(err, failed)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	runtime.KeepAlive(leaked)
	return 0
}

// ownCPUTime is what this process has computed: on a busy machine, a second of work
// is less than that.
func ownCPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func writeToDisk(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 8<<20))
	return errors.Join(err, f.Sync(), f.Close())
}

// agentRun is a running "weir agent run".
type agentRun struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser // the command's
	out  *bufio.Scanner
	task string
	pid  string // the command's, once it said it
}

// runAgent starts an agent whose command is a child of a kind. What it is told
// goes to the command.
func runAgent(t *testing.T, broker, task, child string, args ...string) *agentRun {
	t.Helper()
	args = append([]string{"agent", "run", "--broker", "tcp://" + broker, "--task-id", task, "--proplet-id", "of-" + task}, args...)
	a := &agentRun{t: t, task: task, cmd: exec.Command(weirBinary, append(args, "--", os.Args[0])...)}
	a.cmd.Env, a.cmd.Stderr = append(environment(), agentChild+"="+child), os.Stderr
	var err error
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.kill)
	a.out = bufio.NewScanner(out)
	a.pid = a.answer()
	return a
}

// kill ends the agent as a power switch would; the command sees the end of its
// input.
func (a *agentRun) kill() {
	_ = a.cmd.Process.Kill()
	a.in.Close()
	_ = a.cmd.Wait() // twice does no harm
}

// end has the command end, and with it the agent.
func (a *agentRun) end() {
	a.t.Helper()
	a.in.Close()
	if err := a.cmd.Wait(); err != nil {
		a.t.Errorf("the agent of %s: %v", a.task, err)
	}
}

func (a *agentRun) answer() string {
	a.t.Helper()
	if !a.out.Scan() {
		a.t.Fatalf("the command of %s says nothing more", a.task)
	}
	return a.out.Text()
}

// order has the command do its work, and waits until it has.
func (a *agentRun) order(text string) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, text); err != nil {
		a.t.Fatal(err)
	}
	a.answer()
}

// proc reads a file of /proc about the command.
func (a *agentRun) proc(name string) string {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", a.pid, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// procField is the number behind a name in a file of /proc.
func (a *agentRun) procField(file, name string) uint64 {
	a.t.Helper()
	for line := range strings.Lines(a.proc(file)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return number(a.t, strings.Fields(rest)[0])
		}
	}
	a.t.Fatalf("no %s in %s", name, file)
	return 0
}

const clockTick = 10 * time.Millisecond // of the times in /proc/PID/stat

// cpuTime is the command's.
func (a *agentRun) cpuTime() time.Duration {
	a.t.Helper()
	stat := a.proc("stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	return time.Duration(number(a.t, fields[11])+number(a.t, fields[12])) * clockTick
}

func (a *agentRun) descriptors() uint64 {
	a.t.Helper()
	open, err := os.ReadDir(filepath.Join("/proc", a.pid, "fd"))
	if err != nil {
		a.t.Fatal(err)
	}
	return uint64(len(open))
}

// taskSample is a sample as the API answers it.
type taskSample struct {
	Time    time.Time `json:"timestamp"`
	Metrics struct {
		CPU         float64 `json:"cpu_percent"`
		Memory      uint64  `json:"memory_bytes"`
		DiskRead    uint64  `json:"disk_read_bytes"`
		DiskWrite   uint64  `json:"disk_write_bytes"`
		Threads     uint64  `json:"thread_count"`
		Descriptors uint64  `json:"file_descriptor_count"`
	} `json:"metrics"`
}

// taskSamples are all of a task, the newest first.
func (p *process) taskSamples(task string) []taskSample {
	p.t.Helper()
	var page struct {
		Total   int
		Metrics []taskSample
	}
	p.getJSON("/tasks/"+task+"/metrics?limit=100000", &page)
	if page.Total != len(page.Metrics) {
		p.t.Fatalf("%d samples of %d", len(page.Metrics), page.Total)
	}
	return page.Metrics
}

// later waits for a sample that was taken after now, and returns all, the newest
// first. As long as the command is idle, it is what /proc says now.
func (p *process) later(task string) (all []taskSample) {
	p.t.Helper()
	now := time.Now()
	eventually(p.t, "a sample of "+task, func() error {
		all = p.taskSamples(task)
		if len(all) == 0 || !all[0].Time.After(now) {
			return errors.New("it has not come")
		}
		return nil
	})
	return all
}

// An agent's samples of a command that computes, one that writes to disk and one
// that leaks descriptors are what /proc says, as the API answers them. The commands
// are idle when both are looked at, so the two agree however busy the machine is:
// bytes and descriptors exactly, CPU time to three clock ticks (the samples' sum is
// over the same work, but /proc counts in ticks), memory to a tenth.
func TestAnAgentAgreesWithProc(t *testing.T) {
	p := start(t, t.TempDir(), "--default-rules=false")
	cpu := runAgent(t, p.MQTT, "cpu", "cpu", "--interval", "100ms")
	disk := runAgent(t, p.MQTT, "io", "io", "--interval", "100ms")
	leak := runAgent(t, p.MQTT, "leak", "leak", "--interval", "100ms")

	from := p.later("cpu")[0].Time
	before := cpu.cpuTime()
	written := p.later("io")[0].Metrics.DiskWrite
	if got, want := p.later("leak")[0].Metrics.Descriptors, leak.descriptors(); got != want {
		t.Errorf("%d descriptors, %d by /proc", got, want)
	}
	var work sync.WaitGroup // all three at once
	for range 2 {
		work.Go(func() { cpu.order("compute") })
		work.Go(func() { disk.order(filepath.Join(t.TempDir(), "written")) })
		work.Go(func() { leak.order("leak") })
		work.Wait()
	}

	t.Run("CPU", func(t *testing.T) {
		all := p.later("cpu")
		want := cpu.cpuTime() - before
		var got time.Duration
		for i := 0; all[i].Time.After(from); i++ {
			got += time.Duration(all[i].Metrics.CPU / 100 * float64(all[i].Time.Sub(all[i+1].Time)))
		}
		if diff := (got - want).Abs(); diff > 3*clockTick || want < 90*clockTick {
			t.Errorf("%s by the samples, %s by /proc", got, want)
		}
	})
	t.Run("memory", func(t *testing.T) {
		// A machine that is short of memory takes some of it back at any time.
		eventually(t, "the memory is that of /proc", func() error {
			got := float64(p.later("cpu")[0].Metrics.Memory)
			rss := number(t, strings.Fields(cpu.proc("statm"))[1]) * uint64(os.Getpagesize())
			if got < 0.9*float64(rss) || got > 1.1*float64(rss) {
				return fmt.Errorf("%.0f bytes of memory, %d by /proc", got, rss)
			}
			return nil
		})
	})
	t.Run("disk", func(t *testing.T) {
		last := p.later("io")[0].Metrics
		if want := disk.procField("io", "write_bytes"); last.DiskWrite != want {
			t.Errorf("%d bytes written, %d by /proc", last.DiskWrite, want)
		}
		if want := disk.procField("io", "read_bytes"); last.DiskRead != want {
			t.Errorf("%d bytes read, %d by /proc", last.DiskRead, want)
		}
		t.Logf("%d bytes were written in the test", last.DiskWrite-written)
	})
	t.Run("descriptors", func(t *testing.T) {
		want := leak.descriptors()
		if got := p.later("leak")[0].Metrics.Descriptors; got != want || want < 50 {
			t.Errorf("%d descriptors, %d by /proc", got, want)
		}
		if got := p.value(`proplet_task_file_descriptors{task_id="leak",proplet_id="of-leak"}`); got != strconv.FormatUint(want, 10) {
			t.Errorf("%s descriptors by PromQL, %d by /proc", got, want)
		}
	})
	for _, a := range []*agentRun{cpu, disk, leak} {
		a.end()
	}
}

// value is that of the one series that a query finds, "" for none.
func (p *process) value(query string) string {
	p.t.Helper()
	var got struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	p.getJSON("/api/v1/query?"+url.Values{"query": {query}}.Encode(), &got)
	if len(got.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(got.Data.Result[0].Value[1])
}

// An agent that ends with its command has left, which is no alert; one that is
// killed is offline by its will, which is one.
func TestAnAgentThatEndsInOrderRaisesNoAlert(t *testing.T) {
	p := start(t, t.TempDir())
	killed, tidy := runAgent(t, p.MQTT, "killed", "idle"), runAgent(t, p.MQTT, "tidy", "idle")
	p.later("killed")
	p.later("tidy")
	tidy.end()
	killed.kill()
	for query, want := range map[string]string{
		`weir_source_left{source="of-tidy"}`: "1", `weir_source_offline{source="of-tidy"}`: "0", `weir_source_up{source="of-tidy"}`: "0",
		`weir_source_left{source="of-killed"}`: "0", `weir_source_offline{source="of-killed"}`: "1",
	} {
		eventually(t, query, func() error { return expect(p.value(query), want) })
	}
	type alert struct {
		Labels map[string]string
		State  string
	}
	var answer struct{ Data struct{ Alerts []alert } }
	eventually(t, "the one that was killed raises an alert", func() error {
		p.getJSON("/api/v1/alerts", &answer)
		for _, a := range answer.Data.Alerts {
			if a.Labels["source"] == "of-killed" && a.Labels["alertname"] == "PropletOffline" && a.State == "firing" {
				return nil
			}
		}
		return fmt.Errorf("%+v", answer.Data.Alerts)
	})
	for _, a := range answer.Data.Alerts {
		if a.Labels["source"] == "of-tidy" {
			t.Errorf("an alert: %+v", a)
		}
	}
	var view struct{ Alive bool }
	if p.getJSON("/proplets/of-tidy", &view); view.Alive {
		t.Error("the proplet that left is alive")
	}
}

// hollow is a way to a server, which may be started again elsewhere. It can be made
// to lose what the server says, and to break.
type hollow struct {
	net.Listener
	server   *whereabouts
	swallows atomic.Bool
	lost     atomic.Int64 // bytes that it swallowed
	mu       sync.Mutex
	conns    []net.Conn
	work     sync.WaitGroup
}

func startHollow(t *testing.T, server string) *hollow {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hollow{Listener: l, server: nowhere()}
	h.server.set(server)
	h.work.Go(func() {
		for {
			device, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", h.server.get())
			if err != nil {
				device.Close()
				continue
			}
			h.mu.Lock()
			h.conns = append(h.conns, device, server)
			h.mu.Unlock()
			h.work.Go(func() { h.carry(server, device, nil) })
			h.work.Go(func() { h.carry(device, server, &h.swallows) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		h.breakAll()
		h.work.Wait()
	})
	return h
}

func (h *hollow) carry(to, from net.Conn, swallows *atomic.Bool) {
	defer to.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if swallows != nil && swallows.Load() {
			h.lost.Add(int64(n))
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// breakAll breaks the connections. Those that come next lose nothing; these do not
// let through at the last moment what they would have lost.
func (h *hollow) breakAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
	h.swallows.Store(false)
}

// What an agent sends again, since it does not know that weir has it, counts once:
// over a new connection, and after a kill, too, if it has a spool.
func TestAnAgentsRetransmissionsCountOnce(t *testing.T) {
	p := start(t, t.TempDir(), "--default-rules=false")
	way := startHollow(t, p.MQTT)
	spool := t.TempDir()
	begin := func() *agentRun {
		return runAgent(t, way.Addr().String(), "t", "idle", "--interval", "20ms", "--spool", spool)
	}
	a := begin()
	const some, ack = 20, 4 // fewer than an agent has in flight; the bytes of a PUBACK
	// lose has weir take some messages whose acknowledgements are lost.
	lose := func() {
		t.Helper()
		p.later("t")
		from := way.lost.Load()
		way.swallows.Store(true)
		eventually(t, "weir has acknowledged some in vain", func() error {
			if n := way.lost.Load() - from; n < some*ack {
				return fmt.Errorf("%d bytes", n)
			}
			return nil
		})
	}
	duplicates := func(n uint64) {
		t.Helper()
		eventually(t, "the retransmissions are known as such", func() error {
			if got := p.settled(0).Sum.Duplicate; got < n {
				return fmt.Errorf("%d of %d", got, n)
			}
			return nil
		})
	}
	lose()
	way.breakAll()
	duplicates(some)
	lose()
	a.kill()
	way.breakAll()
	a = begin()
	duplicates(2 * some)
	p.later("t")
	a.end()
	seen := map[time.Time]bool{}
	all := p.taskSamples("t")
	for _, s := range all {
		seen[s.Time] = true
	}
	if len(seen) != len(all) {
		t.Errorf("%d samples, of %d moments", len(all), len(seen))
	}
}
