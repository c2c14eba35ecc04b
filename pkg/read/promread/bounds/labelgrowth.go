package bounds

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// What label_replace and label_join may make of a series' labels. The engine has
// no bound for them: label_join of a label with itself, forty times, would end the
// process with any series.
const (
	// MaxLabelCopies is of how many of its labels' values what a query writes
	// into a series may consist.
	MaxLabelCopies = 32
	// MaxLabelText is how many bytes of text of its own a query may write into a
	// series.
	MaxLabelText = 4096
)

// growth says how long a label's value may become: so many times the longest of
// a series' values, and so many bytes.
type growth struct{ copies, text float64 }

func (g growth) plus(o growth) growth { return growth{g.copies + o.copies, g.text + o.text} }

func (g growth) or(o growth) growth { return growth{max(g.copies, o.copies), max(g.text, o.text)} }

// labelGrowth looks at what a query writes into labels.
type labelGrowth struct {
	patterns
	err error
}

// of returns how long the labels may become that an expression writes.
func (l *labelGrowth) of(e parser.Node) map[string]growth {
	written := map[string]growth{}
	for child := range parser.ChildrenIter(e) {
		if l.err != nil {
			return written
		}
		for name, g := range l.of(child) {
			written[name] = written[name].or(g)
		}
	}
	if call, ok := e.(*parser.Call); ok {
		l.call(call, written)
	}
	return written
}

func (l *labelGrowth) call(e *parser.Call, written map[string]growth) {
	var value growth
	switch e.Func.Name {
	case "label_replace": // v, dst, replacement, src, regex
		replacement := text(e.Args[2])
		references := float64(strings.Count(replacement, "$"))
		of := valueOf(written, text(e.Args[3]))
		value = growth{references * of.copies, references*of.text + float64(len(replacement))}
		if err := l.add(text(e.Args[4])); err != nil {
			l.err = fmt.Errorf("label_replace: %w", err)
			return
		}
	case "label_join": // v, dst, separator, src …
		for _, src := range e.Args[3:] {
			value = value.plus(valueOf(written, text(src)))
			value.text += float64(len(text(e.Args[2])))
		}
	default:
		return
	}
	dst := text(e.Args[1])
	value.text += float64(len(dst))
	written[dst] = value.or(written[dst])
	all := growth{}
	for _, g := range written {
		all = all.plus(g)
	}
	if all.copies > MaxLabelCopies || all.text > MaxLabelText {
		l.err = fmt.Errorf("%s: a series' labels may become %.0f times as long, and %.0f bytes: more than %d times and %d bytes",
			e.Func.Name, all.copies, all.text, MaxLabelCopies, MaxLabelText)
	}
}

// valueOf is how long a label may be: what nothing is written into is as it was.
func valueOf(written map[string]growth, name string) growth {
	if g, ok := written[name]; ok {
		return g.or(growth{copies: 1})
	}
	return growth{copies: 1}
}

// text is a string argument's.
func text(e parser.Expr) string {
	for {
		switch s := e.(type) {
		case *parser.StringLiteral:
			return s.Val
		case *parser.ParenExpr:
			e = s.Expr
		case *parser.StepInvariantExpr:
			e = s.Expr
		default:
			return ""
		}
	}
}

// checkLabels returns an error if a query writes too much into labels.
func checkLabels(e parser.Expr) error {
	var l labelGrowth
	l.of(e)
	return l.err
}
