package ingest_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/journal/natstest"
	"weir/services/ingest"
	"weir/services/ingest/internal/broker/mqtttest"
)

// metric returns a metric's value.
func metric(app *ingest.App, name string) string {
	var text bytes.Buffer
	app.WriteMetrics(&text)
	for line := range strings.Lines(text.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func number(t *testing.T, app *ingest.App, name string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(metric(app, name), 64)
	if err != nil {
		t.Fatalf("metric %s: %v", name, err)
	}
	return f
}

func TestWhileTheJournalIsAwayPublishersAreHeldBackAndNothingIsLost(t *testing.T) {
	o := natstest.NewOutlet(t)
	nc := o.Connect()
	app := start(t, nc)
	const clients, each, size = 4, 60, 200 << 10 // some 48 MB, more than may wait
	payload := strings.Repeat("x", size)
	mapped(t, app)
	o.Off()
	var publishing sync.WaitGroup
	for i := range clients {
		c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, fmt.Sprint(i))
		publishing.Go(func() {
			for k := range uint16(each) {
				if _, err := c.Conn.Write(c.Encode(mqtttest.Publish(1, k+1, alive, payload))); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
			for k := range uint16(each) {
				pk, err := c.Next()
				if err != nil || pk.FixedHeader.Type != packets.Puback || pk.PacketID != k+1 {
					t.Errorf("client %d: acknowledgement %d is %s, %v", i, k+1, mqtttest.Describe(pk), err)
					return
				}
			}
		})
	}
	eventually(t, "the queue is full", func() bool { return number(t, app, "weir_ingest_queue_bytes") >= 32<<20 })
	held := number(t, app, `weir_ingest_events_total{qos="1"}`)
	if held >= clients*each {
		t.Errorf("all %v messages were taken while the journal was away", held)
	}
	if n := metric(app, "weir_ingest_frames_total"); n != "1" {
		t.Errorf("%s frames were stored, with the mappings, while the journal was away", n)
	}
	o.On()
	publishing.Wait()
	got := map[string]int{}
	for _, e := range events(t, nc) {
		got[e.Client+" "+fmt.Sprint(e.PacketID)]++
	}
	for key, n := range got {
		if n != 1 {
			t.Errorf("message %s is in the journal %d times", key, n)
		}
	}
	if len(got) != clients*each {
		t.Errorf("%d messages are in the journal, want %d", len(got), clients*each)
	}
}
