package promapi

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/services/query/internal/jsonappend"
)

func (a *API) formatQuery(w http.ResponseWriter, r *request) error {
	expr, err := a.expression(r)
	if err != nil {
		return err
	}
	if deeper(expr, maxLaidOut) {
		return invalid("query", fmt.Errorf("nested deeper than %d", maxLaidOut))
	}
	return respond(w, result{data: func(b []byte) []byte { return jsonappend.String(b, expr.Pretty(0)) }})
}

func (a *API) parseQuery(w http.ResponseWriter, r *request) error {
	expr, err := a.expression(r)
	if err != nil {
		return err
	}
	return respondJSON(w, tree(expr))
}

func (a *API) expression(r *request) (parser.Expr, error) {
	text, err := queryText(r)
	if err != nil {
		return nil, err
	}
	expr, err := a.parser.ParseExpr(text)
	if err != nil {
		return nil, invalid("query", err)
	}
	return expr, nil
}

// node is a node of a syntax tree in JSON, as Prometheus' own page shows it.
type node map[string]any

// tree returns the syntax tree of an expression; nil for none.
func tree(expr parser.Expr) any {
	switch e := expr.(type) {
	case nil:
		return nil
	case *parser.AggregateExpr:
		return node{
			"type": "aggregation", "op": e.Op.String(), "expr": tree(e.Expr), "param": tree(e.Param),
			"grouping": notNil(e.Grouping), "without": e.Without,
		}
	case *parser.BinaryExpr:
		return node{
			"type": "binaryExpr", "op": e.Op.String(), "lhs": tree(e.LHS), "rhs": tree(e.RHS),
			"matching": matching(e.VectorMatching), "bool": e.ReturnBool,
		}
	case *parser.Call:
		return call(e)
	case *parser.NumberLiteral:
		return node{"type": "numberLiteral", "val": strconv.FormatFloat(e.Val, 'f', -1, 64)}
	case *parser.StringLiteral:
		return node{"type": "stringLiteral", "val": e.Val}
	case *parser.ParenExpr:
		return node{"type": "parenExpr", "expr": tree(e.Expr)}
	case *parser.UnaryExpr:
		return node{"type": "unaryExpr", "op": e.Op.String(), "expr": tree(e.Expr)}
	case *parser.VectorSelector:
		return selector("vectorSelector", e)
	case *parser.MatrixSelector:
		n := selector("matrixSelector", e.VectorSelector.(*parser.VectorSelector))
		n["range"], n["rangeExpr"] = e.Range.Milliseconds(), nil
		return n
	case *parser.SubqueryExpr:
		return node{
			"type": "subquery", "expr": tree(e.Expr), "range": e.Range.Milliseconds(), "rangeExpr": nil,
			"offset": e.OriginalOffset.Milliseconds(), "offsetExpr": nil, "step": e.Step.Milliseconds(), "stepExpr": nil,
			"timestamp": e.Timestamp, "startOrEnd": startOrEnd(e.StartOrEnd),
		}
	}
	panic(fmt.Sprintf("BUG: an expression of type %T", expr))
}

func call(e *parser.Call) node {
	args := make([]any, len(e.Args))
	for i, arg := range e.Args {
		args[i] = tree(arg)
	}
	return node{"type": "call", "args": args, "func": node{
		"name": e.Func.Name, "argTypes": e.Func.ArgTypes, "variadic": e.Func.Variadic, "returnType": e.Func.ReturnType,
	}}
}

func matching(m *parser.VectorMatching) any {
	if m == nil {
		return nil
	}
	return node{
		"card": m.Card.String(), "labels": notNil(m.MatchingLabels), "on": m.On, "include": notNil(m.Include),
		"fillValues": node{"lhs": m.FillValues.LHS, "rhs": m.FillValues.RHS},
	}
}

func selector(typ string, e *parser.VectorSelector) node {
	return node{
		"type": typ, "name": e.Name, "offset": e.OriginalOffset.Milliseconds(), "offsetExpr": nil,
		"matchers": matchers(e.LabelMatchers), "timestamp": e.Timestamp, "startOrEnd": startOrEnd(e.StartOrEnd),
		"anchored": e.Anchored, "smoothed": e.Smoothed,
	}
}

func matchers(ms []*labels.Matcher) []node {
	all := make([]node, len(ms))
	for i, m := range ms {
		all[i] = node{"name": m.Name, "value": m.Value, "type": m.Type.String()}
	}
	return all
}

func startOrEnd(item parser.ItemType) any {
	if item == 0 {
		return nil
	}
	return item.String()
}
