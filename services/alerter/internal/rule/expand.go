package rule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// text is a label's or an annotation's text, which may be a template.
type text struct {
	name   model.LabelName
	source string
	pieces []piece // what it consists of, if it can be expanded here
	plain  bool    // it can
}

// piece is a part of a template: a fixed text, a label's value, or the value.
type piece struct {
	fixed string
	label model.LabelName
	value bool
}

// plainAction is an action of a template that only names a label or the value.
var plainAction = regexp.MustCompile(`^(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)$|^(?:\$value|\.Value)$`)

// prepare prepares texts that are expanded for each sample. Texts without actions, or
// whose actions are only the names of labels and the value, are expanded here: nearly
// all are, and executing a template costs a hundred times as much.
func prepare(all model.LabelSet) []text {
	prepared := make([]text, 0, len(all))
	for name, source := range all {
		t := text{name: name, source: string(source)}
		t.pieces, t.plain = piecesOf(t.source)
		prepared = append(prepared, t)
	}
	slices.SortFunc(prepared, func(a, b text) int { return strings.Compare(string(a.name), string(b.name)) })
	return prepared
}

// fixed reports whether the text is no template.
func (t *text) fixed() bool { return t.plain && len(t.pieces) == 1 && t.pieces[0].fixed != "" }

func piecesOf(source string) ([]piece, bool) {
	var all []piece
	for {
		before, rest, found := strings.Cut(source, "{{")
		if before != "" {
			all = append(all, piece{fixed: before})
		}
		if !found {
			return all, true
		}
		action, after, closed := strings.Cut(rest, "}}")
		m := plainAction.FindStringSubmatch(strings.Trim(action, " \t\r\n"))
		if !closed || m == nil {
			return nil, false
		}
		all = append(all, piece{label: model.LabelName(m[1]), value: m[1] == ""})
		source = after
	}
}

// expand appends the text for a sample.
func (e *evaluation) expand(to []byte, t *text, s Sample) []byte {
	if !t.plain {
		return append(to, e.execute(t.source, s)...)
	}
	for _, p := range t.pieces {
		switch {
		case p.value:
			to = fmt.Append(to, s.Value)
		case p.label != "":
			to = append(to, s.Labels[p.label]...)
		default:
			to = append(to, p.fixed...)
		}
	}
	return to
}

// labelValue appends a label's text. One that is too long is replaced by a text
// that says so; which ones are must not depend on the others, or on their order,
// because alerts are told apart by their labels.
func (e *evaluation) labelValue(to []byte, t *text, s Sample) []byte {
	value := e.expand(to, t, s)
	if len(value) > maxLabelValue && !t.fixed() {
		return fmt.Appendf(value[:0], "<error expanding template: more than %d bytes>", maxLabelValue)
	}
	return value
}

// within adds a text's size to those of an alert's others. What goes beyond
// MaxTexts is replaced by a text that says so.
func (e *evaluation) within(size *int, text []byte) []byte {
	if *size+len(text) > MaxTexts {
		text = fmt.Appendf(text[:0], "<error expanding template: the texts have more than %d bytes together>", MaxTexts)
	}
	*size += len(text)
	return text
}

// maxWarnings is how many an Output has at most: the others say the same.
const maxWarnings = 10

var errNoExpander = errors.New("only $labels and $value are understood here")

// execute expands a text as a template. Its error becomes the text.
func (e *evaluation) execute(source string, s Sample) string {
	err := errNoExpander
	if e.Expand != nil {
		var expanded string
		if expanded, err = e.Expand.Expand(e.rule.Name, source, s, e.At); err == nil {
			return expanded
		}
	}
	if len(e.out.Warnings) < maxWarnings {
		e.out.Warnings = append(e.out.Warnings, fmt.Sprintf("expand %q for %s: %v", source, s.Labels, err))
	}
	return fmt.Sprintf("<error expanding template: %s>", err)
}
