package rule

import (
	"maps"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"weir/services/alerter/internal/alert"
)

// additions sets what Prometheus' rules have besides the expression.
func (a *apiRule) additions(r *Rule, tenant alert.Tenant) error {
	var err error
	if r.For, err = readDuration("for", a.For); err != nil {
		return err
	}
	if r.KeepFiringFor, err = readDuration("keep_firing_for", a.KeepFiringFor); err != nil {
		return err
	}
	r.Labels = model.LabelSet{}
	maps.Copy(r.Labels, labelSet(a.Labels))
	if a.Severity != "" {
		r.Labels["severity"] = model.LabelValue(a.Severity)
	}
	// The tenant's own labels stand above all, so that no rule poses as another's.
	r.Labels["service"], r.Labels["subservice"] = model.LabelValue(tenant.Service), model.LabelValue(tenant.Subservice)
	r.Annotations = merge(r.Annotations, labelSet(a.Annotations))
	return nil
}

// check looks over the whole as Prometheus does, and completes it.
func (a *apiRule) check(r *Rule) error {
	if err := checkTexts(r.Labels, r.Annotations); err != nil {
		return refuse("%v", err)
	}
	if err := checkSize(r.Expr); err != nil {
		return refuse("%v", err)
	}
	whole := rulefmt.Rule{Alert: r.Name, Expr: r.Expr, Labels: texts(r.Labels), Annotations: texts(r.Annotations)}
	for _, w := range whole.Validate(rulefmt.RuleNode{}, model.UTF8Validation, promQL) {
		return refuse("%s", strings.TrimPrefix(w.Unwrap().Error(), "could not parse expression: "))
	}
	expr, err := promQL.ParseExpr(r.Expr)
	if err != nil {
		return refuse("%v", err)
	}
	if err := r.setData(expr); err != nil {
		return refuse("%v", err)
	}
	return nil
}

func texts(l model.LabelSet) map[string]string {
	all := make(map[string]string, len(l))
	for name, value := range l {
		all[string(name)] = string(value)
	}
	return all
}
