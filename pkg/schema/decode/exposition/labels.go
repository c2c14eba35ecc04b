package exposition

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/pkg/schema"
)

// none is the value that prometheus_express gives labels that were not set.
const none = "None"

// labelSet reads the labels behind the brace, and returns what stands behind
// them. allNone says that there are some, and that all are "None".
func (p *Parser) labelSet(line string, s *Sample, first int) (rest string, allNone bool, fault string) {
	allNone = true
	for {
		line = strings.TrimLeft(line, " \t,")
		if strings.HasPrefix(line, "}") {
			break
		}
		if len(p.labels)-first >= MaxLabels {
			return "", false, "there are more than " + strconv.Itoa(MaxLabels) + " labels"
		}
		var name, value string
		named := false
		if name, line, named, fault = labelName(line, s); fault != "" {
			return "", false, fault
		}
		if named {
			continue
		}
		if value, line, fault = labelValue(line, name); fault != "" {
			return "", false, fault
		}
		allNone = allNone && value == none
		p.labels = append(p.labels, schema.Label{Name: name, Value: value})
	}
	allNone = allNone && len(p.labels) > first
	return line[1:], allNone, p.sortLabels(first)
}

// labelName reads a label's name up to and with its '='. named says that it was
// not one, but the metric's own name in quotes, as UTF-8 names are written.
func labelName(line string, s *Sample) (name, rest string, named bool, fault string) {
	if !strings.HasPrefix(line, `"`) {
		name, rest, found := strings.Cut(line, "=")
		name = strings.Trim(name, " \t")
		if !found {
			return "", "", false, "the labels do not end with }"
		}
		return name, strings.TrimLeft(rest, " \t"), false, nameFault("label", name, false)
	}
	name, rest, fault = quotedText(line, true)
	switch {
	case fault != "":
		return "", "", false, fault
	case len(name) > MaxName || name == "":
		return "", "", false, quote(name) + " is not a name: expected 1 to " + strconv.Itoa(MaxName) + " bytes"
	}
	rest = strings.TrimLeft(rest, " \t")
	if after, is := strings.CutPrefix(rest, "="); is {
		return name, strings.TrimLeft(after, " \t"), false, ""
	}
	if s.Name != "" {
		return "", "", false, "the metric has two names, " + quote(s.Name) + " and " + quote(name)
	}
	s.Name = name
	return "", rest, true, ""
}

// labelValue reads a label's value in its quotes.
func labelValue(line, name string) (value, rest, fault string) {
	if !strings.HasPrefix(line, `"`) {
		return "", "", "the value of the label " + quote(name) + " has no quotes"
	}
	value, rest, fault = quotedText(line, false)
	if fault == "" && len(value) > MaxValue {
		fault = "the value of the label " + quote(name) + " has more than " + strconv.Itoa(MaxValue) + " bytes"
	}
	return value, rest, fault
}

// quotedText reads a text in quotes and returns what stands behind it. Boards do
// not escape quotes within values: unless strict, one ends a value only if what
// may stand behind a value does; and a backslash at a value's end may be one.
func quotedText(line string, strict bool) (text, rest, fault string) {
	text, rest, fault = untilQuote(line, strict, true)
	if fault != "" && !strict {
		if text, rest, again := untilQuote(line, strict, false); again == "" {
			return text, rest, ""
		}
	}
	return text, rest, fault
}

func untilQuote(line string, strict, escapes bool) (text, rest, fault string) {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			if escapes {
				i++
			}
		case '"':
			if !strict && !endsValue(line[i+1:]) {
				continue
			}
			if text = line[1:i]; escapes {
				text = unescape(text)
			}
			if !utf8.ValidString(text) {
				return "", "", quote(text) + " is not UTF-8"
			}
			return text, line[i+1:], ""
		}
	}
	return "", "", "the text " + quote(line) + " has no end"
}

// endsValue reports whether rest is what can stand behind a label's value: the
// end of the labels, or a comma and another label.
func endsValue(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	if strings.HasPrefix(rest, "}") {
		return true
	}
	rest, comma := strings.CutPrefix(rest, ",")
	if !comma {
		return false
	}
	rest = strings.TrimLeft(rest, " \t,")
	if strings.HasPrefix(rest, "}") || strings.HasPrefix(rest, `"`) {
		return true
	}
	name, rest, found := strings.Cut(rest, "=")
	return found && nameFault("label", strings.Trim(name, " \t"), false) == "" && strings.HasPrefix(strings.TrimLeft(rest, " \t"), `"`)
}

// unescape undoes what the format escapes: \\, \n and \". A backslash before
// anything else stands for itself.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case '\\', '"':
				i++
			case 'n':
				b.WriteByte('\n')
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
