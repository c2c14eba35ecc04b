package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// promQL is the PromQL of rules: Prometheus' without what it has behind flags.
var promQL = parser.NewParser(parser.Options{})

// The keys of rule files. All are Prometheus', but resolve_on_absent.
var (
	fileKeys  = []string{"groups"}
	groupKeys = []string{"name", "interval", "query_offset", "limit", "rules", "labels"}
	ruleKeys  = []string{"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations", absentKey}
)

// absentKey is ours: a rule's alert whose series vanishes is resolved.
const absentKey = "resolve_on_absent"

// Parse reads a rule file in Prometheus' format. An alerting rule may have the key
// resolve_on_absent besides; every other key that Prometheus does not know is a
// fault. The error is Faults: all of them.
func Parse(file string, content []byte) ([]Group, error) {
	p := parsing{file: file}
	doc := p.document(content)
	if doc == nil {
		return nil, p.faults.sorted()
	}
	var groups []Group
	seen := map[string]bool{}
	for _, pair := range p.pairs(doc, "the file", fileKeys) {
		for _, n := range p.list(pair.value, "groups") {
			p.group, p.rule = "", ""
			g := p.parseGroup(n)
			if seen[g.Name] {
				p.fault(n.Line, "there are two groups of this name in the file")
			}
			seen[g.Name] = true
			groups = append(groups, g)
		}
	}
	if err := p.faults.sorted(); err != nil {
		return nil, err
	}
	return groups, nil
}

// parsing is the reading of one file.
type parsing struct {
	file        string
	group, rule string
	faults      Faults
}

func (p *parsing) fault(line int, format string, args ...any) {
	p.faults = append(p.faults, Fault{p.file, line, p.group, p.rule, fmt.Sprintf(format, args...)})
}

// document returns the root of the file's only document, nil for an empty file.
func (p *parsing) document(content []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		p.yamlFault(0, err)
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		p.fault(second.Line, "a second document: a rule file has one")
	} else if !errors.Is(err, io.EOF) {
		p.yamlFault(0, err)
	}
	root := resolve(doc.Content[0])
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	return root
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// yamlFault enters what the YAML library says, with its own lines if it has some.
func (p *parsing) yamlFault(line int, err error) {
	lines := []string{err.Error()}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		lines = typed.Errors
	}
	for _, text := range lines {
		at := line
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			at, _ = strconv.Atoi(m[1])
			text = text[len(m[0]):]
		}
		p.fault(at, "%s", strings.TrimPrefix(text, "yaml: "))
	}
}

// pair is a key of a mapping with its value.
type pair struct {
	key   string
	line  int
	node  *yaml.Node // of the key
	value *yaml.Node
}

// pairs returns what a mapping has under keys that are known.
func (p *parsing) pairs(n *yaml.Node, what string, known []string) []pair {
	return p.pairsWithin(0, n, what, known)
}

// maxMerges bounds how deep mappings may be merged into each other: one may name itself.
const maxMerges = 20

func (p *parsing) pairsWithin(depth int, n *yaml.Node, what string, known []string) []pair {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		p.fault(n.Line, "%s is no mapping of keys to values", what)
		return nil
	}
	var all []pair
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, twice := first[key.Value], first[key.Value] > 0; {
		case twice:
			p.fault(key.Line, "the key %q is there twice, in line %d before", key.Value, line)
		case key.Tag == "!!merge":
			if value = resolve(value); value.Kind == yaml.MappingNode && depth < maxMerges {
				all = append(p.pairsWithin(depth+1, value, what, known), all...)
			} else {
				p.fault(key.Line, "only one other mapping can be merged here")
			}
		case !slices.Contains(known, key.Value):
			p.fault(key.Line, "unknown key %q: expected %s", key.Value, oneOf(known))
		default:
			all = append(all, pair{key.Value, key.Line, key, value})
		}
		first[key.Value] = key.Line
	}
	return lastOfEach(all)
}

// lastOfEach leaves out what was merged where the mapping has its own.
func lastOfEach(all []pair) []pair {
	var out []pair
	for i, a := range all {
		if !slices.ContainsFunc(all[i+1:], func(b pair) bool { return a.key == b.key }) {
			out = append(out, a)
		}
	}
	return out
}

func (p *parsing) list(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.fault(n.Line, "%s is no list", what)
		return nil
	}
	return n.Content
}

// resolve follows aliases.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// scalar returns the text under the first of the keys that a mapping itself has.
func scalar(n *yaml.Node, keys ...string) string {
	n = resolve(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if v := resolve(n.Content[i+1]); slices.Contains(keys, n.Content[i].Value) && v.Kind == yaml.ScalarNode && v.Value != "" {
			return v.Value
		}
	}
	return ""
}

func oneOf(known []string) string {
	if len(known) == 1 {
		return known[0]
	}
	return strings.Join(known[:len(known)-1], ", ") + " or " + known[len(known)-1]
}

func (p *parsing) parseGroup(n *yaml.Node) Group {
	p.group = scalar(n, "name")
	pairs := p.pairs(n, "a group", groupKeys)
	var raw rulefmt.RuleGroup
	var rules []*yaml.Node
	for _, pr := range pairs {
		if pr.key == "rules" {
			rules = p.list(pr.value, "rules")
			continue
		}
		p.decode(pr, &raw)
	}
	if raw.Name == "" {
		p.fault(n.Line, "a group must have a name")
	}
	p.checkLabels(pairs, raw.Labels)
	g := Group{Key: p.file + ";" + raw.Name, File: p.file, Name: raw.Name, Interval: time.Duration(raw.Interval), Limit: raw.Limit, Labels: labelSet(raw.Labels)}
	if raw.QueryOffset != nil {
		g.QueryOffset = time.Duration(*raw.QueryOffset)
	}
	for i, n := range rules {
		if r := p.parseRule(i, n, &g); r != nil {
			g.Rules = append(g.Rules, r)
		}
	}
	p.rule = ""
	setKeys(&g)
	return g
}

// decode decodes one key's value into what has it.
func (p *parsing) decode(pr pair, into any) bool {
	one := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: pr.line, Content: []*yaml.Node{pr.node, pr.value}}
	before := len(p.faults)
	if err := one.Decode(into); err != nil {
		p.yamlFault(resolve(pr.value).Line, err)
		for i := before; i < len(p.faults); i++ {
			p.faults[i].Reason = pr.key + ": " + p.faults[i].Reason
		}
		return false
	}
	return true
}

func (p *parsing) checkLabels(pairs []pair, labels map[string]string) {
	for _, pr := range pairs {
		if pr.key != "labels" {
			continue
		}
		for name, value := range labels {
			if !model.UTF8Validation.IsValidLabelName(name) || name == model.MetricNameLabel {
				p.fault(lineOf(pr.value, name), "invalid label name: %s", name)
			}
			if !model.LabelValue(value).IsValid() {
				p.fault(lineOf(pr.value, name), "invalid label value: %q", value)
			}
		}
	}
}

// lineOf returns the line of a mapping's key, the mapping's own if it has none.
func lineOf(n *yaml.Node, key string) int {
	n = resolve(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i].Line
		}
	}
	return n.Line
}

func labelSet(m map[string]string) model.LabelSet {
	if len(m) == 0 {
		return nil
	}
	all := make(model.LabelSet, len(m))
	for name, value := range m {
		all[model.LabelName(name)] = model.LabelValue(value)
	}
	return all
}
