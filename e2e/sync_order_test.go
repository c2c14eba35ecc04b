package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A kill -9 cannot show that data were synced: the page cache survives it. So
// these tests watch the process's system calls.

// traced runs weir under strace and returns the process and the trace's path.
func traced(t *testing.T, dataDir string, args ...string) (*process, string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: apt-get install strace")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	p := startWrapped(t, []string{strace, "-f", "-yy", "-s", "512", "-x", "-e", "trace=write,pwrite64,writev,fsync,fdatasync,sync_file_range,openat,rename,renameat,renameat2", "-o", trace},
		append([]string{"--data-dir", dataDir, "--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0"}, args...)...)
	return p, trace
}

// call is one finished system call of a trace, in the order of their ends.
type call struct {
	name, file string // file is what the first descriptor stands for
	data       string // the first bytes written, as \x..
}

var (
	callLine    = regexp.MustCompile(`^\d+\s+(\w+)\((?:\d+<(.*?)>(?:,|\)|$))?\s*("[^"]*")?`)
	unfinished  = regexp.MustCompile(`^(\d+)\s+(.*) <unfinished \.\.\.>$`)
	resumedLine = regexp.MustCompile(`^(\d+)\s+<\.\.\. \w+ resumed>(.*)$`)
)

// readTrace returns the calls by the order in which they returned, which is what
// counts for a sync, with writes to sockets at the order of their beginning,
// which is the earliest that their bytes can leave.
func readTrace(t *testing.T, path string) []call {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var calls []call
	begun := map[string]string{}
	add := func(line string) {
		if m := callLine.FindStringSubmatch(line); m != nil {
			calls = append(calls, call{name: m[1], file: m[2], data: m[3]})
		}
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		if m := unfinished.FindStringSubmatch(line); m != nil {
			if strings.Contains(m[2], "sync(") {
				begun[m[1]] = m[1] + " " + m[2]
			} else {
				add(m[1] + " " + m[2])
			}
			continue
		}
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			if b, ok := begun[m[1]]; ok {
				add(b)
				delete(begun, m[1])
			}
			continue
		}
		add(line)
	}
	return calls
}

func isSync(c call) bool { return c.name == "fsync" || c.name == "fdatasync" }

// isBlock reports whether a call is on a block file of the journal's stream.
func isBlock(c call) bool {
	return strings.Contains(c.file, "/journal/") && strings.Contains(c.file, "WEIR_JOURNAL_0/msgs/") && strings.HasSuffix(c.file, ".blk")
}

// hasEvents reports whether a write to a block file is of a frame that has events:
// its header says whose. Once a second there may be one that only counts what was
// answered, which nobody waits for; it may come between a sync and its PUBACK.
func hasEvents(c call) bool {
	return strings.Contains(c.data, hexadecimal("Weir-Received: d/c="))
}

// hexadecimal is how a trace shows a text.
func hexadecimal(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

func TestTheFrameIsSyncedBeforeThePUBACKLeaves(t *testing.T) {
	p, trace := traced(t, t.TempDir())
	c := connect3(t, p.MQTT, "probe")
	const messages = 5
	for range messages {
		c.publish("m/d/c/c/control/proplet/alive", 1, []byte(`{"status":"alive","proplet_id":"probe"}`))
	}
	p.settled(messages)
	endTraced(t, p)

	// Each PUBACK (0x40 0x02) must come after a sync of the block file that
	// ended after the last write to it.
	acks, written, synced := 0, 0, false
	for _, c := range readTrace(t, trace) {
		switch {
		case isBlock(c) && isSync(c):
			synced = true
		case isBlock(c) && hasEvents(c):
			written++
			synced = false
		case strings.HasPrefix(c.file, "TCP:") && strings.HasPrefix(c.data, `"\x40\x02`):
			acks++
			if written < acks || !synced {
				t.Errorf("PUBACK %d left when %d frames of events were written, the last of them synced: %v", acks, written, synced)
			}
		}
	}
	if acks != messages {
		t.Errorf("the trace shows %d PUBACKs, %d were received", acks, messages)
	}
}

func TestTheCheckpointIsSyncedBeforeAnythingReliesOnIt(t *testing.T) {
	dir := t.TempDir()
	p, trace := traced(t, dir, "--checkpoint-interval", "100ms")
	c := connect3(t, p.MQTT, "probe")
	c.publish("m/d/c/c/control/proplet/alive", 1, []byte(`{"status":"alive","proplet_id":"probe"}`))
	p.settled(1)
	// A stopped process has made its last checkpoint: the next start relies on it.
	endTraced(t, p)
	isLog := func(c call) bool { return strings.Contains(c.file, "/state/") && strings.HasSuffix(c.file, ".log") }
	written, synced := 0, false
	for _, c := range readTrace(t, trace) {
		switch {
		case isLog(c) && isSync(c):
			synced = true
		case isLog(c):
			written++
			synced = false
		}
	}
	if written == 0 || !synced {
		t.Errorf("%d writes to the store's log, the last one synced: %v", written, synced)
	}
}

// endTraced ends a traced weir: the signal must go to weir, not to strace.
func endTraced(t *testing.T, p *process) {
	t.Helper()
	process, err := os.FindProcess(p.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-p.done
}
