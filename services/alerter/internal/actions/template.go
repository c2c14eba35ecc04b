package actions

import (
	"encoding/json"
	"strings"
)

// expand puts values in the place of each ${name}: what the event does not have
// becomes the text null.
func expand(template string, e Event) string {
	s, _ := expandText(template, e)
	return s
}

// maxText is the longest text that placeholders make, in bytes: a template may name
// a long label again and again. What goes beyond is cut off.
const maxText = 1 << 20

// expandText also reports whether there was any placeholder.
func expandText(template string, e Event) (expanded string, placeholders bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "${")
		name, after, closed := strings.Cut(rest, "}")
		if b.Len()+len(before) > maxText {
			b.WriteString(strings.ToValidUTF8(before[:max(0, maxText-b.Len())], "") + "…")
			return b.String(), placeholders
		}
		if !found || !closed {
			b.WriteString(template)
			return b.String(), placeholders
		}
		b.WriteString(before)
		v := e[strings.TrimSpace(name)]
		if v == nil {
			b.WriteString("null")
		} else {
			b.WriteString(text(v))
		}
		template, placeholders = after, true
	}
}

// unresolved reports whether a template is one placeholder for what the event
// does not have.
func unresolved(template string, e Event) bool {
	name, ok := strings.CutPrefix(strings.TrimSpace(template), "${")
	if !ok {
		return false
	}
	name, ok = strings.CutSuffix(name, "}")
	return ok && !strings.Contains(name, "}") && e[strings.TrimSpace(name)] == nil
}

// expandCast expands a text that is to become a value: null if nothing is known
// of it, a number, boolean or object if it reads as one. A text without
// placeholders stays what its author wrote.
func expandCast(template string, e Event) any {
	if unresolved(template, e) {
		return nil
	}
	s, placeholders := expandText(template, e)
	if !placeholders {
		return s
	}
	return cast(s)
}

// cast returns the JSON value that a text is, or the text.
func cast(s string) any {
	var v any
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.InputOffset() != int64(len(strings.TrimRight(s, " \t\r\n"))) {
		return s
	}
	return v
}

// expandValue expands every text within a value, casting each.
func expandValue(v any, e Event) any {
	switch v := v.(type) {
	case string:
		return expandCast(v, e)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = expandValue(v[i], e)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for key, value := range v {
			all[expand(key, e)] = expandValue(value, e)
		}
		return all
	}
	return v
}
