package decode

import (
	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
)

// MappingsTopic is the topic of an event that says by which mappings topics are
// read from its place in the journal on: its payload is what mapping.Set's Marshal
// wrote.
const MappingsTopic = schema.MappingsTopic

// ParseMapped is ParseEvent, and parses besides the topics that a set has mappings
// for. Topics of our own shapes are not mapped. Only what is published is: not
// what comes over HTTP or is fetched. If a mapping is for a topic that names no
// tenant or no device, it is a TopicBad.
func ParseMapped(set *mapping.Set, route schema.Route, topic string) (Topic, bool) {
	t, ours := ParseEvent(route, topic)
	if ours || route != schema.RouteMQTT && route != schema.RouteWill && route != schema.RouteReplay {
		return t, ours
	}
	m, found := set.Match(topic)
	switch {
	case !found:
		return Topic{}, false
	case m.Fault != "":
		return badTopic("%s", m.Fault), true
	}
	return Topic{Kind: TopicMapped, Tenant: m.Tenant, Mapped: &m}, true
}

// mapped reads a message by its topic's mapping.
func (d *Decoder) mapped(m *mapping.Match, payload []byte) *schema.Rejection {
	if d.open.mapped == nil {
		d.open.mapped = mapping.New()
	}
	readings, rejection := d.open.mapped.Decode(m, payload)
	if rejection != nil {
		return rejection
	}
	d.readings = append(d.readings, readings...)
	for i := range d.readings {
		d.readings[i].Interval = m.Mapping.Interval
	}
	return nil
}

// mappings looks whether a set of mappings can be read. It has no readings.
func (d *Decoder) mappings(payload []byte) *schema.Rejection {
	if _, err := mapping.Unmarshal(payload); err != nil {
		return d.reject(schema.ReasonUnknownShape, "%s", oneLine(err))
	}
	return nil
}
