package serve

import (
	"weir/devices/agent/dialect"
	"weir/devices/agent/ring"
	"weir/pkg/device"
	"weir/pkg/schema"
)

// exposition gathers metrics under the names that weir gives the same values.
// They are made anew for each answer, so a counter is what it is set to.
type exposition struct {
	registry *device.Registry
	gauges   map[string]*device.Gauge
	counters map[string]*device.Counter
}

// Metrics writes what is shown as exposition text. What is missing from the
// newest sample is missing here.
func Metrics(v View) []byte {
	e := exposition{device.NewRegistry(""), map[string]*device.Gauge{}, map[string]*device.Counter{}}
	for _, t := range v.Tasks {
		if t.Latest != nil {
			e.task(t.Latest, t.ID, v.PropletID)
		}
		if t.Over != nil {
			e.aggregates(t.Over, t.ID, v.PropletID)
		}
	}
	if v.Host != nil {
		e.host(v.Host, v.PropletID)
	}
	e.agent(v.Agent)
	return e.registry.AppendText(nil)
}

var taskLabels = []string{"task_id", "proplet_id"}

func (e *exposition) task(s *ring.Sample, labels ...string) {
	set := func(f schema.Field, group ring.Fields, v float64) {
		if !s.Missing.Has(group) {
			e.field(f, v, taskLabels, labels)
		}
	}
	set(schema.TaskCPUPercent, ring.CPU, s.CPUPercent)
	set(schema.TaskMemoryBytes, ring.Memory, float64(s.MemoryBytes))
	set(schema.TaskMemoryPercent, ring.Memory, s.MemoryPercent)
	set(schema.TaskDiskReadBytes, ring.DiskIO, float64(s.DiskReadBytes))
	set(schema.TaskDiskWriteBytes, ring.DiskIO, float64(s.DiskWriteBytes))
	set(schema.TaskNetworkRxBytes, ring.NetworkIO, float64(s.NetworkRxBytes))
	set(schema.TaskNetworkTxBytes, ring.NetworkIO, float64(s.NetworkTxBytes))
	set(schema.TaskThreadCount, ring.Threads, float64(s.ThreadCount))
	set(schema.TaskFileDescriptorCount, ring.FileDescriptors, float64(s.FileDescriptorCount))
	e.field(schema.TaskUptimeSeconds, float64(s.UptimeSeconds), taskLabels, labels)
}

func (e *exposition) aggregates(a *ring.Aggregates, labels ...string) {
	set := func(f schema.Field, group ring.Fields, v float64) {
		if !a.Missing.Has(group) {
			e.field(f, v, taskLabels, labels)
		}
	}
	set(schema.TaskAggregatedAvgCPU, ring.CPU, a.AvgCPUUsage)
	set(schema.TaskAggregatedMaxCPU, ring.CPU, a.MaxCPUUsage)
	set(schema.TaskAggregatedAvgMemory, ring.Memory, float64(a.AvgMemoryUsage))
	set(schema.TaskAggregatedMaxMemory, ring.Memory, float64(a.MaxMemoryUsage))
	set(schema.TaskAggregatedDiskRead, ring.DiskIO, float64(a.TotalDiskRead))
	set(schema.TaskAggregatedDiskWrite, ring.DiskIO, float64(a.TotalDiskWrite))
	set(schema.TaskAggregatedNetworkRx, ring.NetworkIO, float64(a.TotalNetworkRx))
	set(schema.TaskAggregatedNetworkTx, ring.NetworkIO, float64(a.TotalNetworkTx))
	e.field(schema.TaskAggregatedSampleCount, float64(a.SampleCount), taskLabels, labels)
}

func (e *exposition) host(h *dialect.Host, propletID string) {
	names, labels := []string{"proplet_id"}, []string{propletID}
	e.field(schema.PropletCPUUserSeconds, h.UserSeconds, names, labels)
	e.field(schema.PropletCPUSystemSeconds, h.SystemSeconds, names, labels)
	e.field(schema.PropletCPUPercent, h.CPUPercent, names, labels)
	e.field(schema.PropletMemoryRSSBytes, float64(h.RSSBytes), names, labels)
	for f, v := range map[schema.Field]*uint64{
		schema.PropletMemoryHeapAllocBytes: h.HeapAllocBytes, schema.PropletMemoryHeapSysBytes: h.HeapSysBytes,
		schema.PropletMemoryHeapInuseBytes: h.HeapInuseBytes, schema.PropletMemoryHeapFreeBytes: h.HeapFreeBytes,
		schema.PropletMemoryContainerUsageBytes: h.ContainerUsageBytes, schema.PropletMemoryContainerLimitBytes: h.ContainerLimitBytes,
	} {
		if v != nil {
			e.field(f, float64(*v), names, labels)
		}
	}
}

func (e *exposition) agent(a Agent) {
	connected := 0.0
	if a.Connected {
		connected = 1
	}
	e.gauge("weir_agent_connected", "1 while there is a connection to the broker, else 0.", connected, nil, nil)
	e.gauge("weir_agent_spool_messages", "Messages that the broker has not acknowledged yet.", float64(a.Waiting), nil, nil)
	e.counter("weir_agent_samples_total", "Samples taken.", float64(a.Samples), nil, nil)
	e.counter("weir_agent_sent_total", "Messages that the broker acknowledged.", float64(a.Sent), nil, nil)
	e.counter("weir_agent_lost_total", "Messages that had to make room for newer ones, or were damaged.", float64(a.Lost), nil, nil)
}

// infos are the fields by their numbers.
var infos = func() map[schema.Field]schema.FieldInfo {
	m := map[schema.Field]schema.FieldInfo{}
	for _, i := range schema.Fields {
		m[i.Field] = i
	}
	return m
}()

func (e *exposition) field(f schema.Field, v float64, names, labels []string) {
	info := infos[f]
	if info.Type == schema.Cumulative {
		e.counter(info.Name, info.Help, v, names, labels)
		return
	}
	e.gauge(info.Name, info.Help, v, names, labels)
}

func (e *exposition) gauge(name, help string, v float64, names, labels []string) {
	g := e.gauges[name]
	if g == nil {
		g = device.NewGauge(name, help, names...)
		e.gauges[name] = g
		e.registry.Register(g)
	}
	g.Set(v, labels...)
}

func (e *exposition) counter(name, help string, v float64, names, labels []string) {
	c := e.counters[name]
	if c == nil {
		c = device.NewCounter(name, help, names...)
		e.counters[name] = c
		e.registry.Register(c)
	}
	c.Add(v, labels...)
}
