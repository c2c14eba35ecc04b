package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const plantMappings = `topic_mappings:
  api_keys: {4jggokgpepnvsb2uv4s40d59ov: factory/hall}
  mappings:
    - match: plant/{service}/{line}/{device}/state
      subservice: hall
      prefix: plant_
      labels: {line: "{line}"}
      values: {on: 1, off: 0}
      time: $.ts
      expected_interval: 1h
`

func writeSources(t *testing.T, path, content string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// TestTopicsAreMapped publishes on topics that are nobody's standard, changes what
// they mean in the middle, and folds all of it again.
func TestTopicsAreMapped(t *testing.T) {
	dir := t.TempDir()
	sources := filepath.Join(t.TempDir(), "sources.yaml")
	writeSources(t, sources, plantMappings)
	p := start(t, dir, "--sources", sources)
	c3, c5 := connect3(t, p.MQTT, "plc"), connect5(t, p.MQTT, "board")

	c3.publish("plant/factory/l1/d1/state", 1, fmt.Appendf(nil, `{"temp":21.5,"pump":"on","mode":"auto","ts":%d}`, time.Now().UnixMilli()))
	c3.publish("j/factory/hall/d2/env/indoor", 2, []byte(`{"t":19,"air":{"humidity":40},"ok":true}`))
	c3.publish("/ul/4jggokgpepnvsb2uv4s40d59ov/d3/attrs", 0, []byte("t|21|h|55"))
	c3.publish("/json/unknown-key/d4/attrs", 1, []byte(`{"t":"7"}`))
	c3.publish("home/kitchen", 1, []byte("nobody's"))
	p.settled(4)
	p.expectSeries("plant_temp", map[string]string{"device=d1 line=l1 service=factory subservice=hall": "21.5"})
	p.expectSeries("plant_pump", map[string]string{"device=d1 line=l1 service=factory subservice=hall": "1"})
	p.expectSeries("air_humidity", map[string]string{"device=d2 service=factory subservice=hall topic=env/indoor": "40"})
	p.expectSeries("ok", map[string]string{"device=d2 service=factory subservice=hall topic=env/indoor": "1"})
	p.expectSeries("h", map[string]string{"device=d3 service=factory subservice=hall": "55"})
	p.expectSeries(`t{device="d4"}`, map[string]string{"device=d4 service=iota subservice=unknown-key": "7"})
	p.expectSeries(`weir_source_expected_interval_seconds{source="d1"}`, map[string]string{"device=d1 kind=device service=factory source=d1 subservice=hall": "9000"})

	ack, _ := c5.send("/ul/4jggokgpepnvsb2uv4s40d59ov/d3/attrs", 1, []byte("t|21|h"))
	if ack == nil || ack.ReasonCode != 0x99 || !strings.Contains(ack.Properties.ReasonString, "unknown_shape") {
		t.Errorf("Ultralight that is none is answered by %+v", ack)
	}
	p.settled(5)
	if a := p.get("/api/deadletters"); !strings.Contains(string(a.Body), `"unknown_shape"`) || !strings.Contains(string(a.Body), "/ul/4jggokgpepnvsb2uv4s40d59ov/d3/attrs") {
		t.Errorf("dead letters: %s", a.Body)
	}

	writeSources(t, sources, strings.ReplaceAll(plantMappings, "prefix: plant_", "prefix: hall_"))
	sent := uint64(5)
	eventually(t, "the new mappings are in force", func() error {
		c3.publish("plant/factory/l1/d1/state", 1, fmt.Appendf(nil, `{"temp":22,"ts":%d}`, time.Now().UnixMilli()))
		sent++
		p.settled(sent)
		if got := p.seriesNow("hall_temp"); len(got) != 1 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})

	acc := p.settled(sent)
	if acc.Sum.Received != sent || acc.Sum.Applied != sent-1 || acc.Sum.Rejected != 1 {
		t.Errorf("%d messages were sent, the books say %+v", sent, acc.Sum)
	}
	readings := p.seriesNow("weir_source_readings_total")
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := tool(t, "rebuild", "--data-dir", dir); err != nil {
		t.Errorf("rebuild: %v\n%s", err, out)
	}
	p = start(t, dir) // without the file: its topics are nobody's again
	if again := p.settled(sent); again.Sum != acc.Sum {
		t.Errorf("after the rebuild the books say %+v, before %+v", again.Sum, acc.Sum)
	}
	for series, n := range readings {
		if again := p.seriesNow("weir_source_readings_total")[series]; again != n {
			t.Errorf("%s: %s readings after the rebuild, %s before", series, again, n)
		}
	}
	c3 = connect3(t, p.MQTT, "plc-2")
	c3.publish("plant/factory/l1/d1/state", 1, []byte(`{"temp":23}`))
	c3.publish("j/factory/hall/d2/env/indoor", 1, []byte(`{"t":18}`))
	if again := p.settled(sent + 1); again.Sum.Received != sent+1 {
		t.Errorf("the books say %+v", again.Sum)
	}
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
