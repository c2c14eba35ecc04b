package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"weir/pkg/journal/natstest"
	"weir/pkg/schema"
	"weir/services/ingest"
	"weir/services/ingest/internal/broker/mqtttest"
)

func TestTheUsualClientsMessagesAreInTheJournalWhenTheyAreAcknowledged(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	ctx, cancel := context.WithTimeout(t.Context(), mqtttest.Patience)
	defer cancel()

	c3 := paho3.NewClient(paho3.NewClientOptions().AddBroker("tcp://" + app.MQTTAddr()).SetClientID("three"))
	connected := c3.Connect()
	if !connected.WaitTimeout(mqtttest.Patience) || connected.Error() != nil {
		t.Fatal(connected.Error())
	}
	defer c3.Disconnect(100)
	conn, err := net.Dial("tcp", app.MQTTAddr())
	if err != nil {
		t.Fatal(err)
	}
	c5 := paho5.NewClient(paho5.ClientConfig{Conn: conn, PacketTimeout: mqtttest.Patience})
	if _, err := c5.Connect(ctx, &paho5.Connect{ClientID: "five", CleanStart: true, KeepAlive: 30}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c5.Disconnect(&paho5.Disconnect{}); <-c5.Done() }()

	for i := range 30 {
		qos := byte(1 + i%2)
		published := c3.Publish(alive, qos, false, fmt.Sprintf(`{"proplet_id":"p%d"}`, i))
		if !published.WaitTimeout(mqtttest.Patience) || published.Error() != nil {
			t.Fatal(published.Error())
		}
		if n := len(events(t, nc)); n != 2*i+1 {
			t.Fatalf("%d events are in the journal, want %d", n, 2*i+1)
		}
		if _, err := c5.Publish(ctx, &paho5.Publish{Topic: alive, QoS: qos, Payload: []byte(good)}); err != nil {
			t.Fatal(err)
		}
		if n := len(events(t, nc)); n != 2*i+2 {
			t.Fatalf("%d events are in the journal, want %d", n, 2*i+2)
		}
	}
	r, err := c5.Publish(ctx, &paho5.Publish{Topic: alive, QoS: 1, Payload: []byte(bad)})
	if err == nil || r == nil || r.ReasonCode != 0x99 || !strings.Contains(r.Properties.ReasonString, "not_json") {
		t.Errorf("a malformed message is answered by %+v, %v", r, err)
	}
}

func TestRetainedMessagesAndSessionsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	nc, end := run(t, dir)
	app := start(t, nc)
	persistent := func(pk *packets.Packet) { pk.Connect.Clean = false }
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "device", persistent)
	c.Subscribe(packets.Subscription{Filter: "home/#"})
	c.Send(mqtttest.Retain(mqtttest.Publish(1, 1, alive, good)))
	c.Expect(packets.Puback)
	stop(t, app)
	end()

	nc, _ = run(t, dir)
	app = start(t, nc)
	_, ack := mqtttest.Connect(t, app.MQTTAddr(), 4, "device", persistent)
	if !ack.SessionPresent {
		t.Error("the session is gone")
	}
	sub, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "subscriber")
	sub.Subscribe(packets.Subscription{Filter: "m/#"})
	if pk := sub.Expect(packets.Publish); pk.TopicName != alive || !pk.FixedHeader.Retain {
		t.Errorf("got %s", mqtttest.Describe(pk))
	}
	if diff := cmp.Diff([]string{alive}, topics(events(t, nc))); diff != "" {
		t.Errorf("the journal differs (-want +got):\n%s", diff)
	}
}

func topics(all []schema.Event) (names []string) {
	for _, e := range all {
		names = append(names, e.Topic)
	}
	return names
}

func TestAWillComesBeforeTheDisconnect(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 5, "device", func(pk *packets.Packet) {
		pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload = true, alive, []byte("will")
	})
	c.Send(mqtttest.Publish(1, 1, alive, good))
	c.Expect(packets.Puback)
	c.Break()
	at := func() (will, gone int) {
		will, gone = -1, -1
		for i, f := range frames(t, nc) {
			for _, e := range f.Events {
				if e.Route == schema.RouteWill && string(e.Payload) == "will" {
					will = i
				}
			}
			for _, d := range f.Disconnects {
				if d.Client == "device" && !d.Clean {
					gone = i
				}
			}
		}
		return will, gone
	}
	eventually(t, "the disconnect is in the journal", func() bool { _, gone := at(); return gone >= 0 })
	if will, gone := at(); will < 0 || gone < will {
		t.Errorf("the will is in frame %d, the disconnect in %d", will, gone)
	}
}

// Devices publish while the ingest stops: what they were told is stored is in
// the journal.
func TestWhatWasAcknowledgedBeforeTheStopIsInTheJournal(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	const clients = 5
	acked := make([]atomic.Int64, clients)
	var publishing sync.WaitGroup
	for i := range clients {
		c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, fmt.Sprint(i))
		publishing.Go(func() { publishUntilClosed(c, &acked[i]) })
	}
	eventually(t, "the journal fills", func() bool { return len(frames(t, nc)) > 50 })
	for i := range acked { // the others may have filled it alone
		eventually(t, "each client's messages are acknowledged", func() bool { return acked[i].Load() > 0 })
	}
	stop(t, app)
	publishing.Wait()
	stored := map[string]map[string]bool{}
	for _, e := range events(t, nc) {
		if stored[e.Client] == nil {
			stored[e.Client] = map[string]bool{}
		}
		stored[e.Client][string(e.Payload)] = true
	}
	for i := range acked {
		for k := range acked[i].Load() {
			if !stored[fmt.Sprint(i)][fmt.Sprint(k)] {
				t.Errorf("client %d: message %d was acknowledged and is not in the journal", i, k)
			}
		}
	}
}

// publishUntilClosed publishes numbered messages, ten in flight, and counts those
// that were acknowledged.
func publishUntilClosed(c *mqtttest.Client, acked *atomic.Int64) {
	for sent := 0; ; {
		for sent < int(acked.Load())+10 {
			_, _ = c.Conn.Write(c.Encode(mqtttest.Publish(1, uint16(sent%60000+1), alive, fmt.Sprint(sent))))
			sent++
		}
		pk, err := c.Next()
		if err != nil || pk.FixedHeader.Type != packets.Puback {
			return
		}
		acked.Add(1)
	}
}

func TestAPortInUseIsAClearErrorAndLeaksNothing(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	start(t, nc).WriteMetrics(io.Discard) // what NATS starts once, is started
	before := goleak.IgnoreCurrent()
	app, err := ingest.New(ingest.Config{NATS: nc, MQTTAddr: l.Addr().String(), Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	err = app.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "listen for MQTT") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if err := app.Stop(t.Context()); err != nil {
		t.Errorf("stop after a failed start: %v", err)
	}
	goleak.VerifyNone(t, before)
}

func TestAStartWithoutAJournalIsAnError(t *testing.T) {
	nc, end := run(t, t.TempDir())
	end()
	app, err := ingest.New(ingest.Config{NATS: nc, MQTTAddr: "127.0.0.1:0", Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "open stream WEIR_JOURNAL_0") {
		t.Errorf("got %v", err)
	}
}

func TestALimitThatCannotHoldIsAnError(t *testing.T) {
	for _, n := range []int{-1, 1 << 30} {
		if _, err := ingest.New(ingest.Config{MaxPayload: n}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(n)) {
			t.Errorf("%d: got %v", n, err)
		}
	}
}

func TestUsersAreAskedForTheirKey(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("key"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := ingest.LoadUsers(writeFile(t, fmt.Sprintf("users:\n- {username: p1, password: '%s', publish: [d/c]}\n", hash)))
	if err != nil {
		t.Fatal(err)
	}
	nc, _ := run(t, t.TempDir())
	app := start(t, nc, func(c *ingest.Config) { c.Users = users })
	for key, want := range map[string]byte{"key": 0, "wrong": 5} {
		c := mqtttest.Dial(t, app.MQTTAddr(), 4)
		c.Send(mqtttest.ConnectPacket(4, "", func(pk *packets.Packet) {
			pk.Connect.UsernameFlag, pk.Connect.Username, pk.Connect.PasswordFlag, pk.Connect.Password = true, []byte("p1"), true, []byte(key)
		}))
		if got := c.Expect(packets.Connack).ReasonCode; got != want {
			t.Errorf("key %q: code %d, want %d", key, got, want)
		}
	}
}

func TestFramesCarryWhatServingEachTenantCost(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 5, "device")
	topics := map[string]int{alive: 3, "spore/s/u/n1/resources": 2, "m/!/c/c/control/proplet/alive": 1}
	for topic, n := range topics {
		for range n {
			c.Send(mqtttest.Publish(1, 1, topic, bad), mqtttest.Publish(0, 0, topic, bad))
			c.Expect(packets.Puback)
		}
	}
	want := map[schema.Tenant]uint64{{Service: "d", Subservice: "c"}: 6, {Service: "s", Subservice: "u"}: 4, {}: 2}
	type sums struct{ received, served, bytes uint64 }
	got := map[schema.Tenant]sums{}
	eventually(t, "the frames carry the operations", func() bool {
		clear(got)
		served := uint64(0)
		for _, f := range frames(t, nc) {
			for _, c := range f.Received {
				s := got[c.Tenant]
				s.received += c.Events
				got[c.Tenant] = s
			}
			for _, o := range f.Operations {
				s := got[o.Tenant]
				s.served += o.ServiceTime.Count
				for _, d := range o.Counters {
					if d.Counter != schema.IncomingResponseSize {
						t.Errorf("counter %d", d.Counter)
					}
					s.bytes += d.Delta
				}
				got[o.Tenant] = s
				served += o.ServiceTime.Count
				if o.ServiceTime.Max > uint64(time.Minute) {
					t.Errorf("a service time of %s", time.Duration(o.ServiceTime.Max))
				}
			}
		}
		return served == 12
	})
	for tenant, n := range want {
		s := got[tenant]
		if s.received != n || s.served != n || s.bytes <= 6*n/2 || s.bytes > 128*n/2 {
			t.Errorf("tenant %s: %+v, want %d events", tenant, s, n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tenants %v", got)
	}
}

func TestMetricsPassPrometheusLint(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "device")
	c.Subscribe(packets.Subscription{Filter: "m/#", Qos: 1})
	c.Send(mqtttest.Retain(mqtttest.Publish(1, 1, alive, good)))
	var text bytes.Buffer
	for _, want := range []string{
		`weir_ingest_events_total{qos="1"} 1`, "weir_ingest_payload_bytes_total 36", "weir_ingest_frame_events_sum 2", // with the mappings
		"weir_mqtt_clients 1", "weir_mqtt_subscriptions 1", "weir_mqtt_retained_messages 1", "weir_mqtt_dropped_messages_total 0",
		"weir_ingest_append_errors_total 0", "weir_ingest_queue_bytes 0",
	} {
		eventually(t, want, func() bool {
			text.Reset()
			app.WriteMetrics(&text)
			return strings.Contains(text.String(), want+"\n")
		})
	}
	problems, err := promlint.New(&text).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestAStopThatTakesTooLongSaysSo(t *testing.T) {
	o := natstest.NewOutlet(t)
	app := begin(t, o.Connect())
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "device")
	c.Send(mqtttest.Publish(1, 1, alive, good))
	c.Expect(packets.Puback)
	o.Off()
	c.Send(mqtttest.Publish(1, 2, alive, good))
	eventually(t, "the message is read", func() bool { return metric(app, `weir_ingest_events_total{qos="1"}`) == "2" })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := app.Stop(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if pk, err := c.Next(); !errors.Is(err, io.EOF) { // no acknowledgement
		t.Errorf("got %s, %v", mqtttest.Describe(pk), err)
	}
}
