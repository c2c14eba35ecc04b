package rule

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// nameless drops the metric name where that makes a difference.
func (d *data) nameless(e parser.Expr) parser.Expr {
	if a, ok := e.(*parser.AggregateExpr); ok && unique(a) {
		return e
	}
	if unique(e) && !d.names {
		return e
	}
	return group(e, true, nil)
}

// unique reports whether e's series are told apart without their names for certain.
func unique(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return unique(e.Expr)
	case *parser.VectorSelector:
		return slices.ContainsFunc(e.LabelMatchers, func(m *labels.Matcher) bool {
			return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
		})
	case *parser.AggregateExpr:
		if e.Op == parser.TOPK {
			return unique(e.Expr)
		}
		return e.Without || !slices.Contains(e.Grouping, model.MetricNameLabel)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.LOR:
			return unique(e.LHS) && unique(e.RHS)
		case parser.LAND:
			return unique(e.LHS)
		}
		return true
	case *parser.Call:
		switch e.Func.Name {
		case "label_replace", "label_join", "info":
			return false
		case "last_over_time", "first_over_time":
			m, ok := e.Args[0].(*parser.MatrixSelector)
			return ok && unique(m.VectorSelector)
		}
		return true
	}
	return false
}

// filters reports whether e leaves out what its condition is not true of.
func filters(e *parser.BinaryExpr) bool { return e.Op.IsComparisonOperator() && !e.ReturnBool }

// same reports whether the data expression of e is e itself.
func same(e, data parser.Expr) bool {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e.String() == data.String()
		}
		e = p.Expr
	}
}

func group(e parser.Expr, without bool, by []string) parser.Expr {
	return &parser.AggregateExpr{Op: parser.GROUP, Expr: e, Without: without, Grouping: by}
}

// matching is how a set operation matches like an arithmetic one.
func matching(m *parser.VectorMatching) *parser.VectorMatching {
	return &parser.VectorMatching{Card: parser.CardManyToMany, On: m.On, MatchingLabels: m.MatchingLabels}
}

func operation(op parser.ItemType, x, y parser.Expr, m *parser.VectorMatching) parser.Expr {
	return &parser.BinaryExpr{Op: op, LHS: operand(x), RHS: operand(y), VectorMatching: m}
}

// operand puts parentheses around e where it would be read differently without.
func operand(e parser.Expr) parser.Expr {
	switch e.(type) {
	case *parser.BinaryExpr, *parser.UnaryExpr:
		return &parser.ParenExpr{Expr: e}
	}
	return e
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// mentionsNames reports whether e tells metric names apart by more than selectors.
func mentionsNames(e parser.Expr) bool {
	found := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.AggregateExpr:
			found = found || slices.Contains(n.Grouping, model.MetricNameLabel)
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil {
				found = found || slices.Contains(m.MatchingLabels, model.MetricNameLabel) || slices.Contains(m.Include, model.MetricNameLabel)
			}
		case *parser.StringLiteral:
			found = found || n.Val == model.MetricNameLabel
		}
		return nil
	})
	return found
}
