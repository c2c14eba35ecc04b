package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/devices/agent/sink"
)

// A descendant whose parent has ended before anybody saw it belongs to the tree:
// its CPU is measured while it runs and after its end, and it does not stay as a
// zombie. The command's exit code is its own.
func TestAgentRunOfATreeMeasuresOrphans(t *testing.T) {
	dir := t.TempDir()
	orphan, begin := filepath.Join(dir, "orphan.sh"), filepath.Join(dir, "begin")
	// It says its number, works when it is told to, until it has used 0.3 s, and says
	// how many ticks that were.
	script := `echo $$ >$1/pid; read go <$1/begin; dir=$1; used=0
while [ $used -lt 30 ]; do
	i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done
	set -- $(cut -d ' ' -f 14,15 /proc/$$/stat); used=$(($1+$2))
done
echo $used >$dir/made; mv $dir/made $dir/used`
	if err := os.WriteFile(orphan, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(begin, 0o600); err != nil {
		t.Fatal(err)
	}
	start, err := os.OpenFile(begin, os.O_RDWR, 0) // both ends: it waits for nobody
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	broker, err := sink.Start("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Stop(); err != nil {
			t.Error(err)
		}
	}()
	cmd := agentProcess("run", "--broker", "tcp://"+broker.Addr(), "--tree", "--interval", "100ms", "--task-id", "t", "--proplet-id", "p", "--",
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
	// after waits for n samples that were taken after a moment, and returns all.
	after := func(moment time.Time, n int) (samples []sampled) {
		t.Helper()
		eventually(t, "samples", func() bool {
			samples = samplesOf(t, broker)
			return len(samples) >= n && samples[len(samples)-n].Time.After(moment)
		})
		return samples
	}
	after(time.Now(), 1)
	if _, err := start.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	var ticks int
	eventually(t, "the orphan has worked", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "used"))
		ticks, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return ticks > 0
	})
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the orphan is gone", func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(pid)))
		return err != nil
	})
	samples := after(time.Now(), 2) // by two, a sum that was too low once is whole
	stdin.Close()
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%s: %s", cmd.ProcessState, out.String())
	}
	used, measured := float64(ticks)/100, 0.0
	for i := 1; i < len(samples); i++ {
		measured += samples[i].CPU / 100 * samples[i].Time.Sub(samples[i-1].Time).Seconds()
	}
	// The orphan's helpers count, too, and so does what it did before it worked.
	if measured < used-0.05 {
		t.Errorf("%.2f s of the %.2f s that the orphan used: %v", measured, used, samples)
	}
}

// sampled is what a sample of a task says of its CPU.
type sampled struct {
	Time time.Time `json:"timestamp"`
	CPU  float64   `json:"cpu_percent"`
}

// samplesOf returns the samples that a broker has.
func samplesOf(t *testing.T, broker *sink.Sink) (samples []sampled) {
	t.Helper()
	for _, m := range broker.Messages() {
		if !strings.HasSuffix(m.Topic, "/task_metrics") {
			continue
		}
		var task struct{ Metrics sampled }
		if err := json.Unmarshal(m.Payload, &task); err != nil {
			t.Fatalf("%v: %s", err, m.Payload)
		}
		samples = append(samples, task.Metrics)
	}
	return samples
}
