package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/cmd/weir/internal/datadir"
	"weir/pkg/golden"
)

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

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// weir runs a command line to its end.
func weir(t *testing.T, args ...string) result {
	t.Helper()
	return weirIn(t, nil, args...)
}

// weirIn runs a command line with environment variables.
func weirIn(t *testing.T, env []string, args ...string) result {
	t.Helper()
	t.Setenv("COLUMNS", "100") // kong asks for it where there is no terminal
	var stdout, stderr buffer
	code := run(t.Context(), nil, args, env, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// process is a command line that runs beside the test.
type process struct {
	stop           context.CancelFunc // as a signal does
	stdout, stderr buffer
	ended          chan struct{}
	code           int // once ended is closed
}

// start runs a command line beside the test, which ends it.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.code = run(ctx, nil, args, nil, &p.stdout, &p.stderr)
	}()
	t.Cleanup(func() {
		cancel()
		<-p.ended
		if t.Failed() {
			t.Logf("weir %s:\n%s%s", strings.Join(args, " "), p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// end stops the process and returns its exit code.
func (p *process) end() int {
	p.stop()
	<-p.ended
	return p.code
}

func TestHelp(t *testing.T) {
	commands := []string{
		"", "all", "ingest", "aggregator", "query", "deadletters", "deadletters list", "deadletters show",
		"deadletters replay", "healthcheck", "rebuild", "verify", "version",
		"alerter", "check-sources", "map-test", "check-rules", "test-rules", "check-routes", "notify-test",
		"agent", "agent run", "agent watch", "agent host", "simulate", "demo",
		"bench", "bench ingest", "bench rebuild", "bench query", "bench history", "bench alert", "bench agent",
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			r := weir(t, append(strings.Fields(command), "--help")...)
			if r.code != exitOK || r.stderr != "" {
				t.Fatalf("exit code %d, stderr %q", r.code, r.stderr)
			}
			name := strings.ReplaceAll(command, " ", "-")
			if name == "" {
				name = "weir"
			}
			golden.Check(t, "help/"+name+".txt", r.stdout)
		})
	}
}

func TestVersion(t *testing.T) {
	r := weir(t, "version")
	if r.code != exitOK || !regexp.MustCompile(`^weir \d+\.\d+\.\d+\S* go1\.\S+ \w+/\w+\n$`).MatchString(r.stdout) {
		t.Errorf("exit code %d, %q", r.code, r.stdout)
	}
}

func TestVersionText(t *testing.T) {
	tests := []struct {
		name, commit string
		modified     bool
		want         string
	}{
		{"without build information it is the release alone", "", false, "1.2.3"},
		{"the commit is shortened", "0123456789abcdef0123", false, "1.2.3+0123456789ab"},
		{"a modified tree says so", "0123456789abcdef0123", true, "1.2.3+0123456789ab.modified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := versionText("1.2.3", tt.commit, tt.modified); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestBadCommandLines(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		args []string
		code int
		want string
	}{
		{
			"an unknown command is named", nil, []string{"frobnicate"}, exitUsage,
			"weir: unexpected argument frobnicate\nRun weir --help for the commands and settings.\n",
		},
		{
			"a mistyped flag gets a proposal", nil, []string{"--mqtt-adr", "x"}, exitUsage,
			"weir: unknown flag --mqtt-adr, did you mean \"--mqtt-addr\"?\nRun weir --help for the commands and settings.\n",
		},
		{
			"a flag of another service is unknown", nil, []string{"query", "--mqtt-addr", "127.0.0.1:0"}, exitUsage,
			"weir: unknown flag --mqtt-addr\nRun weir --help for the commands and settings.\n",
		},
		{
			"all faults of the settings are said at once, and unknown variables warn", []string{"WEIR_LOG_LEVEL=loud", "WEIR_DATADIR=x"},
			[]string{"--max-payload", "huge", "--mqtt-addr", "0.0.0.0:0"}, exitUsage,
			`level=WARN msg="environment WEIR_DATADIR: unknown key \"WEIR_DATADIR\" (did you mean WEIR_DATA_DIR?), ignored"
weir: 3 faults in the settings:
  environment WEIR_LOG_LEVEL: "loud" is not one of debug, info, warn, error
  --max-payload: "huge" is not a size such as 64KiB or 65536
  --mqtt-addr: MQTT on 0.0.0.0:0 would be open to other machines: name who may use it with --users FILE, or let everybody in with --allow-anonymous
`,
		},
		{
			"a single service needs a NATS server", nil, []string{"query"}, exitUsage,
			"weir: 1 fault in the settings:\n  weir query needs a NATS server with JetStream: give --nats-url, or run weir, which has everything in one process\n",
		},
		{
			"a group of commands wants one of them", nil, []string{"deadletters"}, exitUsage,
			"weir: expected one of \"list\", \"show\", \"replay\"\nRun weir --help for the commands and settings.\n",
		},
		{
			"a dead letter has a number", nil, []string{"deadletters", "show", "first"}, exitUsage,
			"weir: <seq>: expected a valid 64 bit uint but got \"first\"\nRun weir --help for the commands and settings.\n",
		},
	}
	times := regexp.MustCompile(`(?m)^time=\S+ `)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			r := weirIn(t, tt.env, tt.args...)
			if diff := cmp.Diff(tt.want, times.ReplaceAllString(r.stderr, "")); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
			if r.code != tt.code || r.stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q", r.code, tt.code, r.stdout)
			}
			if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
				t.Errorf("it left files behind: %v, %v", left, err)
			}
		})
	}
}

// A second process on a data directory must not get as far as opening anything.
func TestDataDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	lock, err := datadir.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Mkdir(datadir.Journal(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"all", "rebuild", "verify"} {
		r := weir(t, command, "--data-dir", dir)
		if want := "weir: data directory is in use: process "; r.code != exitFailed || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, dir) {
			t.Errorf("weir %s: exit code %d, stderr %q, expected %q and the directory", command, r.code, r.stderr, want)
		}
	}
}

func TestReachable(t *testing.T) {
	tests := []struct{ name, addr, want string }{
		{"an address of this machine is itself", "127.0.0.1:80", "127.0.0.1:80"},
		{"a name is itself", "gateway:80", "gateway:80"},
		{"all IPv4 addresses are reached over loopback", "0.0.0.0:80", "127.0.0.1:80"},
		{"all addresses are reached over localhost", "[::]:80", "localhost:80"},
		{"no host is all addresses", ":80", "127.0.0.1:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reachable(tt.addr); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
