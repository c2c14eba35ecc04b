package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// weirBinary is built once for all tests.
var weirBinary string

// patience bounds what should take a moment, on a busy machine.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	weirBinary = filepath.Join(dir, "weir")
	args := []string{"build", "-o", weirBinary}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = filepath.Join("..", "cmd", "weir")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build weir:", err)
		return 1
	}
	// The build may need a proxy. The tests must not have this one: by it, MQTT
	// clients would reach this machine, too.
	for _, name := range []string{"all_proxy", "ALL_PROXY"} {
		if err := os.Unsetenv(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// addrs is what --addr-file holds.
type addrs struct {
	MQTT     string `json:"mqtt"`
	Internal string `json:"internal"`
	External string `json:"external"`
	Intake   string `json:"intake"`
	PID      int    `json:"pid"`
}

// process is a running weir.
type process struct {
	addrs
	t       testing.TB
	cmd     *exec.Cmd
	log     *lockedBuffer
	done    chan struct{} // closed when the process has ended
	waitErr error
}

// lockedBuffer collects what a process prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs weir with everything on ports of its own and returns when it
// serves. wrap may put another program in front of it.
func start(t testing.TB, dataDir string, args ...string) *process {
	t.Helper()
	return startWrapped(t, nil, append([]string{"--data-dir", dataDir, "--mqtt-addr", "127.0.0.1:0",
		"--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0"}, args...)...)
}

func startWrapped(t testing.TB, wrap []string, args ...string) *process {
	t.Helper()
	p := launch(t, wrap, args...)
	addrFile := p.cmd.Args[len(p.cmd.Args)-1]
	p.awaitAddrs(addrFile)
	return p
}

// launch runs weir without waiting until it serves. Its last argument is the
// address file.
func launch(t testing.TB, wrap []string, args ...string) *process {
	t.Helper()
	addrFile := filepath.Join(t.TempDir(), "addrs.json")
	argv := append(append([]string{}, wrap...), weirBinary)
	argv = append(append(argv, args...), "--addr-file", addrFile)
	p := &process{t: t, cmd: exec.Command(argv[0], argv[1:]...), log: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = environment()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.waitErr = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("weir %s printed:\n%s", strings.Join(args, " "), p.log)
		}
	})
	return p
}

// environment is ours without what would configure weir.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "WEIR_") {
			env = append(env, e)
		}
	}
	return env
}

func (p *process) awaitAddrs(path string) {
	p.t.Helper()
	eventually(p.t, "weir serves", func() error {
		select {
		case <-p.done:
			p.t.Fatalf("weir ended before it served: %v\n%s", p.waitErr, p.log)
		default:
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &p.addrs)
	})
}

// kill ends the process as a power switch would, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the process as Ctrl-C does; it must end cleanly.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("weir did not stop")
	}
	if p.waitErr != nil {
		p.t.Fatalf("weir stopped with %v\n%s", p.waitErr, p.log)
	}
}

// whereabouts is where a process listens that is killed and started again. While
// there is none it is "": who went on knocking at the port of the one before could
// disturb whoever has got that port meanwhile.
type whereabouts struct {
	mu   sync.Mutex
	addr string
	up   chan struct{} // closed while there is an address
}

func nowhere() *whereabouts { return &whereabouts{up: make(chan struct{})} }

func (w *whereabouts) set(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch was := w.addr; {
	case was == "" && addr != "":
		close(w.up)
	case was != "" && addr == "":
		w.up = make(chan struct{})
	}
	w.addr = addr
}

func (w *whereabouts) get() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addr
}

// wait returns an address as soon as there is one, or "" when ctx ends.
func (w *whereabouts) wait(ctx context.Context) string {
	for ctx.Err() == nil {
		w.mu.Lock()
		addr, up := w.addr, w.up
		w.mu.Unlock()
		if addr != "" {
			return addr
		}
		select {
		case <-up:
		case <-ctx.Done():
		}
	}
	return ""
}

// eventually calls f until it returns no error.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s: %v", what, patience, err)
		}
		<-ticker.C
	}
}

// answer is an HTTP answer.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func request(t testing.TB, method, addr, path string) answer {
	t.Helper()
	a, err := tryRequest(method, addr, path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryRequest(method, addr, path string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// get asks the internal listener.
func (p *process) get(path string) answer {
	p.t.Helper()
	return request(p.t, http.MethodGet, p.Internal, path)
}

func (p *process) getJSON(path string, into any) {
	p.t.Helper()
	a := p.get(path)
	if a.Status != http.StatusOK {
		p.t.Fatalf("GET %s: %d %s", path, a.Status, a.Body)
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		p.t.Fatalf("GET %s: %v in %s", path, err, a.Body)
	}
}

// account is one line of /api/accounting.
type account struct {
	Service, Subservice                             string
	Received, Applied, Duplicate, Rejected, Pending uint64
}

func (a account) balanced() bool {
	return a.Received == a.Applied+a.Duplicate+a.Rejected+a.Pending
}

type accounting struct {
	Tenants []account
	Sum     account
}

// settled waits until nothing is pending and the sum of received events is at
// least n, and checks at each look that the books balance.
func (p *process) settled(n uint64) accounting {
	p.t.Helper()
	var acc accounting
	eventually(p.t, fmt.Sprintf("%d events are folded", n), func() error {
		acc = accounting{}
		a, err := tryRequest(http.MethodGet, p.Internal, "/api/accounting")
		if err != nil {
			return err
		}
		if a.Status != http.StatusOK { // the aggregator may be on its way back
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		if err := json.Unmarshal(a.Body, &acc); err != nil {
			p.t.Fatalf("%v in %s", err, a.Body)
		}
		for _, a := range append(acc.Tenants, acc.Sum) {
			if !a.balanced() {
				p.t.Fatalf("the books do not balance: %+v", a)
			}
		}
		if acc.Sum.Received < n || acc.Sum.Pending > 0 {
			return fmt.Errorf("%+v", acc.Sum)
		}
		return nil
	})
	return acc
}

// tool runs a weir subcommand to its end.
func tool(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, weirBinary, args...)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	return string(out), err
}
