package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/cmd/weir/internal/app"
)

// A signal stops a real process in order: the test's own binary, run as weir.
func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "addrs.json")
			var output bytes.Buffer
			cmd := exec.Command(os.Args[0], append(anyPorts, "--data-dir", filepath.Join(dir, "data"), "--addr-file", file)...)
			cmd.Env = append(os.Environ(), runMainEnv+"=1")
			cmd.Stdout, cmd.Stderr = &output, &output
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "weir serves", func() bool {
				addrs, err := app.ReadAddrFile(file)
				return err == nil && addrs.PID == cmd.Process.Pid
			})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || !strings.Contains(output.String(), "msg=stopped") {
				t.Errorf("it ended with %v:\n%s", err, output.String())
			}
		})
	}
}
