package decode

import (
	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// sporeSections are the objects of a node that hold measured values.
var sporeSections = []struct {
	part   part
	values section
}{
	{partCPU, sectionOf(sporeAliases, "cpu", "cpu")},
	{partMemory, sectionOf(sporeAliases, "memory", "memory")},
	{partNetwork, sectionOf(sporeAliases, "network", "network")},
	{partFlash, sectionOf(sporeAliases, "flash", "flash")},
	{partFilesystem, sectionOf(sporeAliases, "filesystem", "filesystem")},
	{partSystem, sectionOf(sporeAliases, "system", "system")},
}

func sporePart(key []byte) (part, bool) {
	switch string(key) {
	case "timestamp":
		return partTimestamp, true
	case "node_ip":
		return partNodeIP, true
	case "hostname":
		return partHostname, true
	case "cpu":
		return partCPU, true
	case "memory":
		return partMemory, true
	case "network":
		return partNetwork, true
	case "flash":
		return partFlash, true
	case "filesystem":
		return partFilesystem, true
	case "system":
		return partSystem, true
	case "labels":
		return partLabels, true
	case "nodes":
		return partNodes, true
	}
	return 0, false
}

// resources decodes what SPORE publishes of its nodes: with an array "nodes" it
// is a gateway's whole document, else one node, whichever the topic says.
func (d *Decoder) resources(name string, root *fastjson.Value) *schema.Rejection {
	d.visitNode(root)
	nodes := d.take(partNodes)
	if nodes == nil {
		return d.sporeNode(name, moment{})
	}
	if nodes.Type() != fastjson.TypeArray {
		return d.reject(schema.ReasonUnknownShape, "nodes is %s: expected an array of node objects", kindOf(nodes))
	}
	document := d.moment(d.take(partTimestamp), false)
	d.ignoreRest()
	for i, node := range nodes.GetArray() {
		d.node = i
		if node.Type() != fastjson.TypeObject {
			d.node = -1
			return d.reject(schema.ReasonUnknownShape, "nodes[%d] is %s: expected a node object", i, kindOf(node))
		}
		d.visitNode(node)
		if rejection := d.sporeNode("", document); rejection != nil {
			return rejection
		}
	}
	return nil
}

func (d *Decoder) visitNode(v *fastjson.Value) {
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		if p, ok := sporePart(key); ok {
			d.put(&d.parts[p], v)
		} else {
			d.ignoreField(key, v)
		}
	})
}

// sporeNode makes the reading of a node, whose parts are visited. The name is
// the topic's, "" within a document; the document's time stands in for a node
// that gives none.
func (d *Decoder) sporeNode(name string, document moment) *schema.Rejection {
	d.values.reset(schema.SporeCPUFrequencyMHz)
	for i := range sporeSections {
		s := &sporeSections[i]
		if rejection := d.collect(&s.values, d.take(s.part), nil); rejection != nil {
			return rejection
		}
	}
	if d.values.set == 0 {
		return d.reject(schema.ReasonUnknownShape, "cpu has no value, nor has memory, network, flash, filesystem or system: expected a node's resources")
	}
	id, ip, rejection := d.sporeName(name)
	if rejection != nil {
		return rejection
	}
	labels, rejection := d.sourceLabels()
	if rejection != nil {
		return rejection
	}
	m := d.moment(d.take(partTimestamp), false)
	if m.clock == schema.ClockNone {
		m = document
	}
	d.ignoreRest()
	d.finish(schema.Reading{
		Kind: schema.KindSporeNode, ID: id,
		Dialect: d.sporeDialect(), Clock: m.clock, Time: m.time,
		Presence: schema.PresenceAlive,
		Labels:   labels, Attributes: d.sporeAttributes(ip),
	})
	return nil
}

// sporeName takes what names a node: its hostname, else the topic's level, else
// its address.
func (d *Decoder) sporeName(topic string) (id, ip string, rejection *schema.Rejection) {
	if id, rejection = d.name(partHostname, "hostname", MaxID); rejection != nil {
		return "", "", rejection
	}
	if ip, rejection = d.name(partNodeIP, "node_ip", MaxID); rejection != nil {
		return "", "", rejection
	}
	if id == "" {
		id = topic
	}
	if id == "" {
		id = ip
	}
	if id == "" {
		rejection = d.reject(schema.ReasonMissingSource, "hostname is missing or empty, and so is node_ip: expected one of them")
	}
	return id, ip, rejection
}

func (d *Decoder) sporeDialect() schema.Dialect {
	if d.values.has(schema.DialectESP8266) {
		return schema.DialectESP8266
	}
	return schema.DialectGateway
}

// sporeAttributes completes the values with those that follow from others, and
// makes the attributes.
func (d *Decoder) sporeAttributes(ip string) []schema.Label {
	d.deriveUsage(schema.SporeMemoryTotalBytes, schema.SporeMemoryFreeBytes, schema.SporeMemoryUsedBytes, schema.SporeMemoryUsagePercent)
	d.deriveUsage(schema.SporeFlashTotalBytes, schema.SporeFlashFreeBytes, schema.SporeFlashUsedBytes, schema.SporeFlashUsagePercent)
	signal := ""
	if d.deriveSignal() {
		signal = "derived"
	}
	return d.attributes(schema.Label{Name: schema.NodeIPAttribute, Value: ip}, schema.Label{Name: "signal_quality", Value: signal})
}

// deriveUsage adds what follows of a storage's sizes, by used + free = total:
// used or free, where the message has only the other, and the share in use.
func (d *Decoder) deriveUsage(total, free, used, percent schema.Field) {
	all, ok := d.values.get(total)
	if !ok {
		return
	}
	f, okFree := d.values.get(free)
	u, okUsed := d.values.get(used)
	switch {
	case okFree && !okUsed && 0 <= f && f <= all:
		u, okUsed = all-f, true
		d.values.derive(used, u)
	case okUsed && !okFree && 0 <= u && u <= all:
		d.values.derive(free, all-u)
	}
	if _, given := d.values.get(percent); !given && okUsed && all > 0 && 0 <= u && u <= all {
		d.values.derive(percent, u/all*100)
	}
}

// deriveSignal adds the signal quality where only the signal strength is given,
// and reports whether it did. A quality that is given is taken as it is: the
// gateway's own formula is not known, and gives other numbers than this one.
func (d *Decoder) deriveSignal() bool {
	rssi, ok := d.values.get(schema.SporeNetworkRSSI)
	if _, given := d.values.get(schema.SporeNetworkSignalPercent); given || !ok {
		return false
	}
	d.values.derive(schema.SporeNetworkSignalPercent, min(max(2*(rssi+100), 0), 100))
	return true
}
