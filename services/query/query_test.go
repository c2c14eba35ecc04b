package query_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"weir/pkg/journal"
	"weir/pkg/journal/natstest"
	"weir/pkg/metrics"
	"weir/pkg/schema"
	"weir/pkg/schema/wire"
	"weir/services/query"
)

// start runs the service on two ports of 127.0.0.1 until the test's end.
func start(t testing.TB, c query.Config) *query.App {
	t.Helper()
	c.InternalAddr, c.ExternalAddr, c.Version = "127.0.0.1:0", "127.0.0.1:0", "0.1.0"
	app, err := query.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return app
}

// get returns an answer's status and body.
func get(t testing.TB, addr, path string) (int, string) {
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

// patience bounds what should take a moment, on a busy machine.
const patience = time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	// goleak looks for half a second at the most, in which a stalled machine does not
	// end what was stopped.
	for deadline := time.Now().Add(patience); code == 0; {
		// The library keeps one goroutine for all summaries of a process.
		err := goleak.Find(goleak.IgnoreAnyFunction("github.com/VictoriaMetrics/metrics.summariesSwapCron"))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestHealthComesFromRealChecks(t *testing.T) {
	s := natstest.Run(t)
	services := natstest.Connect(t, s)
	app := start(t, query.Config{NATS: natstest.Connect(t, s)})

	code, body := get(t, app.InternalAddr(), "/health")
	if want := `{"status":"unhealthy","error":"broker is unknown: the ingest does not answer; aggregator is stopped: it does not answer; journal is disconnected: `; code != 503 || !strings.HasPrefix(body, want) {
		t.Errorf("with nothing running: %d %s", code, body)
	}

	answer := func(subject string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		natstest.Answer(t, services, subject, func([]byte) [][]byte { return [][]byte{b} })
	}
	answer(schema.IngestHealthSubject, schema.IngestHealth{Broker: "running"})
	answer(schema.ReadPortSubject(0, schema.ReadHealth), schema.AggregatorHealth{HealthyPeers: 3})
	js, err := jetstream.New(services)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: journal.StreamName(0), Subjects: []string{"journal"}}); err != nil {
		t.Fatal(err)
	}
	// Whoever takes longer than a check may, on a busy machine, counts as missing.
	healthy := func(addr string, code int, want string) {
		t.Helper()
		eventually(t, want, func() error {
			if gotCode, got := get(t, addr, "/health"); gotCode != code || got != want+"\n" {
				return fmt.Errorf("got %d %s", gotCode, got)
			}
			return nil
		})
	}
	healthy(app.InternalAddr(), 200, `{"status":"healthy","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`)
	healthy(app.ExternalAddr(), 200, `{"status":"healthy","p2p":{"running":true,"peers":3}}`)
	if err := js.DeleteStream(context.Background(), journal.StreamName(0)); err != nil {
		t.Fatal(err)
	}
	healthy(app.ExternalAddr(), 503, `{"status":"unhealthy","error":"journal is disconnected","p2p":{"running":true,"peers":3}}`)
}

func TestTheListenersDifferInWhatTheyAllow(t *testing.T) {
	s := natstest.Run(t)
	natstest.Answer(t, natstest.Connect(t, s), schema.ReadPortSubject(0, schema.ReadReset), func([]byte) [][]byte {
		return [][]byte{wire.AppendUint(nil, 1)}
	})
	app := start(t, query.Config{NATS: natstest.Connect(t, s)})
	if code, body := get(t, app.InternalAddr(), "/admin/metrics?reset=true"); code != 200 || !strings.HasPrefix(body, `{"services":{},"sum":{`) {
		t.Errorf("inside: %d %s", code, body)
	}
	if code, body := get(t, app.ExternalAddr(), "/admin/metrics?reset=true"); code != 403 {
		t.Errorf("outside: %d %s", code, body)
	}
}

func TestWithoutAnAggregatorItSaysSo(t *testing.T) {
	app := start(t, query.Config{NATS: natstest.Connect(t, natstest.Run(t))})
	code, body := get(t, app.ExternalAddr(), "/api/monitoring/resources")
	if want := `{"error":"the aggregator does not answer"}` + "\n"; code != 503 || body != want {
		t.Errorf("got %d %s", code, body)
	}
}

func TestMetricsOfTheWholeProcessPassTheLinter(t *testing.T) {
	s := natstest.Run(t)
	services := natstest.Connect(t, s)
	tenant := schema.TenantState{Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}}
	tenant.ServiceTime.Add(1)
	natstest.Answer(t, services, schema.ReadPortSubject(0, schema.ReadTenants), func([]byte) [][]byte {
		return [][]byte{tenant.AppendBinary(wire.AppendUint(nil, 1))}
	})
	natstest.Answer(t, services, schema.ReadPortSubject(0, schema.ReadAccounting), func([]byte) [][]byte {
		return [][]byte{[]byte(`{"tenants":[{"service":"factory","subservice":"line1"}],"sum":{}}`)}
	})
	natstest.Answer(t, services, schema.ReadPortSubject(0, schema.ReadSources), func([]byte) [][]byte { return [][]byte{nil} })
	app := start(t, query.Config{NATS: natstest.Connect(t, s), Metrics: []func(io.Writer){metrics.WriteProcess}})

	get(t, app.ExternalAddr(), "/nowhere")
	_, body := get(t, app.InternalAddr(), "/metrics")
	for _, want := range []string{
		"\nprocess_cpu_seconds_total ",
		`weir_query_http_requests_total{route="unknown",code="404"} 1` + "\n",
		`weir_query_http_request_duration_seconds_count{route="unknown"} 1` + "\n",
		"\nweir_query_aggregator_up 1\n",
		`weir_tenant_events_received_total{service="factory",subservice="line1"} 0` + "\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter says %v, %v", problems, err)
	}
	var own bytes.Buffer
	if app.WriteMetrics(&own); strings.Contains(own.String(), "process_") || !strings.Contains(own.String(), "weir_query_http_requests_total") {
		t.Errorf("its own metrics are\n%s", &own)
	}
}

// holdingRequest starts a request that the aggregator has and does not answer
// yet. It returns the way to answer it, and where its status will come.
func holdingRequest(t *testing.T, s *natsServer, app *query.App) (release func(), status <-chan int) {
	t.Helper()
	held, free, codes := make(chan struct{}), make(chan struct{}), make(chan int, 1)
	natstest.Answer(t, s.services, schema.ReadPortSubject(0, schema.ReadSources), func([]byte) [][]byte {
		close(held)
		<-free
		return [][]byte{nil}
	})
	go func() {
		resp, err := http.Get("http://" + app.InternalAddr() + "/proplets")
		if err != nil {
			codes <- 0
			return
		}
		defer resp.Body.Close()
		codes <- resp.StatusCode
	}()
	<-held
	return func() { close(free) }, codes
}

// natsServer is a server with a connection for the services.
type natsServer struct {
	embedded     *journal.Embedded
	services, nc *nats.Conn
}

func runNATS(t *testing.T) *natsServer {
	s := natstest.Run(t)
	return &natsServer{embedded: s, services: natstest.Connect(t, s), nc: natstest.Connect(t, s)}
}

func unstarted(t *testing.T, s *natsServer) *query.App {
	t.Helper()
	app, err := query.New(query.Config{NATS: s.nc, InternalAddr: "127.0.0.1:0", ExternalAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return app
}

func TestStopLetsRequestsEnd(t *testing.T) {
	s := runNATS(t)
	app := unstarted(t, s)
	release, status := holdingRequest(t, s, app)
	stopped := make(chan error, 1)
	go func() { stopped <- app.Stop(context.Background()) }()
	eventually(t, "new connections are refused", func() error {
		c, err := net.Dial("tcp", app.ExternalAddr())
		if err != nil {
			return nil
		}
		c.Close()
		return errors.New("one was taken")
	})
	release()
	if code := <-status; code != 200 {
		t.Errorf("the request being served ended with %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopIsBounded(t *testing.T) {
	s := runNATS(t)
	app := unstarted(t, s)
	release, status := holdingRequest(t, s, app)
	defer release()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := app.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop gives %v", err)
	}
	if code := <-status; code != 0 {
		t.Errorf("the request ended with %d", code)
	}
}

func TestAListenerThatCannotBeOpenedLeavesNothingBehind(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	app, err := query.New(query.Config{NATS: nc, InternalAddr: "127.0.0.1:0", ExternalAddr: taken.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	err = app.Start(context.Background())
	if want := "query: listen for the external API on " + taken.Addr().String(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Start gives %v", err)
	}
	if c, err := net.Dial("tcp", app.InternalAddr()); err == nil {
		c.Close()
		t.Error("the internal listener is still open")
	}
	if err := app.Stop(context.Background()); err != nil {
		t.Errorf("Stop gives %v", err)
	}
}

func TestOneListenerIsEnough(t *testing.T) {
	app, err := query.New(query.Config{NATS: natstest.Connect(t, natstest.Run(t)), ExternalAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if app.InternalAddr() != "" {
		t.Errorf("the internal address is %q", app.InternalAddr())
	}
	if code, _ := get(t, app.ExternalAddr(), "/"); code != 200 {
		t.Errorf("got %d", code)
	}
	if err := app.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAllFaultsOfTheConfigurationAreReported(t *testing.T) {
	_, err := query.New(query.Config{Partition: -1, Heartbeat: -time.Second})
	for _, want := range []string{"a NATS connection is needed", "the partition must not be negative", "an internal or an external address is needed", "the heartbeat must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestAnInternalListenerOpenToOthersIsWarnedOf(t *testing.T) {
	all := map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true}
	if l, err := net.Listen("tcp6", "[::]:0"); err == nil { // else this machine has no IPv6
		l.Close()
		all["[::]:0"] = true
	}
	for addr, warned := range all {
		var log bytes.Buffer
		app, err := query.New(query.Config{NATS: natstest.Connect(t, natstest.Run(t)), InternalAddr: addr, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := app.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := app.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "open to other machines"); got != warned {
			t.Errorf("%s: warned = %v: %s", addr, got, &log)
		}
	}
}

// eventually calls f until it returns no error.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s: %v", what, patience, err)
		}
	}
}
