package mapping

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is all that is wrong with a configuration.
type Error struct{ Faults []Fault }

// Fault is one thing that is wrong.
type Fault struct {
	Line int // of the file, 1, 2, 3 …
	Text string
}

// Error returns the faults, a line each.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, fmt.Sprintf("line %d: %s", f.Line, f.Text))
	}
	return strings.Join(lines, "\n")
}

// Parse reads the section topic_mappings of a sources file, that is, what stands
// behind this key: a list of mappings, or an object with them and with API keys:
//
//	api_keys:
//	  4jggokgpepnvsb2uv4s40d59ov: factory/hall1
//	mappings:
//	  - match: plant/{service}/{line}/{device}/state
//	    subservice: hall1
//	    labels: {line: "{line}"}
//	    values: {on: 1, off: 0}
//
// What Mapping says of a key that may be missing is its default: payload json,
// service {service}, subservice {subservice}, device {device}, name {field}. The
// set has the shipped mappings behind those that are read. The error, if any, is
// an *Error with all that is wrong.
func Parse(text []byte) (*Set, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	root := &yaml.Node{}
	switch err := decoder.Decode(root); {
	case errors.Is(err, io.EOF):
		return Shipped(), nil
	case err != nil:
		return nil, &Error{[]Fault{syntaxFault(err)}}
	}
	if second := new(yaml.Node); !errors.Is(decoder.Decode(second), io.EOF) {
		return nil, &Error{[]Fault{{max(second.Line, 1), "there is a second document: expected one"}}}
	}
	return ParseNode(root.Content[0])
}

// syntaxFault takes the line out of what the YAML parser says.
func syntaxFault(err error) Fault {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, has := strings.CutPrefix(text, "line "); has {
		number, after, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return Fault{line, after}
		}
	}
	return Fault{1, text}
}

// ParseNode does the same for a section whose file was read already; nil stands
// for none.
func ParseNode(section *yaml.Node) (*Set, error) {
	r := &reader{}
	var c config
	if section != nil {
		c = r.section(section)
	}
	var set *Set
	if len(r.faults) == 0 {
		var faults []setFault
		set, faults = newSet(c)
		for _, f := range faults {
			r.compiled(f)
		}
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
		return nil, &Error{r.faults}
	}
	return set, nil
}
