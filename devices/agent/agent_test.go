//go:build linux

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"crypto/tls"

	"github.com/google/go-cmp/cmp"

	"weir/devices/agent/profile"
	"weir/devices/agent/sample"
	"weir/devices/agent/sink"
	"weir/devices/porttest"
)

// self is a target that is always there.
var self = Target{PID: int32(os.Getpid())}

// kinds lists the ends of the topics of what a sink has, repetitions left out.
func kinds(s *sink.Sink) []string {
	var out []string
	for _, m := range s.Messages() {
		kind := m.Topic[strings.LastIndexByte(m.Topic, '/')+1:]
		if strings.Contains(string(m.Payload), `"offline"`) {
			kind = "offline"
		}
		out = append(out, kind)
	}
	return slices.Compact(out)
}

func TestAProplet(t *testing.T) {
	s := startSink(t)
	c := testConfig(s)
	c.MetricsInterval, c.LivelinessInterval = 100*time.Millisecond, 100*time.Millisecond
	a := startAgent(t, c)
	eventually(t, "heartbeats and its own metrics", func() bool {
		n := map[string]int{}
		for _, m := range s.Messages() {
			n[m.Topic]++
		}
		return n["m/local/c/agents/control/proplet/alive"] > 2 && n["m/local/c/agents/control/proplet/metrics"] > 2
	})
	if err := a.StopWithin(); err != nil {
		t.Fatal(err)
	}
	all := kinds(s)
	if all[0] != "create" || all[1] != "alive" || all[len(all)-1] != "offline" {
		t.Errorf("messages %q", all)
	}
	for _, m := range s.Messages() {
		if m.QoS != 2 || !strings.HasPrefix(m.Client, "p1-") {
			t.Errorf("%s of %s at QoS %d", m.Topic, m.Client, m.QoS)
		}
	}
}

// TestProfiles switches each field of a profile, and looks at what is published.
func TestProfiles(t *testing.T) {
	tests := []struct {
		name   string
		change func(*profile.Profile)
		check  func(m taskMessage) bool
	}{
		{"everything is collected", func(*profile.Profile) {}, func(m taskMessage) bool {
			return m.Metrics.Memory > 0 && m.Metrics.Threads > 0 && m.Metrics.Descriptors > 0 && m.Aggregated.SampleCount == 3
		}},
		{"no CPU is 0", func(p *profile.Profile) { p.CollectCPU = false }, func(m taskMessage) bool { return m.Metrics.CPU == 0 && m.Metrics.Memory > 0 }},
		{"no memory is 0", func(p *profile.Profile) { p.CollectMemory = false }, func(m taskMessage) bool { return m.Metrics.Memory == 0 && m.Metrics.Threads > 0 }},
		{"no disk is 0", func(p *profile.Profile) { p.CollectDiskIO = false }, func(m taskMessage) bool { return m.Metrics.DiskRead == 0 && m.Metrics.DiskWrite == 0 }},
		{"no network is 0", func(p *profile.Profile) { p.CollectNetworkIO = false }, func(m taskMessage) bool { return m.Metrics.NetworkRx == 0 }},
		{"no threads is 0", func(p *profile.Profile) { p.CollectThreads = false }, func(m taskMessage) bool { return m.Metrics.Threads == 0 && m.Metrics.Descriptors > 0 }},
		{"no descriptors is 0", func(p *profile.Profile) { p.CollectFileDescriptors = false }, func(m taskMessage) bool { return m.Metrics.Descriptors == 0 && m.Metrics.Threads > 0 }},
		{"no history has no aggregates", func(p *profile.Profile) { p.RetainHistory = false }, func(m taskMessage) bool { return m.Aggregated == nil }},
		{"a history of none has no aggregates", func(p *profile.Profile) { p.HistorySize = 0 }, func(m taskMessage) bool { return m.Aggregated == nil }},
		{"a short history has the newest", func(p *profile.Profile) { p.HistorySize = 2 }, func(m taskMessage) bool { return m.Aggregated.SampleCount == 2 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t)
			p := every(20 * time.Millisecond)
			tt.change(&p)
			watch(t, startAgent(t, testConfig(s)), p, self)
			if m := later(t, s, 3)[2]; !tt.check(m) || m.TaskID != "t1" || m.PropletID != "p1" {
				t.Errorf("the third sample: %+v", m)
			}
		})
	}
}

func TestWhatIsNotPublished(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Config, *profile.Profile)
		samples bool
		want    []string
	}{
		{"a profile that does not export is measured only", func(_ *Config, p *profile.Profile) { p.ExportToMQTT = false }, true, []string{"create", "alive", "metrics", "offline"}},
		{"a profile that is off measures nothing", func(_ *Config, p *profile.Profile) { p.Enabled = false }, false, []string{"create", "alive", "metrics", "offline"}},
		{"monitoring that is off leaves the proplet", func(c *Config, _ *profile.Profile) { c.Monitoring = false }, false, []string{"create", "alive", "offline"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t)
			c, p := testConfig(s), every(20*time.Millisecond)
			c.MetricsInterval = 200 * time.Millisecond
			tt.change(&c, &p)
			a := startAgent(t, c)
			stop := watch(t, a, p, self)
			eventually(t, "it has done what it does", func() bool {
				return s.Count() >= uint64(len(tt.want)-1) && (a.samples.Load() > 2) == tt.samples
			})
			stop()
			if diff := cmp.Diff(tt.want, kinds(s)); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// restart gives a sink's address to another one.
func restart(t *testing.T, addr string) *sink.Sink {
	t.Helper()
	var s *sink.Sink
	eventually(t, "the address is free", func() bool {
		var err error
		s, err = sink.Start(addr, true)
		return err == nil
	})
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestTheBrokerGoesAndComesBack takes the broker away twice: every sample comes,
// in order, with its own time.
func TestTheBrokerGoesAndComesBack(t *testing.T) {
	for name, dir := range map[string]string{"kept in memory": "", "kept on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			addr := porttest.Reserve(t).String()
			s := restart(t, addr)
			c := testConfig(s)
			c.SpoolDir = dir
			a := startAgent(t, c)
			stop := watch(t, a, every(20*time.Millisecond), self)
			var all []taskMessage
			for range 2 {
				later(t, s, 5)
				if err := s.Stop(); err != nil {
					t.Fatal(err)
				}
				all = append(all, tasks(t, s)...)
				taken := a.samples.Load()
				eventually(t, "samples are taken without a broker", func() bool { return a.samples.Load() > taken+20 })
				s = restart(t, addr)
				eventually(t, "what was kept is sent", func() bool { return a.spool.State().Messages < 3 && len(tasks(t, s)) > 20 })
			}
			stop()
			all = append(all, tasks(t, s)...)
			// What the broker had but not yet acknowledged comes once more.
			seen := map[time.Time]bool{}
			var last time.Time
			for _, m := range all {
				at := m.Metrics.Timestamp
				if !seen[at] && !at.After(last) {
					t.Fatalf("%s after %s", at, last)
				}
				if !seen[at] {
					last = at
				}
				seen[at] = true
			}
			if uint64(len(seen)) != a.samples.Load() {
				t.Errorf("%d samples came of %d", len(seen), a.samples.Load())
			}
		})
	}
}

// TestKillsLoseNothing kills an agent whose broker is away; the next one on the
// same spool sends what it had taken, and the broker has the will of one that is
// killed while it is connected.
func TestKillsLoseNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close() // it takes connections, and never answers
	c := startChild(t, "agent tcp://"+nobody.Addr().String()+" "+dir)
	const enough = 30
	for range enough {
		c.answer(t)
	}
	c.kill()

	s := startSink(t)
	config := testConfig(s)
	config.SpoolDir, config.Monitoring = dir, false
	a := startAgent(t, config)
	all := later(t, s, enough)
	if err := a.StopWithin(); err != nil {
		t.Fatal(err)
	}
	for i, m := range all[:enough] { // more than that may be there
		if m.PropletID != "killed" || m.Aggregated.SampleCount != i+1 || i > 0 && !m.Metrics.Timestamp.After(all[i-1].Metrics.Timestamp) {
			t.Fatalf("sample %d: %+v", i, m)
		}
	}

	s2 := startSink(t)
	c = startChild(t, "agent tcp://"+s2.Addr()+" "+dir)
	eventually(t, "it publishes", func() bool { return len(tasks(t, s2)) > 0 })
	c.kill()
	eventually(t, "its will", func() bool { return slices.Contains(kinds(s2), "offline") })
}

func TestStopSaysWhatIsLost(t *testing.T) {
	c := testConfig(nil)
	c.Broker = "tcp://127.0.0.1:1" // nobody is there
	c.StopTimeout = 100 * time.Millisecond
	a := startAgent(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- a.Watch(ctx, Task{ID: "t1", Profile: every(20 * time.Millisecond), Target: self}) }()
	eventually(t, "samples", func() bool { return a.samples.Load() >= 3 })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	err := a.StopWithin()
	lost := int(a.samples.Load())
	if a.host != nil { // a second has passed: the proplet has measured itself, too
		lost++
	}
	if want := strconv.Itoa(lost) + " messages could not be sent to tcp://127.0.0.1:1 and are lost"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler()) // its certificate is for 127.0.0.1
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		tls  TLS
		want string // in the fault, "" for a connection
	}{
		{"the broker's certificate is trusted", TLS{CA: ca}, ""},
		{"everybody is trusted", TLS{Insecure: true}, ""},
		{"another name is wanted", TLS{CA: ca, ServerName: "broker.invalid"}, "broker.invalid"},
		{"nobody vouches for the broker", TLS{}, "certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			s := sink.Serve(l, true)
			defer func() {
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			}()
			c := testConfig(nil)
			c.Broker, c.TLS, c.Monitoring = "ssl://"+s.Addr(), tt.tls, false
			a := startAgent(t, c)
			eventually(t, "an answer", func() bool {
				a.mu.Lock()
				defer a.mu.Unlock()
				if tt.want == "" {
					return a.publisher.Connected()
				}
				return strings.Contains(a.fault, tt.want)
			})
			if err := a.StopWithin(); err != nil {
				t.Error(err)
			}
		})
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestRun(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		child   string
		code    int
		results string
	}{
		{"success is handed on", []string{os.Args[0]}, "exit 0", 0, `"results":"0","error":""`},
		{"so is a failure", []string{os.Args[0]}, "exit 42", 42, `"results":"42","error":"exit status 42"`},
		{"a signal is 128 and its number", []string{"/bin/sh", "-c", "kill -TERM $$"}, "", 143, `"results":"143","error":"signal: terminated"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t)
			a := startAgent(t, testConfig(s))
			var stdout, stderr buffer
			code, err := a.Run(t.Context(), Command{
				Args: tt.args, TaskID: "t1", Profile: every(20 * time.Millisecond),
				Env: append(os.Environ(), childEnv+"="+tt.child), Stdout: &stdout, Stderr: &stderr,
			})
			if err != nil || code != tt.code {
				t.Errorf("code %d, error %v", code, err)
			}
			if tt.child != "" && (stdout.String() != "out\n" || stderr.String() != "err\n") {
				t.Errorf("output %q, %q", stdout.String(), stderr.String())
			}
			if err := a.StopWithin(); err != nil {
				t.Error(err)
			}
			all := slices.DeleteFunc(s.Messages(), func(m sink.Message) bool { return strings.HasSuffix(m.Topic, "/proplet/metrics") }) // those come when they come
			if got := all[len(all)-2]; !strings.HasSuffix(got.Topic, "/results") || !strings.Contains(string(got.Payload), tt.results) {
				t.Errorf("the last but one is %s %s", got.Topic, got.Payload)
			}
		})
	}
}

func TestRunOfNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"weir-no-such-program": 127, filepath.Join(t.TempDir(), "absent"): 127, file: 126} {
		a := startAgent(t, testConfig(nil))
		code, err := a.Run(t.Context(), Command{Args: []string{path}, TaskID: "t1", Profile: every(time.Second)})
		if code != want || err == nil {
			t.Errorf("%s: code %d, error %v", path, code, err)
		}
		if err := a.StopWithin(); err != nil {
			t.Error(err)
		}
	}
}

// TestSignals hands signals on, and ends the command when the context does.
func TestSignals(t *testing.T) {
	tests := []struct {
		name  string
		child string
		end   syscall.Signal // 0 ends the context
		code  int
	}{
		{"a command ends as it wants", "signals", syscall.SIGTERM, 7},
		{"a context that ends asks it to", "signals", 0, 7},
		{"a command that does not want to is killed", "deaf", 0, 137},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testConfig(nil)
			if tt.child == "deaf" {
				c.StopTimeout = 300 * time.Millisecond
			}
			a := startAgent(t, c)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			handedOn := []syscall.Signal{syscall.SIGUSR1, syscall.SIGINT}
			if inForeground() { // SIGINT is a key's then, which the command has heard itself
				handedOn = []syscall.Signal{syscall.SIGUSR1}
			}
			signals := make(chan os.Signal)
			stdout, out := io.Pipe()
			go func() {
				lines := make([]byte, 100)
				expect := func(want string) {
					if n, err := stdout.Read(lines); err != nil || string(lines[:n]) != want {
						t.Errorf("%q, %v, want %q", lines[:n], err, want)
					}
				}
				expect("ready\n")
				if tt.child == "signals" {
					for _, s := range handedOn {
						signals <- s
						expect(s.String() + "\n")
					}
				}
				if tt.end != 0 {
					signals <- tt.end
				} else {
					cancel()
				}
				_, _ = io.Copy(io.Discard, stdout)
			}()
			code, err := a.Run(ctx, Command{
				Args: []string{os.Args[0]}, TaskID: "t1", Profile: every(20 * time.Millisecond),
				Env: append(os.Environ(), childEnv+"="+tt.child), Stdout: out, Signals: signals,
			})
			if err != nil || code != tt.code {
				t.Errorf("code %d, error %v", code, err)
			}
			if err := errors.Join(out.Close(), a.StopWithin()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNamed watches all processes of a name, which come and go.
func TestNamed(t *testing.T) {
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	name := "weir-named-" + strconv.Itoa(os.Getpid())
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	s := startSink(t)
	a := startAgent(t, testConfig(s))
	first := startBinary(t, path, "idle")
	watch(t, a, every(50*time.Millisecond), Target{Name: name})
	one := later(t, s, 1)[0]
	second := startBinary(t, path, "idle")
	all := since(t, s, time.Now(), 1)
	if two := all[len(all)-1]; two.Metrics.Memory < one.Metrics.Memory*3/2 {
		t.Errorf("%d bytes of two, %d of one", two.Metrics.Memory, one.Metrics.Memory)
	}
	first.kill()
	second.kill()
	var taken uint64
	eventually(t, "no sample of nobody", func() bool {
		before := taken
		taken = a.samples.Load()
		_, err := sample.Named(t.Context(), name)
		return before == taken && errors.Is(err, sample.ErrAbsent)
	})
	startBinary(t, path, "idle")
	later(t, s, 1)
}

// TestEach watches each process of a name as a task of its own.
func TestEach(t *testing.T) {
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	name := "weir-each-" + strconv.Itoa(os.Getpid())
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	s := startSink(t)
	a := startAgent(t, testConfig(s))
	ids := map[string]bool{}
	for range 2 {
		ids["host-"+name+"-"+strconv.Itoa(int(startBinary(t, path, "idle").pid))] = true
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.WatchEach(ctx, Target{Name: name}, "host", every(50*time.Millisecond)) }()
	eventually(t, "samples of both", func() bool {
		got := map[string]bool{}
		for _, m := range tasks(t, s) {
			got[m.TaskID] = true
		}
		return cmp.Equal(ids, got)
	})
	cancel()
	if err := errors.Join(<-ended, a.StopWithin()); err != nil {
		t.Error(err)
	}
}

func TestAProcessThatEndsEndsItsWatch(t *testing.T) {
	c := startChild(t, "idle")
	a := startAgent(t, testConfig(nil))
	ended := make(chan error, 1)
	go func() {
		ended <- a.Watch(context.Background(), Task{ID: "t1", Profile: every(20 * time.Millisecond), Target: Target{PID: c.pid}})
	}()
	eventually(t, "a sample", func() bool { return a.samples.Load() > 0 })
	c.kill()
	if err := errors.Join(<-ended, a.StopWithin()); err != nil {
		t.Error(err)
	}
	err := a.Watch(t.Context(), Task{ID: "t1", Profile: every(time.Second), Target: Target{PID: c.pid}})
	if !errors.Is(err, sample.ErrEnded) {
		t.Errorf("a process that is not there: %v", err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestEndpoints(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := testConfig(nil)
	var printed buffer
	c.Listen, c.Print, c.MetricsInterval = "127.0.0.1:0", &printed, 100*time.Millisecond
	a := startAgent(t, c)
	stop := watch(t, a, every(20*time.Millisecond), self)
	eventually(t, "the proplet's metrics", func() bool {
		_, text := get(t, "http://"+a.Addr()+"/metrics")
		return strings.Contains(text, `proplet_memory_rss_bytes{proplet_id="p1"} `) && a.samples.Load() > 3
	})
	_, text := get(t, "http://"+a.Addr()+"/metrics")
	for _, want := range []string{
		`proplet_task_memory_usage_bytes{task_id="t1",proplet_id="p1"} `, "# TYPE proplet_task_disk_write_bytes_total counter",
		`proplet_task_aggregated_samples{task_id="t1",proplet_id="p1"} `, "weir_agent_connected 0", "weir_agent_samples_total ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	code, text := get(t, "http://"+a.Addr()+"/history?limit=2&task_id=t1")
	var history struct {
		PropletID string `json:"proplet_id"`
		Tasks     []struct {
			TaskID  string `json:"task_id"`
			Total   int    `json:"total"`
			Samples []struct {
				Memory uint64 `json:"memory_bytes"`
			} `json:"samples"`
			Aggregated struct {
				SampleCount int `json:"sample_count"`
			} `json:"aggregated"`
		} `json:"tasks"`
	}
	if err := json.Unmarshal([]byte(text), &history); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, text)
	}
	if h := history.Tasks[0]; h.TaskID != "t1" || len(h.Samples) != 2 || h.Total < 4 || h.Samples[1].Memory == 0 || h.Aggregated.SampleCount != h.Total {
		t.Errorf("history %+v", history)
	}
	if _, text := get(t, "http://"+a.Addr()+"/history?task_id=t2"); !strings.Contains(text, `"tasks":[]`) {
		t.Errorf("the history of another task: %s", text)
	}
	if code, text := get(t, "http://"+a.Addr()+"/history?limit=all"); code != http.StatusBadRequest || !strings.Contains(text, `limit is \"all\"`) {
		t.Errorf("%d: %s", code, text)
	}
	stop()
	if lines := strings.Count(printed.String(), "  t1   cpu "); lines != int(a.samples.Load()) {
		t.Errorf("%d lines for %d samples:\n%s", lines, a.samples.Load(), printed.String())
	}
}

func TestTheScreenIsDrawnAndLeft(t *testing.T) {
	var out buffer
	c := testConfig(nil)
	c.Screen = &Screen{Out: &out, Size: func() (int, int) { return 80, 24 }}
	a := startAgent(t, c)
	stop := watch(t, a, every(20*time.Millisecond), self)
	eventually(t, "a sample is shown", func() bool { return strings.Contains(out.String(), "  memory ") })
	stop()
	if got := out.String(); !strings.HasPrefix(got, enterScreen+home+"weir agent  p1") || !strings.HasSuffix(got, leaveScreen) {
		t.Errorf("screen %q", got)
	}
}

// TestDialectsAndQoS publishes in each dialect, with its own quality of service
// and with others.
func TestDialectsAndQoS(t *testing.T) {
	tests := []struct {
		name    string
		dialect string
		qos     int
		topic   string
		want    byte
	}{
		{"d0 has a topic of its own", "d0", DefaultQoS, "m/local/c/agents/metrics/proplet", 2},
		{"d1 is exactly once", "d1", DefaultQoS, "m/local/c/agents/control/proplet/task_metrics", 2},
		{"d2 is, too", "D2", DefaultQoS, "m/local/c/agents/control/proplet/task_metrics", 2},
		{"d3 is at least once", "d3", DefaultQoS, "m/local/c/agents/control/proplet/task_metrics", 1},
		{"d1r at most once", "d1r", 0, "m/local/c/agents/control/proplet/task_metrics", 0},
		{"d3 exactly once", "d3", 2, "m/local/c/agents/control/proplet/task_metrics", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t)
			c := testConfig(s)
			c.Dialect, c.QoS = tt.dialect, tt.qos
			stop := watch(t, startAgent(t, c), every(20*time.Millisecond), self)
			eventually(t, "samples", func() bool {
				n := 0
				for _, m := range s.Messages() {
					if m.Topic == tt.topic && m.QoS == tt.want {
						n++
					}
				}
				return n >= 3
			})
			stop()
			eventually(t, "its last word", func() bool { // at QoS 0, nobody waits for it
				all := kinds(s)
				return all[0] == "create" && all[len(all)-1] == "offline"
			})
		})
	}
}

// A proplet that the environment describes publishes as that.
func TestTheEnvironmentsProplet(t *testing.T) {
	s := startSink(t)
	c, err := FromEnvironment(testConfig(nil), []string{
		"PROPLET_DOMAIN_ID=home", "PROPLET_CHANNEL_ID=lab", "PROPLET_CLIENT_ID=me", "PROPLET_MQTT_ADDRESS=tcp://" + s.Addr(), "PROPLET_MQTT_QOS=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.PropletID = ""
	stop := watch(t, startAgent(t, c), every(20*time.Millisecond), self)
	m := later(t, s, 1)[0]
	stop()
	if all := s.Messages(); m.PropletID != "me" || all[0].Topic != "m/home/c/lab/control/proplet/create" || all[0].QoS != 1 {
		t.Errorf("sample %+v, first %+v", m, all[0])
	}
}

func TestGroupLabel(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, want := range map[string]string{
		"docker-" + id + ".scope": id[:12], id: id[:12], "nginx.service": "nginx.service", "session-3.scope": "session-3.scope", "": "",
	} {
		if got := groupLabel(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
