package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"weir/cmd/weir/internal/app"
)

const (
	// benchStartTimeout is how long the measured weir may take to serve.
	benchStartTimeout = time.Minute
	// benchStopTimeout is how long it may take to stop before it is killed.
	benchStopTimeout = app.StopTimeout + 5*time.Second
	// benchPoll is how often it is asked for what has to come about.
	benchPoll = 10 * time.Millisecond
)

// benchServer is the weir that is measured: a process of this same binary, or
// one that ran before.
type benchServer struct {
	mqtt   string // host:port
	intake string // host:port
	client *client

	cmd    *exec.Cmd // nil for one that ran before
	ended  chan struct{}
	output *tail
}

// startBenchServer starts a weir on a data directory and waits until it serves.
func startBenchServer(s *session, place benchPlace, settings []string) (*benchServer, error) {
	addrFile := filepath.Join(place.scratch, "addrs.json")
	args := append([]string{
		"--data-dir", place.data, "--addr-file", addrFile,
		"--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0",
	}, settings...)
	cmd, err := ownCommand(s, args...)
	if err != nil {
		return nil, err
	}
	b := &benchServer{cmd: cmd, ended: make(chan struct{}), output: new(tail)}
	cmd.Stdout, cmd.Stderr = b.output, b.output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a weir to measure: %w", err)
	}
	go func() {
		defer close(b.ended)
		_ = cmd.Wait() // its state says how it ended
	}()
	if err := b.awaitAddrs(s.ctx, addrFile); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// ownCommand is a command of this same binary. It does not get this process's
// WEIR_… variables: a weir that is measured must not write into the NATS server
// that serves in earnest.
func ownCommand(s *session, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the weir binary: %w", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return strings.HasPrefix(v, "WEIR_") })
	return cmd, nil
}

func (b *benchServer) awaitAddrs(ctx context.Context, addrFile string) error {
	ctx, cancel := context.WithTimeout(ctx, benchStartTimeout)
	defer cancel()
	tick := time.NewTicker(benchPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the measured weir to serve: %w", ctx.Err())
		case <-b.ended:
			err := fmt.Errorf("the measured weir ended at its start: %s\n%s", b.cmd.ProcessState, b.output)
			b.cmd = nil // there is nothing to stop
			return err
		case <-tick.C:
			if addrs, err := app.ReadAddrFile(addrFile); err == nil {
				b.mqtt, b.intake = addrs.MQTT, addrs.Intake
				b.client = &client{"http://" + addrs.Internal, &http.Client{Timeout: clientTimeout}}
				return nil
			}
		}
	}
}

// stop stops the weir in order, if it was started here. One that ended before,
// or badly, is an error.
func (b *benchServer) stop() error {
	if b.cmd == nil {
		return nil
	}
	err := b.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the measured weir: %w", err)
	}
	select {
	case <-b.ended:
	case <-time.After(benchStopTimeout):
		_ = b.cmd.Process.Kill() // it fails if it has just ended
		<-b.ended
	}
	b.cmd, err = nil, endedWell(b.cmd, b.output)
	return err
}

func endedWell(cmd *exec.Cmd, output fmt.Stringer) error {
	if cmd.ProcessState.Success() {
		return nil
	}
	return fmt.Errorf("the measured weir: %s\n%s", cmd.ProcessState, output)
}

// tail keeps the end of what a process prints.
type tail struct {
	mu sync.Mutex
	b  []byte
}

var _ io.Writer = (*tail)(nil)

// maxTail is the bytes that a tail keeps.
const maxTail = 8 << 10

// Write keeps the end of what is written.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - maxTail; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
