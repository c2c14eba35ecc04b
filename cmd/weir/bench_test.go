package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/datadir"
	"weir/devices/loadgen"
	"weir/pkg/golden"
)

// runMainEnv makes this test's binary behave as weir: the measurements start
// their own binary as the weir to measure.
const runMainEnv = "BENCH_TEST_RUN_MAIN"

func init() {
	if os.Getenv(runMainEnv) != "" {
		main()
	}
}

// benchmark runs a measurement and decodes its JSON into figures.
func benchmark(t *testing.T, command interface{ Run(*session) error }, figures any) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var stdout, stderr buffer
	err := command.Run(&session{t.Context(), nil, []string{runMainEnv + "=1", "WEIR_NATS_URL=nats://127.0.0.1:1"}, &stdout, &stderr})
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal([]byte(stdout.String()), figures); err != nil {
		t.Fatalf("%v in %s", err, stdout.String())
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("it left files behind: %v, %v", left, err)
	}
}

func smallLoad(change func(*loadFlags)) loadFlags {
	f := loadFlags{
		Clients: 5, Window: 10, QoS: 1, MQTTVersion: "3.1.1", Payload: "task", Sources: 20,
		Service: "bench", Subservice: "load", JSON: true,
	}
	if change != nil {
		change(&f)
	}
	return f
}

func TestBenchIngest(t *testing.T) {
	tests := []struct {
		name    string
		command benchIngestCmd
		want    books
	}{
		{"as fast as the windows allow", benchIngestCmd{loadFlags: smallLoad(nil), Events: 3000}, books{3000, 3000, 0, 0, 0}},
		{"at a rate, with probes", benchIngestCmd{loadFlags: smallLoad(nil), Events: 300, Rate: 3000, Probe: true}, books{300, 300, 0, 0, 0}},
		{
			"malformed messages, refused in MQTT 5",
			benchIngestCmd{loadFlags: smallLoad(func(f *loadFlags) { f.MQTTVersion, f.QoS = "5", 2 }), Events: 1000, MalformedEvery: 10},
			books{1000, 900, 0, 100, 0},
		},
		{
			"nodes at QoS 0",
			benchIngestCmd{loadFlags: smallLoad(func(f *loadFlags) { f.Payload, f.QoS = "spore", 0 }), Events: 1000},
			books{1000, 1000, 0, 0, 0},
		},
		{
			"a weir with settings of its own",
			benchIngestCmd{loadFlags: smallLoad(func(f *loadFlags) { f.Payload = "proplet" }), Events: 100, Settings: []string{"--checkpoint-interval", "50ms"}},
			books{100, 100, 0, 0, 0},
		},
		{"notifications over HTTP", benchIngestCmd{loadFlags: smallLoad(nil), Kind: "ngsi", Events: 200, Samples: 9}, books{200, 200, 0, 0, 0}},
		{"a Pushgateway's groups", benchIngestCmd{loadFlags: smallLoad(nil), Kind: "exposition", Events: 200}, books{200, 200, 0, 0, 0}},
		{"remote writes", benchIngestCmd{loadFlags: smallLoad(nil), Kind: "remote-write", Events: 100}, books{100, 100, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f ingestFigures
			benchmark(t, &tt.command, &f)
			tt.want.Received, tt.want.Applied = tt.want.Received+f.Probes, tt.want.Applied+f.Probes
			if f.Books != tt.want || len(f.Faults) > 0 {
				t.Errorf("books: %s, faults %q", f.Books, f.Faults)
			}
			if (f.Probes > 0) != tt.command.Probe || f.Probes > 0 && (f.Visible == nil || f.Visible.P50 <= 0) {
				t.Errorf("%d probes, visible after %v", f.Probes, f.Visible)
			}
			if f.Sent != f.Books.Received || f.Acknowledged+f.Rejected != f.Sent || f.Frames == 0 || f.Samples < 9*f.Books.Applied || f.ServerMemory == 0 || f.Latency.Max <= 0 {
				t.Errorf("figures %+v", f)
			}
			if (f.Lateness != nil) != (tt.command.Rate > 0) {
				t.Errorf("lateness %v", f.Lateness)
			}
		})
	}
}

func TestBenchIngestOfARunningWeir(t *testing.T) {
	addrFile := filepath.Join(t.TempDir(), "addrs.json")
	p := start(t, "--data-dir", t.TempDir(), "--addr-file", addrFile,
		"--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0")
	var addrs app.AddrFile
	eventually(t, "it serves", func() (ok bool) {
		var err error
		addrs, err = app.ReadAddrFile(addrFile)
		return err == nil
	})
	for range 2 { // the second finds the first one's books
		var f ingestFigures
		benchmark(t, &benchIngestCmd{loadFlags: smallLoad(nil), Events: 500, Target: addrs.MQTT, Internal: "http://" + addrs.Internal + "/"}, &f)
		if want := (books{500, 500, 0, 0, 0}); f.Books != want || len(f.Faults) > 0 {
			t.Errorf("books: %s, faults %q", f.Books, f.Faults)
		}
	}
	if code := p.end(); code != exitOK {
		t.Errorf("the running weir ended with %d", code)
	}
}

func TestBenchRebuild(t *testing.T) {
	dir := t.TempDir()
	command := benchRebuildCmd{loadFlags: smallLoad(func(f *loadFlags) { f.DataDir = dir }), Events: 2000}
	for i := range uint64(2) { // the second adds to the first one's journal
		var f rebuildFigures
		benchmark(t, &command, &f)
		if f.Events != (i+1)*2000 || f.JournalBytes == 0 || f.EventsPerSec <= 0 || f.CPU <= 0 || f.Memory == 0 {
			t.Errorf("figures %+v", f)
		}
	}
	if !datadir.Exists(dir) {
		t.Error("the data directory that was named is not kept")
	}
}

func TestBenchFails(t *testing.T) {
	key := filepath.Join(t.TempDir(), "absent")
	tests := []struct {
		name    string
		command benchIngestCmd
		want    string
	}{
		{"a target without its HTTP listener", benchIngestCmd{Target: "127.0.0.1:1"}, "--target and --internal belong together"},
		{"a target and settings", benchIngestCmd{Target: "127.0.0.1:1", Internal: "http://127.0.0.1:1", Settings: []string{"-x"}}, "not for one at --target"},
		{"a target that is not there", benchIngestCmd{loadFlags: smallLoad(nil), Target: "127.0.0.1:1", Internal: "http://127.0.0.1:1"}, "ask for the books: ask the running weir"},
		{"a key that is not there", benchIngestCmd{PasswordFile: key}, "read the key: open " + key},
		{"a weir that does not start", benchIngestCmd{Settings: []string{"--nonsense"}}, "ended at its start: exit status 2\nweir: unknown flag --nonsense"},
		{"a load that makes no sense", benchIngestCmd{loadFlags: smallLoad(func(f *loadFlags) { f.QoS = 3 }), Events: 1}, "QoS 3 is not 0, 1 or 2"},
		{"more in flight than the server takes", benchIngestCmd{loadFlags: smallLoad(func(f *loadFlags) { f.MQTTVersion, f.Window = "5", 5000 }), Events: 1}, "events in flight at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			err := tt.command.Run(&session{t.Context(), nil, []string{runMainEnv + "=1"}, new(buffer), new(buffer)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("it left files behind: %v, %v", left, err)
			}
		})
	}
}

func TestAuditBooks(t *testing.T) {
	good := loadgen.Result{Sent: 10, Acknowledged: 10}
	tests := []struct {
		name   string
		books  books
		result loadgen.Result
		config loadgen.Config
		broken bool
		want   []string
	}{
		{"they balance", books{10, 10, 0, 0, 0}, good, loadgen.Config{}, false, []string{}},
		{"refused events are rejected", books{10, 8, 0, 2, 0}, loadgen.Result{Sent: 10, Acknowledged: 8, Rejected: 2}, loadgen.Config{MalformedEvery: 5}, false, []string{}},
		{"malformed ones are all rejected", books{10, 0, 0, 10, 0}, good, loadgen.Config{Payload: loadgen.Bad}, false, []string{}},
		{"what was in flight when a connection broke may be in or not", books{11, 11, 0, 0, 0}, loadgen.Result{Sent: 12, Acknowledged: 10}, loadgen.Config{}, true, []string{}},
		{"an event is lost", books{9, 9, 0, 0, 0}, good, loadgen.Config{}, true, []string{"10 events were acknowledged, only 9 received"}},
		{"an event came twice", books{11, 11, 0, 0, 0}, good, loadgen.Config{}, true, []string{"10 events were sent, but 11 received"}},
		{"more than was acknowledged after a whole run", books{11, 11, 0, 0, 0}, loadgen.Result{Sent: 12, Acknowledged: 10}, loadgen.Config{}, false, []string{"10 events were acknowledged, but 11 received"}},
		{"the sum is wrong", books{10, 8, 0, 0, 1}, good, loadgen.Config{}, false, []string{"received is not the sum of the others: received 10 = applied 8 + duplicate 0 + rejected 0 + pending 1"}},
		{"a duplicate", books{10, 9, 1, 0, 0}, good, loadgen.Config{}, false, []string{"1 events count as duplicates, but nothing was sent twice"}},
		{"a good event is rejected", books{10, 9, 0, 1, 0}, good, loadgen.Config{}, false, []string{"1 good events were rejected"}},
		{"a malformed event is applied", books{10, 1, 0, 9, 0}, good, loadgen.Config{Payload: loadgen.Bad}, false, []string{"1 malformed events were applied"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, auditBooks(tt.books, tt.result, tt.config, !tt.broken)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBenchTables(t *testing.T) {
	distribution := loadgen.Distribution{
		P50: 87 * time.Microsecond, P90: 950 * time.Microsecond, P99: 4200 * time.Microsecond, P999: 12 * time.Millisecond, Max: 1300 * time.Millisecond,
	}
	load := smallLoad(nil)
	ingest := ingestFigures{
		Load: load.String(), ServerCPU: 5.26, OwnCPU: 0.61, ServerMemory: 307_000_000, Frames: 3525, Samples: 22_499_910, HistoryBytes: 19_700_000, Folded: 0.021,
		Books:  books{2_500_000, 2_499_990, 0, 10, 0},
		config: loadgen.Config{Rate: 1000},
		result: loadgen.Result{
			Sent: 2_500_000, Acknowledged: 2_499_990, Rejected: 10, Unsent: 3, Payload: 291, Elapsed: 8 * time.Second, Rate: 259_043.4,
			Latency: distribution, Lateness: distribution, Probes: 160, Visible: distribution,
		},
	}
	rebuild := rebuildFigures{Load: load.String(), Payload: 291, Events: 1_000_000, JournalBytes: 24_300_000, Seconds: 2.04, EventsPerSec: 490_152.6, CPU: 2.71, Memory: 189_000_000}
	var out buffer
	s := &session{stdout: &out}
	for _, print := range []func(*session) error{func(s *session) error { return ingest.print(s, false) }, rebuild.print} {
		if err := print(s); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out)
	}
	golden.Check(t, "bench-tables.txt", out.String())
}

func TestLoadProgressInALog(t *testing.T) {
	var out buffer
	p := newLoadProgress(&out, "ingest", loadgen.Config{Duration: 20 * time.Second})
	for i := range time.Duration(40) {
		p.update(loadgen.Progress{Elapsed: i * 500 * time.Millisecond, Acknowledged: 1000 * uint64(i)})
	}
	p.end()
	want := "ingest: 25 %, 10,000 events, 2,000 events/s\ningest: 50 %, 20,000 events, 2,000 events/s\ningest: 75 %, 30,000 events, 2,000 events/s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestShortTime(t *testing.T) {
	tests := []struct {
		name string
		d    time.Duration
		want string
	}{
		{"nothing", 0, "0"},
		{"less than the smallest unit", 300, "0"},
		{"microseconds", 87 * time.Microsecond, "87µs"},
		{"one place below ten", 4249 * time.Microsecond, "4.2ms"},
		{"none where it is zero", 4 * time.Millisecond, "4ms"},
		{"none from ten on", 12_300 * time.Microsecond, "12ms"},
		{"seconds", 1300 * time.Millisecond, "1.3s"},
		{"many seconds", 90 * time.Second, "90s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shortTime(tt.d); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
