package bounds

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// SubqueryStep is the step of a subquery that names none: Prometheus' default
// for how often it evaluates rules.
const SubqueryStep = time.Minute

// MaxSubquerySteps is how many steps all subqueries of a query may have
// together: two years by 15 s.
//
// The engine sets aside 16 bytes for each step of a subquery before it looks
// whether there is any sample: its limit of samples comes too late for
// `max_over_time(a[1y:1ms])`, which asks for 500 GB and ends the process.
const MaxSubquerySteps = 4_500_000

// TooManySteps says that a query's subqueries have more than MaxSubquerySteps.
type TooManySteps struct{ Steps float64 }

// Error says how many there are and may be.
func (e *TooManySteps) Error() string {
	return fmt.Sprintf("the query's subqueries have %.0f steps, more than %d: take longer ones", e.Steps, MaxSubquerySteps)
}

// checkSubqueries returns a *TooManySteps if a query's subqueries have too many
// steps.
func checkSubqueries(e *parser.EvalStmt) error {
	total := 0.0
	parser.Inspect(e.Expr, func(n parser.Node, path []parser.Node) error {
		if subquery, ok := n.(*parser.SubqueryExpr); ok {
			total += steps(e, subquery, path)
		}
		return nil
	})
	if total > MaxSubquerySteps {
		return &TooManySteps{total}
	}
	return nil
}

// steps returns how many steps a subquery has at the most: over its range and
// those of the subqueries and of the query around it. "@" can only make it
// fewer. The sums are of floats because those of years overflow nothing there.
func steps(e *parser.EvalStmt, subquery *parser.SubqueryExpr, path []parser.Node) float64 {
	span := float64(e.End.UnixMilli()) - float64(e.Start.UnixMilli()) + milliseconds64(subquery.Range)
	for _, around := range path {
		if s, ok := around.(*parser.SubqueryExpr); ok {
			span += milliseconds64(s.Range)
		}
	}
	step := subquery.Step
	if step == 0 {
		step = SubqueryStep
	}
	return span / max(milliseconds64(step), 1)
}

func milliseconds64(d time.Duration) float64 { return float64(d.Milliseconds()) }

// CheckExpr returns the error with which an engine must refuse an expression,
// whose text CheckText lets pass, if it is evaluated at a moment.
func CheckExpr(e parser.Expr) error { return CheckStatement(&parser.EvalStmt{Expr: e}) }

// CheckStatement returns a *TooManySteps if a query's subqueries have too many
// steps, and an error if it writes too much into labels: what every query must be
// asked for before it is executed.
func CheckStatement(s parser.Statement) error {
	e, ok := s.(*parser.EvalStmt)
	if !ok {
		return nil
	}
	if err := checkSubqueries(e); err != nil {
		return err
	}
	return checkLabels(e.Expr)
}
