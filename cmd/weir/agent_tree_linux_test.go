package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A descendant whose parent has ended before anybody saw it belongs to the tree:
// its CPU is measured while it runs and after its end, and it does not stay as a
// zombie. The command's exit code is its own.
func TestAgentRunOfATreeMeasuresOrphans(t *testing.T) {
	dir := t.TempDir()
	orphan := filepath.Join(dir, "orphan.sh")
	// It says its number, works, and says how long that took it.
	script := "echo $$ >$1/pid; i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; cut -d ' ' -f 14,15 /proc/$$/stat >$1/made; mv $1/made $1/used"
	if err := os.WriteFile(orphan, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := agentProcess("run", "--broker", "none", "--tree", "--interval", "100ms", "--print", "--task-id", "t", "--proplet-id", "p", "--",
		"sh", "-c", `(sh "$0" "$1" &); read end; exit 7`, orphan, dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // twice does no harm
	})
	var ticks []string
	eventually(t, "the orphan has worked", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "used"))
		ticks = strings.Fields(string(text))
		return len(ticks) == 2
	})
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the orphan is gone", func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(pid)))
		return err != nil
	})
	lines := func() int { return strings.Count(out.String(), "  t   cpu ") }
	from := lines()
	eventually(t, "two more samples", func() bool { return lines() >= from+2 })
	stdin.Close()
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%s: %s", cmd.ProcessState, out.String())
	}
	used := 0.0
	for _, tick := range ticks {
		n, err := strconv.Atoi(tick)
		if err != nil {
			t.Fatal(err)
		}
		used += float64(n) / 100
	}
	measured := 0.0
	for _, m := range regexp.MustCompile(`  t   cpu ([0-9.]+) %`).FindAllStringSubmatch(out.String(), -1) {
		percent, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		measured += percent / 100 * 0.1
	}
	// A sample may come late, on a busy machine: then its percentage is of more time
	// than it is taken for here. What the orphan used before the first sample, 0.1 s
	// after the start, is in that.
	if used < 0.1 || measured < used/10 {
		t.Errorf("%.2f s of the %.2f s that the orphan used:\n%s", measured, used, out.String())
	}
}
