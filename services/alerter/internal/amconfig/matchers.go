package amconfig

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"weir/pkg/strictyaml"
)

// ParseMatchers reads a list of matchers, `severity="page", zone=~"a|b"`, braces
// around it allowed. As Alertmanager does by default, it reads UTF-8 matchers,
// and classic ones where the UTF-8 form cannot be read or means something else.
func ParseMatchers(input string) (labels.Matchers, error) {
	if !utf8.ValidString(input) {
		return nil, fmt.Errorf("%q: expected UTF-8", input)
	}
	utf8Form, utf8Err := parse.Matchers(input)
	classic, classicErr := labels.ParseMatchers(input)
	switch {
	case utf8Err != nil && classicErr != nil:
		return nil, fmt.Errorf("%q: %w", input, utf8Err)
	case utf8Err != nil:
		return classic, nil
	case classicErr == nil && !reflect.DeepEqual(utf8Form, labels.Matchers(classic)):
		return classic, nil
	}
	return utf8Form, nil
}

// matcherLines is the value of a key like matchers: a list of texts, each of one
// matcher or several.
type matcherLines struct{ all labels.Matchers }

// UnmarshalYAML reads it.
func (m *matcherLines) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.SequenceNode {
		return errors.New("expected a list of matchers")
	}
	var found []string
	for _, line := range node.Content {
		var text string
		if err := line.Decode(&text); err != nil {
			for _, f := range strictyaml.FaultsOf(err) {
				found = append(found, f.String())
			}
			continue
		}
		some, err := ParseMatchers(text)
		if err != nil {
			found = append(found, fmt.Sprintf("line %d: %s", line.Line, err))
		}
		m.all = append(m.all, some...)
	}
	return joined(found)
}

// equalities is the value of a key like match: values by label.
type equalities struct{ all labels.Matchers }

// UnmarshalYAML reads it.
func (m *equalities) UnmarshalYAML(node *yaml.Node) (err error) {
	m.all, err = mapMatchers(node, labels.MatchEqual)
	return err
}

// patterns is the value of a key like match_re: regular expressions by label.
type patterns struct{ all labels.Matchers }

// UnmarshalYAML reads it.
func (m *patterns) UnmarshalYAML(node *yaml.Node) (err error) {
	m.all, err = mapMatchers(node, labels.MatchRegexp)
	return err
}

var classicName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func mapMatchers(node *yaml.Node, kind labels.MatchType) (labels.Matchers, error) {
	var values map[string]yaml.Node
	if err := node.Decode(&values); err != nil {
		return nil, err
	}
	var all labels.Matchers
	var found []string
	for name, value := range values {
		matcher, err := mapMatcher(name, value, kind)
		if err != nil {
			found = append(found, fmt.Sprintf("line %d: %s", value.Line, err))
			continue
		}
		all = append(all, matcher)
	}
	sort.Sort(all)
	return all, joined(found)
}

func mapMatcher(name string, value yaml.Node, kind labels.MatchType) (*labels.Matcher, error) {
	if !classicName.MatchString(name) {
		return nil, fmt.Errorf("invalid label name %q", name)
	}
	var text string
	if value.Kind != yaml.ScalarNode || value.Tag == "!!null" && kind == labels.MatchRegexp {
		return nil, fmt.Errorf("label %s: expected a text", name)
	}
	if err := value.Decode(&text); err != nil {
		return nil, fmt.Errorf("label %s: expected a text", name)
	}
	matcher, err := labels.NewMatcher(kind, name, text)
	if err != nil {
		return nil, fmt.Errorf("label %s: %w", name, err)
	}
	return matcher, nil
}

// joined is the error that lists texts which name their lines.
func joined(texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	return &yaml.TypeError{Errors: texts}
}

// sorted returns all matchers in the order in which Alertmanager names them.
func sorted(lists ...labels.Matchers) labels.Matchers {
	var all labels.Matchers
	for _, list := range lists {
		all = append(all, list...)
	}
	sort.Sort(all)
	return all
}

// labelNames reads names of labels, each of which may be there once.
func labelNames(key string, texts []string) (names []model.LabelName, found []string) {
	seen := map[string]bool{}
	for _, text := range texts {
		switch {
		case text == "" || !utf8.ValidString(text):
			found = append(found, fmt.Sprintf("%s: invalid label name %q", key, text))
		case seen[text]:
			found = append(found, fmt.Sprintf("%s: label %q is there twice", key, text))
		}
		seen[text] = true
		names = append(names, model.LabelName(text))
	}
	return names, found
}
