package push_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"weir/pkg/device"
	"weir/pkg/device/push"
)

func ExampleHTTP() {
	// In weir's place, at http://host:8082, this shows what is pushed.
	weir := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Fiware-Service"), r.Header.Get("Fiware-ServicePath"))
		_, _ = io.Copy(os.Stdout, r.Body)
	}))
	defer weir.Close()

	level := device.NewGauge("level", "Level of a tank.", "tank")
	registry := device.NewRegistry("plant")
	registry.Register(level)
	level.Set(0.5, "north")
	board := push.HTTP{
		URL: weir.URL, Job: "tanks", Grouping: map[string]string{"instance": "esp-1"},
		Service: "plant", Subservice: "line1",
	}
	if err := board.Push(context.Background(), registry); err != nil {
		fmt.Println(err)
	}
	// Output:
	// PUT /metrics/job/tanks/instance/esp-1 plant /line1
	// # HELP plant_level Level of a tank.
	// # TYPE plant_level gauge
	// plant_level{tank="north"} 0.5
}

type publisher func(topic string, payload []byte) error

func (p publisher) Publish(_ context.Context, topic string, payload []byte) error {
	return p(topic, payload)
}

func ExampleMQTT() {
	client := publisher(func(topic string, payload []byte) error { // an MQTT client's publish
		fmt.Printf("%s\n%s", topic, payload)
		return nil
	})

	level := device.NewGauge("level", "Level of a tank.")
	registry := device.NewRegistry("plant")
	registry.Register(level)
	level.Set(4)
	board := push.MQTT{Publisher: client, Service: "plant", Subservice: "line1", Device: "esp-1"}
	if err := board.Push(context.Background(), registry); err != nil {
		fmt.Println(err)
	}
	// Output:
	// expo/plant/line1/esp-1/metrics
	// # HELP plant_level Level of a tank.
	// # TYPE plant_level gauge
	// plant_level 4
}
