package propeller_test

import (
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/propeller"
)

const at = 1767323045_000006789 // 2026-01-02T03:04:05.000006789Z

func field(f schema.Field, v float64) schema.FieldValue { return schema.FieldValue{Field: f, Value: v} }

// current is a reading of the current Rust proplet: no network.
func current(aggregated bool) schema.StoredReading {
	r := schema.StoredReading{Time: at, Parent: "b1a2", Dialect: schema.DialectD2, Fields: []schema.FieldValue{
		field(schema.TaskCPUPercent, 12.25), field(schema.TaskMemoryBytes, 7340032), field(schema.TaskMemoryPercent, 0.4),
		field(schema.TaskDiskReadBytes, 0), field(schema.TaskDiskWriteBytes, 0),
		field(schema.TaskUptimeSeconds, 7), field(schema.TaskThreadCount, 3), field(schema.TaskFileDescriptorCount, 11),
	}}
	if aggregated {
		r.Fields = append(r.Fields,
			field(schema.TaskAggregatedAvgCPU, 12.25), field(schema.TaskAggregatedMaxCPU, 13),
			field(schema.TaskAggregatedAvgMemory, 7340032), field(schema.TaskAggregatedMaxMemory, 7340032),
			field(schema.TaskAggregatedDiskRead, 0), field(schema.TaskAggregatedDiskWrite, 0),
			field(schema.TaskAggregatedSampleCount, 2))
	}
	return r
}

// documented is a reading of the form in Propeller's document, with network.
func documented() schema.StoredReading {
	return schema.StoredReading{Time: 1767323046_000000000, Parent: "b1a3", Dialect: schema.DialectD0, Fields: []schema.FieldValue{
		field(schema.TaskCPUPercent, 112.5), field(schema.TaskMemoryBytes, 7340032), field(schema.TaskMemoryPercent, 0.4),
		field(schema.TaskDiskReadBytes, 4096), field(schema.TaskDiskWriteBytes, 0),
		field(schema.TaskNetworkRxBytes, 10), field(schema.TaskNetworkTxBytes, 20),
		field(schema.TaskUptimeSeconds, 7), field(schema.TaskThreadCount, 3), field(schema.TaskFileDescriptorCount, 11),
		field(schema.TaskAggregatedAvgCPU, 12.25), field(schema.TaskAggregatedMaxCPU, 12.25),
		field(schema.TaskAggregatedAvgMemory, 7340032), field(schema.TaskAggregatedMaxMemory, 7340032),
		field(schema.TaskAggregatedDiskRead, 0), field(schema.TaskAggregatedDiskWrite, 0),
		field(schema.TaskAggregatedNetworkRx, 5), field(schema.TaskAggregatedNetworkTx, 6),
		field(schema.TaskAggregatedSampleCount, 1),
	}}
}

func TestTaskPageMatchesTheContract(t *testing.T) {
	for name, row := range map[string]struct {
		file     string
		page     params.Page
		readings []schema.StoredReading
	}{
		"the example of the contract":                     {"task-contract.json", params.Page{Limit: 2, Total: 7}, []schema.StoredReading{current(true)}},
		"every dialect under the names of the page":       {"task-dialects.json", params.Page{Offset: 1, Limit: 100, Total: 4}, []schema.StoredReading{documented(), current(false), {Time: at, Parent: "b1a2"}}},
		"an unknown task is an empty page":                {"task-unknown.json", params.Page{Limit: 100}, nil},
		"a time of full seconds has no fraction of zeros": {"task-second.json", params.Page{Limit: 1, Total: 1}, []schema.StoredReading{{Time: 1767323045_000000000}}},
	} {
		t.Run(name, func(t *testing.T) {
			golden.JSON(t, row.file, propeller.AppendTaskPage(nil, "6f0c", row.page, row.readings))
		})
	}
}

func TestPropletPageMatchesTheContract(t *testing.T) {
	rust := schema.StoredReading{Time: 1767323045_000000000, Fields: []schema.FieldValue{
		field(schema.PropletCPUUserSeconds, 0.2), field(schema.PropletCPUSystemSeconds, 0.1), field(schema.PropletCPUPercent, 0.7),
		field(schema.PropletMemoryRSSBytes, 20971520), field(schema.PropletMemoryHeapAllocBytes, 0),
		field(schema.PropletMemoryHeapSysBytes, 0), field(schema.PropletMemoryHeapInuseBytes, 0),
	}}
	embedded := schema.StoredReading{Time: at, Fields: []schema.FieldValue{
		field(schema.PropletMemoryRSSBytes, 20971520),
		field(schema.PropletMemoryContainerUsageBytes, 30000000), field(schema.PropletMemoryContainerLimitBytes, 536870912),
		field(schema.PropletMemoryHeapFreeBytes, 1024), field(schema.PropletMemoryHeapMaxAllocBytes, 512),
	}}
	for name, row := range map[string]struct {
		file, namespace string
		page            params.Page
		readings        []schema.StoredReading
	}{
		"the example of the contract":           {"proplet-contract.json", "default", params.Page{Limit: 100, Total: 1}, []schema.StoredReading{rust}},
		"no namespace, and an embedded proplet": {"proplet-embedded.json", "", params.Page{Limit: 100, Total: 1}, []schema.StoredReading{embedded}},
		"an unknown proplet is an empty page":   {"proplet-unknown.json", "", params.Page{Offset: 5, Limit: 10}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			golden.JSON(t, row.file, propeller.AppendPropletPage(nil, "b1a2", row.namespace, row.page, row.readings))
		})
	}
}
