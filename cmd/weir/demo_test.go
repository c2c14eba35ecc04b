package main

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"weir/cmd/weir/internal/config"
	"weir/devices/simulate"
)

// parsed parses a command's own flags.
func parsed[T any](t *testing.T, command *T, args ...string) *T {
	t.Helper()
	parser, err := kong.New(command, kong.Exit(func(int) { t.Error("it exits") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return command
}

// simulatedFew is a fleet that sends some hundred messages in a second.
var simulatedFew = []string{
	"--spore", "8", "--proplets", "4", "--tasks", "2", "--boards", "3", "--data-nodes", "2", "--speed", "100", "--malformed", "0.05",
	"--scene", "flapping", "--scene-after", "200ms", "--scene-for", "1s", "--for", "1500ms",
}

func TestTheDemonstrationsBooksAgree(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	d := parsed(t, &demoCmd{settings: newSettings(config.All)}, slices.Concat(anyPorts, simulatedFew, []string{"--for", "0s", "--scene-for", "4s", "--scene-rest", "0s"})...)
	var stdout, stderr buffer
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(&session{ctx: ctx, stdout: &stdout, stderr: &stderr}) }()
	defer func() { // if the test has not come to its end
		cancel()
		<-ended
	}()
	var internal string
	eventually(t, "it serves", func() bool {
		if found := regexp.MustCompile(`proplets +(http://\S+)/proplets\n`).FindStringSubmatch(stdout.String()); found != nil {
			internal = found[1]
		}
		return internal != ""
	})
	c := client{internal, &http.Client{Timeout: clientTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
	was := false
	eventually(t, "a proplet's will has come", func() bool {
		var proplet struct {
			Alive *bool `json:"alive"`
		}
		_, err := c.ask(t.Context(), "GET", "/proplets/proplet-1", &proplet)
		if err != nil || proplet.Alive == nil {
			return false
		}
		was = was || *proplet.Alive
		return was && !*proplet.Alive
	})
	cancel()
	err := <-ended
	close(ended)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, want := range []string{
		"A simulated fleet publishes.", "/api/v1/alerts", "gateway   http://127.0.0.1:", "17 devices", " wills",
		"the books of demo/north agree: received ", "the books of demo/south agree: received ",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, stdout.String())
		}
	}
	left, err := fs.Glob(os.DirFS(temporary), "weir-demo-*")
	if err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func TestAFleetIsSimulatedAgainstARunningWeir(t *testing.T) {
	dir := t.TempDir()
	_, addrs, _ := serving(t, filepath.Join(dir, "data"))
	var stdout, stderr buffer
	sources := filepath.Join(dir, "sources.yaml")
	c := parsed(t, &simulateCmd{}, slices.Concat(simulatedFew, []string{
		"--broker", addrs.MQTT, "--internal", "http://" + addrs.Internal, "--boards-by", "both", "--sources-file", sources, "--json",
	})...)
	if err := c.Run(&session{ctx: t.Context(), stdout: &stdout, stderr: &stderr}); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if !strings.Contains(stderr.String(), "the books of demo/south agree") || !strings.Contains(stdout.String(), `"acknowledged"`) {
		t.Errorf("it says\n%s\n%s", stdout.String(), stderr.String())
	}
	if content, err := os.ReadFile(sources); err != nil || !strings.Contains(string(content), "scrape_configs:") {
		t.Errorf("the sources file: %v\n%s", err, content)
	}
}

func TestBooksAreCompared(t *testing.T) {
	sent := simulate.Account{Received: 100, Rejected: 5, Again: 2, Unknown: 1, Asked: 3, Wills: 2}
	for _, tt := range []struct {
		name  string
		books books
		want  string
	}{
		{"they agree", books{Received: 100, Applied: 95, Rejected: 5}, ""},
		{"what was sent again may count as a duplicate", books{Received: 102, Applied: 95, Duplicate: 2, Rejected: 5}, ""},
		{"what was not answered may be there", books{Received: 101, Applied: 96, Rejected: 5}, ""},
		{"what was asked over HTTP may be there too", books{Received: 104, Applied: 99, Rejected: 5}, ""},
		{"wills may be there too", books{Received: 102, Applied: 97, Rejected: 5}, ""},
		{"one is missing", books{Received: 99, Applied: 94, Rejected: 5}, "100 messages were answered"},
		{"some are too many", books{Received: 107, Applied: 102, Rejected: 5}, "100 messages were answered"},
		{"a good one was rejected", books{Received: 100, Applied: 93, Rejected: 7}, "5 malformed messages were answered"},
		{"duplicates come from nowhere", books{Received: 103, Applied: 95, Duplicate: 3, Rejected: 5}, "2 messages were sent again"},
		{"some are pending", books{Received: 100, Applied: 90, Rejected: 5, Pending: 5}, "not everything is folded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := compareBooks(tt.books, sent); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheLineOfAFleet(t *testing.T) {
	before := simulate.Progress{Elapsed: 80 * time.Second, Counts: simulate.Counts{Sent: 10_245}}
	now := simulate.Progress{
		Elapsed: 90 * time.Second, Simulated: 33*time.Hour + 30*time.Minute, Scene: "outage", Devices: 73, Connected: 61,
		Counts: simulate.Counts{Sent: 12_345, Acknowledged: 12_300, Refused: 40}, Late: 2 * time.Second, Failures: 1, LastError: http.ErrServerClosed,
	}
	want := "1m30s (09:30 there), outage: 61 of 73 connected, 12,345 messages, 12,340 answered, 210/s, 2s late, cannot connect: http: Server closed"
	if got := fleetLine(before, now); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheDemonstrationTakesNoUsers(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(users, []byte("users: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := parsed(t, &demoCmd{settings: newSettings(config.All)}, append(anyPorts, "--users", users)...)
	var out buffer
	if err := d.Run(&session{ctx: t.Context(), stdout: &out, stderr: &out}); err == nil || !strings.Contains(err.Error(), "leave out --users") {
		t.Errorf("got %v", err)
	}
}
