// Package jsonpath finds a value in a JSON document.
package jsonpath

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Path leads to a value: names with dots between them, and indexes in brackets,
// as in "status", "$.components.blockchain" or "nodes[0].state". A name with a
// dot or a bracket stands in brackets and quotes: ["a.b"].
type Path struct {
	text  string
	steps []step
}

type step struct {
	name  string
	index int // of a list, if the name is ""
}

// Parse reads a path.
func Parse(text string) (Path, error) {
	p := Path{text: text}
	rest := strings.TrimPrefix(text, "$")
	if rest == text {
		rest = "." + text
	}
	for rest != "" {
		s, after, ok := cut(rest)
		if !ok {
			return Path{}, fmt.Errorf("%q is not a path such as components.blockchain or nodes[0].state", text)
		}
		p.steps, rest = append(p.steps, s), after
	}
	return p, nil
}

// cut takes the first step off.
func cut(text string) (s step, rest string, ok bool) {
	if name, is := strings.CutPrefix(text, "."); is {
		if strings.HasPrefix(name, "[") { // a path that begins with brackets
			return cut(name)
		}
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		return step{name: name[:end]}, name[end:], end > 0
	}
	inside, is := strings.CutPrefix(text, "[")
	if !is {
		return step{}, "", false
	}
	if strings.HasPrefix(inside, `"`) {
		quoted, err := strconv.QuotedPrefix(inside)
		if err != nil {
			return step{}, "", false
		}
		name, _ := strconv.Unquote(quoted)
		rest, ok = strings.CutPrefix(inside[len(quoted):], "]")
		return step{name: name}, rest, ok && name != ""
	}
	number, rest, ok := strings.Cut(inside, "]")
	index, err := strconv.Atoi(number)
	return step{index: index}, rest, ok && err == nil && index >= 0
}

// String returns the path as it was written.
func (p Path) String() string { return p.text }

// MarshalText returns the path as it was written.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText reads a path.
func (p *Path) UnmarshalText(text []byte) (err error) {
	*p, err = Parse(string(text))
	return err
}

// Text returns the value that the path leads to in a document: a text as it is,
// anything else as JSON without spaces. The error says which part of the path the
// document does not have.
func (p Path) Text(document []byte) (string, error) {
	at := json.RawMessage(document)
	for _, s := range p.steps {
		next, err := s.in(at)
		if err != nil {
			return "", err
		}
		at = next
	}
	var text string
	if bytes.HasPrefix(bytes.TrimSpace(at), []byte{'"'}) && json.Unmarshal(at, &text) == nil {
		return text, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, at); err != nil {
		return "", fmt.Errorf("the document is not JSON: %w", err)
	}
	return b.String(), nil
}

func (s step) in(value json.RawMessage) (json.RawMessage, error) {
	if s.name == "" {
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil || s.index >= len(list) {
			return nil, fmt.Errorf("there is no [%d]", s.index)
		}
		return list[s.index], nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil {
		return nil, fmt.Errorf("there is no object with %q", s.name)
	}
	next, ok := object[s.name]
	if !ok {
		return nil, fmt.Errorf("there is no %q", s.name)
	}
	return next, nil
}
