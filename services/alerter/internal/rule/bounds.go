package rule

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread/bounds"
	"weir/services/alerter/internal/alert"
)

// What one rule may cost, whoever wrote it. What its queries may is package bounds'.
const (
	// MaxExpression is the longest expression, in bytes.
	MaxExpression = 64 << 10
	// MaxBody is the longest body of a tenant's rule, its actions' templates among it.
	MaxBody = 256 << 10
	// MaxTexts is how many bytes the labels and annotations of a rule may have
	// together, and those of each of its alerts.
	MaxTexts = 32 << 10
	// MaxAlerts is how many alerts, or recorded series, a rule may have whose group
	// has no lower limit.
	MaxAlerts = 100_000
	// maxLabels is how many labels a rule may set, and maxLabelValue how many bytes
	// one may have that a template makes.
	maxLabels     = 64
	maxLabelValue = 1 << 10
	// maxLink is the longest expression to which alerts link: each has the link.
	maxLink = 4 << 10
)

// checkSize returns an error if an expression is too large to be parsed.
func checkSize(expr string) error {
	if len(expr) > MaxExpression {
		return fmt.Errorf("the expression has %d bytes: expected at most %d", len(expr), MaxExpression)
	}
	return bounds.CheckText(expr)
}

// checkTexts returns an error if labels and annotations are too large.
func checkTexts(labels, annotations model.LabelSet) error {
	if len(labels) > maxLabels {
		return fmt.Errorf("there are %d labels: expected at most %d", len(labels), maxLabels)
	}
	if size := sizeOf(labels) + sizeOf(annotations); size > MaxTexts {
		return fmt.Errorf("the labels and annotations have %d bytes together: expected at most %d", size, MaxTexts)
	}
	return nil
}

func sizeOf(set model.LabelSet) int {
	size := 0
	for name, value := range set {
		size += len(name) + len(value)
	}
	return size
}

// setData sets the rule's data expression. The error says that the rule costs too
// much to evaluate.
func (r *Rule) setData(expr parser.Expr) error {
	if err := bounds.CheckExpr(expr); err != nil || r.Record {
		return err
	}
	data, err := dataExpression(expr)
	if err != nil {
		return err
	}
	if data != "" {
		if err := checkData(data); err != nil {
			return fmt.Errorf("the expression without its conditions, %.100q: %w", data, err)
		}
	}
	r.Data, r.Sources = data, sourcesExpression(data)
	return nil
}

func checkData(data string) error {
	if err := bounds.CheckText(data); err != nil {
		return err
	}
	expr, err := promQL.ParseExpr(data)
	if err != nil {
		return err
	}
	return bounds.CheckExpr(expr)
}

// limit is how many alerts or series the rule may have.
func (r *Rule) limit() int {
	if r.Limit > 0 {
		return min(r.Limit, MaxAlerts)
	}
	return MaxAlerts
}

// Unusable returns the group of a tenant's rule that was stored and is refused now:
// by an older version it was not. Its rule has the key that it had, so its alerts
// stay as they are, and the reason as its Fault.
func Unusable(c *alert.RuleChange, why error) Group {
	g := apiGroup(c.Tenant, c.Name)
	r := &Rule{Name: c.Name, Fault: why.Error(), API: &API{}}
	var raw apiRule
	if err := decodeAPI(c.Body, &raw); err == nil {
		r.API.Text, r.Expr = raw.Text, raw.Text
		// What is wrong with these is not what is asked for here.
		_ = raw.additions(r, c.Tenant)
	}
	g.Rules = []*Rule{r}
	setKeys(&g)
	return g
}

// errTooLarge is the error of a rule whose data expression would grow with each
// level of its nesting.
var errTooLarge = errors.New("the expression is nested too deep in conditions: whether its series have data could not be told")
