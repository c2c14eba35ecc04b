package schema

// Field identifies one measured value of a kind of source. Its number is part
// of the state format: add at the end of a kind's block, never renumber.
//
// Numbers from FirstNamed on are not of this table: the fold gives them to the
// names that named values bring, in the journal's order.
type Field uint16

// FirstNamed is the number of the first name that comes. There are at most
// MaxNames: an event that brings more is rejected with ReasonNameLimit.
const FirstNamed Field = 1000

// MaxNames is how many names there are at most, and MaxTenantNames how many of
// them one tenant's events may have been the first to bring: names are never given
// back, and one tenant must not use up all of them.
const (
	MaxNames       = 60_000
	MaxTenantNames = 20_000
)

// Fields of a SPORE node.
const (
	SporeCPUFrequencyMHz Field = 100 + iota
	SporeCPUUsagePercent
	SporeCPUTemperatureC
	SporeCPUAveragePercent
	SporeCPUMaxPercent
	SporeCPUMinPercent
	SporeCPUMeasurements
	SporeMemoryTotalBytes
	SporeMemoryFreeBytes
	SporeMemoryUsedBytes
	SporeMemoryUsagePercent
	SporeMemoryMinFreeBytes
	SporeMemoryMaxAllocBytes
	SporeMemoryFragmentationPercent
	SporeNetworkBytesSent
	SporeNetworkBytesReceived
	SporeNetworkPacketsSent
	SporeNetworkPacketsReceived
	SporeNetworkRSSI
	SporeNetworkSignalPercent
	SporeFlashTotalBytes
	SporeFlashUsedBytes
	SporeFlashFreeBytes
	SporeFlashUsagePercent
	SporeUptimeSeconds
)

// Fields of a proplet: the process that runs tasks.
const (
	PropletCPUUserSeconds Field = 200 + iota
	PropletCPUSystemSeconds
	PropletCPUPercent
	PropletMemoryRSSBytes
	PropletMemoryHeapAllocBytes
	PropletMemoryHeapSysBytes
	PropletMemoryHeapInuseBytes
	PropletMemoryContainerUsageBytes
	PropletMemoryContainerLimitBytes
	PropletMemoryHeapFreeBytes
	PropletMemoryHeapMaxAllocBytes
)

// Fields of a task on a proplet. The aggregated ones are what the device
// computed over its own recent samples.
const (
	TaskCPUPercent Field = 300 + iota
	TaskMemoryBytes
	TaskMemoryPercent
	TaskDiskReadBytes
	TaskDiskWriteBytes
	TaskNetworkRxBytes
	TaskNetworkTxBytes
	TaskUptimeSeconds
	TaskThreadCount
	TaskFileDescriptorCount
	TaskAggregatedAvgCPU
	TaskAggregatedMaxCPU
	TaskAggregatedAvgMemory
	TaskAggregatedMaxMemory
	TaskAggregatedDiskRead
	TaskAggregatedDiskWrite
	TaskAggregatedNetworkRx
	TaskAggregatedNetworkTx
	TaskAggregatedSampleCount
)

// Fields of a DataMgmt node. Those that say how it is are 1 for the word that
// is good and 0 for every other.
const (
	DataNodeHealthStatus Field = 400 + iota
	DataNodeBlockchainConnected
	DataNodeP2PRunning
	DataNodeEncryptionInitialized
	DataNodePeersConnected
	DataNodeTotalPeers
	DataNodeHealthyPeers
	DataNodeBootstrapNodes
	DataNodeAvgLatencyMs
	DataNodeDataSentBytes
	DataNodeDataReceivedBytes
	DataNodeUptimeSeconds
	DataNodeRequests
	DataNodeErrors
	DataNodeDataShares
	DataNodeDataRetrievals
	DataNodeDataVerifications
)

// SeriesType is a series' type as in Prometheus' exposition format.
type SeriesType string

// The types that devices' fields have, and those that only exposition text knows.
const (
	Gauge        SeriesType = "gauge"
	Cumulative   SeriesType = "counter"
	Histogram    SeriesType = "histogram"
	Distribution SeriesType = "summary" // quantiles that the device computed
)

// FieldInfo describes a field.
type FieldInfo struct {
	Field Field
	Kind  Kind
	Path  string     // where the field stands in the source system's JSON, "cpu.usage_percent"
	Name  string     // its series' name, "spore_node_cpu_usage_percent"
	Type  SeriesType // gauge, or counter for what only grows between restarts
	Unit  string     // "bytes", "percent", "seconds", … or ""
	Help  string
}

// Fields is the table of all fields, in ascending order of Field.
var Fields = []FieldInfo{
	{SporeCPUFrequencyMHz, KindSporeNode, "cpu.frequency_mhz", "spore_node_cpu_frequency_mhz", Gauge, "megahertz", "CPU clock of the node."},
	{SporeCPUUsagePercent, KindSporeNode, "cpu.usage_percent", "spore_node_cpu_usage_percent", Gauge, "percent", "CPU usage of the node, 0 to 100."},
	{SporeCPUTemperatureC, KindSporeNode, "cpu.temperature_c", "spore_node_cpu_temperature_celsius", Gauge, "celsius", "CPU temperature of the node."},
	{SporeCPUAveragePercent, KindSporeNode, "cpu.average_usage", "spore_node_cpu_average_usage_percent", Gauge, "percent", "Average CPU usage that the node computed itself."},
	{SporeCPUMaxPercent, KindSporeNode, "cpu.max_usage", "spore_node_cpu_max_usage_percent", Gauge, "percent", "Highest CPU usage that the node has seen."},
	{SporeCPUMinPercent, KindSporeNode, "cpu.min_usage", "spore_node_cpu_min_usage_percent", Gauge, "percent", "Lowest CPU usage that the node has seen."},
	{SporeCPUMeasurements, KindSporeNode, "cpu.measurement_count", "spore_node_cpu_measurements_total", Cumulative, "", "CPU measurements that the node has made since boot."},
	{SporeMemoryTotalBytes, KindSporeNode, "memory.total_bytes", "spore_node_memory_total_bytes", Gauge, "bytes", "RAM of the node."},
	{SporeMemoryFreeBytes, KindSporeNode, "memory.free_bytes", "spore_node_memory_free_bytes", Gauge, "bytes", "Free RAM of the node."},
	{SporeMemoryUsedBytes, KindSporeNode, "memory.used_bytes", "spore_node_memory_used_bytes", Gauge, "bytes", "Used RAM of the node."},
	{SporeMemoryUsagePercent, KindSporeNode, "memory.usage_percent", "spore_node_memory_usage_percent", Gauge, "percent", "Used RAM of the node, 0 to 100."},
	{SporeMemoryMinFreeBytes, KindSporeNode, "memory.min_free_heap", "spore_node_memory_min_free_bytes", Gauge, "bytes", "Least free RAM since the node's boot."},
	{SporeMemoryMaxAllocBytes, KindSporeNode, "memory.max_alloc_heap", "spore_node_memory_max_alloc_bytes", Gauge, "bytes", "Largest block that the node can allocate."},
	{SporeMemoryFragmentationPercent, KindSporeNode, "memory.heap_fragmentation", "spore_node_memory_fragmentation_percent", Gauge, "percent", "Heap fragmentation of the node, 0 to 100."},
	{SporeNetworkBytesSent, KindSporeNode, "network.bytes_sent", "spore_node_network_sent_bytes_total", Cumulative, "bytes", "Bytes sent since the node's boot."},
	{SporeNetworkBytesReceived, KindSporeNode, "network.bytes_received", "spore_node_network_received_bytes_total", Cumulative, "bytes", "Bytes received since the node's boot."},
	{SporeNetworkPacketsSent, KindSporeNode, "network.packets_sent", "spore_node_network_sent_packets_total", Cumulative, "", "Packets sent since the node's boot."},
	{SporeNetworkPacketsReceived, KindSporeNode, "network.packets_received", "spore_node_network_received_packets_total", Cumulative, "", "Packets received since the node's boot."},
	{SporeNetworkRSSI, KindSporeNode, "network.rssi_dbm", "spore_node_network_rssi_dbm", Gauge, "dbm", "Wi-Fi signal strength of the node."},
	{SporeNetworkSignalPercent, KindSporeNode, "network.signal_quality_percent", "spore_node_network_signal_quality_percent", Gauge, "percent", "Wi-Fi signal quality of the node, 0 to 100."},
	{SporeFlashTotalBytes, KindSporeNode, "flash.total_bytes", "spore_node_flash_total_bytes", Gauge, "bytes", "Flash storage of the node."},
	{SporeFlashUsedBytes, KindSporeNode, "flash.used_bytes", "spore_node_flash_used_bytes", Gauge, "bytes", "Used flash storage of the node."},
	{SporeFlashFreeBytes, KindSporeNode, "flash.free_bytes", "spore_node_flash_free_bytes", Gauge, "bytes", "Free flash storage of the node."},
	{SporeFlashUsagePercent, KindSporeNode, "flash.usage_percent", "spore_node_flash_usage_percent", Gauge, "percent", "Used flash storage of the node, 0 to 100."},
	{SporeUptimeSeconds, KindSporeNode, "system.uptime_seconds", "spore_node_uptime_seconds", Gauge, "seconds", "Time since the node's boot."},

	{PropletCPUUserSeconds, KindProplet, "cpu_metrics.user_seconds", "proplet_cpu_user_seconds_total", Cumulative, "seconds", "CPU time of the proplet in user mode."},
	{PropletCPUSystemSeconds, KindProplet, "cpu_metrics.system_seconds", "proplet_cpu_system_seconds_total", Cumulative, "seconds", "CPU time of the proplet in system mode."},
	{PropletCPUPercent, KindProplet, "cpu_metrics.percent", "proplet_cpu_usage_percent", Gauge, "percent", "CPU usage as the proplet reports it."},
	{PropletMemoryRSSBytes, KindProplet, "memory_metrics.rss_bytes", "proplet_memory_rss_bytes", Gauge, "bytes", "Resident memory of the proplet."},
	{PropletMemoryHeapAllocBytes, KindProplet, "memory_metrics.heap_alloc_bytes", "proplet_memory_heap_alloc_bytes", Gauge, "bytes", "Allocated heap of the proplet."},
	{PropletMemoryHeapSysBytes, KindProplet, "memory_metrics.heap_sys_bytes", "proplet_memory_heap_sys_bytes", Gauge, "bytes", "Heap that the proplet has from the system."},
	{PropletMemoryHeapInuseBytes, KindProplet, "memory_metrics.heap_inuse_bytes", "proplet_memory_heap_inuse_bytes", Gauge, "bytes", "Heap in use by the proplet."},
	{PropletMemoryContainerUsageBytes, KindProplet, "memory_metrics.container_usage_bytes", "proplet_memory_container_usage_bytes", Gauge, "bytes", "Memory used by the proplet's container."},
	{PropletMemoryContainerLimitBytes, KindProplet, "memory_metrics.container_limit_bytes", "proplet_memory_container_limit_bytes", Gauge, "bytes", "Memory limit of the proplet's container."},
	{PropletMemoryHeapFreeBytes, KindProplet, "memory_metrics.heap_free_bytes", "proplet_memory_heap_free_bytes", Gauge, "bytes", "Free heap of an embedded proplet."},
	{PropletMemoryHeapMaxAllocBytes, KindProplet, "memory_metrics.heap_max_alloc_bytes", "proplet_memory_heap_max_alloc_bytes", Gauge, "bytes", "Largest block that an embedded proplet can allocate."},

	{TaskCPUPercent, KindTask, "metrics.cpu_percent", "proplet_task_cpu_usage_percent", Gauge, "percent", "CPU usage of the task; more than 100 on several cores."},
	{TaskMemoryBytes, KindTask, "metrics.memory_bytes", "proplet_task_memory_usage_bytes", Gauge, "bytes", "Memory used by the task."},
	{TaskMemoryPercent, KindTask, "metrics.memory_percent", "proplet_task_memory_usage_percent", Gauge, "percent", "Memory used by the task, 0 to 100."},
	{TaskDiskReadBytes, KindTask, "metrics.disk_read_bytes", "proplet_task_disk_read_bytes_total", Cumulative, "bytes", "Bytes that the task has read from disk."},
	{TaskDiskWriteBytes, KindTask, "metrics.disk_write_bytes", "proplet_task_disk_write_bytes_total", Cumulative, "bytes", "Bytes that the task has written to disk."},
	{TaskNetworkRxBytes, KindTask, "metrics.network_rx_bytes", "proplet_task_network_received_bytes_total", Cumulative, "bytes", "Bytes that the task has received."},
	{TaskNetworkTxBytes, KindTask, "metrics.network_tx_bytes", "proplet_task_network_sent_bytes_total", Cumulative, "bytes", "Bytes that the task has sent."},
	{TaskUptimeSeconds, KindTask, "metrics.uptime_seconds", "proplet_task_uptime_seconds", Gauge, "seconds", "Time since the task started."},
	{TaskThreadCount, KindTask, "metrics.thread_count", "proplet_task_threads", Gauge, "", "Threads of the task."},
	{TaskFileDescriptorCount, KindTask, "metrics.file_descriptor_count", "proplet_task_file_descriptors", Gauge, "", "Open file descriptors of the task."},
	{TaskAggregatedAvgCPU, KindTask, "aggregated.avg_cpu_usage", "proplet_task_aggregated_avg_cpu_usage_percent", Gauge, "percent", "Average CPU usage over the samples that the proplet retains."},
	{TaskAggregatedMaxCPU, KindTask, "aggregated.max_cpu_usage", "proplet_task_aggregated_max_cpu_usage_percent", Gauge, "percent", "Highest CPU usage over the samples that the proplet retains."},
	{TaskAggregatedAvgMemory, KindTask, "aggregated.avg_memory_usage", "proplet_task_aggregated_avg_memory_usage_bytes", Gauge, "bytes", "Average memory over the samples that the proplet retains."},
	{TaskAggregatedMaxMemory, KindTask, "aggregated.max_memory_usage", "proplet_task_aggregated_max_memory_usage_bytes", Gauge, "bytes", "Highest memory over the samples that the proplet retains."},
	{TaskAggregatedDiskRead, KindTask, "aggregated.total_disk_read", "proplet_task_aggregated_disk_read_bytes", Gauge, "bytes", "Bytes read from disk over the samples that the proplet retains."},
	{TaskAggregatedDiskWrite, KindTask, "aggregated.total_disk_write", "proplet_task_aggregated_disk_write_bytes", Gauge, "bytes", "Bytes written to disk over the samples that the proplet retains."},
	{TaskAggregatedNetworkRx, KindTask, "aggregated.total_network_rx", "proplet_task_aggregated_network_received_bytes", Gauge, "bytes", "Bytes received over the samples that the proplet retains."},
	{TaskAggregatedNetworkTx, KindTask, "aggregated.total_network_tx", "proplet_task_aggregated_network_sent_bytes", Gauge, "bytes", "Bytes sent over the samples that the proplet retains."},
	{TaskAggregatedSampleCount, KindTask, "aggregated.sample_count", "proplet_task_aggregated_samples", Gauge, "", "Samples that the proplet retains."},

	{DataNodeHealthStatus, KindDataNode, "status", "datamgmt_health_status", Gauge, "", "1 if the node calls itself healthy, 0 if degraded or unhealthy."},
	{DataNodeBlockchainConnected, KindDataNode, "components.blockchain", "datamgmt_blockchain_connected", Gauge, "", "1 if the node is connected to the blockchain, else 0."},
	{DataNodeP2PRunning, KindDataNode, "components.p2p_network", "datamgmt_p2p_running", Gauge, "", "1 if the node's peer-to-peer network runs, else 0."},
	{DataNodeEncryptionInitialized, KindDataNode, "components.encryption", "datamgmt_encryption_initialized", Gauge, "", "1 if the node's encryption is initialised, else 0."},
	{DataNodePeersConnected, KindDataNode, "p2p.peers", "datamgmt_peers_connected", Gauge, "", "Peers that the node is connected to."},
	{DataNodeTotalPeers, KindDataNode, "total_peers", "datamgmt_total_peers", Gauge, "", "Peers that the node knows."},
	{DataNodeHealthyPeers, KindDataNode, "healthy_peers", "datamgmt_healthy_peers", Gauge, "", "Peers that the node has heard of lately and found reliable."},
	{DataNodeBootstrapNodes, KindDataNode, "bootstrap_nodes", "datamgmt_bootstrap_nodes", Gauge, "", "Bootstrap nodes that the node has."},
	{DataNodeAvgLatencyMs, KindDataNode, "avg_latency_ms", "datamgmt_avg_latency_ms", Gauge, "milliseconds", "Average latency to the node's peers."},
	{DataNodeDataSentBytes, KindDataNode, "data_sent", "datamgmt_data_sent_bytes", Cumulative, "bytes", "Bytes that the node has sent."},
	{DataNodeDataReceivedBytes, KindDataNode, "data_received", "datamgmt_data_received_bytes", Cumulative, "bytes", "Bytes that the node has received."},
	{DataNodeUptimeSeconds, KindDataNode, "uptime", "datamgmt_uptime_seconds", Gauge, "seconds", "Time since the node started."},
	{DataNodeRequests, KindDataNode, "requests_total", "datamgmt_requests_total", Cumulative, "", "API requests that the node has answered."},
	{DataNodeErrors, KindDataNode, "errors_total", "datamgmt_errors_total", Cumulative, "", "Errors that the node has counted."},
	{DataNodeDataShares, KindDataNode, "data_shares_total", "datamgmt_data_shares_total", Cumulative, "", "Data that the node has shared."},
	{DataNodeDataRetrievals, KindDataNode, "data_retrievals_total", "datamgmt_data_retrievals_total", Cumulative, "", "Data that the node has retrieved."},
	{DataNodeDataVerifications, KindDataNode, "data_verifications_total", "datamgmt_data_verifications_total", Cumulative, "", "Data that the node has verified."},
}
