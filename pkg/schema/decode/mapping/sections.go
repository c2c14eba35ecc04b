package mapping

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"weir/pkg/schema"
)

func (r *reader) section(n *yaml.Node) (c config) {
	n = resolved(n)
	r.keys = lines{"": n.Line}
	switch {
	case n.Kind == yaml.SequenceNode:
		r.list(n, &c)
	case n.Kind == yaml.MappingNode:
		r.object(n, "the section", map[string]func(*yaml.Node){
			"api_keys": func(n *yaml.Node) { c.APIKeys = r.apiKeys(n) },
			"mappings": func(n *yaml.Node) { r.list(n, &c) },
		})
	case !empty(n):
		r.fault(n.Line, "expected a list of mappings, or api_keys and mappings")
	}
	return c
}

func (r *reader) list(n *yaml.Node, c *config) {
	if empty(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "mappings: expected a list")
		return
	}
	for _, item := range n.Content {
		c.Mappings = append(c.Mappings, r.mapping(resolved(item)))
	}
}

func (r *reader) apiKeys(n *yaml.Node) map[string]string {
	keys := map[string]string{}
	r.pairs(n, "api_keys", func(key, value *yaml.Node) {
		r.keys[key.Value] = key.Line
		keys[key.Value] = r.text(value, key.Value)
	})
	return keys
}

func (r *reader) mapping(n *yaml.Node) Mapping {
	m := Mapping{Payload: PayloadJSON, Name: "{field}"}
	at := r.object(n, "a mapping", map[string]func(*yaml.Node){
		"match":             func(n *yaml.Node) { m.Match = r.text(n, "match") },
		"payload":           func(n *yaml.Node) { m.Payload = r.text(n, "payload") },
		"service":           func(n *yaml.Node) { m.Service = r.text(n, "service") },
		"subservice":        func(n *yaml.Node) { m.Subservice = r.text(n, "subservice") },
		"api_key":           func(n *yaml.Node) { m.APIKey = r.text(n, "api_key") },
		"device":            func(n *yaml.Node) { m.Device = r.text(n, "device") },
		"name":              func(n *yaml.Node) { m.Name = r.text(n, "name") },
		"prefix":            func(n *yaml.Node) { m.Prefix = r.text(n, "prefix") },
		"type":              func(n *yaml.Node) { m.Type = schema.SeriesType(r.text(n, "type")) },
		"unit":              func(n *yaml.Node) { m.Unit = r.text(n, "unit") },
		"help":              func(n *yaml.Node) { m.Help = r.text(n, "help") },
		"labels":            func(n *yaml.Node) { m.Labels = r.labels(n) },
		"fields":            func(n *yaml.Node) { m.Fields = r.fields(n) },
		"values":            func(n *yaml.Node) { m.Values = r.values(n) },
		"numeric":           func(n *yaml.Node) { m.Numeric = r.boolean(n, "numeric") },
		"time":              func(n *yaml.Node) { m.Time = r.times(n) },
		"expected_interval": func(n *yaml.Node) { m.Interval = r.duration(n, "expected_interval") },
	})
	r.mappings = append(r.mappings, at)
	m.complete()
	return m
}

// complete fills in the captures that are there for it.
func (m *Mapping) complete() {
	_, captures, _ := parsePattern(m.Match)
	own := func(into *string, name string) {
		if *into == "" && slices.Contains(captures, name) {
			*into = "{" + name + "}"
		}
	}
	if m.APIKey == "" {
		own(&m.Service, "service")
		own(&m.Subservice, "subservice")
	}
	own(&m.Device, "device")
}

func (r *reader) labels(n *yaml.Node) map[string]string {
	labels := map[string]string{}
	r.pairs(n, "labels", func(key, value *yaml.Node) { labels[key.Value] = r.text(value, key.Value) })
	return labels
}

func (r *reader) values(n *yaml.Node) map[string]float64 {
	values := map[string]float64{}
	r.pairs(n, "values", func(key, value *yaml.Node) {
		v, err := strconv.ParseFloat(value.Value, 64)
		if err != nil || value.Kind != yaml.ScalarNode {
			r.fault(value.Line, "values: %s stands for %q: expected a number", key.Value, value.Value)
			return
		}
		values[key.Value] = v
	})
	return values
}

func (r *reader) fields(n *yaml.Node) (fields []Field) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "fields: expected a list of JSON paths, or of objects with a path")
		return nil
	}
	for _, item := range n.Content {
		item = resolved(item)
		var f Field
		if item.Kind == yaml.ScalarNode {
			f.Path = item.Value
		} else {
			r.object(item, "a field", map[string]func(*yaml.Node){
				"path":   func(n *yaml.Node) { f.Path = r.text(n, "path") },
				"name":   func(n *yaml.Node) { f.Name = r.text(n, "name") },
				"type":   func(n *yaml.Node) { f.Type = schema.SeriesType(r.text(n, "type")) },
				"unit":   func(n *yaml.Node) { f.Unit = r.text(n, "unit") },
				"help":   func(n *yaml.Node) { f.Help = r.text(n, "help") },
				"values": func(n *yaml.Node) { f.Values = r.values(n) },
			})
		}
		fields = append(fields, f)
	}
	return fields
}

func (r *reader) times(n *yaml.Node) (paths []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{r.text(n, "time")}
	}
	for _, item := range n.Content {
		paths = append(paths, r.text(resolved(item), "time"))
	}
	return paths
}
