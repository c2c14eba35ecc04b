package propeller_test

import (
	"math"
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/propeller"
)

// sample is a reading of a task that does not retain history.
func sample(parent string, uptime, cpu, memory, disk float64) schema.StoredReading {
	return schema.StoredReading{Time: 1767323045_000000000 + int64(uptime)*1e9, Parent: parent, Fields: []schema.FieldValue{
		field(schema.TaskCPUPercent, cpu), field(schema.TaskMemoryBytes, memory),
		field(schema.TaskDiskReadBytes, disk), field(schema.TaskDiskWriteBytes, 0), field(schema.TaskUptimeSeconds, uptime),
	}}
}

// run is five samples of one run, newest first.
func run() []schema.StoredReading {
	return []schema.StoredReading{
		sample("b1a2", 5, 10, 1001, 900), sample("b1a2", 4, 30, 1002, 500),
		sample("b1a2", 3, 20, 1002, 300), sample("b1a2", 2, 90, 9000, 200), sample("b1a2", 1, 50, 1000, 100),
	}
}

func TestAggregate(t *testing.T) {
	type object struct{ avgCPU, maxCPU, avgMemory, maxMemory, diskRead, samples float64 }
	for name, row := range map[string]struct {
		readings []schema.StoredReading
		size     uint64
		want     object // of the newest
	}{
		"over the last history_size readings":        {run(), 3, object{20, 30, 1001, 1002, 600, 3}}, // 1001.67 bytes are 1001
		"a history that is not full yet":             {run(), 100, object{40, 90, 2601, 9000, 800, 5}},
		"a history of one":                           {run(), 1, object{10, 10, 1001, 1001, 0, 1}},
		"another proplet's readings are not its own": {append(run()[:2], sample("b1a3", 3, 20, 1002, 300)), 10, object{20, 30, 1001, 1002, 400, 2}},
		"a restart begins a new history":             {append(run()[3:], sample("b1a2", 7, 99, 9999, 0)), 10, object{70, 90, 5000, 9000, 100, 2}},
		"a counter that fell has a total of 0":       {[]schema.StoredReading{sample("b1a2", 2, 1, 1, 5), sample("b1a2", 1, 1, 1, 7)}, 10, object{1, 1, 1, 1, 0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			propeller.Aggregate(row.readings, 1, row.size)
			value := func(f schema.Field) float64 {
				v, ok := row.readings[0].Value(f)
				if !ok {
					t.Errorf("field %d is absent", f)
				}
				return v
			}
			got := object{value(schema.TaskAggregatedAvgCPU), value(schema.TaskAggregatedMaxCPU),
				value(schema.TaskAggregatedAvgMemory), value(schema.TaskAggregatedMaxMemory),
				value(schema.TaskAggregatedDiskRead), value(schema.TaskAggregatedSampleCount)}
			if got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if len(row.readings) > 1 && len(row.readings[1].Fields) != 5 {
				t.Error("a reading behind the page got an object")
			}
		})
	}
}

func TestAggregateLeavesAlone(t *testing.T) {
	sent := current(true)
	sent.Parent, sent.Fields = "b1a2", append([]schema.FieldValue(nil), sent.Fields...)
	for name, readings := range map[string][]schema.StoredReading{
		"what the proplet has computed":               {sent, run()[0]},
		"a reading without CPU and memory":            {{Fields: []schema.FieldValue{field(schema.TaskThreadCount, 3)}}, run()[0]},
		"a reading without CPU and memory, and alone": {{}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(readings[0].Fields)
			propeller.Aggregate(readings, 1, 10)
			if got := len(readings[0].Fields); got != before {
				t.Errorf("it has %d fields after %d", got, before)
			}
		})
	}
	propeller.Aggregate(nil, 5, 10)
}

func TestAggregatesStayFinite(t *testing.T) {
	huge := func() schema.StoredReading {
		return sample("b1a2", 1, math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64)
	}
	readings := []schema.StoredReading{huge(), huge(), huge()}
	readings[0].Fields[2].Value = math.MaxFloat64
	propeller.Aggregate(readings, 1, 10)
	for _, f := range readings[0].Fields {
		if math.IsInf(f.Value, 0) {
			t.Errorf("field %d is %v", f.Field, f.Value)
		}
	}
}

func TestAPageWithAggregates(t *testing.T) {
	readings := run()
	propeller.Aggregate(readings, 2, 3)
	golden.JSON(t, "task-history-size.json", propeller.AppendTaskPage(nil, "6f0c", params.Page{Limit: 2, Total: 5}, readings[:2]))
}
