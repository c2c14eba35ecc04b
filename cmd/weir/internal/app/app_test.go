package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"weir/cmd/weir/internal/config"
	"weir/cmd/weir/internal/datadir"
	"weir/devices/porttest"
	"weir/pkg/journal"
	"weir/pkg/journal/natstest"
	"weir/services/aggregator"
)

const anyPort = "127.0.0.1:0"

// settings are the defaults on free ports and a temporary directory.
func settings(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.DataDir = filepath.Join(t.TempDir(), "data")
	c.MQTTAddr, c.InternalAddr, c.ExternalAddr, c.IntakeAddr = anyPort, anyPort, anyPort, anyPort
	return c
}

// logBuffer is a log that a test reads while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newApp(t *testing.T, role config.Role, c config.Config) (*App, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", role, log)
		}
	})
	return New(Config{Settings: c, Role: role, Version: "test", Logger: slog.New(slog.NewTextHandler(log, nil))}), log
}

// startApp starts an App; the test's end stops it, if the test did not.
func startApp(t *testing.T, role config.Role, c config.Config) *App {
	t.Helper()
	a, _ := newApp(t, role, c)
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("start %s: %v", role, err)
	}
	t.Cleanup(func() { stopApp(t, a) })
	return a
}

// stopBound is for a machine that stands still now and then; only what hangs takes so
// long.
const stopBound = time.Minute

func stopApp(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("stop %s: %v", a.cfg.Role, err)
	}
}

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

const reading = `{"hostname":"spore-a","cpu":{"usage_percent":20}}`

// publish sends readings of one node with QoS 1 and waits for all the acknowledgements.
func publish(t *testing.T, addr string, n int) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("node"))
	wait := func(token mqtt.Token) {
		t.Helper()
		if !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Fatalf("MQTT: %v", token.Error())
		}
	}
	wait(client.Connect())
	for range n {
		wait(client.Publish("spore/garden/beds/spore-a/resources", 1, false, reading))
	}
	client.Disconnect(1000)
}

// get returns the status and the body of an HTTP answer.
func get(t *testing.T, addr, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// post posts JSON, which has to be taken.
func post(t *testing.T, addr, path, body string) {
	t.Helper()
	resp, err := http.Post("http://"+addr+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(resp.Body)
		t.Fatalf("POST %s: %d %s", path, resp.StatusCode, answer)
	}
}

// applied asks how many events are folded.
func applied(t *testing.T, addr string) uint64 {
	t.Helper()
	_, body := get(t, addr, "/api/accounting")
	var account struct{ Sum struct{ Applied uint64 } }
	if err := json.Unmarshal([]byte(body), &account); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return account.Sum.Applied
}

// What was acknowledged is there after a stop and a second start.
func TestAllInOne(t *testing.T) {
	c := settings(t)
	c.AddrFile = filepath.Join(t.TempDir(), "addrs.json")
	if err := os.WriteFile(c.AddrFile, []byte("left by a killed process"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := startApp(t, config.All, c)
	file, err := ReadAddrFile(c.AddrFile)
	if err != nil || file.Addrs != first.Addrs() || file.PID != os.Getpid() {
		t.Errorf("address file %+v, %v; the addresses are %+v", file, err, first.Addrs())
	}
	publish(t, file.MQTT, 3)
	eventually(t, "the readings are folded", func() bool { return applied(t, file.External) == 3 })
	if status, body := get(t, file.Internal, "/health"); status != 200 || !strings.Contains(body, `"version":"test"`) {
		t.Errorf("/health: %d %s", status, body)
	}
	_, exposition := get(t, file.Internal, "/metrics")
	for _, name := range []string{"process_cpu_seconds_total", "weir_ingest_frames_total", "weir_aggregator_", "weir_query_"} {
		if !strings.Contains(exposition, "\n"+name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	stopApp(t, first)
	if _, err := os.Stat(c.AddrFile); !os.IsNotExist(err) {
		t.Errorf("the address file is there after the stop: %v", err)
	}

	second := startApp(t, config.All, c)
	publish(t, second.Addrs().MQTT, 2)
	eventually(t, "five readings are folded", func() bool { return applied(t, second.Addrs().External) == 5 })
}

// Whom alerts and actions are sent to has no say in how a stop ends: one that
// takes a request and never answers is left, and asked again after the next start.
func TestStopWithReceiversThatHang(t *testing.T) {
	asked, ended := make(chan string, 100), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		<-ended
	}))
	defer silent.Close()
	defer close(ended)
	c := settings(t)
	c.AlertmanagerConfig = filepath.Join(t.TempDir(), "alertmanager.yml")
	routes := "route: {receiver: silent, group_wait: 0s}\nreceivers: [{name: silent, webhook_configs: [{url: '" + silent.URL + "/notice'}]}]\n"
	if err := os.WriteFile(c.AlertmanagerConfig, []byte(routes), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor := func(paths ...string) {
		t.Helper()
		for want, deadline := paths, time.After(time.Minute); len(want) > 0; {
			select {
			case path := <-asked:
				want = slices.DeleteFunc(want, func(p string) bool { return p == path })
			case <-deadline:
				t.Fatalf("not asked within a minute: %s", want)
			}
		}
	}

	first := startApp(t, config.All, c)
	post(t, first.Addrs().Internal, "/rules", `{"name":"hot","text":"vector(1)","action":{"type":"post","template":"x","parameters":{"url":"`+silent.URL+`/action"}}}`)
	waitFor("/notice", "/action")
	began := time.Now()
	stopApp(t, first)
	if took := time.Since(began); took > stopBound/2 {
		t.Errorf("the stop took %s", took)
	}

	second := startApp(t, config.All, c)
	waitFor("/notice", "/action")
	stopApp(t, second)
}

// A start that fails gives everything free again.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, name := range []string{"mqtt", "internal", "external"} {
		t.Run(name+" address is taken", func(t *testing.T) {
			c := settings(t)
			*map[string]*string{"mqtt": &c.MQTTAddr, "internal": &c.InternalAddr, "external": &c.ExternalAddr, "intake": &c.IntakeAddr}[name] = taken.Addr().String()
			a, _ := newApp(t, config.All, c)
			if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Errorf("error %v", err)
			}
			lock, err := datadir.Acquire(c.DataDir)
			if err != nil {
				t.Fatalf("the data directory is not free: %v", err)
			}
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUsersFileIsMissing(t *testing.T) {
	c := settings(t)
	c.Users = filepath.Join(t.TempDir(), "absent.yaml")
	a, _ := newApp(t, config.All, c)
	if err := a.Start(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), c.Users) {
		t.Errorf("error %v", err)
	}
}

// A journal that ends before the state is no journal of this state: weir does
// not start on it.
func TestLostJournal(t *testing.T) {
	c := settings(t)
	a := startApp(t, config.All, c)
	publish(t, a.Addrs().MQTT, 3)
	eventually(t, "the readings are folded", func() bool { return applied(t, a.Addrs().Internal) == 3 })
	stopApp(t, a)
	if err := os.RemoveAll(datadir.Journal(c.DataDir)); err != nil {
		t.Fatal(err)
	}
	b, _ := newApp(t, config.All, c)
	if err := b.Start(t.Context()); !errors.Is(err, aggregator.ErrJournalShort) {
		t.Errorf("error %v", err)
	}
}

// A journal that cannot be read any further fails the App.
func TestBrokenJournal(t *testing.T) {
	a := startApp(t, config.All, settings(t))
	if err := a.nats.Publish(journal.Subject(partition), []byte("no frame")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-a.Failed():
		if !errors.Is(err, aggregator.ErrFrame) {
			t.Errorf("it failed with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it did not fail")
	}
}

// The services of three processes do over a NATS server what one process does,
// whatever is there first, and say when the server is away.
func TestSplitServices(t *testing.T) {
	dir := t.TempDir()
	nats := natstest.Listen(t, dir, -1)
	c := settings(t)
	c.NATSURL = nats.ClientURL()
	query := startApp(t, config.Query, c)
	ingest := startApp(t, config.Ingest, c)
	folder := startApp(t, config.Aggregator, c)
	publish(t, ingest.Addrs().MQTT, 3)
	eventually(t, "the readings are folded", func() bool { return applied(t, query.Addrs().Internal) == 3 })

	services := map[*App]string{
		ingest: `{"status":"healthy","components":{"broker":"running","journal":"connected"},"version":"test"}` + "\n",
		folder: `{"status":"healthy","components":{"aggregator":"running","journal":"connected","store":"open"},"version":"test"}` + "\n",
	}
	for app, want := range services {
		eventually(t, app.cfg.Role.String()+" is healthy", func() bool {
			status, body := get(t, app.Addrs().Internal, "/health")
			return status == 200 && body == want
		})
		name := "\nweir_" + strings.TrimPrefix(app.cfg.Role.String(), "weir ") + "_"
		if _, body := get(t, app.Addrs().Internal, "/metrics"); !strings.Contains(body, name) {
			t.Errorf("/metrics of %s has no %q", app.cfg.Role, name)
		}
	}

	nats.Shutdown()
	nats.WaitForShutdown()
	for app := range services {
		eventually(t, "the missing server shows at "+app.cfg.Role.String(), func() bool {
			status, body := get(t, app.Addrs().Internal, "/health")
			return status == 503 && strings.Contains(body, `"status":"unhealthy"`)
		})
	}
}

// A service waits for a NATS server that is not there yet, and says so.
func TestWaitForNATS(t *testing.T) {
	nats := porttest.Reserve(t)
	c := settings(t)
	c.NATSURL = "nats://user:secret@" + nats.String()
	a, log := newApp(t, config.Query, c)
	started := make(chan error, 1)
	go func() { started <- a.Start(t.Context()) }()
	eventually(t, "it says that it waits", func() bool { return strings.Contains(log.String(), "waiting for NATS") })
	natstest.Listen(t, t.TempDir(), nats.Port)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	stopApp(t, a)
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log has the password:\n%s", log)
	}
}

// A service that waits for NATS answers /health meanwhile, and serves when the
// server is there.
func TestHealthWhileWaitingForNATS(t *testing.T) {
	for _, role := range []config.Role{config.Ingest, config.Aggregator, config.Alerter, config.Query} {
		t.Run(role.String(), func(t *testing.T) {
			nats, internal := porttest.Reserve(t), porttest.Reserve(t)
			c := settings(t)
			c.NATSURL, c.InternalAddr = "nats://"+nats.String(), internal.String()
			a, log := newApp(t, role, c)
			started := make(chan error, 1)
			go func() { started <- a.Start(t.Context()) }()
			eventually(t, "it says that it waits", func() bool { return strings.Contains(log.String(), "waiting for NATS") })
			eventually(t, "it listens", func() bool {
				conn, err := net.Dial("tcp", c.InternalAddr)
				if err != nil {
					return false
				}
				conn.Close()
				return true
			})
			if status, body := get(t, c.InternalAddr, "/health"); status != 503 || !strings.Contains(body, `"journal":"disconnected"`) {
				t.Errorf("/health: %d %s", status, body)
			}
			if status, body := get(t, c.InternalAddr, "/metrics"); role != config.Query && (status != 200 || !strings.Contains(body, "process_cpu_seconds_total")) {
				t.Errorf("/metrics: %d %s", status, body)
			}
			natstest.Listen(t, t.TempDir(), nats.Port)
			if err := <-started; err != nil {
				t.Fatal(err)
			}
			defer stopApp(t, a)
			if role == config.Query {
				return // there is nobody whom it could ask
			}
			eventually(t, "it is not unhealthy", func() bool {
				status, _ := get(t, c.InternalAddr, "/health")
				return status == 200
			})
		})
	}
}

func TestStopWhileWaitingForNATS(t *testing.T) {
	c := settings(t)
	c.NATSURL = "nats://127.0.0.1:1" // nobody listens there
	a, log := newApp(t, config.Aggregator, c)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	go func() { started <- a.Start(ctx) }()
	eventually(t, "it says that it waits", func() bool { return strings.Contains(log.String(), "waiting for NATS") })
	cancel()
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	lock, err := datadir.Acquire(c.DataDir)
	if err != nil {
		t.Fatalf("the data directory is not free: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestWithJournalNeedsOne(t *testing.T) {
	c := settings(t)
	err := WithJournal(t.Context(), c, slog.New(slog.DiscardHandler), func(Journal) error { return nil })
	if !errors.Is(err, ErrNoJournal) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(c.DataDir); !os.IsNotExist(err) {
		t.Errorf("it made the directory: %v", err)
	}
}
