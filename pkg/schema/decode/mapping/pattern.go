package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// pattern is the topics of a mapping.
type pattern struct {
	levels []level
	rest   int // the capture of all further levels, -1 if there may be none, dropRest if they are not captured
}

const dropRest = -2

type level struct {
	text    string
	capture int // -1 for text, dropRest for any level
}

// parsePattern reads what a mapping matches, and the names of its captures.
func parsePattern(match string) (p pattern, captures []string, fault string) {
	p.rest = -1
	if match == "" {
		return p, nil, "it is missing: expected such as plant/{service}/{line}/{device}/state"
	}
	levels := strings.Split(match, "/")
	for i, text := range levels {
		inner, named := capture(text)
		inner, all := strings.CutSuffix(inner, "...")
		switch {
		case text == "#", named && all:
			if i < len(levels)-1 {
				return p, nil, fmt.Sprintf("%s stands before other levels: expected it at the end", text)
			}
			p.rest = dropRest
			if named {
				p.rest, captures, fault = enter(captures, inner)
			}
		case text == "+":
			p.levels = append(p.levels, level{capture: dropRest})
		case named:
			var at int
			at, captures, fault = enter(captures, inner)
			p.levels = append(p.levels, level{capture: at})
		case strings.ContainsAny(text, "+#{}\x00"):
			return p, nil, fmt.Sprintf("the level %q is neither a text nor one {name}, '+' or '#'", text)
		default:
			p.levels = append(p.levels, level{text: text, capture: -1})
		}
		if fault != "" {
			return p, nil, fault
		}
	}
	return p, captures, ""
}

// capture returns the name in a level {name}.
func capture(level string) (name string, is bool) {
	if len(level) < 2 || level[0] != '{' || level[len(level)-1] != '}' {
		return level, false
	}
	return level[1 : len(level)-1], true
}

func enter(captures []string, name string) (int, []string, string) {
	switch {
	case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "":
		return 0, captures, fmt.Sprintf("{%s} is not a name of letters, digits and '_'", name)
	case name == "field":
		return 0, captures, "{field} is what the payload calls a value: expected another name"
	case slices.Contains(captures, name):
		return 0, captures, fmt.Sprintf("{%s} stands there twice", name)
	}
	return len(captures), append(captures, name), ""
}

// find returns the captures of a topic, if it is one of the pattern's.
func (p *pattern) find(topic string, into []string) (captures []string, ok bool) {
	if topic == "" || topic[0] == '$' && (len(p.levels) == 0 || p.levels[0].capture != -1) {
		return nil, false // as MQTT has it, no wildcard is for a server's own topics
	}
	rest, more := topic, true
	for i := range p.levels {
		if !more {
			return nil, false
		}
		var text string
		text, rest, more = strings.Cut(rest, "/")
		switch l := &p.levels[i]; {
		case l.capture >= 0:
			into = append(into, text)
		case l.capture == -1 && l.text != text:
			return nil, false
		}
	}
	if !more {
		rest = ""
	}
	if p.rest >= 0 {
		into = append(into, rest)
	}
	return into, p.rest != -1 || !more
}
