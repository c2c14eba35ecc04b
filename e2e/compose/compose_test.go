package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/nats-io/nats-server/v2/server"
)

// TestIngestStartsAsComposeStartsIt runs the program with the command and the
// environment that compose.yaml and the image give to ingest, without an engine.
func TestIngestStartsAsComposeStartsIt(t *testing.T) {
	weir := buildWeir(t)
	nats := natsServer(t)
	list := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(list, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := packets.ErrorRefusedNotAuthorised
	for _, c := range []struct {
		name    string
		set     map[string]string
		nobody  error // what who gives no name hears over MQTT …
		keyless error // … and the simulated fleet without a key, and with its own
		keyed   error
		status  int // of a push without a name
	}{
		{"everybody may come in where nothing is set", nil, nil, nil, nil, 200},
		{"only users may where WEIR_USERS is set", map[string]string{"WEIR_USERS": list}, refused, refused, nil, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := startIngest(t, weir, nats, c.set)
			for _, who := range []struct {
				name, key string
				want      error
			}{{"", "", c.nobody}, {"simulate", "", c.keyless}, {"simulate", "simulate-key", c.keyed}} {
				if err := knock(at.MQTT, who.name, who.key); !errors.Is(err, who.want) {
					t.Errorf("%q with the key %q: got %v, want %v", who.name, who.key, err, who.want)
				}
			}
			const push = "/metrics/job/j?service=weir&subservice=prometheus"
			if a, err := ask("POST", at.Intake, push, "level 1\n"); err != nil || a.status != c.status {
				t.Errorf("a push without a name: %d %s, %v", a.status, a.body, err)
			}
			if a, err := ask("POST", at.Intake, push, "level 1\n", basic("prometheus", "prometheus-key")); err != nil || a.status != 200 {
				t.Errorf("a push with a name: %d %s, %v", a.status, a.body, err)
			}
		})
	}
}

func buildWeir(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = "../../cmd/weir"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build weir: %v\n%s", err, out)
	}
	return path
}

// natsServer starts what the service nats is, and returns its URL.
func natsServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	return s.ClientURL()
}

// addresses is what --addr-file holds.
type addresses struct{ MQTT, Intake string }

// startIngest starts it with what a user has set in .env, and returns where it
// serves.
func startIngest(t *testing.T, weir, nats string, set map[string]string) addresses {
	t.Helper()
	args, env := composedIngest(t, set)
	file := filepath.Join(t.TempDir(), "addresses.json")
	var printed bytes.Buffer
	cmd := exec.Command(weir, append(args, "--addr-file", file)...)
	cmd.Env = append(env, "WEIR_NATS_URL="+nats)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // how it ends is seen in what it prints
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("weir %q printed:\n%s", args, printed.String())
		}
	})
	var at addresses
	err := eventually(t.Context(), "ingest serves", func() error {
		select {
		case <-ended:
			t.Fatal("ingest ended before it served")
		default:
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read its addresses: %w", err)
		}
		return json.Unmarshal(data, &at)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []*string{&at.MQTT, &at.Intake} { // it listens on all addresses
		_, port, err := net.SplitHostPort(*addr)
		if err != nil {
			t.Fatal(err)
		}
		*addr = net.JoinHostPort("127.0.0.1", port)
	}
	return at
}

var (
	ingestService = regexp.MustCompile(`(?ms)^  ingest:\n.*?^    volumes:`)
	ingestCommand = regexp.MustCompile(`(?m)^    command: (ingest .*)$`)
	setting       = regexp.MustCompile(`(?m)^ +(WEIR_\w+): (.*)$`)
	imageSetting  = regexp.MustCompile(`(WEIR_\w+_ADDR)=0\.0\.0\.0:\d+`)
	interpolation = regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`)
)

// composedIngest returns the arguments and the environment that ingest's container
// has; its ports are any free ones.
func composedIngest(t *testing.T, set map[string]string) (args, env []string) {
	t.Helper()
	image, err := os.ReadFile("../../deployments/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range imageSetting.FindAllSubmatch(image, -1) {
		env = append(env, string(m[1])+"=0.0.0.0:0")
	}
	compose, err := os.ReadFile("../../deployments/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	service := interpolation.ReplaceAllStringFunc(ingestService.FindString(string(compose)), func(s string) string {
		m := interpolation.FindStringSubmatch(s)
		if value := set[m[1]]; value != "" {
			return value
		}
		return m[2]
	})
	command := ingestCommand.FindStringSubmatch(service)
	if command == nil || len(env) != 4 {
		t.Fatalf("mend this test: ingest in compose.yaml reads\n%s\nand the image sets %q", service, env)
	}
	for _, m := range setting.FindAllStringSubmatch(service, -1) {
		env = append(env, m[1]+"="+m[2])
	}
	return strings.Fields(command[1]), env
}
