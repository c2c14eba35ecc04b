package dialect

import (
	"time"

	"weir/devices/agent/ring"
)

// The forms of timestamps. Go's RFC3339Nano leaves out trailing zeros, as Go
// proplets do; Rust's chrono writes UTC as "+00:00".
const (
	microLayout  = "2006-01-02T15:04:05.000000Z"
	chronoLayout = "2006-01-02T15:04:05.000000000-07:00"
)

// fieldNames are the names of those fields that dialects name differently.
type fieldNames struct{ cpu, memory, memoryPercent string }

func (d Dialect) fieldNames() fieldNames {
	if d == D0 {
		return fieldNames{"cpu_usage_percent", "memory_usage_bytes", "memory_usage_percent"}
	}
	return fieldNames{"cpu_percent", "memory_bytes", "memory_percent"}
}

// Task is a sample of a task. The aggregates are nil where no history is kept;
// boot is when the machine started, which D3 counts from.
func (p *Proplet) Task(taskID string, s *ring.Sample, a *ring.Aggregates, boot time.Time) Message {
	o := object{b: make([]byte, 0, 768)}
	o.text("task_id", taskID)
	o.text("proplet_id", p.ID)
	o.raw("metrics", p.Dialect.Metrics(s))
	switch {
	case a != nil:
		o.raw("aggregated", p.Dialect.aggregated(a))
	case p.Dialect == D2 || p.Dialect == D3:
		o.raw("aggregated", []byte("null"))
	}
	p.Dialect.outerTime(&o, s.Time, boot)
	return Message{p.taskTopic(), o.end()}
}

// Metrics writes a sample's values as the dialect has them in "metrics".
func (d Dialect) Metrics(s *ring.Sample) []byte {
	o := object{b: make([]byte, 0, 384)}
	n := d.fieldNames()
	if !s.Missing.Has(ring.CPU) {
		o.float(n.cpu, s.CPUPercent)
	}
	if !s.Missing.Has(ring.Memory) {
		o.uint(n.memory, s.MemoryBytes)
		o.float(n.memoryPercent, s.MemoryPercent)
	}
	d.disk(&o, s)
	if !s.Missing.Has(ring.NetworkIO) && d != D2 && d != D3 {
		o.uint("network_rx_bytes", s.NetworkRxBytes)
		o.uint("network_tx_bytes", s.NetworkTxBytes)
	}
	o.int("uptime_seconds", s.UptimeSeconds)
	if !s.Missing.Has(ring.Threads) {
		o.int("thread_count", int64(s.ThreadCount))
	}
	d.descriptors(&o, s)
	switch d {
	case D0:
		o.time("timestamp", s.Time, microLayout)
	case D1:
		o.time("timestamp", s.Time, time.RFC3339Nano)
	case D1r:
		o.time("timestamp", s.Time, chronoLayout)
	}
	return o.end()
}

// disk writes what was read and written. Embedded proplets say 0, always.
func (d Dialect) disk(o *object, s *ring.Sample) {
	switch {
	case d == D3:
		o.uint("disk_read_bytes", 0)
		o.uint("disk_write_bytes", 0)
	case !s.Missing.Has(ring.DiskIO):
		o.uint("disk_read_bytes", s.DiskReadBytes)
		o.uint("disk_write_bytes", s.DiskWriteBytes)
	}
}

// descriptors writes the open descriptors. Embedded proplets say 0, always; the
// Go proplet leaves a 0 out.
func (d Dialect) descriptors(o *object, s *ring.Sample) {
	switch {
	case d == D3:
		o.int("file_descriptor_count", 0)
	case s.Missing.Has(ring.FileDescriptors), d == D1 && s.FileDescriptorCount == 0:
	default:
		o.int("file_descriptor_count", int64(s.FileDescriptorCount))
	}
}

func (d Dialect) aggregated(a *ring.Aggregates) []byte {
	o := object{b: make([]byte, 0, 256)}
	if !a.Missing.Has(ring.CPU) {
		o.float("avg_cpu_usage", a.AvgCPUUsage)
		o.float("max_cpu_usage", a.MaxCPUUsage)
	}
	if !a.Missing.Has(ring.Memory) {
		o.uint("avg_memory_usage", a.AvgMemoryUsage)
		o.uint("max_memory_usage", a.MaxMemoryUsage)
	}
	switch {
	case d == D3:
		o.uint("total_disk_read", 0)
		o.uint("total_disk_write", 0)
	case !a.Missing.Has(ring.DiskIO):
		o.uint("total_disk_read", a.TotalDiskRead)
		o.uint("total_disk_write", a.TotalDiskWrite)
	}
	if !a.Missing.Has(ring.NetworkIO) && d != D2 && d != D3 {
		o.uint("total_network_rx", a.TotalNetworkRx)
		o.uint("total_network_tx", a.TotalNetworkTx)
	}
	o.int("sample_count", int64(a.SampleCount))
	return o.end()
}

// Aggregated writes aggregates as D1 has them.
func Aggregated(a *ring.Aggregates) []byte { return D1.aggregated(a) }

// outerTime writes the timestamp of those dialects that have it beside metrics.
func (d Dialect) outerTime(o *object, t, boot time.Time) {
	switch d {
	case D2:
		epoch := object{}
		epoch.int("secs_since_epoch", t.Unix())
		epoch.int("nanos_since_epoch", int64(t.Nanosecond()))
		o.raw("timestamp", epoch.end())
	case D3:
		o.int("timestamp", max(t.Sub(boot).Milliseconds(), 0))
	}
}
