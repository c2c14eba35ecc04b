//go:build !windows

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/devices/agent/overhead"
	"weir/pkg/golden"
)

// agentProcess is a command line of an agent, as a process of its own: a signal
// is for it alone.
func agentProcess(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"agent"}, args...)...)
	cmd.Env = append(os.Environ(), runMainEnv+"=1")
	return cmd
}

func TestAgentRunHandsTheExitCodeOn(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string // a part of it
	}{
		{"success", []string{"--", "sh", "-c", "echo out; echo err >&2"}, 0, "out\n", "err\n"},
		{"without --", []string{"sh", "-c", "exit 0"}, 0, "", ""},
		{"a failure", []string{"--", "sh", "-c", "exit 42"}, 42, "", ""},
		{"flags behind the command are its own", []string{"--", "sh", "-c", "echo $0 $1", "--broker", "x"}, 0, "--broker x\n", ""},
		{"a signal", []string{"--", "sh", "-c", "kill -KILL $$"}, 137, "", ""},
		{"a command that is not there", []string{"--", "weir-no-such-program"}, 127, "", "executable file not found"},
		{"no command", []string{"--"}, exitUsage, "", "expected"},
		{"samples are printed beside the command's output", []string{"--print", "--interval", "20ms", "--task-id", "t1", "--", "sh", "-c", "read end; echo out"}, 0, "out\n", "  t1   cpu "},
		{"a profile that is not there", []string{"--profile", "fast", "--", "true"}, exitUsage, "", `there is no monitoring profile "fast"`},
		{"a profile as JSON", []string{"--profile-json", `{"interval":-1}`, "--", "true"}, exitUsage, "", "interval is -1s"},
		{"all faults", []string{"--qos", "3", "--domain", "a/b", "--", "true"}, exitUsage, "", "2 faults in the settings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr buffer
			cmd := agentProcess(append([]string{"run", "--broker", "none"}, tt.args...)...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait() // twice does no harm
			})
			eventually(t, tt.stderr, func() bool { return strings.Contains(stderr.String(), tt.stderr) })
			stdin.Close()  // who reads goes on
			_ = cmd.Wait() // its state says how it ended
			if code := cmd.ProcessState.ExitCode(); code != tt.code || stdout.String() != tt.stdout || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

// Signals are the command's: it decides how often it takes one, and what then.
func TestAgentRunHandsSignalsOn(t *testing.T) {
	ours := make(chan os.Signal, 1)
	signal.Notify(ours, syscall.SIGINT) // whoever runs the tests may ignore it, and the agent would
	defer signal.Stop(ours)
	script := `trap 'echo int' INT; trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done`
	cmd := agentProcess("run", "--broker", "none", "--", "sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, whose keys would go to both
	var out buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	want := "ready\n"
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGINT, syscall.SIGINT, syscall.SIGTERM} {
		eventually(t, "the command says "+want, func() bool { return strings.HasSuffix(out.String(), want) })
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		want += "int\n"
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("%s:\n%s", cmd.ProcessState, out.String())
	}
}

// Signals that whoever starts the agent ignores, as nohup does, are ignored by it
// and by its command.
func TestAgentRunLeavesIgnoredSignalsIgnored(t *testing.T) {
	agent := agentProcess("run", "--broker", "none", "--", "sh", "-c", "kill -HUP $PPID; kill -INT $PPID; kill -HUP $$; kill -INT $$; echo alive; exit 5")
	cmd := exec.Command("sh", append([]string{"-c", `trap "" HUP INT; exec "$0" "$@"`}, agent.Args...)...)
	cmd.Env = agent.Env
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 5 || string(out) != "alive\n" {
		t.Errorf("code %d, %v: %s", code, err, out)
	}
}

// Several agents that run the same program have tasks of their own, whose ids are
// the same from run to run.
func TestAgentsOfOneProgramHaveIDsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	// begin starts an agent, and returns its task's id and what ends it.
	begin := func(args ...string) (task string, end func()) {
		t.Helper()
		cmd := agentProcess(append([]string{"run", "--broker", "none", "--interval", "20ms", "--print"}, args...)...)
		cmd.Env = append(cmd.Env, "TMPDIR="+dir)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out buffer
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		end = sync.OnceFunc(func() {
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, out.String())
			}
		})
		t.Cleanup(end)
		eventually(t, "a sample", func() bool { return strings.Contains(out.String(), "  cpu ") })
		fields := strings.Fields(out.String())
		return fields[slices.Index(fields, "cpu")-1], end
	}
	check := func(want string, args ...string) (end func()) {
		t.Helper()
		got, end := begin(args...)
		if got != want {
			t.Errorf("the task is %s, want %s", got, want)
		}
		return end
	}
	first := check(host+"-cat", "--", "cat")
	check(host+"-cat-2", "--", "cat")
	check(host+"-sh", "--", "sh", "-c", "cat")
	check("mine", "--task-id", "mine", "--", "cat") // its proplet is the third
	check(host+"-cat-4", "--", "cat")
	first()
	check(host+"-cat", "--", "cat")
}

// A spool that cannot be used is no reason not to run the command.
func TestAgentRunWithoutItsSpool(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd := agentProcess("run", "--broker", "tcp://127.0.0.1:1", "--spool", file, "--task-id", "t", "--proplet-id", "p", "--", "sh", "-c", "echo out; exit 3")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its state says how it ended
	if code := cmd.ProcessState.ExitCode(); code != 3 || stdout.String() != "out\n" || !strings.Contains(stderr.String(), "the spool cannot be used") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// taskPage is a page of a task's metrics, as the API answers it.
type taskPage struct {
	Total   int `json:"total"`
	Metrics []struct {
		TaskID    string `json:"task_id"`
		PropletID string `json:"proplet_id"`
	} `json:"metrics"`
}

// TestAgentsAndWeir has agents of each kind publish to a weir.
func TestAgentsAndWeir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "addrs.json")
	start(t, slices.Concat(anyPorts, []string{"--data-dir", t.TempDir(), "--addr-file", file})...)
	var addrs app.AddrFile
	eventually(t, "it serves", func() (ok bool) {
		var err error
		addrs, err = app.ReadAddrFile(file)
		return err == nil
	})
	subject := exec.Command("sleep", "600")
	if err := subject.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = subject.Process.Kill()
		_ = subject.Wait()
	}()
	broker := "tcp://" + addrs.MQTT
	host := start(t, "agent", "host", "--broker", broker, "--proplet-id", "machine", "--metrics-interval", "200ms", "--print")
	watch := start(t, "agent", "watch", "--broker", broker, "--proplet-id", "p1", "--task-id", "t1", "--interval", "50ms", "--pid", strconv.Itoa(subject.Process.Pid), "--print")
	for _, dialect := range []string{"d0", "d1r", "d2", "d3"} {
		start(t, "agent", "watch", "--broker", broker, "--proplet-id", dialect, "--task-id", dialect, "--interval", "100ms", "--pid", strconv.Itoa(subject.Process.Pid), "--dialect", dialect, "--print")
	}
	c := client{"http://" + addrs.Internal, &http.Client{Timeout: clientTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
	for _, task := range []string{"t1", "d0", "d1r", "d2", "d3"} {
		eventually(t, "weir has samples of "+task, func() bool {
			var page taskPage
			_, err := c.ask(t.Context(), "GET", "/tasks/"+task+"/metrics?limit=1", &page)
			return err == nil && page.Total > 3 && page.Metrics[0].TaskID == task
		})
	}
	eventually(t, "weir has the machine", func() bool {
		var page taskPage
		_, err := c.ask(t.Context(), "GET", "/proplets/machine/metrics?limit=1", &page)
		return err == nil && page.Total > 2
	})
	for _, p := range []*process{host, watch} {
		if code := p.end(); code != exitOK {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	}
	if !strings.Contains(watch.stdout.String(), "  t1   cpu ") || !strings.Contains(host.stdout.String(), "  machine   cpu ") {
		t.Errorf("printed %q and %q", watch.stdout.String(), host.stdout.String())
	}
	eventually(t, "the agents that stopped are gone", func() bool {
		var proplet struct {
			Alive bool `json:"alive"`
		}
		_, err := c.ask(t.Context(), "GET", "/proplets/p1", &proplet)
		return err == nil && !proplet.Alive
	})
}

func TestAgentWatchFails(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing to watch", nil, exitUsage, "nothing to watch: expected --pid, --name, --cgroup or --container"},
		{"two kinds of things", []string{"--pid", "1", "--name", "x"}, exitUsage, "--pid and --name can't be used together"},
		{"each of a process", []string{"--pid", "1", "--each"}, exitUsage, "--each is for --name"},
		{"one id for two", []string{"--pid", "1", "--pid", "2", "--task-id", "t"}, exitUsage, "--task-id is for one task"},
		{"a process that is not there", []string{"--pid", "2147483647"}, exitFailed, "process 2147483647"},
		{"a container that is not there", []string{"--container", "0123456789ab"}, exitFailed, "0123456789ab"},
		{"an interval that is none", []string{"--pid", "1", "--alive-every", "often"}, exitUsage, `--alive-every: "often" is no number of seconds`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := weir(t, append([]string{"agent", "watch", "--broker", "none"}, tt.args...)...)
			if r.code != tt.code || !strings.Contains(r.stderr, tt.want) {
				t.Errorf("code %d, stderr %q", r.code, r.stderr)
			}
		})
	}
}

func TestBenchAgent(t *testing.T) {
	var out buffer
	s := &session{ctx: t.Context(), env: []string{runMainEnv + "=1"}, stdout: &out, stderr: new(buffer)}
	c := benchAgentCmd{For: 300 * time.Millisecond, Pace: 20 * time.Millisecond, JSON: true}
	if err := c.Run(s); err != nil {
		t.Fatal(err)
	}
	var figures []overhead.Figures
	if err := json.Unmarshal([]byte(out.String()), &figures); err != nil || len(figures) != 9 || figures[0].What != "profile standard" {
		t.Errorf("%v: %+v", err, figures)
	}
}

func TestBenchAgentTable(t *testing.T) {
	var out buffer
	if err := printOverhead(&session{stdout: &out}, []overhead.Figures{
		{What: "profile minimal", CPU: 87 * time.Microsecond, Percent: 0.000145, Memory: 300 << 10, Claim: "< 0.1 %, ~1 MB"},
		{What: "1000 samples kept", CPU: 1200 * time.Microsecond, Memory: -5 << 10, Claim: "~5 MB"},
	}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "bench-agent.txt", out.String())
}
