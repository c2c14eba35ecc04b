package e2e

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"weir/pkg/device"
	"weir/pkg/device/push"
)

// publisher publishes for package push.
type publisher struct{ client3 }

func (p publisher) Publish(_ context.Context, topic string, payload []byte) error {
	p.publish(topic, 1, payload)
	return nil
}

// A device in Go pushes its metrics by HTTP and by MQTT.
func TestADeviceInGoPushesItsMetrics(t *testing.T) {
	p := start(t, t.TempDir(), "--default-rules=false")
	registry := device.NewRegistry("plant")
	boots := device.NewCounter("boots_total", "Restarts.")
	boots.Add(3)
	level := device.NewGauge("level", "Level of a tank.", "tank")
	level.Set(0.5, "north")
	latency := device.NewHistogram("latency_seconds", "Latency.", []float64{0.1, 1})
	latency.Observe(0.5)
	registry.Register(boots, level, latency)

	byHTTP := push.HTTP{URL: "http://" + p.Intake, Job: "tanks", Grouping: map[string]string{"instance": "esp-1"}, Service: "plant", Subservice: "hall"}
	if err := byHTTP.Push(t.Context(), registry); err != nil {
		t.Fatal(err)
	}
	byMQTT := push.MQTT{Publisher: publisher{connect3(t, p.MQTT, "esp-2")}, Service: "plant", Subservice: "hall", Device: "esp-2"}
	if err := byMQTT.Push(t.Context(), registry); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		`plant_boots_total{instance="esp-1",job="tanks",service="plant",subservice="hall"}`: "3",
		`plant_level{device="esp-2",tank="north",service="plant",subservice="hall"}`:        "0.5",
		`sum(plant_latency_seconds_bucket{le="+Inf"})`:                                      "2",
	} {
		eventually(t, query, func() error {
			var got struct {
				Data struct {
					Result []struct{ Value []any }
				}
			}
			p.getJSON("/api/v1/query?"+url.Values{"query": {query}}.Encode(), &got)
			if len(got.Data.Result) != 1 || got.Data.Result[0].Value[1] != want {
				return fmt.Errorf("%v, expected %s", got.Data.Result, want)
			}
			return nil
		})
	}
}
