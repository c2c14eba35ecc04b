package rule

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// maxDepth bounds how deep parentheses may nest.
const maxDepth = 100

func (p *eplParser) allOf() { p.allOfWithin(0) }

func (p *eplParser) allOfWithin(depth int) {
	for {
		if depth < maxDepth && p.is("(") {
			p.next()
			p.allOfWithin(depth + 1)
			p.keyword(")")
		} else {
			p.comparison()
		}
		if !p.take("and") {
			return
		}
	}
}

var mirrored = map[string]string{">": "<", ">=": "<=", "<": ">", "<=": ">="}

// comparison reads attribute OP number, number OP attribute, or type or id = "text".
func (p *eplParser) comparison() {
	if p.isNumber() {
		n := p.number()
		op := p.operator()
		if m, ok := mirrored[op]; ok {
			op = m
		}
		p.compare(p.value(), condition{op, n})
		return
	}
	name := p.value()
	op := p.operator()
	if p.isString() {
		p.identity(name, op, p.text())
		return
	}
	p.compare(name, condition{op, p.number()})
}

func (p *eplParser) compare(attribute string, c condition) {
	switch {
	case p.err != nil:
		return
	case attribute == "id" || attribute == "type":
		p.fail("%s is compared with a number", attribute)
	case p.attribute != "" && p.attribute != attribute:
		p.fail("it compares two attributes, %s and %s", p.attribute, attribute)
	}
	p.attribute = attribute
	p.conditions = append(p.conditions, c)
}

func (p *eplParser) identity(name, op, text string) {
	label, known := map[string]string{"id": entityIDLabel, "type": entityTypeLabel}[name]
	kind, equality := map[string]labels.MatchType{"==": labels.MatchEqual, "!=": labels.MatchNotEqual}[op]
	switch {
	case p.err != nil:
	case !known:
		p.fail("%s is compared with a text, which only type and id may be", name)
	case !equality:
		p.fail("%s is compared with a text by %s", name, op)
	default:
		p.matchers = append(p.matchers, labels.MustNewMatcher(kind, label, text))
	}
}

func (p *eplParser) operator() string {
	op, ok := operators[p.token]
	if !ok {
		p.fail("%s: expected >, >=, <, <=, = or !=", p.here())
		return ""
	}
	p.next()
	return op
}

// value reads ev.name?, name, or a cast of it, and returns the name.
func (p *eplParser) value() string {
	if p.is("cast") {
		return p.cast(0)
	}
	return p.property()
}

var castTypes = []string{"string", "float", "double", "int", "integer", "long"}

func (p *eplParser) cast(depth int) string {
	p.keyword("cast", "(")
	name := ""
	if p.is("cast") && depth < maxDepth {
		name = p.cast(depth + 1)
	} else {
		name = p.property()
	}
	p.keyword(",")
	if kind := p.identifier(); p.err == nil && !slices.Contains(castTypes, strings.ToLower(kind)) {
		p.fail("a cast to %s is not understood", kind)
	}
	p.keyword(")")
	return name
}

func (p *eplParser) property() string {
	name := p.part()
	if p.take(".") {
		name = p.part()
	}
	if p.err == nil && slices.Contains([]string{"and", "or", "not", "where", "from", "as"}, strings.ToLower(name)) {
		p.fail("%s is not understood there", name)
	}
	return name
}

func (p *eplParser) part() string {
	p.token = strings.TrimSuffix(p.token, "?")
	return p.identifier()
}

func (p *eplParser) isString() bool {
	return strings.HasPrefix(p.token, `"`) || strings.HasPrefix(p.token, "'")
}

func (p *eplParser) isNumber() bool {
	return p.token == "-" || p.token == "+" || p.token != "" && (p.token[0] >= '0' && p.token[0] <= '9' || len(p.token) > 1 && p.token[0] == '.')
}

func (p *eplParser) text() string {
	t := p.token[1 : len(p.token)-1]
	p.next()
	return unescape.ReplaceAllString(t, "$1")
}

var unescape = regexp.MustCompile(`\\(.)`)

func (p *eplParser) number() float64 {
	sign := 1.0
	if p.is("-") {
		sign = -1
	}
	if p.is("-") || p.is("+") {
		p.next()
	}
	n, err := strconv.ParseFloat(p.token, 64)
	if err != nil || !p.isNumber() {
		if errors.Is(err, strconv.ErrRange) {
			p.fail("%s is too large", p.token)
			return 0
		}
		p.fail("%s: expected a number", p.here())
		return 0
	}
	p.next()
	return sign * n
}
