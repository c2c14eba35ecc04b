package propeller

import (
	"math"

	"weir/pkg/schema"
)

// MaxHistorySize is the largest history of Propeller's monitoring profiles.
const MaxHistorySize = 1000

// Aggregate gives those of the first n readings that have no aggregated object
// one over a history of size readings: what their proplet would have sent with
// a profile of that history_size. readings are newest first; those behind the
// first n are the beginning of the history. All are of one task.
//
// Where a reading has an aggregated object, the proplet has computed it over its
// own history and so honoured its profile: it stays as it is. Where it has none,
// the profile retains no history (retain_history is false), or it was the first
// sample. No message that weir takes says which profile a task has: only who
// asks can know the size.
//
// A proplet's history is a ring of the task's latest samples in this run: it
// ends at another proplet's reading and where the uptime falls. Averages and
// maxima are of CPU and memory, the average of memory in whole bytes; totals are
// the last less the first, 0 where a counter fell. What the reading does not
// have is absent from its aggregated object.
//
// Source: Propeller, the proplet's AggregatedMetrics.
func Aggregate(readings []schema.StoredReading, n int, size uint64) {
	for i := range readings[:min(n, len(readings))] {
		r := &readings[i]
		if hasAggregated(r) {
			continue
		}
		if fields := aggregated(history(readings[i:], size)); fields != nil {
			r.Fields = append(r.Fields[:len(r.Fields):len(r.Fields)], fields...)
		}
	}
}

func hasAggregated(r *schema.StoredReading) bool {
	for _, f := range r.Fields {
		if f.Field >= schema.TaskAggregatedAvgCPU && f.Field <= schema.TaskAggregatedSampleCount {
			return true
		}
	}
	return false
}

// history returns the beginning of readings that is one run's, at most size.
func history(readings []schema.StoredReading, size uint64) []schema.StoredReading {
	readings = readings[:min(size, uint64(len(readings)))]
	for i := 1; i < len(readings); i++ {
		if newer, older := &readings[i-1], &readings[i]; older.Parent != newer.Parent || restarted(older, newer) {
			return readings[:i]
		}
	}
	return readings
}

func restarted(older, newer *schema.StoredReading) bool {
	was, known := older.Value(schema.TaskUptimeSeconds)
	is, known2 := newer.Value(schema.TaskUptimeSeconds)
	return known && known2 && is < was
}

// aggregated returns the fields of the aggregated object of the newest reading
// of a history; nil if it has neither CPU nor memory.
func aggregated(history []schema.StoredReading) []schema.FieldValue {
	if len(history) == 0 {
		return nil
	}
	var fields []schema.FieldValue
	add := func(f schema.Field, v float64) { fields = append(fields, schema.FieldValue{Field: f, Value: v}) }
	if mean, highest, ok := meanAndMax(history, schema.TaskCPUPercent); ok {
		add(schema.TaskAggregatedAvgCPU, mean)
		add(schema.TaskAggregatedMaxCPU, highest)
	}
	if mean, highest, ok := meanAndMax(history, schema.TaskMemoryBytes); ok {
		add(schema.TaskAggregatedAvgMemory, math.Trunc(mean))
		add(schema.TaskAggregatedMaxMemory, highest)
	}
	if fields == nil {
		return nil
	}
	for _, total := range totals {
		if v, ok := growth(history, total.of); ok {
			add(total.to, v)
		}
	}
	add(schema.TaskAggregatedSampleCount, float64(len(history)))
	return fields
}

// totals are the counters and where their growth is shown, ascending.
var totals = []struct{ of, to schema.Field }{
	{schema.TaskDiskReadBytes, schema.TaskAggregatedDiskRead},
	{schema.TaskDiskWriteBytes, schema.TaskAggregatedDiskWrite},
	{schema.TaskNetworkRxBytes, schema.TaskAggregatedNetworkRx},
	{schema.TaskNetworkTxBytes, schema.TaskAggregatedNetworkTx},
}

// meanAndMax is over the readings that have the field; ok is false if the newest
// does not.
func meanAndMax(history []schema.StoredReading, f schema.Field) (mean, highest float64, ok bool) {
	if highest, ok = history[0].Value(f); !ok {
		return 0, 0, false
	}
	sum, n := 0.0, 0
	for i := range history {
		if v, ok := history[i].Value(f); ok {
			sum, highest, n = sum+v, max(highest, v), n+1
		}
	}
	return finite(sum) / float64(n), highest, true
}

// growth is the newest value less the oldest; ok is false if the newest reading
// does not have the field.
func growth(history []schema.StoredReading, f schema.Field) (v float64, ok bool) {
	last, ok := history[0].Value(f)
	if !ok {
		return 0, false
	}
	for i := len(history) - 1; ; i-- {
		if first, ok := history[i].Value(f); ok {
			return finite(max(last-first, 0)), true
		}
	}
}

// finite keeps what is made of finite values finite: JSON has no infinities.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }
