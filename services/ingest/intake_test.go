package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
	"weir/pkg/schema"
	"weir/pkg/schema/pushtopic"
	"weir/services/ingest"
	"weir/services/ingest/internal/broker/mqtttest"
)

func withIntake(c *ingest.Config) { c.IntakeAddr = "127.0.0.1:0" }

const entity = `{"data":[{"id":"sensor:7","type":"Room","temperature":{"value":31.5}}]}`

// push sends a request and returns the answer's status and body.
func push(method, url, body string) (code int, answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), mqtttest.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestAPushIsInTheJournalWhenItIsAnswered(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc, withIntake)
	defer http.DefaultClient.CloseIdleConnections()
	url := "http://" + app.IntakeAddr()
	before := 0
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/notices", entity, 200},
		{"POST", "/notices", `{"data":`, 500},
		{"PUT", "/metrics/job/backup/instance/db1", "a 1\n", 200},
		{"POST", "/metrics/job/backup", "<html>", 400},
		{"DELETE", "/metrics/job/backup", "", 202},
		{"POST", "/write", "cpu,host=h usage=5\n", 204},
		{"POST", "/notices", `{"data":"` + strings.Repeat("x", 800<<10) + `"}`, 413},
	} {
		code, answer, err := push(c.method, url+c.path, c.body)
		if err != nil || code != c.code {
			t.Fatalf("%s %s: %d %s, %v", c.method, c.path, code, answer, err)
		}
		all := events(t, nc)
		if len(all) <= before {
			t.Fatalf("%s %s: %d events are in the journal", c.method, c.path, len(all))
		}
		e := all[before]
		_, body := pushtopic.CutHead(e.Payload)
		if before = len(all); e.Route != schema.RouteHTTP || e.Client != "127.0.0.1" || !strings.HasPrefix(c.body, string(body)) {
			t.Errorf("%s %s: stored %s of %s by %s", c.method, c.path, e.Topic, e.Client, e.Route)
		}
	}
}

func TestPushesComeOverNATSToo(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc) // without a listener
	if app.IntakeAddr() != "" {
		t.Errorf("it listens on %s", app.IntakeAddr())
	}
	client := http.Client{Transport: natshttp.NewTransport(nc, schema.IntakeHTTPSubject)}
	resp, err := client.Post("http://weir/notices", "application/json", strings.NewReader(entity))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || len(events(t, nc)) != 1 {
		t.Errorf("%d %s, %v", resp.StatusCode, body, err)
	}
}

// What serving a request cost travels in a frame, as with MQTT.
func TestFramesCarryWhatServingPushesCost(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc, withIntake)
	defer http.DefaultClient.CloseIdleConnections()
	bytes := 0
	for range 3 {
		_, answer, err := push("POST", "http://"+app.IntakeAddr()+"/notices", entity)
		if err != nil {
			t.Fatal(err)
		}
		bytes += len(answer)
	}
	eventually(t, "the frames carry the operations", func() bool {
		sum, served := uint64(0), uint64(0)
		for _, f := range frames(t, nc) {
			for _, o := range f.Operations {
				if o.Tenant != (schema.Tenant{Service: "unknownt", Subservice: schema.RootSubservice}) {
					t.Fatalf("operations of %s", o.Tenant)
				}
				served += o.ServiceTime.Count
				for _, d := range o.Counters {
					sum += d.Delta
				}
			}
		}
		return served == 3 && sum == uint64(bytes)
	})
	if got := metric(app, `weir_ingest_events_total{qos="none"}`); got != "3" {
		t.Errorf("%s events", got)
	}
	if got := metric(app, `weir_ingest_http_requests_total{route="/notices",code="200"}`); got != "3" {
		t.Errorf("%s requests", got)
	}
}

func TestPushesAreRefusedWhileTheJournalIsAway(t *testing.T) {
	o := natstest.NewOutlet(t)
	app := begin(t, o.Connect(), withIntake)
	defer http.DefaultClient.CloseIdleConnections()
	o.Off()
	answered := make(chan int, 1)
	go func() {
		code, _, _ := push("PUT", "http://"+app.IntakeAddr()+"/metrics/job/a", "a 1\n")
		answered <- code
	}()
	eventually(t, "the push is taken", func() bool { return metric(app, `weir_ingest_events_total{qos="none"}`) == "1" })
	select {
	case code := <-answered:
		t.Errorf("answered with %d", code)
	default:
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := app.Stop(ctx); err == nil {
		t.Error("the stop says nothing")
	}
	if code := <-answered; code != 0 && code != 503 { // 0: broken off
		t.Errorf("answered with %d", code)
	}
}

func TestWhatWasAnsweredBeforeTheStopIsInTheJournal(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := begin(t, nc, withIntake)
	defer http.DefaultClient.CloseIdleConnections()
	const clients = 4
	acked := make([][]string, clients)
	answered := make([]atomic.Int64, clients) // how many acked has
	var pushing sync.WaitGroup
	for i := range clients {
		pushing.Go(func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf("a{client=\"%d\"} %d\n", i, n)
				if code, _, err := push("POST", "http://"+app.IntakeAddr()+"/metrics/job/a", body); err != nil || code != 200 {
					return
				}
				acked[i] = append(acked[i], body)
				answered[i].Add(1)
			}
		})
	}
	eventually(t, "the journal fills", func() bool { return len(frames(t, nc)) > 30 })
	for i := range answered { // the others may have filled it alone
		eventually(t, "each client is answered", func() bool { return answered[i].Load() > 0 })
	}
	stop(t, app)
	pushing.Wait()
	stored := map[string]int{}
	for _, e := range events(t, nc) {
		_, body := pushtopic.CutHead(e.Payload)
		stored[string(body)]++
	}
	for i, all := range acked {
		for _, body := range all {
			if stored[body] != 1 {
				t.Errorf("client %d: %q is there %d times", i, body, stored[body])
			}
		}
	}
}

func TestTheLogLevelIsSetOverHTTP(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	var text bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level}))
	app := start(t, nc, withIntake, func(c *ingest.Config) { c.LogLevel = level })
	defer http.DefaultClient.CloseIdleConnections()
	if code, answer, err := push("PUT", "http://"+app.IntakeAddr()+"/admin/log?level=DEBUG", ""); err != nil || code != 200 || answer != "" {
		t.Fatalf("%d %s, %v", code, answer, err)
	}
	if log.Debug("seen"); !strings.Contains(text.String(), "seen") {
		t.Error("the level did not change")
	}
}

func TestAnAddressInUseForPushesIsAClearError(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	addr := start(t, nc, withIntake).IntakeAddr()
	app, err := ingest.New(ingest.Config{NATS: nc, MQTTAddr: "127.0.0.1:0", IntakeAddr: addr, Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "listen for pushes over HTTP on "+addr) {
		t.Errorf("got %v", err)
	}
}

func TestADeadLetterOfAPushIsPutInAgain(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	start(t, nc)
	letter := deadLetter(schema.ReasonUnknownShape, "/notices?path=%2Fline1&service=factory", entity)
	letter.Event.Route = schema.RouteHTTP
	var got schema.ReplayAnswer
	if code := ask(t, nc, schema.IngestReplaySubject, letter.AppendBinary(nil), &got); code != "" || !got.Accepted {
		t.Errorf("error %q, %+v", code, got)
	}
	if f := frames(t, nc)[0]; f.Received[0].Tenant != (schema.Tenant{Service: "factory", Subservice: "line1"}) || f.Events[0].Route != schema.RouteReplay {
		t.Errorf("stored %+v", f)
	}
}

// A retained message is one event: what the broker gives to those who subscribe
// later is none, also after a restart.
func TestARetainedMessageIsOneEvent(t *testing.T) {
	dir := t.TempDir()
	nc, end := run(t, dir)
	app := begin(t, nc)
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 5, "device")
	c.Send(mqtttest.Retain(mqtttest.Publish(1, 1, alive, good)))
	c.Expect(packets.Puback)
	for i := range 3 {
		sub, _ := mqtttest.Connect(t, app.MQTTAddr(), 5, fmt.Sprint("subscriber", i))
		sub.Subscribe(packets.Subscription{Filter: "m/#", Qos: 1})
		if pk := sub.Expect(packets.Publish); !pk.FixedHeader.Retain {
			t.Errorf("got %s", mqtttest.Describe(pk))
		}
	}
	stop(t, app)
	end()
	nc, _ = run(t, dir)
	app = start(t, nc)
	sub, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "late")
	sub.Subscribe(packets.Subscription{Filter: "#", Qos: 1})
	sub.Expect(packets.Publish)
	all := events(t, nc)
	if len(all) != 1 || !all[0].Retain {
		t.Errorf("%d events: %+v", len(all), all)
	}
}
