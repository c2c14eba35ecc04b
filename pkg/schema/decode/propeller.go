package decode

import (
	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// The objects of Propeller's messages that hold measured values. D1 has a
// proplet's own values in metrics.cpu and metrics.memory.
var (
	taskMetrics     = sectionOf(taskAliases, "metrics", "metrics")
	taskAggregated  = sectionOf(taskAliases, "aggregated", "aggregated")
	propletCPU      = sectionOf(propletAliases, "cpu_metrics", "cpu_metrics")
	propletMemory   = sectionOf(propletAliases, "memory_metrics", "memory_metrics")
	propletCPUD1    = sectionOf(propletAliases, "cpu_metrics", "metrics.cpu")
	propletMemoryD1 = sectionOf(propletAliases, "memory_metrics", "metrics.memory")
)

func propellerPart(key []byte) (part, bool) {
	switch string(key) {
	case "task_id":
		return partTaskID, true
	case "proplet_id":
		return partPropletID, true
	case "metrics":
		return partMetrics, true
	case "aggregated":
		return partAggregated, true
	case "timestamp":
		return partTimestamp, true
	case "namespace":
		return partNamespace, true
	case "cpu_metrics":
		return partCPUMetrics, true
	case "memory_metrics":
		return partMemoryMetrics, true
	case "status":
		return partStatus, true
	case "metadata":
		return partMetadata, true
	}
	return 0, false
}

// innerPart tells the fields of metrics that are no values of a task.
func innerPart(key []byte) (part, bool) {
	switch string(key) {
	case "timestamp":
		return partInnerTimestamp, true
	case "version":
		return partInnerVersion, true
	case "cpu":
		return partInnerCPU, true
	case "memory":
		return partInnerMemory, true
	}
	return 0, false
}

// propeller decodes a proplet's message. Its shape says what it is: proplets of
// one age have sent a proplet's values to the topics of another's tasks.
//
//   - cpu_metrics or memory_metrics, or metrics.cpu or metrics.memory, as
//     objects: the proplet's own values;
//   - else a task_id, or known values in metrics: a task's values;
//   - else, on the topics for it, a registration or a heartbeat.
func (d *Decoder) propeller(kind TopicKind, root *fastjson.Value) *schema.Rejection {
	root.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		if p, ok := propellerPart(key); ok {
			d.put(&d.parts[p], v)
		} else {
			d.ignoreField(key, v)
		}
	})
	d.values.reset(schema.TaskCPUPercent)
	rejection := d.collect(&taskMetrics, d.take(partMetrics), d.inner)
	switch {
	case d.isObject(partCPUMetrics) || d.isObject(partMemoryMetrics):
		rejection = d.proplet(partCPUMetrics, &propletCPU, partMemoryMetrics, &propletMemory)
	case d.isObject(partInnerCPU) || d.isObject(partInnerMemory):
		rejection = d.proplet(partInnerCPU, &propletCPUD1, partInnerMemory, &propletMemoryD1)
	case rejection != nil:
	case d.has(partTaskID) || d.values.set != 0:
		rejection = d.task()
	case kind == TopicCreate || kind == TopicAlive:
		rejection = d.control()
	default:
		rejection = d.reject(schema.ReasonUnknownShape,
			"none of the known shapes: expected a task's metrics, or a proplet's cpu_metrics and memory_metrics")
	}
	d.ignoreRest()
	return rejection
}

func (d *Decoder) inner(key []byte, v *fastjson.Value) bool {
	p, ok := innerPart(key)
	if ok {
		d.put(&d.parts[p], v)
	}
	return ok
}

// task makes the reading of a task, whose metrics are gathered already.
func (d *Decoder) task() *schema.Rejection {
	id, rejection := d.requiredName(partTaskID, "task_id")
	if rejection != nil {
		return rejection
	}
	parent, rejection := d.name(partPropletID, "proplet_id", MaxID)
	if rejection != nil {
		return rejection
	}
	if rejection := d.collect(&taskAggregated, d.take(partAggregated), nil); rejection != nil {
		return rejection
	}
	if d.values.set == 0 {
		return d.reject(schema.ReasonUnknownShape, "metrics has none of a task's values: expected cpu_percent, memory_bytes and others")
	}
	m, isOuter := d.propellerMoment(d.isEmbeddedTask())
	d.finish(schema.Reading{
		Kind: schema.KindTask, ID: id, Parent: parent,
		Dialect: d.dialect(m, isOuter), Clock: m.clock, Time: m.time,
		Presence: schema.PresenceAlive,
	})
	return nil
}

// proplet makes the reading of a proplet's own values.
func (d *Decoder) proplet(cpu part, cpuValues *section, memory part, memoryValues *section) *schema.Rejection {
	id, rejection := d.requiredName(partPropletID, "proplet_id")
	if rejection != nil {
		return rejection
	}
	d.values.reset(schema.PropletCPUUserSeconds)
	if rejection := d.collect(cpuValues, d.take(cpu), nil); rejection != nil {
		return rejection
	}
	if rejection := d.collect(memoryValues, d.take(memory), nil); rejection != nil {
		return rejection
	}
	if d.values.set == 0 {
		return d.reject(schema.ReasonUnknownShape, "%s and %s have none of a proplet's values: expected percent, rss_bytes and others", cpuValues.path, memoryValues.path)
	}
	namespace, rejection := d.name(partNamespace, "namespace", MaxLabelValue)
	if rejection != nil {
		return rejection
	}
	version, rejection := d.name(partInnerVersion, "metrics.version", MaxLabelValue)
	if rejection != nil {
		return rejection
	}
	m, isOuter := d.propellerMoment(d.values.has(schema.DialectD3))
	d.finish(schema.Reading{
		Kind: schema.KindProplet, ID: id,
		Dialect: d.dialect(m, isOuter || cpu == partCPUMetrics), Clock: m.clock, Time: m.time,
		Presence:   schema.PresenceAlive,
		Attributes: d.attributes(schema.Label{Name: "namespace", Value: namespace}, schema.Label{Name: "version", Value: version}),
	})
	return nil
}

// control makes the reading of a registration, a heartbeat or a will. A status
// other than "offline" is a sign of life, whatever it says.
func (d *Decoder) control() *schema.Rejection {
	if !d.has(partPropletID) && !d.has(partStatus) && !d.has(partNamespace) && !d.has(partMetadata) {
		return d.reject(schema.ReasonUnknownShape, "none of the known shapes: expected proplet_id with status, namespace or metadata")
	}
	id, rejection := d.requiredName(partPropletID, "proplet_id")
	if rejection != nil {
		return rejection
	}
	namespace, rejection := d.name(partNamespace, "namespace", MaxLabelValue)
	if rejection != nil {
		return rejection
	}
	metadata, rejection := d.metadata()
	if rejection != nil {
		return rejection
	}
	m := d.moment(d.take(partTimestamp), false)
	d.finish(schema.Reading{
		Kind: schema.KindProplet, ID: id, Clock: m.clock, Time: m.time,
		Presence: d.presence(), Heartbeat: true,
		Attributes: d.attributes(schema.Label{Name: "metadata", Value: metadata}, schema.Label{Name: "namespace", Value: namespace}),
	})
	return nil
}

func (d *Decoder) presence() schema.Presence {
	if status := d.parts[partStatus]; status != nil && text(status) == "offline" {
		return schema.PresenceOffline
	}
	return schema.PresenceAlive
}

// metadata takes a registration's metadata as compact JSON.
func (d *Decoder) metadata() (string, *schema.Rejection) {
	v := d.take(partMetadata)
	if v == nil {
		return "", nil
	}
	kept := d.keep(v)
	d.ignore(v)
	if fault := textFault(kept, MaxMetadata); fault != "" {
		return "", d.reject(schema.ReasonBadSource, "metadata %s: expected JSON of at most %d bytes", fault, MaxMetadata)
	}
	return kept, nil
}

// requiredName takes the id that says what a message is about.
func (d *Decoder) requiredName(p part, path string) (string, *schema.Rejection) {
	id, rejection := d.name(p, path, MaxID)
	if rejection == nil && id == "" {
		rejection = d.reject(schema.ReasonMissingSource, "%s is missing or empty: expected the id of what the message is about", path)
	}
	return id, rejection
}

// propellerMoment takes the timestamp: beside metrics (D2, D3), which isOuter
// says, or in it (D0, D1).
func (d *Decoder) propellerMoment(embedded bool) (m moment, isOuter bool) {
	if v := d.take(partTimestamp); v != nil {
		return d.moment(v, embedded), true
	}
	return d.moment(d.take(partInnerTimestamp), false), false
}

// isEmbeddedTask reports whether a task's values are those of an embedded
// proplet, which says 0 for its disk and its descriptors.
func (d *Decoder) isEmbeddedTask() bool {
	for _, f := range [...]schema.Field{schema.TaskDiskReadBytes, schema.TaskDiskWriteBytes, schema.TaskFileDescriptorCount} {
		if v, ok := d.values.get(f); !ok || v != 0 {
			return false
		}
	}
	return true
}

// dialect names the form of a message with values. D0 has names of its own; the
// others share theirs, and differ in how and where they write the time.
func (d *Decoder) dialect(m moment, isOuter bool) schema.Dialect {
	switch {
	case d.values.has(schema.DialectD0):
		return schema.DialectD0
	case d.values.has(schema.DialectD3), m.clock == schema.ClockUptime:
		return schema.DialectD3
	case isOuter, m.clock == schema.ClockEpoch:
		return schema.DialectD2
	case m.chrono:
		return schema.DialectD1r
	}
	return schema.DialectD1
}
