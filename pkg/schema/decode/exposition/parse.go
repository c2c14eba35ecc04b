package exposition

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/pkg/schema"
)

// Parser reads texts, one after the other. What it returns is valid until its
// next text.
type Parser struct {
	doc      Document
	labels   []schema.Label
	families map[string]int

	text     string // behind the line that is read
	line     int
	offset   int
	seconds  bool // times are seconds
	dropNone bool
	help     help
}

// New returns a parser.
func New() *Parser { return &Parser{families: map[string]int{}} }

// Parse reads a text. The error is an *Error: the first line that cannot be
// read. Nothing of such a text is to be taken.
func (p *Parser) Parse(text string, o Options) (*Document, error) {
	p.doc = Document{Families: p.doc.Families[:0], Samples: p.doc.Samples[:0]}
	p.labels = p.labels[:0]
	clear(p.families)
	p.text, p.line, p.offset, p.dropNone, p.help = text, 0, 0, o.DropNone, help{}
	p.seconds = o.OpenMetrics || strings.HasSuffix(strings.TrimRight(text, "\r\n"), "# EOF")
	for len(text) > 0 {
		line, rest, _ := strings.Cut(text, "\n")
		p.line++
		p.text = rest
		if fault := p.parseLine(strings.TrimSuffix(line, "\r")); fault != "" {
			return nil, &Error{Line: p.line, Offset: p.offset, Reason: fault}
		}
		p.offset += len(text) - len(rest)
		text = rest
	}
	return &p.doc, nil
}

// parseLine reads a line and returns what is wrong with it.
func (p *Parser) parseLine(line string) (fault string) {
	line = strings.Trim(line, " \t")
	switch {
	case line == "":
		return ""
	case p.line < p.help.until:
		p.helpGoesOn(line)
		return ""
	case line[0] == '#':
		p.comment(line[1:])
		return ""
	}
	labels := len(p.labels)
	if fault = p.sample(line); fault == "" {
		p.help = help{}
		return ""
	}
	if p.mayBeHelp(line) {
		p.labels = p.labels[:labels]
		p.helpGoesOn(line)
		return ""
	}
	return fault
}

// comment reads "# TYPE name type" and its like; other comments say nothing.
func (p *Parser) comment(line string) {
	keyword, rest := word(line)
	if keyword != "HELP" && keyword != "TYPE" && keyword != "UNIT" {
		return
	}
	name, rest := word(rest)
	if strings.HasPrefix(name, `"`) { // a UTF-8 name in quotes
		if quoted, after, fault := quotedText(strings.TrimLeft(rest0(line, keyword), " \t"), true); fault == "" {
			name, rest = quoted, after
		}
	}
	if name == "" || len(name) > MaxName {
		return
	}
	p.help = help{}
	f := p.family(name)
	switch text := strings.Trim(rest, " \t"); keyword {
	case "HELP":
		f.Help = unescape(text)
		p.beginHelp(name)
	case "TYPE":
		f.Type = Type(text)
	case "UNIT":
		f.Unit = text
	}
}

// rest0 returns what stands behind the keyword.
func rest0(line, keyword string) string {
	_, after, _ := strings.Cut(line, keyword)
	return after
}

// family returns the family of a name, which is made if it is not there.
func (p *Parser) family(name string) *Family {
	at, known := p.families[name]
	if !known {
		at = len(p.doc.Families)
		p.families[name] = at
		p.doc.Families = append(p.doc.Families, Family{Name: name})
	}
	return &p.doc.Families[at]
}

// word cuts the first word off.
func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	if at := strings.IndexAny(s, " \t"); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}

// sample reads a line with a value.
func (p *Parser) sample(line string) (fault string) {
	if len(p.doc.Samples) >= MaxSamples {
		return "the text has more than " + strconv.Itoa(MaxSamples) + " samples"
	}
	s := Sample{Family: -1}
	first := len(p.labels)
	if s.Name, line, fault = metricName(line); fault != "" {
		return fault
	}
	none := false
	if strings.HasPrefix(line, "{") {
		if line, none, fault = p.labelSet(line[1:], &s, first); fault != "" {
			return fault
		}
	}
	if s.Name == "" {
		return "the metric has no name"
	}
	s.Labels = p.labels[first:len(p.labels):len(p.labels)]
	line, _, _ = strings.Cut(line, " # ") // an exemplar
	value, rest := word(line)
	if dropped, fault := p.value(&s, value); fault != "" || dropped {
		return fault
	}
	if fault := p.time(&s, strings.Trim(rest, " \t")); fault != "" {
		return fault
	}
	if none && p.dropNone {
		return ""
	}
	s.Family = p.familyOf(s.Name)
	p.doc.Samples = append(p.doc.Samples, s)
	return ""
}

// metricName cuts the name off that a line begins with; "" if its name stands
// among the labels.
func metricName(line string) (name, rest, fault string) {
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return "", "", "there is no value behind " + quote(line)
	}
	name, rest = line[:end], strings.TrimLeft(line[end:], " \t")
	if name == "" {
		return "", rest, ""
	}
	return name, rest, nameFault("metric", name, true)
}

// nameFault says what keeps a text from being a name without quotes.
func nameFault(what, name string, colon bool) string {
	if name == "" {
		return "a " + what + " has no name"
	}
	if len(name) > MaxName {
		return "the " + what + "'s name " + quote(name) + " has more than " + strconv.Itoa(MaxName) + " bytes"
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == ':' && colon
		if !letter && (i == 0 || c < '0' || c > '9') {
			return quote(name) + " is not a " + what + "'s name"
		}
	}
	return ""
}

// value reads a sample's value; dropped is one that is none.
func (p *Parser) value(s *Sample, text string) (dropped bool, fault string) {
	switch text {
	case "":
		return false, "there is no value behind " + quote(s.Name)
	case "None", "True", "False":
		p.doc.Dropped++
		return true, ""
	}
	if strings.ContainsAny(text, "_xXpP") { // which Go takes for a number
		return false, quote(text) + " is not a number"
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !isOverflow(err) {
		return false, quote(text) + " is not a number"
	}
	s.Value = v
	return false, ""
}

// isOverflow reports whether a number was only too large: it is infinite then.
func isOverflow(err error) bool {
	number, ok := err.(*strconv.NumError)
	return ok && number.Err == strconv.ErrRange
}

// maxMilliseconds is how far from 1970 a time can be in nanoseconds.
const maxMilliseconds = 1<<63/1_000_000 - 1

// time reads a sample's own time, "" for none.
func (p *Parser) time(s *Sample, text string) (fault string) {
	if text == "" {
		return ""
	}
	var milliseconds float64
	var err error
	if p.seconds {
		milliseconds, err = strconv.ParseFloat(text, 64)
		milliseconds *= 1000
	} else {
		var whole int64
		whole, err = strconv.ParseInt(text, 10, 64)
		milliseconds = float64(whole)
	}
	if err != nil || !(milliseconds >= -maxMilliseconds && milliseconds <= maxMilliseconds) {
		return quote(text) + " is not a time"
	}
	s.Time = int64(milliseconds) * 1_000_000
	return ""
}

// familyOf returns the index of the family that a sample belongs to: the one of
// its name, or of its name without the suffix that its type gives it.
func (p *Parser) familyOf(name string) int {
	if at, known := p.families[name]; known {
		return at
	}
	for _, suffix := range [...]string{"_total", "_created", "_bucket", "_sum", "_count", "_info", "_gcount", "_gsum"} {
		if base, has := strings.CutSuffix(name, suffix); has {
			if at, known := p.families[base]; known {
				return at
			}
		}
	}
	return -1
}

// sortLabels sorts the labels since first and says what is wrong with them.
func (p *Parser) sortLabels(first int) (fault string) {
	own := p.labels[first:]
	slices.SortFunc(own, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(own); i++ {
		if own[i].Name == own[i-1].Name {
			return "the label " + quote(own[i].Name) + " stands there twice"
		}
	}
	p.labels = p.labels[:first+len(slices.DeleteFunc(own, func(l schema.Label) bool { return l.Value == "" }))]
	return ""
}

// quote quotes what is shown of a line, at most its beginning.
func quote(s string) string {
	const most = 40
	if len(s) <= most {
		return strconv.Quote(s)
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strconv.Quote(s[:end] + "…")
}
