package ruletest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/services/alerter/internal/alert"
)

// compare compares the firing alerts of a name with what is expected of them.
func (a *alertTest) compare(w *world) error {
	var want, got []string
	for _, e := range a.ExpAlerts {
		l := labels.NewBuilder(labels.FromMap(e.ExpLabels)).Set(labels.AlertName, a.Alertname).Labels()
		want = append(want, showAlert(l, labels.FromMap(e.ExpAnnotations)))
	}
	for _, active := range w.state.Alerts {
		if active.Status == alert.Firing && active.Name() == a.Alertname {
			got = append(got, showAlert(fromLabelSet(active.Labels), fromLabelSet(active.Annotations)))
		}
	}
	if d := diff(want, got, func(a, b string) bool { return a == b }); d != "" {
		return fmt.Errorf("alertname: %s, time: %s,\n%s", a.Alertname, a.EvalTime, indent(d, "  "))
	}
	return nil
}

func showAlert(l, annotations labels.Labels) string {
	return "Labels:" + l.String() + "\n    Annotations:" + annotations.String()
}

// diff returns "" for the same elements in whatever order, else those that are
// missing behind "-", those that are too many behind "+", and the others.
func diff[E any](want, got []E, same func(a, b E) bool) string {
	var lines []string
	rest := slices.Clone(got)
	equal := true
	for _, e := range want {
		i := slices.IndexFunc(rest, func(g E) bool { return same(e, g) })
		if i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			lines = append(lines, fmt.Sprintf("    %v", e))
			continue
		}
		equal = false
		lines = append(lines, fmt.Sprintf("  - %v", e))
	}
	for _, e := range rest {
		equal = false
		lines = append(lines, fmt.Sprintf("  + %v", e))
	}
	if equal {
		return ""
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(a[4:], b[4:]) })
	return "expected (-) and got (+):\n" + strings.Join(lines, "\n")
}

type sample struct {
	labels string
	value  float64
}

// String is fmt.Stringer's.
func (s sample) String() string { return s.labels + " " + strconv.FormatFloat(s.value, 'E', -1, 64) }

// compare compares an expression's result with what is expected.
func (e *exprTest) compare(w *world, at time.Time, fuzzy bool) error {
	d, err := e.diff(w, at, fuzzy)
	where := fmt.Sprintf("expr: %q, time: %s", e.Expr, model.Duration(e.EvalTime))
	switch {
	case err != nil:
		return fmt.Errorf("%s, err: %w", where, err)
	case d != "":
		return fmt.Errorf("%s,\n%s", where, indent(d, "  "))
	}
	return nil
}

func (e *exprTest) diff(w *world, at time.Time, fuzzy bool) (string, error) {
	result, err := w.query(e.Expr, at)
	if err != nil {
		return "", err
	}
	var want, got []sample
	for _, s := range e.ExpSamples {
		if s.Histogram != "" {
			return "", fmt.Errorf("labels %q: native histograms are not understood", s.Labels)
		}
		l, err := promQL.ParseMetric(s.Labels)
		if err != nil {
			return "", fmt.Errorf("labels %q: %w", s.Labels, err)
		}
		want = append(want, sample{l.String(), s.Value})
	}
	for _, s := range result {
		got = append(got, sample{s.Metric.String(), s.F})
	}
	return diff(want, got, func(a, b sample) bool { return a.labels == b.labels && equal(a.value, b.value, fuzzy) }), nil
}

func equal(x, y float64, fuzzy bool) bool {
	if x == y || math.IsNaN(x) && math.IsNaN(y) {
		return true
	}
	return fuzzy && (math.Nextafter(x, math.Inf(-1)) == y || math.Nextafter(x, math.Inf(1)) == y)
}
