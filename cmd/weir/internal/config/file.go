package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlLine takes the line out of the parser's messages.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yaml applies a configuration file: one mapping of settings' keys, flat but for
// the list of tenants.
func (l *loader) yaml(path string, data []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return // an empty file says nothing
	case err != nil:
		l.syntax(path, err)
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.faults.add(path, "has a second document (after a line ---), expected one")
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null":
	case root.Kind != yaml.MappingNode:
		l.faults.add(at(path, root), "expected a mapping of settings, such as mqtt_addr: 127.0.0.1:1883")
	default:
		l.mapping(path, root.Content)
	}
}

// mapping applies the keys and values that stand alternately in nodes.
func (l *loader) mapping(path string, nodes []*yaml.Node) {
	first := map[string]int{}
	for ; len(nodes) >= 2; nodes = nodes[2:] {
		k, v := nodes[0], nodes[1]
		if line, twice := first[k.Value]; twice {
			l.faults.add(at(path, k), "%q stands there already, in line %d", k.Value, line)
			continue
		}
		first[k.Value] = k.Line
		if k.Value == tenantsKey {
			l.tenants(path, v)
			continue
		}
		s, ok := lookup(k.Value, key)
		if !ok {
			l.faults.add(at(path, k), "%s", unknown(k.Value, key))
			continue
		}
		if s.List && v.Kind == yaml.SequenceNode {
			l.list(s, v, path)
			continue
		}
		l.scalar(s, v, at(path, v))
	}
}

func (l *loader) scalar(s Setting, v *yaml.Node, place string) {
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	switch {
	case v.Kind != yaml.ScalarNode:
		l.faults.add(place, "%s: expected one value, not a list or a mapping", s.Key)
	case v.Tag == "!!null":
		l.faults.add(place, "%s: has no value (leave the line out for the default, %q)", s.Key, s.Default)
	default:
		l.apply(s, v.Value, place, s.Key+": ")
	}
}

// list applies a list of values.
func (l *loader) list(s Setting, v *yaml.Node, path string) {
	var items []string
	for _, item := range v.Content {
		if item.Kind != yaml.ScalarNode {
			l.faults.add(at(path, item), "%s: expected a list of values", s.Key)
			return
		}
		items = append(items, item.Value)
	}
	l.apply(s, strings.Join(items, listSeparator), at(path, v), s.Key+": ")
}

// syntax reports what the YAML parser said, with its line in our form.
func (l *loader) syntax(path string, err error) {
	m := yamlLine.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		l.faults.add(path, "not YAML: %s", err)
	case m[1] == "":
		l.faults.add(path, "not YAML: %s", m[2])
	default:
		l.faults.add(path+":"+m[1], "not YAML: %s", m[2])
	}
}

func at(path string, n *yaml.Node) string { return fmt.Sprintf("%s:%d", path, n.Line) }
