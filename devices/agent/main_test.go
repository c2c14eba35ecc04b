//go:build linux

package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/devices/agent/profile"
	"weir/devices/agent/sink"
)

// childEnv says what this binary does in the place of tests: it is a process to
// be measured, or an agent to be killed.
const childEnv = "WEIR_AGENT_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		os.Exit(child(what))
	}
	for _, proxy := range []string{"ALL_PROXY", "all_proxy"} { // brokers would be reached by it, those on this machine, too
		if err := os.Unsetenv(proxy); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// child does what it is told on its standard input, a line at a time, and
// answers each line when it is done.
func child(what string) int {
	switch name, argument, _ := strings.Cut(what, " "); name {
	case "exit":
		code, _ := strconv.Atoi(argument)
		fmt.Println("out")
		fmt.Fprintln(os.Stderr, "err")
		return code
	case "signals":
		return echoSignals()
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		select {}
	case "agent":
		return childAgent(argument)
	}
	orders := bufio.NewScanner(os.Stdin)
	fmt.Println("ready")
	for orders.Scan() {
		obey(what, orders.Text())
		fmt.Println("done")
	}
	return 0
}

var (
	spun   atomic.Uint64
	leaked []*os.File
)

func obey(what, order string) {
	switch what {
	case "cpu":
		go func() {
			for {
				spun.Add(1)
			}
		}()
	case "io":
		b := make([]byte, 1<<20)
		f, err := os.Create(order)
		for range 8 {
			if err == nil {
				_, err = f.Write(b)
			}
		}
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			panic(err)
		}
	case "leak":
		for range 25 {
			f, err := os.Open(os.DevNull)
			if err != nil {
				panic(err)
			}
			leaked = append(leaked, f)
		}
	case "parent":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=cpu")
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			panic(err)
		}
		go func() {
			fmt.Fprintln(in, "spin")
			_ = cmd.Wait()
		}()
	}
}

func echoSignals() int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM)
	fmt.Println("ready")
	for s := range signals {
		fmt.Println(s)
		if s == syscall.SIGTERM {
			return 7
		}
	}
	return 0
}

// childAgent watches itself, until it is killed. The argument is the broker's
// address and the spool's directory.
func childAgent(argument string) int {
	c := Default()
	c.Broker, c.SpoolDir, _ = strings.Cut(argument, " ")
	c.PropletID, c.Print, c.MetricsInterval = "killed", os.Stdout, time.Hour
	a, err := New(c, false)
	if err == nil {
		err = a.Start(context.Background())
	}
	if err != nil {
		panic(err)
	}
	_ = a.Watch(context.Background(), Task{ID: "t1", Profile: every(20 * time.Millisecond), Target: Target{PID: int32(os.Getpid())}})
	return 1
}

// every is the intensive profile at another interval.
func every(d time.Duration) profile.Profile {
	p, _ := profile.ByName(profile.Intense)
	p.Interval = d
	return p
}

// eventually waits until f returns true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); !f(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// subject is a child that is measured.
type subject struct {
	cmd *exec.Cmd
	pid int32
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t *testing.T, what string) *subject {
	t.Helper()
	return startBinary(t, os.Args[0], what)
}

func startBinary(t *testing.T, path, what string) *subject {
	t.Helper()
	s := &subject{cmd: exec.Command(path)}
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), childEnv+"="+what), os.Stderr
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid, s.out = int32(s.cmd.Process.Pid), bufio.NewScanner(out)
	t.Cleanup(s.kill)
	s.answer(t)
	return s
}

func (s *subject) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.cmd.Wait()         // twice does no harm
}

func (s *subject) answer(t *testing.T) string {
	t.Helper()
	if !s.out.Scan() {
		t.Fatalf("the child says nothing more: %v", s.out.Err())
	}
	return s.out.Text()
}

func (s *subject) order(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		t.Fatal(err)
	}
	s.answer(t)
}

// proc reads a file of /proc about the child.
func (s *subject) proc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(int(s.pid)), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// procField is the number behind a name in a file of /proc.
func (s *subject) procField(t *testing.T, file, name string) uint64 {
	t.Helper()
	for line := range strings.Lines(s.proc(t, file)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in %s", name, file)
	return 0
}

// taskMessage is a task's message of dialect D1, as another program reads it.
type taskMessage struct {
	TaskID    string `json:"task_id"`
	PropletID string `json:"proplet_id"`
	Metrics   struct {
		CPU         float64   `json:"cpu_percent"`
		Memory      uint64    `json:"memory_bytes"`
		DiskRead    uint64    `json:"disk_read_bytes"`
		DiskWrite   uint64    `json:"disk_write_bytes"`
		NetworkRx   uint64    `json:"network_rx_bytes"`
		Uptime      int64     `json:"uptime_seconds"`
		Threads     uint64    `json:"thread_count"`
		Descriptors uint64    `json:"file_descriptor_count"`
		Timestamp   time.Time `json:"timestamp"`
	} `json:"metrics"`
	Aggregated *struct {
		MaxCPU         float64 `json:"max_cpu_usage"`
		TotalDiskWrite uint64  `json:"total_disk_write"`
		SampleCount    int     `json:"sample_count"`
	} `json:"aggregated"`
}

// tasks returns the messages of tasks that a sink has.
func tasks(t *testing.T, s *sink.Sink) []taskMessage {
	t.Helper()
	var out []taskMessage
	for _, m := range s.Messages() {
		if !strings.HasSuffix(m.Topic, "/task_metrics") {
			continue
		}
		var task taskMessage
		if err := json.Unmarshal(m.Payload, &task); err != nil {
			t.Fatalf("%v: %s", err, m.Payload)
		}
		out = append(out, task)
	}
	return out
}

func startSink(t *testing.T) *sink.Sink {
	t.Helper()
	s, err := sink.Start("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testConfig is the configuration of an agent that publishes to a sink.
func testConfig(s *sink.Sink) Config {
	c := Default()
	c.Broker, c.PropletID, c.MetricsInterval, c.LivelinessInterval, c.StopTimeout = "", "p1", time.Hour, time.Hour, time.Minute
	if s != nil {
		c.Broker = "tcp://" + s.Addr()
	}
	return c
}

func startAgent(t *testing.T, c Config) *Agent {
	t.Helper()
	a, err := New(c, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// watch watches a target until the test ends, or the function that it returns is
// called, which also stops the agent.
func watch(t *testing.T, a *Agent, p profile.Profile, target Target) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Watch(ctx, Task{ID: "t1", Profile: p, Target: target}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.StopWithin(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}
