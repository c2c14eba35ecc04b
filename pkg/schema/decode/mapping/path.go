package mapping

import (
	"fmt"
	"strconv"
	"strings"
)

// parsePath reads a JSON path: the names and indexes on the way to a value.
func parsePath(text string) (steps []string, fault string) {
	rest, dollar := strings.CutPrefix(text, "$")
	if !dollar {
		rest = "." + text
	}
	fault = fmt.Sprintf("%q is not a JSON path such as $.status.code, $.list[0] or $[\"a.b\"]", text)
	if text == "" || text == "$" {
		return nil, fault
	}
	for rest != "" {
		var step string
		var ok bool
		if step, rest, ok = cutStep(rest); !ok {
			return nil, fault
		}
		steps = append(steps, step)
	}
	return steps, ""
}

func cutStep(text string) (step, rest string, ok bool) {
	if name, is := strings.CutPrefix(text, "."); is {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		return name[:end], name[end:], end > 0
	}
	inside, is := strings.CutPrefix(text, "[")
	if !is {
		return "", "", false
	}
	if quoted, err := strconv.QuotedPrefix(inside); err == nil {
		name, _ := strconv.Unquote(quoted)
		rest, ok = strings.CutPrefix(inside[len(quoted):], "]")
		return name, rest, ok && name != ""
	}
	number, rest, closed := strings.Cut(inside, "]")
	n, err := strconv.Atoi(number)
	return strconv.Itoa(n), rest, closed && err == nil && n >= 0
}
