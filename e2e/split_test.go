package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer runs a NATS server that keeps its streams in dir, as one beside weir's
// services would.
func natsServer(t *testing.T, dir string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, SyncAlways: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// TestTheServicesApartLoseNothingWhenAnyOfThemIsKilled runs ingest, aggregator,
// alerter and query as processes over a NATS server, kills each in turn, restarts the
// NATS server once, and checks each number at the end.
func TestTheServicesApartLoseNothingWhenAnyOfThemIsKilled(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (run again with -crash-seed %d)", seed, seed)
	r := rand.New(rand.NewPCG(seed, 2))

	natsDir, stateDir := t.TempDir(), t.TempDir()
	nats := natsServer(t, natsDir)
	way := startHollow(t, nats.Addr().String()) // it stays where it is when the server comes back elsewhere
	url := "nats://" + way.Addr().String()
	boot := map[string]func() *process{
		"ingest": func() *process {
			return startWrapped(t, nil, "ingest", "--nats-url", url, "--mqtt-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0")
		},
		"aggregator": func() *process {
			return startWrapped(t, nil, "aggregator", "--nats-url", url, "--data-dir", stateDir, "--internal-addr", "127.0.0.1:0")
		},
		"query": func() *process {
			return startWrapped(t, nil, "query", "--nats-url", url, "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0")
		},
	}
	rules := write(t, "rules.yml", hotRules)
	boot["alerter"] = func() *process {
		return startWrapped(t, nil, "alerter", "--nats-url", url, "--internal-addr", "127.0.0.1:0", "--rules", rules, "--default-rules=false")
	}
	running := map[string]*process{}
	for name, f := range boot {
		running[name] = f()
	}
	mqtt := nowhere()
	mqtt.set(running["ingest"].MQTT)
	ps := startPublishers(t, mqtt.get)
	more := func() {
		target := ps.acknowledged() + 1 + r.Uint64N(300)
		eventually(t, "more is acknowledged", func() error {
			if n := ps.acknowledged(); n < target {
				return fmt.Errorf("%d of %d", n, target)
			}
			return nil
		})
	}
	for _, victim := range []string{"aggregator", "ingest", "query", "alerter", "ingest", "aggregator"} {
		more()
		if victim == "ingest" {
			mqtt.set("")
		}
		running[victim].kill()
		running[victim] = boot[victim]()
		mqtt.set(running["ingest"].MQTT)
	}
	more()
	way.server.set("")
	nats.Shutdown()
	nats.WaitForShutdown()
	eventually(t, "health shows that the journal is gone", func() error {
		if a := running["query"].get("/health"); a.Status != 503 || !strings.Contains(string(a.Body), "unhealthy") {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
	way.server.set(natsServer(t, natsDir).Addr().String())
	more()
	ps.drain(t)
	acc := running["query"].settled(ps.acknowledged())
	ps.check(t, running["query"])
	t.Logf("%d acknowledged, books: %+v", ps.acknowledged(), acc.Sum)
	eventually(t, "all is healthy again", func() error {
		if a := running["query"].get("/health"); a.Status != 200 || !strings.Contains(string(a.Body), `"status":"healthy"`) {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
	connect3(t, running["ingest"].MQTT, "hot").spore("spore-a", 95)
	eventually(t, "query passes on what the alerter knows", func() error {
		if a := running["query"].get("/api/v2/alerts?filter=node%3Dspore-a"); a.Status != 200 || !strings.Contains(string(a.Body), "HotNode") {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
	for _, name := range []string{"query", "alerter", "ingest", "aggregator"} {
		running[name].stop()
	}
}
