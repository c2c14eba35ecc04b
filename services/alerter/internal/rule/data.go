package rule

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread/bounds"
)

// DataExpression returns the expression whose result has the labels of each
// series of which expr can tell whether its condition is true: expr with each
// condition in it made true. It returns "" if absence is what expr looks for.
//
// What holds: its result has every set of labels, names aside, that the result
// of expr has. Its values mean nothing. It must never fail where expr does not,
// and a condition often leaves one series of many: so operations that would then
// meet several are given one of each set of labels, by group. For the same reason
// x OP y, which is x == y or x != y with its condition made true, becomes x and y.
//
//	x > 80                       x
//	sum by (a) (x > 80) > 3      sum by (a) (x)
//	x > on (a) y                 group by (a) (x) and on (a) y
//	x > on (a) group_left () y   x and on (a) y
//	x unless y                   x
//	x on (a) or y                x or y
//	topk(3, x)                   x
//	x > scalar(y)                x and on () y
func DataExpression(expr parser.Expr) string {
	text, err := dataExpression(expr)
	if err != nil {
		return ""
	}
	return text
}

// dataExpression returns errTooLarge where an expression would grow without end.
func dataExpression(expr parser.Expr) (string, error) {
	d := data{names: mentionsNames(expr), sizes: map[parser.Node]int{}}
	if expr.Type() == parser.ValueTypeScalar {
		return "vector(1)", nil
	}
	e := d.of(expr)
	switch {
	case d.absence:
		return "", nil
	case d.tooLarge:
		return "", errTooLarge
	}
	return e.String(), nil
}

// data derives data expressions.
type data struct {
	absence bool // absence is what is looked for somewhere in it
	names   bool // metric names are told apart somewhere in it, so they must be dropped where they would be

	tooLarge bool
	sizes    map[parser.Node]int // in nodes, of expressions that are looked at again
}

// size returns how many nodes an expression has, those that it has twice counted
// twice.
func (d *data) size(n parser.Node) int {
	if size, ok := d.sizes[n]; ok {
		return size
	}
	size := 1
	for child := range parser.ChildrenIter(n) {
		size = min(size+d.size(child), bounds.MaxTokens+1)
	}
	d.sizes[n] = size
	return size
}

// of returns the data expression of a vector's or a range vector's expression.
// What is a number stays as it is. What has conditions may be needed twice, which
// doubles an expression with each level: one that grows too large stays as it is.
func (d *data) of(e parser.Expr) parser.Expr {
	x := d.derive(e)
	if d.size(x) > bounds.MaxTokens {
		d.tooLarge = true
		return e
	}
	return x
}

func (d *data) derive(e parser.Expr) parser.Expr {
	if e.Type() == parser.ValueTypeScalar || e.Type() == parser.ValueTypeString {
		return e
	}
	switch e := e.(type) {
	case *parser.ParenExpr:
		return d.of(e.Expr)
	case *parser.StepInvariantExpr:
		return d.of(e.Expr)
	case *parser.UnaryExpr:
		return d.nameless(d.of(e.Expr))
	case *parser.SubqueryExpr:
		sub := *e
		sub.Expr = operand(d.of(e.Expr))
		return &sub
	case *parser.AggregateExpr:
		return d.aggregate(e)
	case *parser.BinaryExpr:
		return d.binary(e)
	case *parser.Call:
		return d.call(e)
	}
	return e // a selector
}

func (d *data) aggregate(e *parser.AggregateExpr) parser.Expr {
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return d.of(e.Expr) // which of the series are taken is a condition
	case parser.COUNT_VALUES:
		d.absence = true // its labels are values: there is a series only while a value is there
		return e
	}
	a := *e
	a.Expr = d.of(e.Expr)
	return &a
}

func (d *data) binary(e *parser.BinaryExpr) parser.Expr {
	switch {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return d.scalarOperation(e, e.RHS)
	case e.RHS.Type() == parser.ValueTypeScalar:
		return d.scalarOperation(e, e.LHS)
	case e.Op == parser.LOR:
		// Whatever the right side is told apart by, what is made true on the
		// left must not hide it.
		return operation(parser.LOR, d.of(e.LHS), d.of(e.RHS), &parser.VectorMatching{Card: parser.CardManyToMany})
	case e.Op == parser.LUNLESS:
		return d.of(e.LHS)
	case e.Op == parser.LAND:
		return operation(parser.LAND, d.of(e.LHS), d.of(e.RHS), e.VectorMatching)
	}
	switch e.VectorMatching.Card {
	case parser.CardManyToOne:
		return d.guarded(e, d.manyToOne(e, e.LHS, e.RHS))
	case parser.CardOneToMany:
		return d.guarded(e, d.manyToOne(e, e.RHS, e.LHS))
	}
	return d.guarded(e, d.oneToOne(e))
}

// scalarOperation is x OP number, whichever side x is on.
func (d *data) scalarOperation(e *parser.BinaryExpr, x parser.Expr) parser.Expr {
	if filters(e) {
		return d.guarded(e, d.of(x))
	}
	return d.nameless(d.of(x))
}

// oneToOne has the labels that are matched.
func (d *data) oneToOne(e *parser.BinaryExpr) parser.Expr {
	m := e.VectorMatching
	x, y := d.of(e.LHS), d.of(e.RHS)
	switch {
	case m.On:
		x = group(x, false, m.MatchingLabels)
	case len(m.MatchingLabels) > 0:
		x = group(x, true, m.MatchingLabels)
	case !filters(e):
		x = d.nameless(x)
	case !unique(x):
		x = group(x, true, nil)
	}
	both := operation(parser.LAND, x, y, matching(m))
	if m.FillValues.LHS == nil && m.FillValues.RHS == nil {
		return both
	}
	// What is filled in needs no match. With ignoring, it has its own side's labels.
	return operation(parser.LOR, x, group(y, !m.On, m.MatchingLabels), &parser.VectorMatching{Card: parser.CardManyToMany})
}

// manyToOne has the labels of the side with many, and those that it takes over.
func (d *data) manyToOne(e *parser.BinaryExpr, manySide, oneSide parser.Expr) parser.Expr {
	m := e.VectorMatching
	many, one := d.of(manySide), d.of(oneSide)
	if m.FillValues.LHS != nil || m.FillValues.RHS != nil {
		d.absence = true // what is filled in has no data of its own
		return e
	}
	if len(m.Include) == 0 {
		if !filters(e) {
			many = d.nameless(many)
		}
		return operation(parser.LAND, many, one, matching(m))
	}
	taken := m.Include
	if !m.On {
		taken = intersection(m.Include, m.MatchingLabels)
	}
	some := one
	if !same(oneSide, one) {
		// The one that the condition lets through, or any where it lets none through.
		some = operation(parser.LOR, oneSide, one, matching(m))
	}
	one = &parser.AggregateExpr{Op: parser.TOPK, Param: &parser.NumberLiteral{Val: 1}, Expr: some, Without: !m.On, Grouping: m.MatchingLabels}
	joined := *m
	joined.Card = parser.CardManyToOne
	return operation(parser.MUL, group(many, true, taken), one, &joined)
}

func (d *data) call(e *parser.Call) parser.Expr {
	i := slices.IndexFunc(e.Args, func(a parser.Expr) bool {
		return a.Type() == parser.ValueTypeVector || a.Type() == parser.ValueTypeMatrix
	})
	if strings.HasPrefix(e.Func.Name, "absent") {
		d.absence = true
	}
	if i < 0 {
		return e // vector(1), hour()
	}
	c := *e
	c.Args = slices.Clone(e.Args)
	c.Args[i] = d.of(e.Args[i])
	switch e.Func.Name {
	case "label_replace", "label_join":
		return d.relabel(e, &c)
	case "histogram_quantile", "histogram_quantiles", "histogram_fraction", "info":
		c.Args[i] = d.nameless(c.Args[i])
		return &c
	}
	if e.Args[i].Type() == parser.ValueTypeVector {
		if strings.HasPrefix(e.Func.Name, "sort") {
			return c.Args[i]
		}
		return d.nameless(c.Args[i]) // it does something to each value
	}
	if sub, ok := c.Args[i].(*parser.SubqueryExpr); ok {
		inner := *sub
		inner.Expr = operand(d.nameless(sub.Expr))
		c.Args[i] = &inner
	}
	return &c
}

// newLabel is a label that no series has.
const newLabel = "weir_data_expression"

// relabel is label_replace or label_join: it may give series the same labels that
// the condition keeps apart. So the new value goes into a new label first, the old
// value is dropped, and the new one takes its place. What label_replace leaves alone
// is added.
func (d *data) relabel(e, c *parser.Call) parser.Expr {
	label := e.Args[1].(*parser.StringLiteral).Val
	if same(e.Args[0], c.Args[0]) {
		return c
	}
	all := c.Args[0]
	if label == model.MetricNameLabel {
		c.Args[0] = group(all, true, nil)
		return c
	}
	c.Args[1] = &parser.StringLiteral{Val: newLabel}
	move := *parser.Functions["label_replace"]
	moved := &parser.Call{Func: &move, Args: parser.Expressions{group(c, true, []string{label}), &parser.StringLiteral{Val: label},
		&parser.StringLiteral{Val: "$1"}, &parser.StringLiteral{Val: newLabel}, &parser.StringLiteral{Val: "(.+)"}}}
	relabelled := group(moved, true, []string{newLabel})
	if e.Func.Name == "label_join" {
		return relabelled
	}
	return operation(parser.LOR, relabelled, all, &parser.VectorMatching{Card: parser.CardManyToMany})
}

// guarded adds what the condition e is NaN without, and so never true: the
// vectors whose scalar it uses.
func (d *data) guarded(e *parser.BinaryExpr, x parser.Expr) parser.Expr {
	if !filters(e) || e.Op == parser.NEQ {
		return x
	}
	for _, y := range append(scalars(e.LHS), scalars(e.RHS)...) {
		x = operation(parser.LAND, x, d.of(y), &parser.VectorMatching{Card: parser.CardManyToMany, On: true})
	}
	return x
}

// scalars returns the vectors of which e uses scalar() in a way that makes e NaN
// if that is NaN.
func scalars(e parser.Expr) []parser.Expr {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return scalars(e.Expr)
	case *parser.UnaryExpr:
		return scalars(e.Expr)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.ADD, parser.SUB, parser.MUL, parser.DIV, parser.MOD:
			if e.VectorMatching != nil && (e.VectorMatching.FillValues.LHS != nil || e.VectorMatching.FillValues.RHS != nil) {
				return nil
			}
			return append(scalars(e.LHS), scalars(e.RHS)...)
		}
	case *parser.Call:
		if e.Func.Name == "scalar" {
			return []parser.Expr{e.Args[0]}
		}
	}
	return nil
}
