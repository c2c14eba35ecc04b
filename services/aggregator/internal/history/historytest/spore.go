package historytest

import (
	"math"
	"math/rand/v2"

	"weir/pkg/schema"
	"weir/services/aggregator/internal/history"
)

// sporeRows are the metrics of a SPORE node.
func sporeRows(c clock) func(*rand.Rand, int) []history.Row {
	return func(r *rand.Rand, n int) []history.Row {
		times := c.times(r, n)
		s := newSpore(r, times[0])
		return build(times, schema.DialectGateway, schema.ClockRFC3339, s.next)
	}
}

// sizes of a node's memories in bytes.
const (
	sporeMemory = 81920
	sporeFlash  = 4194304
)

type spore struct {
	booted                      int64
	load, temperature           func() float64
	sum, highest, lowest, count float64
	used, fragmentation         func() float64
	leastFree                   float64
	sent, received, out, in     func() float64
	signal                      func() float64
	flash                       func() float64
}

func newSpore(r *rand.Rand, first int64) *spore {
	return &spore{
		booted:        first - second*int64(r.IntN(100000)),
		load:          drifting(30, 6, 100)(r),
		temperature:   drifting(52, 0.4, 10)(r),
		lowest:        100,
		leastFree:     sporeMemory,
		used:          wanderingBytes(r),
		fragmentation: seldom(r, 3, 25),
		sent:          counter(func(r *rand.Rand) float64 { return float64(264 + r.IntN(40)) })(r),
		received:      counter(func(r *rand.Rand) float64 { return float64(40 * r.IntN(5)) })(r),
		out:           counter(func(r *rand.Rand) float64 { return float64(1 + r.IntN(2)) })(r),
		in:            counter(func(r *rand.Rand) float64 { return float64(r.IntN(5)) })(r),
		signal:        drifting(-61, 1.5, 1)(r),
		flash:         counter(func(r *rand.Rand) float64 { return float64(r.IntN(60)/59) * 4096 })(r),
	}
}

func wanderingBytes(r *rand.Rand) func() float64 {
	v := 40000
	return func() float64 {
		v = min(max(v+8*(r.IntN(101)-50), 20000), 70000)
		return float64(v)
	}
}

// percent is a part of a whole in percent, to two decimals.
func percent(part, whole float64) float64 { return math.Round(part/whole*10000) / 100 }

func (s *spore) next(at int64) []schema.FieldValue {
	load := s.load()
	s.sum, s.count = s.sum+load, s.count+1
	s.highest, s.lowest = max(s.highest, load), min(s.lowest, load)
	used, signal := s.used(), s.signal()
	s.leastFree = min(s.leastFree, sporeMemory-used)
	flash := math.Mod(s.flash(), sporeFlash)
	return []schema.FieldValue{
		{Field: schema.SporeCPUFrequencyMHz, Value: 80},
		{Field: schema.SporeCPUUsagePercent, Value: load},
		{Field: schema.SporeCPUTemperatureC, Value: s.temperature()},
		{Field: schema.SporeCPUAveragePercent, Value: math.Round(s.sum/s.count*100) / 100},
		{Field: schema.SporeCPUMaxPercent, Value: s.highest},
		{Field: schema.SporeCPUMinPercent, Value: s.lowest},
		{Field: schema.SporeCPUMeasurements, Value: s.count},
		{Field: schema.SporeMemoryTotalBytes, Value: sporeMemory},
		{Field: schema.SporeMemoryFreeBytes, Value: sporeMemory - used},
		{Field: schema.SporeMemoryUsedBytes, Value: used},
		{Field: schema.SporeMemoryUsagePercent, Value: percent(used, sporeMemory)},
		{Field: schema.SporeMemoryMinFreeBytes, Value: s.leastFree},
		{Field: schema.SporeMemoryMaxAllocBytes, Value: math.Floor((sporeMemory-used)*0.9/8) * 8},
		{Field: schema.SporeMemoryFragmentationPercent, Value: s.fragmentation()},
		{Field: schema.SporeNetworkBytesSent, Value: s.sent()},
		{Field: schema.SporeNetworkBytesReceived, Value: s.received()},
		{Field: schema.SporeNetworkPacketsSent, Value: s.out()},
		{Field: schema.SporeNetworkPacketsReceived, Value: s.in()},
		{Field: schema.SporeNetworkRSSI, Value: signal},
		{Field: schema.SporeNetworkSignalPercent, Value: min(max(2*(signal+100), 0), 100)},
		{Field: schema.SporeFlashTotalBytes, Value: sporeFlash},
		{Field: schema.SporeFlashUsedBytes, Value: flash},
		{Field: schema.SporeFlashFreeBytes, Value: sporeFlash - flash},
		{Field: schema.SporeFlashUsagePercent, Value: percent(flash, sporeFlash)},
		{Field: schema.SporeUptimeSeconds, Value: float64((at - s.booted) / second)},
	}
}
