package mapping

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
)

// mapping is a compiled Mapping.
type mapping struct {
	*Mapping
	pattern  pattern
	captures []string

	service, subservice, apiKey template
	device                      text
	name                        template
	labels                      []label // ascending by name
	fields                      []pickedField
	times                       [][]string
}

// text is a template, or a JSON path.
type text struct {
	template template
	path     []string
}

type label struct {
	name  string
	value text
}

type pickedField struct {
	*Field
	path []string
	name string
}

// fault is what is wrong with a key of a mapping.
type fault struct{ key, text string }

type compiler struct {
	m      *mapping
	faults []fault
}

func compile(source *Mapping) (*mapping, []fault) {
	c := &compiler{m: &mapping{Mapping: source}}
	p, captures, text := parsePattern(source.Match)
	if text != "" {
		c.fault("match", text)
		return c.m, c.faults // whose names the others need
	}
	c.m.pattern, c.m.captures = p, captures
	if !slices.Contains(Payloads, source.Payload) {
		c.fault("payload", fmt.Sprintf("it is %q: expected one of %s", source.Payload, strings.Join(Payloads, ", ")))
	}
	c.tenant()
	c.m.device = c.text("device", source.Device)
	if source.Device == "" {
		c.fault("device", "it is missing: expected {device} in the topic, a text or a JSON path")
	}
	c.names()
	c.values("values", source.Values)
	c.labels()
	c.fields()
	c.json()
	if source.Interval < 0 {
		c.fault("expected_interval", "it is negative")
	}
	return c.m, c.faults
}

func (c *compiler) fault(key, text string) { c.faults = append(c.faults, fault{key, text}) }

func (c *compiler) template(key, text string, field bool) template {
	t, fault := parseTemplate(text, c.m.captures, field)
	if fault != "" {
		c.fault(key, fault)
	}
	return t
}

func (c *compiler) text(key, s string) text {
	if strings.HasPrefix(s, "$") {
		return text{path: c.path(key, s)}
	}
	return text{template: c.template(key, s, false)}
}

func (c *compiler) path(key, text string) []string {
	steps, fault := parsePath(text)
	if fault != "" {
		c.fault(key, fault)
	}
	return steps
}

func (c *compiler) tenant() {
	m := c.m
	if m.APIKey != "" {
		if m.Service != "" || m.Subservice != "" {
			c.fault("api_key", "service and subservice stand beside it: expected one of them")
		}
		m.apiKey = c.template("api_key", m.APIKey, false)
		return
	}
	for _, t := range []struct {
		key, text string
		into      *template
		valid     func(string) bool
	}{{"service", m.Service, &m.service, schema.ValidTenantName}, {"subservice", m.Subservice, &m.subservice, schema.ValidSubservice}} {
		if t.text == "" {
			c.fault(t.key, fmt.Sprintf("it is missing: expected {%s} in the topic, a text or api_key", t.key))
			continue
		}
		*t.into = c.template(t.key, t.text, false)
		if !strings.Contains(t.text, "{") && !t.valid(t.text) {
			c.fault(t.key, fmt.Sprintf("it is %q: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", t.text, schema.MaxTenantName))
		}
	}
}

func (c *compiler) names() {
	m := c.m
	m.name = c.template("name", m.Name, true)
	fields := 0
	for _, p := range m.name.parts {
		if p.capture == fieldCapture {
			fields++
		}
	}
	one := m.Payload == PayloadNumber || m.Payload == PayloadText || m.Payload == PayloadJSON && len(m.Fields) == 1
	switch {
	case m.Name == "":
		c.fault("name", "it is empty")
	case fields > 1:
		c.fault("name", "{field} stands there twice")
	case fields == 0 && !one:
		c.fault("name", "{field} is not in it, and the payload has many values")
	}
	if m.Prefix != "" && !seriesname.Valid(m.Prefix) {
		c.fault("prefix", fmt.Sprintf("%q is not the beginning of a series' name", m.Prefix))
	}
	c.seriesType("type", m.Type)
	c.short("unit", m.Unit)
	c.short("help", m.Help)
}

func (c *compiler) seriesType(key string, t schema.SeriesType) {
	if t != "" && t != schema.Gauge && t != schema.Cumulative {
		c.fault(key, fmt.Sprintf("it is %q: expected gauge or counter", t))
	}
}

func (c *compiler) short(key, text string) {
	if len(text) > MaxText {
		c.fault(key, fmt.Sprintf("it has %d bytes: expected at most %d", len(text), MaxText))
	}
}

func (c *compiler) values(key string, values map[string]float64) {
	for _, word := range slices.Sorted(maps.Keys(values)) {
		if v := values[word]; math.IsNaN(v) || math.IsInf(v, 0) {
			c.fault(key, fmt.Sprintf("%q stands for %v: expected a finite number", word, v))
		}
	}
}

func (c *compiler) labels() {
	if len(c.m.Labels) > MaxLabels {
		c.fault("labels", fmt.Sprintf("there are %d: expected at most %d", len(c.m.Labels), MaxLabels))
	}
	for _, name := range slices.Sorted(maps.Keys(c.m.Labels)) {
		switch {
		case !seriesname.ValidLabel(name) || strings.HasPrefix(name, "__") || len(name) > MaxName:
			c.fault("labels", fmt.Sprintf("%q is not a label's name", name))
		case name == "service" || name == "subservice" || name == "device":
			c.fault("labels", fmt.Sprintf("each series has the label %s: expected the mapping's key %s for it", name, name))
		}
		value := c.m.Labels[name]
		c.short("labels", value)
		c.m.labels = append(c.m.labels, label{name, c.text("labels", value)})
	}
}

func (c *compiler) fields() {
	for i := range c.m.Fields {
		f := &c.m.Fields[i]
		p := pickedField{Field: f, path: c.path("fields", f.Path), name: f.Name}
		if p.name == "" {
			p.name = strings.Join(p.path, "_")
		}
		if len(p.name) > MaxName {
			c.fault("fields", fmt.Sprintf("the name of %s has more than %d bytes", f.Path, MaxName))
		}
		c.seriesType("fields", f.Type)
		c.short("fields", f.Unit)
		c.short("fields", f.Help)
		c.values("fields", f.Values)
		c.m.fields = append(c.m.fields, p)
	}
	for _, t := range c.m.Time {
		c.m.times = append(c.m.times, c.path("time", t))
	}
}

// json refuses what only JSON has, where the payload is something else.
func (c *compiler) json() {
	if c.m.Payload == PayloadJSON || c.m.Payload == PayloadIOTA {
		return
	}
	only := func(key string, has bool) {
		if has {
			c.fault(key, fmt.Sprintf("there are JSON paths, and the payload is %s", c.m.Payload))
		}
	}
	only("fields", len(c.m.fields) > 0)
	only("time", len(c.m.times) > 0)
	only("device", c.m.device.path != nil)
	only("labels", slices.ContainsFunc(c.m.labels, func(l label) bool { return l.value.path != nil }))
}
