package historytest

import (
	"math/rand/v2"
	"strconv"

	"weir/pkg/schema"
	"weir/services/aggregator/internal/history"
)

// taskRows are the metrics of a task on a Go proplet (dialect D1): what it
// measures, and what it computes over its latest ten samples.
func taskRows(c clock) func(*rand.Rand, int) []history.Row {
	return func(r *rand.Rand, n int) []history.Row {
		times := c.times(r, n)
		t := newTask(r, times[0])
		return build(times, schema.DialectD1, schema.ClockRFC3339, t.next)
	}
}

// windowLength is how many samples a proplet retains for a task.
const windowLength = 10

type task struct {
	began                 int64
	cpu, memory           func() float64
	read, written, rx, tx func() float64
	threads, descriptors  func() float64
	window                []taskSample
}

type taskSample struct{ cpu, memory, read, written, rx, tx float64 }

func newTask(r *rand.Rand, first int64) *task {
	traffic := func(r *rand.Rand) float64 {
		if r.IntN(3) == 0 {
			return 0
		}
		return float64(r.IntN(12) * (64 + r.IntN(1400)))
	}
	return &task{
		began:       first - second*int64(r.IntN(1000)),
		cpu:         drifting(12, 1.5, 100)(r),
		memory:      memory(4096)(r),
		read:        counter(burst)(r),
		written:     counter(burst)(r),
		rx:          counter(traffic)(r),
		tx:          counter(traffic)(r),
		threads:     seldom(r, 3, 12),
		descriptors: seldom(r, 9, 30),
	}
}

// seldom is a small integer that changes now and then.
func seldom(r *rand.Rand, from, to int) func() float64 {
	v := from
	return func() float64 {
		if r.IntN(15) == 0 {
			v = min(max(v+r.IntN(5)-2, from), to)
		}
		return float64(v)
	}
}

func (t *task) next(at int64) []schema.FieldValue {
	s := taskSample{t.cpu(), t.memory(), t.read(), t.written(), t.rx(), t.tx()}
	t.window = append(t.window, s)
	t.window = t.window[max(0, len(t.window)-windowLength):]
	first, sumCPU, sumMemory, maxCPU, maxMemory := t.window[0], 0.0, 0.0, 0.0, 0.0
	for _, w := range t.window {
		sumCPU, sumMemory = sumCPU+w.cpu, sumMemory+w.memory
		maxCPU, maxMemory = max(maxCPU, w.cpu), max(maxMemory, w.memory)
	}
	n := float64(len(t.window))
	return []schema.FieldValue{
		{Field: schema.TaskCPUPercent, Value: s.cpu},
		{Field: schema.TaskMemoryBytes, Value: s.memory},
		{Field: schema.TaskMemoryPercent, Value: shortest(float32(s.memory / 8e9 * 100))},
		{Field: schema.TaskDiskReadBytes, Value: s.read},
		{Field: schema.TaskDiskWriteBytes, Value: s.written},
		{Field: schema.TaskNetworkRxBytes, Value: s.rx},
		{Field: schema.TaskNetworkTxBytes, Value: s.tx},
		{Field: schema.TaskUptimeSeconds, Value: float64((at - t.began) / second)},
		{Field: schema.TaskThreadCount, Value: t.threads()},
		{Field: schema.TaskFileDescriptorCount, Value: t.descriptors()},
		{Field: schema.TaskAggregatedAvgCPU, Value: sumCPU / n},
		{Field: schema.TaskAggregatedMaxCPU, Value: maxCPU},
		{Field: schema.TaskAggregatedAvgMemory, Value: float64(uint64(sumMemory) / uint64(n))},
		{Field: schema.TaskAggregatedMaxMemory, Value: maxMemory},
		{Field: schema.TaskAggregatedDiskRead, Value: s.read - first.read},
		{Field: schema.TaskAggregatedDiskWrite, Value: s.written - first.written},
		{Field: schema.TaskAggregatedNetworkRx, Value: s.rx - first.rx},
		{Field: schema.TaskAggregatedNetworkTx, Value: s.tx - first.tx},
		{Field: schema.TaskAggregatedSampleCount, Value: n},
	}
}

// shortest returns a 32-bit float as JSON shows it: its shortest decimal.
func shortest(f float32) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		panic("BUG: a float is no number: " + err.Error())
	}
	return v
}
