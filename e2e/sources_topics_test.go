package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Topics that the sources file maps. The mapping in force stands in the journal:
// what was written under another one is read as it was then.
func TestTopicsThatTheSourcesFileMaps(t *testing.T) {
	dir, config := t.TempDir(), t.TempDir()
	sources := filepath.Join(config, "sources.yaml")
	mapped := func(prefix string) string {
		return fmt.Sprintf(`topic_mappings:
  - match: plant/{service}/{line}/{device}/state
    subservice: "{line}"
    prefix: %s
    fields: [$.temp, {path: $.pump, name: running, values: {"on": 1, "off": 0}}]
`, prefix)
	}
	replace(t, sources, mapped("old_"))
	p := start(t, dir, "--sources", sources)
	device := connect3(t, p.MQTT, "press-4")
	const topic, payload = "plant/factory/line1/press-4/state", `{"temp":21.5,"pump":"on","ignored":3}`
	device.publish(topic, 1, []byte(payload))
	device.publish("j/factory/line1/press-5/env", 1, []byte(`{"motor":{"rpm":1500}}`))
	device.publish("plant/press-4/state", 1, []byte(payload)) // nobody's
	const press4 = "device=press-4 service=factory subservice=line1"
	p.soon("old_temp", map[string]string{press4: "21.5"})
	p.soon("old_running", map[string]string{press4: "1"})
	p.soon("motor_rpm", map[string]string{"device=press-5 service=factory subservice=line1 topic=env": "1500"})
	p.none("old_ignored")

	replace(t, sources, mapped("new_"))
	eventually(t, "the new mapping is in force", func() error {
		device.publish(topic, 1, []byte(payload))
		if len(p.seriesNow("new_temp")) != 1 {
			return fmt.Errorf("new_temp is not there")
		}
		return nil
	})
	acc := p.settled(3)
	if acc.Sum.Rejected > 0 || acc.Sum.Received != acc.Sum.Applied {
		t.Errorf("the books: %+v", acc.Sum)
	}
	p.kill()
	p = start(t, dir, "--sources", sources)
	p.settled(3)
	p.stop()
	for _, command := range []string{"verify", "rebuild"} {
		if out, err := tool(t, command, "--data-dir", dir); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	p = start(t, dir, "--sources", sources)
	p.soon("last_over_time(old_temp[1h])", map[string]string{press4: "21.5"})
	p.soon("last_over_time(new_temp[1h])", map[string]string{press4: "21.5"})
	if again := p.settled(3); again.Sum != acc.Sum {
		t.Errorf("after the rebuild the books say %+v, before %+v", again.Sum, acc.Sum)
	}
}
