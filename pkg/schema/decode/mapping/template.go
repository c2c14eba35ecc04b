package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// template is a text with captures in it.
type template struct {
	parts []part
}

type part struct {
	text    string
	capture int // in the match's captures; -1 for text, fieldCapture for {field}
}

// fieldCapture is what {field} stands for.
const fieldCapture = -2

// parseTemplate reads a template; captures are the names that the topic has.
func parseTemplate(text string, captures []string, field bool) (t template, fault string) {
	for text != "" {
		before, rest, more := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return t, "there is a } without a {"
		}
		if before != "" {
			t.parts = append(t.parts, part{before, -1})
		}
		if !more {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, "a { has no }"
		}
		at := slices.Index(captures, name)
		switch {
		case name == "field" && field:
			at = fieldCapture
		case at < 0:
			return t, fmt.Sprintf("{%s} is not in the topic, which has %s", name, listed(captures))
		}
		t.parts = append(t.parts, part{capture: at})
		text = after
	}
	return t, ""
}

func listed(captures []string) string {
	if len(captures) == 0 {
		return "no {name}"
	}
	return "{" + strings.Join(captures, "}, {") + "}"
}

func (t template) has(capture int) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.capture == capture })
}

// expand puts the captures in; of what stands around {field} it returns the two
// halves.
func (t template) expand(captures []string) (before, after string) {
	var b strings.Builder
	for _, p := range t.parts {
		switch p.capture {
		case fieldCapture:
			before = b.String()
			b.Reset()
		case -1:
			b.WriteString(p.text)
		default:
			b.WriteString(captures[p.capture])
		}
	}
	if t.has(fieldCapture) {
		return before, b.String()
	}
	return b.String(), ""
}
