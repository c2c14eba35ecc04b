package rule

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/ngsi"
)

// SeriesLabel is the label in which alerts of thresholds on an attribute have
// the name of the series that crossed it.
const SeriesLabel = "series"

// The labels of an entity's series that a tenant's rule may tell entities by.
const (
	entityIDLabel   = "device"
	entityTypeLabel = "type"
)

// condition is what a value is compared with: "> 30".
type condition struct {
	op    string
	value float64
}

func (c condition) String() string { return c.op + " " + strconv.FormatFloat(c.value, 'g', -1, 64) }

// operators are PromQL's for each that is understood.
var operators = map[string]string{">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "==", "==": "==", "!=": "!=", "<>": "!="}

// fromThreshold reads the fields of a threshold.
func (a *apiRule) fromThreshold(r *Rule) error {
	if a.Metric != "" && a.Attribute != "" {
		return refuse("a threshold has a metric or an attribute")
	}
	op, ok := operators[a.Op]
	if !ok {
		return refuse("op %q: expected >, >=, <, <=, == or !=", a.Op)
	}
	value, err := readNumber(a.Value)
	if err != nil {
		return refuse("value %s: expected a number", show(a.Value))
	}
	matchers, err := a.matchers()
	if err != nil {
		return err
	}
	if a.Metric != "" {
		if !model.UTF8Validation.IsValidMetricName(a.Metric) {
			return refuse("invalid metric %q", a.Metric)
		}
		r.API.Attribute = a.Metric
		r.setThreshold(selector(labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, a.Metric), matchers), a.Metric, []condition{{op, value}})
		return nil
	}
	r.API.Attribute = a.Attribute
	r.setThreshold(seriesOf(a.Attribute, matchers), a.Attribute, []condition{{op, value}})
	return nil
}

func (a *apiRule) matchers() ([]*labels.Matcher, error) {
	var all []*labels.Matcher
	if a.Type != "" {
		all = append(all, labels.MustNewMatcher(labels.MatchEqual, entityTypeLabel, a.Type))
	}
	if a.EntityID != "" {
		all = append(all, labels.MustNewMatcher(labels.MatchEqual, entityIDLabel, a.EntityID))
	}
	for name, value := range a.Match {
		if !model.UTF8Validation.IsValidLabelName(name) || name == model.MetricNameLabel {
			return nil, refuse("match: invalid label name %q", name)
		}
		all = append(all, labels.MustNewMatcher(labels.MatchEqual, name, value))
	}
	slices.SortFunc(all, func(x, y *labels.Matcher) int { return strings.Compare(x.String(), y.String()) })
	return all, nil
}

// setThreshold sets the expression and a summary.
func (r *Rule) setThreshold(series, what string, conditions []condition) {
	r.Expr = series
	limits := ""
	for _, c := range conditions {
		r.Expr += " " + c.String()
		limits += ", " + c.String()
	}
	summary := fmt.Sprintf("%s: %s is {{ $value }} (limit: %s)", r.Name, escapeTemplate(what), limits[2:])
	r.Annotations = model.LabelSet{"summary": model.LabelValue(summary)}
}

// escapeTemplate keeps a text from being read as a template.
func escapeTemplate(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// seriesOf is the expression of an attribute's series. Several names may be meant,
// so their names become a label: alerts have no name to be told apart by.
func seriesOf(attribute string, matchers []*labels.Matcher) string {
	name := ngsi.SeriesName(attribute)
	if wellKnown(name) {
		return selector(labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name), matchers)
	}
	return fmt.Sprintf(`label_replace(%s, %q, "$1", "__name__", "(.+)")`, selector(named(model.MetricNameLabel, attribute), matchers), SeriesLabel)
}

// named matches the names of an attribute's series: its own name, which the values
// of entities, devices and targets have, and that of each kind of source whose
// series have the kind's name before it. What merely ends with the name is another
// attribute: an entity's target_temperature is not its temperature.
func named(label, attribute string) *labels.Matcher {
	names := []string{ngsi.SeriesName(attribute)}
	for _, f := range schema.Fields {
		if f.Name == f.Kind.String()+"_"+names[0] {
			names = append(names, f.Name)
		}
	}
	if len(names) == 1 {
		return labels.MustNewMatcher(labels.MatchEqual, label, names[0])
	}
	for i := range names {
		names[i] = regexp.QuoteMeta(names[i])
	}
	return labels.MustNewMatcher(labels.MatchRegexp, label, strings.Join(names, "|"))
}

// wellKnown reports whether a name is that of a series of weir's own tables.
func wellKnown(name string) bool {
	return slices.ContainsFunc(schema.Fields, func(f schema.FieldInfo) bool { return f.Name == name }) ||
		slices.ContainsFunc(schema.LiveSeries, func(s schema.LiveInfo) bool { return s.Name == name })
}

// selector writes a vector selector; the first matcher is that of the name.
func selector(name *labels.Matcher, matchers []*labels.Matcher) string {
	inner := make([]string, 0, len(matchers)+1)
	before := ""
	if name.Type == labels.MatchEqual && model.LegacyValidation.IsValidMetricName(name.Value) {
		if before = name.Value; len(matchers) == 0 {
			return before
		}
	} else {
		inner = append(inner, name.String())
	}
	for _, m := range matchers {
		inner = append(inner, m.String())
	}
	return before + "{" + strings.Join(inner, ",") + "}"
}

// readNumber reads a finite number, which may be in quotes.
func readNumber(raw json.RawMessage) (float64, error) {
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, fmt.Errorf("read number: %w", err)
		}
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%s: expected a number", text)
	}
	return f, nil
}

func readDuration(key, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, refuse("%s: %v", key, err)
	}
	return time.Duration(d), nil
}

// show shows a value in an error, as JavaScript would.
func show(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "undefined"
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		return text
	}
	return compact(raw)
}
