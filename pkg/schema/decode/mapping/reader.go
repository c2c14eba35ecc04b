package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader reads a section and remembers where everything stood.
type reader struct {
	faults   []Fault
	mappings []lines // of each mapping
	keys     lines   // of the API keys; "" is the section itself
}

// lines are the lines of keys; "" is that of what they belong to.
type lines map[string]int

func (r *reader) fault(line int, format string, args ...any) {
	r.faults = append(r.faults, Fault{line, "topic_mappings: " + fmt.Sprintf(format, args...)})
}

// compiled enters a fault that was found in what was read well.
func (r *reader) compiled(f setFault) {
	at := r.keys
	if f.mapping >= 0 {
		at = r.mappings[f.mapping]
	}
	line, known := at[f.key]
	if !known {
		line = at[""]
	}
	if f.key == "" {
		r.fault(line, "%s", f.text)
		return
	}
	r.fault(line, "%s: %s", f.key, f.text)
}

// object reads the keys of an object, each by its own function, and returns where
// they stood.
func (r *reader) object(n *yaml.Node, what string, keys map[string]func(*yaml.Node)) lines {
	at := lines{"": n.Line}
	r.pairs(n, what, func(key, value *yaml.Node) {
		read, known := keys[key.Value]
		if !known {
			r.fault(key.Line, "%s has no key %s: expected %s", what, key.Value, listOf(keys))
			return
		}
		at[key.Value] = key.Line
		if !empty(value) {
			read(value)
		}
	})
	return at
}

// listOf lists the keys that there are.
func listOf(keys map[string]func(*yaml.Node)) string {
	var all []string
	for key := range keys {
		all = append(all, key)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (r *reader) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, "%s: expected keys and values", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolved(n.Content[i+1])
		if first, twice := seen[key.Value]; twice {
			r.fault(key.Line, "%s: the key %s stands there already, in line %d", what, key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		each(key, value)
	}
}

func (r *reader) text(n *yaml.Node, key string) string {
	if n.Kind != yaml.ScalarNode {
		r.fault(n.Line, "%s: expected a text", key)
		return ""
	}
	return n.Value
}

func (r *reader) boolean(n *yaml.Node, key string) bool {
	var v bool
	if n.Decode(&v) != nil {
		r.fault(n.Line, "%s: it is %q: expected true or false", key, n.Value)
	}
	return v
}

func (r *reader) duration(n *yaml.Node, key string) time.Duration {
	v, err := time.ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		r.fault(n.Line, "%s: it is %q: expected such as 30s, 5m or 1h30m", key, n.Value)
	}
	return v
}

// resolved returns what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
