package rule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// understood says which EPL is.
const understood = `understood are PromQL expressions, and EPL of the form ` +
	`select *, ev.ATTRIBUTE? as NAME from iotEvent as ev where cast(cast(ev.ATTRIBUTE?,String),float) > NUMBER and type = "TYPE" and id = "ID", ` +
	`the condition also within from pattern [every ev=iotEvent(…)]`

// epl is an EPL statement that says no more than a threshold.
type epl struct {
	ruleName   string            // "name" as ruleName, if selected
	columns    map[string]string // names of selected attributes
	attribute  string            // that is compared
	conditions []condition       // all of which must hold
	matchers   []*labels.Matcher // on the entity's type and id
}

var eplToken = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*\??|<=|>=|<>|!=|[-+*=<>(),.\[\]])`)

// eplParser reads EPL's tokens one after the other. Its first fault stays.
type eplParser struct {
	rest  string
	token string // the present one, "" at the end
	err   error
	epl
}

// parseEPL reads a statement; what it does not understand is an error.
func parseEPL(text string) (epl, error) {
	p := eplParser{rest: text, epl: epl{columns: map[string]string{}}}
	p.next()
	p.keyword("select")
	p.selection()
	p.keyword("from")
	p.from()
	if p.token != "" {
		p.fail("%s is not understood there", p.token)
	}
	if p.err == nil && len(p.conditions) == 0 {
		p.fail("it compares no attribute with a number")
	}
	return p.epl, p.err
}

func (p *eplParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.token, p.rest = "", ""
}

func (p *eplParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	p.token = eplToken.FindString(p.rest)
	if p.token == "" && p.rest != "" {
		p.fail("%.20q is not understood", p.rest)
		return
	}
	p.rest = p.rest[len(p.token):]
}

func (p *eplParser) is(word string) bool { return strings.EqualFold(p.token, word) }

// take goes on if the token is this one.
func (p *eplParser) take(word string) bool {
	if !p.is(word) {
		return false
	}
	p.next()
	return true
}

func (p *eplParser) keyword(words ...string) {
	for _, w := range words {
		if !p.take(w) {
			p.fail("%s: expected %s", p.here(), w)
		}
	}
}

func (p *eplParser) here() string {
	if p.token == "" {
		return "the end"
	}
	return p.token
}

var eplIdentifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *eplParser) identifier() string {
	name := p.token
	if !eplIdentifier.MatchString(name) {
		p.fail("%s: expected a name", p.here())
		return ""
	}
	p.next()
	return name
}

// selection reads what is selected.
func (p *eplParser) selection() {
	for {
		switch {
		case p.take("*"):
		case p.isString():
			p.constant()
		default:
			p.column()
		}
		if !p.take(",") {
			return
		}
	}
}

// constant reads "too_hot" as ruleName.
func (p *eplParser) constant() {
	text := p.text()
	p.keyword("as")
	if as := p.identifier(); as == "ruleName" {
		p.ruleName = text
	}
}

func (p *eplParser) column() {
	attribute := p.value()
	as := attribute
	if p.take("as") {
		as = p.identifier()
	}
	if p.err == nil {
		p.columns[as] = attribute
	}
}

// from reads the stream and its conditions.
func (p *eplParser) from() {
	if p.take("pattern") {
		p.keyword("[", "every")
		if !p.is("iotEvent") {
			p.identifier()
			p.keyword("=")
		}
		p.stream()
		p.keyword("]")
	} else {
		p.stream()
		if p.take("as") || p.token != "" && !p.is("where") {
			p.identifier()
		}
	}
	if p.take("where") {
		p.allOf()
	}
}

func (p *eplParser) stream() {
	p.keyword("iotEvent")
	if p.take("(") {
		p.allOf()
		p.keyword(")")
	}
}
