// Package foldtest makes events, frames and whole random journals for tests.
package foldtest

import (
	"fmt"
	"time"

	"weir/pkg/schema"
)

// Start is the moment at which test journals begin, unix nanoseconds.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()

// TaskTopic returns the topic of a tenant's task metrics.
func TaskTopic(t schema.Tenant) string {
	return "m/" + t.Service + "/c/" + t.Subservice + "/control/proplet/task_metrics"
}

// AliveTopic returns the topic of a tenant's heartbeats and wills.
func AliveTopic(t schema.Tenant) string {
	return "m/" + t.Service + "/c/" + t.Subservice + "/control/proplet/alive"
}

// CreateTopic returns the topic of a tenant's registrations.
func CreateTopic(t schema.Tenant) string {
	return "m/" + t.Service + "/c/" + t.Subservice + "/control/proplet/create"
}

// PropletMetricsTopic returns the topic of a tenant's proplet metrics.
func PropletMetricsTopic(t schema.Tenant) string {
	return "m/" + t.Service + "/c/" + t.Subservice + "/control/proplet/metrics"
}

// SporeTopic returns the topic of a SPORE node's resources.
func SporeTopic(t schema.Tenant, host string) string {
	return "spore/" + t.Service + "/" + t.Subservice + "/" + host + "/resources"
}

// Stamp returns a moment as RFC 3339.
func Stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// Task returns a task's message as a Go proplet sends it.
func Task(task, proplet string, cpu float64, at int64) []byte {
	return fmt.Appendf(nil, `{"task_id":%q,"proplet_id":%q,"metrics":{"cpu_percent":%v,"memory_bytes":7340032,"memory_percent":0.4,`+
		`"disk_read_bytes":4096,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,"uptime_seconds":7,"thread_count":3,`+
		`"file_descriptor_count":11,"timestamp":%q}}`, task, proplet, cpu, Stamp(at))
}

// Alive returns a proplet's heartbeat.
func Alive(proplet string) []byte {
	return fmt.Appendf(nil, `{"status":"alive","namespace":"default","proplet_id":%q}`, proplet)
}

// Will returns a proplet's will.
func Will(proplet string) []byte {
	return fmt.Appendf(nil, `{"status":"offline","proplet_id":%q}`, proplet)
}

// Create returns a proplet's registration.
func Create(proplet, location string) []byte {
	return fmt.Appendf(nil, `{"namespace":"default","proplet_id":%q,"metadata":{"location":%q,"os":"linux"}}`, proplet, location)
}

// PropletMetrics returns a proplet's own metrics as a Rust proplet sends them.
func PropletMetrics(proplet string, cpu float64, at int64) []byte {
	return fmt.Appendf(nil, `{"proplet_id":%q,"namespace":"default","timestamp":{"secs_since_epoch":%d,"nanos_since_epoch":%d},`+
		`"cpu_metrics":{"user_seconds":0.2,"system_seconds":0.1,"percent":%v},"memory_metrics":{"rss_bytes":20971520,"heap_alloc_bytes":0}}`,
		proplet, at/1e9, at%1e9, cpu)
}

// SporeNode returns a SPORE node's resources; at has the precision of seconds.
func SporeNode(host, zone string, cpu float64, at int64) []byte {
	return fmt.Appendf(nil, `{"timestamp":%d,"node_ip":"10.0.0.5","hostname":%q,"cpu":{"frequency_mhz":160,"usage_percent":%v,"temperature_c":50.5},`+
		`"memory":{"total_bytes":98304,"free_bytes":49152,"used_bytes":49152,"usage_percent":50},`+
		`"network":{"bytes_sent":100,"bytes_received":200,"packets_sent":1,"packets_received":2,"rssi_dbm":-60,"signal_quality_percent":80},`+
		`"flash":{"total_bytes":4194304,"used_bytes":1048576,"free_bytes":3145728,"usage_percent":25},`+
		`"labels":{"version":"1.0.0","zone":%q,"type":"spore-node"}}`, at/1e9, host, cpu, zone)
}

// bareNode returns a SPORE node's message of one value, without labels.
func bareNode(host string, cpu float64, at int64) []byte {
	return fmt.Appendf(nil, `{"hostname":%q,"timestamp":%d,"cpu":{"usage_percent":%v}}`, host, at/1e9, cpu)
}

// DataNodeTopic returns the topic of a DataMgmt node's document.
func DataNodeTopic(t schema.Tenant, node, document string) string {
	return "datamgmt/" + t.Service + "/" + t.Subservice + "/" + node + "/" + document
}

// Health returns a DataMgmt node's health.
func Health(good bool, at int64) []byte {
	status := "degraded"
	if good {
		status = "healthy"
	}
	return fmt.Appendf(nil, `{"status":%q,"components":{"blockchain":"connected","p2p_network":"running","encryption":"initialized"},"timestamp":%d}`, status, at/1e9)
}

// Stats returns a DataMgmt node's stats.
func Stats(peers int, at int64) []byte {
	return fmt.Appendf(nil, `{"total_peers":%d,"healthy_peers":%d,"data_sent":%d,"uptime":17,"timestamp":%d}`, peers, peers/2, peers*1000, at/1e9)
}

// Gateway returns a gateway's document of nodes.
func Gateway(at int64, nodes ...[]byte) []byte {
	b := fmt.Appendf(nil, `{"timestamp":%q,"nodes":[`, Stamp(at))
	for i, n := range nodes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, n...)
	}
	return append(b, "]}"...)
}
