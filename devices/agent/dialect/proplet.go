package dialect

import (
	"encoding/json"
	"time"
)

// Host is what was measured of the proplet itself. A pointer that is nil is a
// value that there is not.
type Host struct {
	Time time.Time

	UserSeconds   float64
	SystemSeconds float64
	CPUPercent    float64

	RSSBytes       uint64
	HeapAllocBytes *uint64
	HeapSysBytes   *uint64
	HeapInuseBytes *uint64
	HeapFreeBytes  *uint64 // D3 only

	ContainerUsageBytes *uint64 // D0 and D1 only
	ContainerLimitBytes *uint64
}

// Metadata describes the machine of a proplet, in its registration. What is
// empty is left out.
type Metadata struct {
	Description      string   `json:"description,omitempty"`
	Tags             []string `json:"tags,omitempty"`
	Location         string   `json:"location,omitempty"`
	IP               string   `json:"ip,omitempty"`
	Environment      string   `json:"environment,omitempty"` // docker, binary or embedded
	OS               string   `json:"os,omitempty"`
	Hostname         string   `json:"hostname,omitempty"`
	CPUArch          string   `json:"cpu_arch,omitempty"`
	TotalMemoryBytes uint64   `json:"total_memory_bytes,omitempty"`
	PropletVersion   string   `json:"proplet_version,omitempty"`
}

// Metrics is what was measured of the proplet itself. boot is when the machine
// started, which D3 counts from.
func (p *Proplet) Metrics(h *Host, boot time.Time) Message {
	o := object{b: make([]byte, 0, 512)}
	o.text("proplet_id", p.ID)
	o.text("namespace", p.Namespace)
	if p.Dialect == D2 || p.Dialect == D3 {
		p.Dialect.outerTime(&o, h.Time, boot)
		o.raw("cpu_metrics", h.cpu())
		o.raw("memory_metrics", h.memory(p.Dialect))
		return Message{p.control("metrics"), o.end()}
	}
	m := object{}
	m.text("version", "v1")
	if p.Dialect == D1r {
		m.time("timestamp", h.Time, chronoLayout)
	} else {
		m.time("timestamp", h.Time, time.RFC3339Nano)
	}
	m.raw("cpu", h.cpu())
	m.raw("memory", h.memory(p.Dialect))
	o.raw("metrics", m.end())
	return Message{p.control("metrics"), o.end()}
}

func (h *Host) cpu() []byte {
	var o object
	o.float("user_seconds", h.UserSeconds)
	o.float("system_seconds", h.SystemSeconds)
	o.float("percent", h.CPUPercent)
	return o.end()
}

func (h *Host) memory(d Dialect) []byte {
	var o object
	o.uint("rss_bytes", h.RSSBytes)
	o.optional("heap_alloc_bytes", h.HeapAllocBytes)
	o.optional("heap_sys_bytes", h.HeapSysBytes)
	o.optional("heap_inuse_bytes", h.HeapInuseBytes)
	switch d {
	case D3:
		o.optional("heap_free_bytes", h.HeapFreeBytes)
	case D0, D1, D1r:
		o.optional("container_usage_bytes", h.ContainerUsageBytes)
		o.optional("container_limit_bytes", h.ContainerLimitBytes)
	}
	return o.end()
}

func (o *object) optional(name string, v *uint64) {
	if v != nil {
		o.uint(name, *v)
	}
}

// Create registers the proplet.
func (p *Proplet) Create(m Metadata) Message {
	metadata, err := json.Marshal(m)
	if err != nil {
		panic("BUG: metadata that are no JSON: " + err.Error())
	}
	var o object
	o.text("namespace", p.Namespace)
	o.text("proplet_id", p.ID)
	o.raw("metadata", metadata)
	return Message{p.control("create"), o.end()}
}

// Alive is the proplet's heartbeat.
func (p *Proplet) Alive() Message {
	var o object
	o.text("status", "alive")
	o.text("namespace", p.Namespace)
	o.text("proplet_id", p.ID)
	return Message{p.control("alive"), o.end()}
}

// Offline is the proplet's will, and its last word when it stops.
func (p *Proplet) Offline() Message {
	var o object
	o.text("status", "offline")
	o.text("proplet_id", p.ID)
	if p.Dialect == D3 {
		o.text("namespace", p.Namespace)
	}
	return Message{p.control("alive"), o.end()}
}

// Results says how a task ended: what it gave back, and what went wrong, "" if
// nothing.
func (p *Proplet) Results(taskID, results, fault string) Message {
	var o object
	o.text("task_id", taskID)
	o.text("proplet_id", p.ID)
	o.text("results", results)
	o.text("error", fault)
	return Message{p.control("results"), o.end()}
}
