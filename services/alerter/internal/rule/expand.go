package rule

import (
	"errors"
	"fmt"
	"regexp"
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
	e.out.Warnings = append(e.out.Warnings, fmt.Sprintf("expand %q for %s: %v", source, s.Labels, err))
	return fmt.Sprintf("<error expanding template: %s>", err)
}
