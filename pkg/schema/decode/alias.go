package decode

import "weir/pkg/schema"

// alias is one name under which devices write a measured value.
type alias struct {
	section string // the object that it stands in, "" for the message itself
	name    string
	field   schema.Field
	dialect schema.Dialect // the only dialect that uses this name, DialectNone if several do
}

// taskAliases are the names of a task's values, in the order in which proplets
// write them, which makes finding them quick. If a message has a value under
// two names, the one that stands first here counts.
//
// Source: Propeller's monitoring document (D0), the proplets' code (the others).
var taskAliases = []alias{
	{"metrics", "cpu_percent", schema.TaskCPUPercent, schema.DialectNone},
	{"metrics", "cpu_usage_percent", schema.TaskCPUPercent, schema.DialectD0},
	{"metrics", "memory_bytes", schema.TaskMemoryBytes, schema.DialectNone},
	{"metrics", "memory_usage_bytes", schema.TaskMemoryBytes, schema.DialectD0},
	{"metrics", "memory_percent", schema.TaskMemoryPercent, schema.DialectNone},
	{"metrics", "memory_usage_percent", schema.TaskMemoryPercent, schema.DialectD0},
	{"metrics", "disk_read_bytes", schema.TaskDiskReadBytes, schema.DialectNone},
	{"metrics", "disk_write_bytes", schema.TaskDiskWriteBytes, schema.DialectNone},
	{"metrics", "network_rx_bytes", schema.TaskNetworkRxBytes, schema.DialectNone},
	{"metrics", "network_tx_bytes", schema.TaskNetworkTxBytes, schema.DialectNone},
	{"metrics", "uptime_seconds", schema.TaskUptimeSeconds, schema.DialectNone},
	{"metrics", "thread_count", schema.TaskThreadCount, schema.DialectNone},
	{"metrics", "file_descriptor_count", schema.TaskFileDescriptorCount, schema.DialectNone},

	{"aggregated", "avg_cpu_usage", schema.TaskAggregatedAvgCPU, schema.DialectNone},
	{"aggregated", "max_cpu_usage", schema.TaskAggregatedMaxCPU, schema.DialectNone},
	{"aggregated", "avg_memory_usage", schema.TaskAggregatedAvgMemory, schema.DialectNone},
	{"aggregated", "max_memory_usage", schema.TaskAggregatedMaxMemory, schema.DialectNone},
	{"aggregated", "total_disk_read", schema.TaskAggregatedDiskRead, schema.DialectNone},
	{"aggregated", "total_disk_write", schema.TaskAggregatedDiskWrite, schema.DialectNone},
	{"aggregated", "total_network_rx", schema.TaskAggregatedNetworkRx, schema.DialectNone},
	{"aggregated", "total_network_tx", schema.TaskAggregatedNetworkTx, schema.DialectNone},
	{"aggregated", "sample_count", schema.TaskAggregatedSampleCount, schema.DialectNone},
}

// propletAliases are the names of a proplet's own values, as taskAliases. The
// sections are those of D2 and D3; D1 has the same names in metrics.cpu and
// metrics.memory.
//
// Source: the proplets' code.
var propletAliases = []alias{
	{"cpu_metrics", "user_seconds", schema.PropletCPUUserSeconds, schema.DialectNone},
	{"cpu_metrics", "system_seconds", schema.PropletCPUSystemSeconds, schema.DialectNone},
	{"cpu_metrics", "percent", schema.PropletCPUPercent, schema.DialectNone},
	{"memory_metrics", "rss_bytes", schema.PropletMemoryRSSBytes, schema.DialectNone},
	{"memory_metrics", "heap_alloc_bytes", schema.PropletMemoryHeapAllocBytes, schema.DialectNone},
	{"memory_metrics", "heap_sys_bytes", schema.PropletMemoryHeapSysBytes, schema.DialectNone},
	{"memory_metrics", "heap_inuse_bytes", schema.PropletMemoryHeapInuseBytes, schema.DialectNone},
	{"memory_metrics", "container_usage_bytes", schema.PropletMemoryContainerUsageBytes, schema.DialectNone},
	{"memory_metrics", "container_limit_bytes", schema.PropletMemoryContainerLimitBytes, schema.DialectNone},
	{"memory_metrics", "heap_free_bytes", schema.PropletMemoryHeapFreeBytes, schema.DialectD3},
	{"memory_metrics", "heap_max_alloc_bytes", schema.PropletMemoryHeapMaxAllocBytes, schema.DialectD3},
}

// sporeAliases are the names of a node's values, as taskAliases.
//
// Source: the gateway's monitoring document for its own names; the others are
// those of the ESP8266 firmware.
var sporeAliases = []alias{
	{"cpu", "frequency_mhz", schema.SporeCPUFrequencyMHz, schema.DialectNone},
	{"cpu", "usage_percent", schema.SporeCPUUsagePercent, schema.DialectNone},
	{"cpu", "temperature_c", schema.SporeCPUTemperatureC, schema.DialectNone},
	{"cpu", "current_usage", schema.SporeCPUUsagePercent, schema.DialectESP8266},
	{"cpu", "average_usage", schema.SporeCPUAveragePercent, schema.DialectESP8266},
	{"cpu", "max_usage", schema.SporeCPUMaxPercent, schema.DialectESP8266},
	{"cpu", "min_usage", schema.SporeCPUMinPercent, schema.DialectESP8266},
	{"cpu", "measurement_count", schema.SporeCPUMeasurements, schema.DialectESP8266},

	{"memory", "total_bytes", schema.SporeMemoryTotalBytes, schema.DialectNone},
	{"memory", "free_bytes", schema.SporeMemoryFreeBytes, schema.DialectNone},
	{"memory", "used_bytes", schema.SporeMemoryUsedBytes, schema.DialectNone},
	{"memory", "usage_percent", schema.SporeMemoryUsagePercent, schema.DialectNone},
	{"memory", "free_heap", schema.SporeMemoryFreeBytes, schema.DialectESP8266},
	{"memory", "total_heap", schema.SporeMemoryTotalBytes, schema.DialectESP8266},
	{"memory", "min_free_heap", schema.SporeMemoryMinFreeBytes, schema.DialectESP8266},
	{"memory", "max_alloc_heap", schema.SporeMemoryMaxAllocBytes, schema.DialectESP8266},
	{"memory", "heap_fragmentation", schema.SporeMemoryFragmentationPercent, schema.DialectESP8266},
	{"memory", "heap_usage_percent", schema.SporeMemoryUsagePercent, schema.DialectESP8266},

	{"network", "bytes_sent", schema.SporeNetworkBytesSent, schema.DialectNone},
	{"network", "bytes_received", schema.SporeNetworkBytesReceived, schema.DialectNone},
	{"network", "packets_sent", schema.SporeNetworkPacketsSent, schema.DialectNone},
	{"network", "packets_received", schema.SporeNetworkPacketsReceived, schema.DialectNone},
	{"network", "rssi_dbm", schema.SporeNetworkRSSI, schema.DialectNone},
	{"network", "signal_quality_percent", schema.SporeNetworkSignalPercent, schema.DialectNone},

	{"flash", "total_bytes", schema.SporeFlashTotalBytes, schema.DialectNone},
	{"flash", "used_bytes", schema.SporeFlashUsedBytes, schema.DialectNone},
	{"flash", "free_bytes", schema.SporeFlashFreeBytes, schema.DialectNone},
	{"flash", "usage_percent", schema.SporeFlashUsagePercent, schema.DialectNone},

	{"filesystem", "total_bytes", schema.SporeFlashTotalBytes, schema.DialectESP8266},
	{"filesystem", "used_bytes", schema.SporeFlashUsedBytes, schema.DialectESP8266},
	{"filesystem", "free_bytes", schema.SporeFlashFreeBytes, schema.DialectESP8266},
	{"filesystem", "usage_percent", schema.SporeFlashUsagePercent, schema.DialectESP8266},

	{"system", "uptime_seconds", schema.SporeUptimeSeconds, schema.DialectESP8266},
}

// dataNodeAliases are the names of a DataMgmt node's values, as taskAliases.
// What a node says in words is in dataNodeWords.
//
// Source: the node's code and monitoring document, which have different subsets
// of the stats. Neither has the counters at the end: the document leaves them to
// whoever runs the node, and this is where such a node puts them.
var dataNodeAliases = []alias{
	{"p2p", "peers", schema.DataNodePeersConnected, schema.DialectHealth},

	{"", "total_peers", schema.DataNodeTotalPeers, schema.DialectStats},
	{"", "healthy_peers", schema.DataNodeHealthyPeers, schema.DialectStats},
	{"", "active_peers", schema.DataNodePeersConnected, schema.DialectStats},
	{"", "bootstrap_nodes", schema.DataNodeBootstrapNodes, schema.DialectStats},
	{"", "avg_latency_ms", schema.DataNodeAvgLatencyMs, schema.DialectStats},
	{"", "data_sent", schema.DataNodeDataSentBytes, schema.DialectStats},
	{"", "data_received", schema.DataNodeDataReceivedBytes, schema.DialectStats},
	{"", "uptime", schema.DataNodeUptimeSeconds, schema.DialectStats},
	{"", "requests_total", schema.DataNodeRequests, schema.DialectStats},
	{"", "errors_total", schema.DataNodeErrors, schema.DialectStats},
	{"", "data_shares_total", schema.DataNodeDataShares, schema.DialectStats},
	{"", "data_retrievals_total", schema.DataNodeDataRetrievals, schema.DialectStats},
	{"", "data_verifications_total", schema.DataNodeDataVerifications, schema.DialectStats},
}

// section is the part of an alias table that stands in one object.
type section struct {
	path  string // where the object stands, for details; "" for the message itself
	rows  []alias
	first uint8 // rank of rows[0] within its table
}

// sectionOf returns a table's rows of one object, which stands at path.
func sectionOf(table []alias, name, path string) section {
	s := section{path: path}
	for i, row := range table {
		if row.section != name {
			continue
		}
		if s.rows == nil {
			s.first = uint8(i)
			s.rows = table[i:i:len(table)]
		}
		s.rows = s.rows[:len(s.rows)+1]
	}
	return s
}

// find returns the row of a name, -1 if there is none. It begins at the row
// next: devices write their fields in the table's order, and then the first
// look hits.
func (s *section) find(name []byte, next int) int {
	for i := next; i < len(s.rows); i++ {
		if s.rows[i].name == string(name) {
			return i
		}
	}
	for i := 0; i < min(next, len(s.rows)); i++ {
		if s.rows[i].name == string(name) {
			return i
		}
	}
	return -1
}

// where returns where the value of a row stands, for details.
func (s *section) where(row int) string {
	if s.path == "" {
		return s.rows[row].name
	}
	return s.path + "." + s.rows[row].name
}
