package device_test

import (
	"fmt"

	"weir/pkg/device"
)

func ExampleRegistry() {
	registry := device.NewRegistry("prom_express")
	gas := device.NewGauge("gas", "gas from the bme680 sensor")
	humidity := device.NewGauge("humidity", "humidity from both sensors", "sensor")
	registry.Register(gas, humidity)
	gas.Set(1060948)
	humidity.Set(49.4062, "bme680")
	humidity.Set(49.7976, "si7021")
	fmt.Print(registry.Render())
	// Output:
	// # HELP prom_express_gas gas from the bme680 sensor
	// # TYPE prom_express_gas gauge
	// prom_express_gas 1.060948e+06
	// # HELP prom_express_humidity humidity from both sensors
	// # TYPE prom_express_humidity gauge
	// prom_express_humidity{sensor="bme680"} 49.4062
	// prom_express_humidity{sensor="si7021"} 49.7976
}

func ExampleCounter() {
	restarts := device.NewCounter("restarts_total", "Restarts since the flash.", "reason")
	restarts.Inc("power")
	restarts.Add(2, "watchdog")
	registry := device.NewRegistry("")
	registry.Register(restarts)
	fmt.Print(registry.Render())
	// Output:
	// # HELP restarts_total Restarts since the flash.
	// # TYPE restarts_total counter
	// restarts_total{reason="power"} 1
	// restarts_total{reason="watchdog"} 2
}

func ExampleSummary() {
	read := device.NewSummary("read_seconds", "Time to read the sensor.", "bus")
	read.Observe(0.25, "i2c")
	read.Observe(0.5, "i2c")
	registry := device.NewRegistry("")
	registry.Register(read)
	fmt.Print(registry.Render())
	// Output:
	// # HELP read_seconds Time to read the sensor.
	// # TYPE read_seconds summary
	// read_seconds_sum{bus="i2c"} 0.75
	// read_seconds_count{bus="i2c"} 2
}

func ExampleHistogram() {
	latency := device.NewHistogram("latency_seconds", "Latency of answers.", []float64{0.1, 1})
	latency.Observe(0.05)
	latency.Observe(3)
	registry := device.NewRegistry("")
	registry.Register(latency)
	fmt.Print(registry.Render())
	// Output:
	// # HELP latency_seconds Latency of answers.
	// # TYPE latency_seconds histogram
	// latency_seconds_bucket{le="0.1"} 1
	// latency_seconds_bucket{le="1"} 1
	// latency_seconds_bucket{le="+Inf"} 2
	// latency_seconds_sum 3.05
	// latency_seconds_count 2
}
