package payload

import (
	"time"

	"weir/devices/simulate/internal/model"
)

// Dialect is an age of Propeller's messages.
type Dialect uint8

// The dialects.
const (
	D0 Dialect = iota // the monitoring document's, on its topic for Rust proplets
	D1                // the Go proplet's
	D2                // today's Rust proplet's
	D3                // the embedded proplet's
)

// Embedded reports whether the proplet has no clock and no files.
func (d Dialect) Embedded() bool { return d == D3 }

// HasOwn reports whether proplets of the dialect report their own process.
func (d Dialect) HasOwn() bool { return d != D0 }

// TaskTopic returns the end of the topic of tasks' metrics.
func (d Dialect) TaskTopic() string {
	if d == D0 {
		return "metrics/proplet"
	}
	return "control/proplet/task_metrics"
}

// stamp writes a time as the dialect does; an embedded proplet gives its uptime.
func (d Dialect) stamp(at time.Time, uptime time.Duration) any {
	switch d {
	case D0:
		return at.UTC().Format("2006-01-02T15:04:05.000000Z")
	case D1:
		return at.UTC().Format(time.RFC3339Nano)
	case D2:
		return epoch{at.Unix(), at.Nanosecond()}
	}
	return uptime.Milliseconds()
}

type epoch struct {
	Seconds int64 `json:"secs_since_epoch"`
	Nanos   int   `json:"nanos_since_epoch"`
}

// Task is a message about a task; what a dialect has not is nil.
type taskMessage struct {
	TaskID     string      `json:"task_id"`
	PropletID  string      `json:"proplet_id"`
	Metrics    any         `json:"metrics"`
	Aggregated *aggregated `json:"aggregated"`
	Timestamp  any         `json:"timestamp,omitempty"`
}

type taskD0 struct {
	CPU         float64 `json:"cpu_usage_percent"`
	Memory      uint64  `json:"memory_usage_bytes"`
	Share       float64 `json:"memory_usage_percent"`
	Read        uint64  `json:"disk_read_bytes"`
	Written     uint64  `json:"disk_write_bytes"`
	Rx          uint64  `json:"network_rx_bytes"`
	Tx          uint64  `json:"network_tx_bytes"`
	Uptime      int     `json:"uptime_seconds"`
	Threads     int     `json:"thread_count"`
	Descriptors int     `json:"file_descriptor_count"`
	Timestamp   any     `json:"timestamp"`
}

// taskNow are the names of D1, D2 and D3; the later two have no network and no
// time in it.
type taskNow struct {
	CPU         float64 `json:"cpu_percent"`
	Memory      uint64  `json:"memory_bytes"`
	Share       float64 `json:"memory_percent"`
	Read        uint64  `json:"disk_read_bytes"`
	Written     uint64  `json:"disk_write_bytes"`
	Rx          *uint64 `json:"network_rx_bytes,omitempty"`
	Tx          *uint64 `json:"network_tx_bytes,omitempty"`
	Uptime      int     `json:"uptime_seconds"`
	Threads     int     `json:"thread_count"`
	Descriptors int     `json:"file_descriptor_count"`
	Timestamp   any     `json:"timestamp,omitempty"`
}

type aggregated struct {
	AvgCPU    float64 `json:"avg_cpu_usage"`
	MaxCPU    float64 `json:"max_cpu_usage"`
	AvgMemory uint64  `json:"avg_memory_usage"`
	MaxMemory uint64  `json:"max_memory_usage"`
	Read      uint64  `json:"total_disk_read"`
	Written   uint64  `json:"total_disk_write"`
	Rx        *uint64 `json:"total_network_rx,omitempty"`
	Tx        *uint64 `json:"total_network_tx,omitempty"`
	Samples   int     `json:"sample_count"`
}

// rustKiB is the factor by which today's Rust proplet says too much memory.
const rustKiB = 1024

// Task writes a task's metrics. The quirks are the dialects' own: D2's memory is
// 1024 times too much and its share always 0, D3 says 0 for files.
func Task(d Dialect, task, proplet string, s *model.TaskSample, a *model.Aggregated, at time.Time, uptime time.Duration) []byte {
	m := taskMessage{TaskID: task, PropletID: proplet}
	share := float64(int(float64(s.Memory)/model.HostMemory*10000)) / 100
	m.Aggregated = &aggregated{
		AvgCPU: a.AvgCPU, MaxCPU: a.MaxCPU, AvgMemory: a.AvgMemory, MaxMemory: a.MaxMemory,
		Read: a.Read, Written: a.Written, Rx: &a.Rx, Tx: &a.Tx, Samples: a.Samples,
	}
	switch d {
	case D0:
		m.Metrics = taskD0{s.CPU, s.Memory, share, s.Read, s.Written, s.Rx, s.Tx, s.Uptime, s.Threads, s.Descriptors, d.stamp(at, uptime)}
	case D1:
		m.Metrics = taskNow{s.CPU, s.Memory, share, s.Read, s.Written, &s.Rx, &s.Tx, s.Uptime, s.Threads, s.Descriptors, d.stamp(at, uptime)}
	case D2:
		m.Metrics = taskNow{CPU: s.CPU, Memory: s.Memory * rustKiB, Read: s.Read, Written: s.Written,
			Uptime: s.Uptime, Threads: s.Threads, Descriptors: s.Descriptors}
		m.Aggregated.AvgMemory *= rustKiB
		m.Aggregated.MaxMemory *= rustKiB
		m.Aggregated.Rx, m.Aggregated.Tx = nil, nil
		m.Timestamp = d.stamp(at, uptime)
	case D3:
		m.Metrics = taskNow{CPU: s.CPU, Memory: s.Memory, Uptime: s.Uptime, Threads: 1}
		m.Aggregated = nil
		m.Timestamp = d.stamp(at, uptime)
	}
	return marshal(m)
}

// Proplet writes a proplet's metrics of its own process.
func Proplet(d Dialect, proplet string, r *model.PropletReading, at time.Time) []byte {
	stamp := d.stamp(at, time.Duration(r.Uptime)*time.Second)
	memory := ordered{{"rss_bytes", r.RSS}, {"heap_alloc_bytes", r.HeapAlloc}, {"heap_sys_bytes", r.HeapSys}, {"heap_inuse_bytes", r.InUse}}
	cpu := ordered{{"user_seconds", r.User}, {"system_seconds", r.System}, {"percent", r.CPU}}
	switch d {
	case D1:
		memory = append(memory, ordered{{"container_usage_bytes", r.Container}, {"container_limit_bytes", r.Limit}}...)
		return marshal(ordered{{"proplet_id", proplet}, {"namespace", "default"},
			{"metrics", ordered{{"version", "v1"}, {"timestamp", stamp}, {"cpu", cpu}, {"memory", memory}}}})
	case D2:
		memory = ordered{{"rss_bytes", r.RSS}, {"heap_alloc_bytes", 0}, {"heap_sys_bytes", 0}, {"heap_inuse_bytes", 0}}
	case D3:
		memory = append(memory, ordered{{"heap_free_bytes", r.HeapFree}, {"heap_max_alloc_bytes", r.MostAlloc}}...)
	}
	return marshal(ordered{{"proplet_id", proplet}, {"namespace", "default"}, {"timestamp", stamp}, {"cpu_metrics", cpu}, {"memory_metrics", memory}})
}

// Create writes a proplet's registration; today's has metadata.
func Create(d Dialect, proplet, location string) []byte {
	m := ordered{{"namespace", "default"}, {"proplet_id", proplet}}
	if d == D2 || d == D3 {
		environment := "docker"
		if d.Embedded() {
			environment = "embedded"
		}
		m = append(m, ordered{{"metadata", ordered{
			{"description", "simulated"}, {"tags", []string{"edge"}}, {"location", location}, {"environment", environment},
			{"os", "linux"}, {"hostname", proplet}, {"cpu_arch", "aarch64"}, {"total_memory_bytes", int64(model.HostMemory)},
			{"proplet_version", "0.5.0"}, {"wasm_runtime", "wasmtime"},
		}}}...)
	}
	return marshal(m)
}

// Alive writes a proplet's heartbeat.
func Alive(proplet string) []byte {
	return marshal(ordered{{"status", "alive"}, {"namespace", "default"}, {"proplet_id", proplet}})
}

// Will writes a proplet's will.
func Will(d Dialect, proplet string) []byte {
	m := ordered{{"status", "offline"}, {"proplet_id", proplet}}
	if d.Embedded() {
		m = append(m, ordered{{"namespace", "default"}}...)
	}
	return marshal(m)
}
