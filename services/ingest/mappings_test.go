package ingest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/nats-io/nats.go"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
	"weir/services/ingest"
	"weir/services/ingest/internal/broker/mqtttest"
)

// said returns the sets of mappings in the journal, in its order, by what their first
// mapping is for.
func said(tb testing.TB, nc *nats.Conn) (all []string) {
	tb.Helper()
	for _, e := range everything(tb, nc) {
		if e.Counted() {
			continue
		}
		set, err := mapping.Unmarshal(e.Payload)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, set.Mappings()[0].Match)
	}
	return all
}

func TestTheMappingsOfASourcesFileAreInForceBeforeTheFirstMessage(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	path := sourcesFile(t, plant[:strings.Index(plant, "scrape_configs")])
	app := start(t, nc, func(c *ingest.Config) { c.Sources = path })
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "device")
	publish := func(id uint16, topic string) {
		t.Helper()
		c.Send(mqtttest.Publish(1, id, topic, "1"))
		c.Expect(packets.Puback)
	}
	publish(1, "plant/factory/l1/d1/state")
	publish(2, "elsewhere")
	first := everything(t, nc)
	if len(first) != 2 || first[0].Topic != schema.MappingsTopic || first[1].Topic != "plant/factory/l1/d1/state" {
		t.Fatalf("the journal has %+v", first)
	}
	for _, f := range frames(t, nc) {
		if len(f.Received) != 1 || f.Received[0] != (schema.TenantCount{Tenant: schema.Tenant{Service: "factory", Subservice: "hall"}, Events: 1}) {
			t.Errorf("the writer counted %+v", f.Received)
		}
	}

	if err := os.WriteFile(path, []byte("topic_mappings:\n- {match: 'plant/{service}/{subservice}/{device}/+'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing changes
		if err := app.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	publish(3, "plant/factory/l1/d1/state")
	if err := os.WriteFile(path, []byte("topic_mappings:\n- {match: ''}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := app.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a file with a fault: %v", err)
	}
	publish(4, "plant/factory/l1/d1/state")
	if got := strings.Join(said(t, nc), " "); got != "plant/{service}/{line}/{device}/state plant/{service}/{subservice}/{device}/+" {
		t.Errorf("the journal has the mappings %s", got)
	}
	if n := len(events(t, nc)); n != 3 {
		t.Errorf("%d messages are in the journal, want 3", n)
	}
}

func TestEachStartSaysItsMappings(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		nc, end := run(t, dir)
		app := begin(t, nc)
		stop(t, app)
		end()
	}
	nc, _ := run(t, dir)
	if got := said(t, nc); len(got) != 2 || !strings.HasPrefix(got[0], "j/") {
		t.Errorf("the journal has the mappings %q", got)
	}
}
