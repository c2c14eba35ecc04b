package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/config"
	"weir/cmd/weir/internal/datadir"
	"weir/pkg/golden"
	"weir/pkg/journal"
	"weir/pkg/journal/natstest"
)

// anyPorts are the flags of a weir on free ports.
var anyPorts = []string{"--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0"}

// serving starts weir on a data directory and waits until it serves.
func serving(t *testing.T, dir string, flags ...string) (*process, app.AddrFile, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "addrs.json")
	p := start(t, slices.Concat([]string{"--data-dir", dir, "--addr-file", path}, anyPorts, flags)...)
	var addrs app.AddrFile
	eventually(t, "weir serves", func() bool {
		var err error
		addrs, err = app.ReadAddrFile(path)
		return err == nil && strings.Contains(p.stdout.String(), "curl")
	})
	return p, addrs, path
}

// publish sends a SPORE node's messages with QoS 1 and waits for the acknowledgements.
func publish(t *testing.T, addr string, payloads ...string) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("node"))
	wait := func(token mqtt.Token) {
		t.Helper()
		if !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Fatalf("MQTT: %v", token.Error())
		}
	}
	wait(client.Connect())
	for _, p := range payloads {
		wait(client.Publish("spore/garden/beds/spore-a/resources", 1, false, p))
	}
	client.Disconnect(1000)
}

// folded waits until so many messages are folded, and all that were received.
func folded(t *testing.T, addrs app.AddrFile, n int) {
	t.Helper()
	eventually(t, "the messages are folded", func() bool {
		resp, err := http.Get("http://" + addrs.Internal + "/api/accounting")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var account struct {
			Sum struct{ Applied, Pending int }
		}
		return json.NewDecoder(resp.Body).Decode(&account) == nil && account.Sum.Applied >= n && account.Sum.Pending == 0
	})
}

func node(cpu int) string {
	return fmt.Sprintf(`{"hostname":"spore-a","cpu":{"usage_percent":%d}}`, cpu)
}

// stopped runs weir on a data directory, sends it messages and stops it when it
// has folded them: a stop does not wait for that, the next start goes on.
func stopped(t *testing.T, dir string, payloads ...string) {
	t.Helper()
	p, addrs, _ := serving(t, dir)
	publish(t, addrs.MQTT, payloads...)
	folded(t, addrs, len(payloads))
	if code := p.end(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
}

// One life of a weir, as its user sees it.
func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p, addrs, file := serving(t, dir)
	for _, want := range []string{
		"weir " + version() + " serves (process ",
		"MQTT      " + addrs.MQTT + " (no password, this machine only)",
		"internal  http://" + addrs.Internal + " (everything",
		"external  http://" + addrs.External + " (only reads)",
		"data      " + dir,
		"curl http://" + addrs.Internal + "/api/monitoring/resources",
	} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("the banner lacks %q:\n%s", want, p.stdout.String())
		}
	}

	publish(t, addrs.MQTT, node(20), `{"hostname":`)
	eventually(t, "there is a dead letter", func() bool {
		return strings.Contains(weir(t, "deadletters", "list", "--addr-file", file).stdout, "1 of 1")
	})
	if r := weir(t, "deadletters", "show", "1", "--addr-file", file); r.code != exitOK || !strings.Contains(r.stdout, "payload  {\"hostname\":\n") {
		t.Errorf("show: %+v", r)
	}
	if r := weir(t, "deadletters", "replay", "1", "--addr-file", file); r.code != exitFailed || !strings.Contains(r.stderr, "rejected again: not_json") {
		t.Errorf("replay: %+v", r)
	}
	if r := weir(t, "deadletters", "show", "99", "--addr-file", file); r.code != exitFailed || strings.Contains(r.stderr, "{") {
		t.Errorf("show what is not there: %+v", r)
	}
	if r := weir(t, "healthcheck", "--addr-file", file); r.code != exitOK || !strings.HasPrefix(r.stderr, "healthy (") {
		t.Errorf("healthcheck: %+v", r)
	}
	if r := weir(t, append([]string{"--data-dir", dir}, anyPorts...)...); r.code != exitFailed || !strings.Contains(r.stderr, fmt.Sprintf("process %d has %s", os.Getpid(), dir)) {
		t.Errorf("a second weir: %+v", r)
	}

	if code := p.end(); code != exitOK || !strings.Contains(p.stderr.String(), "msg=stopped") {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the address file is still there: %v", err)
	}
	if r := weir(t, "healthcheck", "--url", "http://"+addrs.Internal); r.code != exitFailed {
		t.Errorf("healthcheck of a stopped weir: %+v", r)
	}
}

// loggedLine is a line of the log. A machine that stands still gets warnings there.
var loggedLine = regexp.MustCompile(`(?m)^time=.*\n`)

// said is what is on standard error besides the log.
func (r result) said() string { return loggedLine.ReplaceAllString(r.stderr, "") }

var foldedEvents = regexp.MustCompile(`with 3 events in \S+, [\d,]+ events/s\.\n$`)

func TestVerifyAndRebuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	stopped(t, dir, node(20), node(30), node(40))
	check := func(command, answer string) {
		t.Helper()
		r := weir(t, command, "--data-dir", dir)
		if r.code != exitOK || !strings.HasPrefix(r.stdout, answer) || !foldedEvents.MatchString(r.stdout) || r.said() != "" {
			t.Errorf("%s: %+v", command, r)
		}
	}
	check("verify", "The state is what the journal gives: ")
	check("rebuild", "The state is new: ")
	check("verify", "The state is what the journal gives: ")
	if err := os.RemoveAll(datadir.State(dir, 0)); err != nil {
		t.Fatal(err)
	}
	if r := weir(t, "verify", "--data-dir", dir); r.code != exitFailed || r.stderr == "" {
		t.Errorf("verify without a state: %+v", r)
	}
	check("rebuild", "The state is new: ")
	check("verify", "The state is what the journal gives: ")
}

// A state that the journal did not give is found out, and a rebuild makes it
// right.
func TestVerifyFindsADifference(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "other")
	stopped(t, dir, node(20))
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	stopped(t, dir, node(30), node(40))
	stopped(t, other, node(50))
	if err := os.RemoveAll(datadir.State(dir, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(datadir.State(other, 0), datadir.State(dir, 0)); err != nil {
		t.Fatal(err)
	}
	want := "weir: the state on disk is not what the journal gives (weir rebuild makes it so); the first difference: "
	r := weir(t, "verify", "--data-dir", dir)
	if first, found := strings.CutPrefix(r.said(), want); r.code != exitFailed || !found || !strings.Contains(first, "on disk") {
		t.Errorf("verify: %+v", r)
	}
	if r := weir(t, "rebuild", "--data-dir", dir); r.code != exitOK {
		t.Errorf("rebuild: %+v", r)
	}
	if r := weir(t, "verify", "--data-dir", dir); r.code != exitOK {
		t.Errorf("verify after the rebuild: %+v", r)
	}
}

// Tools for a data directory must not make one where a name is misspelt.
func TestNoDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dtaa")
	for _, command := range []string{"rebuild", "verify"} {
		r := weir(t, command, "--data-dir", dir)
		if want := "weir: there is no journal in " + dir + "; name the data directory with --data-dir\n"; r.code != exitFailed || r.stderr != want {
			t.Errorf("%s: %+v", command, r)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is there: %v", err)
	}
}

// Without its journal, weir does not start, and says what happened.
func TestLostJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	stopped(t, dir, node(20))
	if err := os.RemoveAll(datadir.Journal(dir)); err != nil {
		t.Fatal(err)
	}
	r := weir(t, append([]string{"--data-dir", dir}, anyPorts...)...)
	if r.code != exitFailed || !strings.HasPrefix(r.said(), "weir: start the aggregator: the journal ends before the store: ") {
		t.Errorf("%+v", r)
	}
}

// A journal that cannot be read any further ends weir, and it says so.
func TestBrokenJournal(t *testing.T) {
	dir := t.TempDir()
	nc, err := nats.Connect(natstest.Listen(t, filepath.Join(dir, "nats"), -1).ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	p, _, _ := serving(t, filepath.Join(dir, "data"), "--nats-url", nc.ConnectedUrl())
	if err := nc.Publish(journal.Subject(0), []byte("no frame")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("weir goes on")
	}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if last := lines[len(lines)-1]; p.code != exitFailed || !strings.HasPrefix(last, "weir: ") || !strings.Contains(last, "a frame in the journal cannot be read") {
		t.Errorf("exit code %d, last line %q", p.code, last)
	}
}

func TestBanner(t *testing.T) {
	everywhere := app.Addrs{MQTT: "[::]:1883", Internal: "127.0.0.1:8080", External: "0.0.0.0:8081"}
	tests := []struct {
		name   string
		role   config.Role
		change func(*config.Config)
		addrs  app.Addrs
	}{
		{"all", config.All, func(*config.Config) {}, app.Addrs{MQTT: "127.0.0.1:1883", Internal: "127.0.0.1:8080", External: "127.0.0.1:8081"}},
		{"all with users", config.All, func(c *config.Config) { c.MQTTAddr, c.Users = "[::]:1883", "users.yaml" }, everywhere},
		{"all open", config.All, func(c *config.Config) { c.MQTTAddr, c.AllowAnonymous = "[::]:1883", true }, everywhere},
		{"ingest", config.Ingest, func(*config.Config) {}, app.Addrs{MQTT: "127.0.0.1:1883", Internal: "127.0.0.1:8090"}},
		{"aggregator", config.Aggregator, func(*config.Config) {}, app.Addrs{Internal: "127.0.0.1:8091"}},
		{"query", config.Query, func(*config.Config) {}, app.Addrs{Internal: "127.0.0.1:8080", External: "127.0.0.1:8081"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Default()
			c.DataDir = "/var/lib/weir"
			tt.change(&c)
			got := banner(tt.role, c, tt.addrs, 123456*time.Microsecond)
			got = strings.NewReplacer(fmt.Sprintf("process %d", os.Getpid()), "process PID", version(), "VERSION").Replace(got)
			golden.Check(t, "banner/"+strings.ReplaceAll(tt.name, " ", "-")+".txt", got)
		})
	}
}
