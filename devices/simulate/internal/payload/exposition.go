package payload

import (
	"math"
	"strconv"
	"strings"

	"weir/devices/simulate/internal/model"
)

// Exposition writes a board's metrics as prometheus_express renders them: no
// newline at the end, families in an order that changes from boot to boot, each
// labelled metric first with all labels "None", summaries with _total, Python's
// numbers, and None for what was not measured yet.
//
// Source: https://github.com/ssube/prometheus_express, observed on CPython.
func Exposition(r *model.BoardReading) []byte {
	gas := strconv.Itoa(r.Gas)
	if !r.Warm {
		gas = "None"
	}
	families := [][]string{
		family("boots", "restarts since flash", "counter", "board_boots "+strconv.Itoa(r.Boots)),
		family("temperature", "temperature of both sensors", "gauge", sensors("board_temperature", r.Temperature)...),
		family("humidity", "humidity of both sensors", "gauge", sensors("board_humidity", r.Humidity)...),
		family("pressure", "pressure from the bme680 sensor", "gauge", "board_pressure "+python(r.Pressure)),
		family("gas", "gas from the bme680 sensor", "gauge", "board_gas "+gas),
		family("presses", "presses of the button", "counter", "board_presses "+strconv.Itoa(r.Presses)),
		family("uptime", "seconds since boot", "gauge", "board_uptime "+strconv.Itoa(r.Uptime)),
		family("read", "read latency", "summary",
			`board_read_count{bus="None"} 0`, `board_read_total{bus="None"} 0`,
			`board_read_count{bus="i2c"} `+strconv.Itoa(r.Reads), `board_read_total{bus="i2c"} `+python(r.ReadTime)),
	}
	var lines []string
	for i := range families {
		// 3 and 8 have no common factor, so that every family comes once.
		lines = append(lines, families[(i*3+r.Boots)%len(families)]...)
	}
	return []byte(strings.Join(lines, "\n"))
}

func family(name, help, kind string, samples ...string) []string {
	return append([]string{"# HELP board_" + name + " " + help, "# TYPE board_" + name + " " + kind}, samples...)
}

func sensors(name string, values [2]float64) []string {
	return []string{
		name + `{sensor="None"} 0`,
		name + `{sensor="bme680"} ` + python(values[0]),
		name + `{sensor="si7021"} ` + python(values[1]),
	}
}

// python writes a float as Python's str does.
func python(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case math.IsNaN(v):
		return "nan"
	}
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
