package ruletest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// testFile is a file of unit tests, as promtool reads it.
type testFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"` // 1m
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	FuzzyCompare       bool           `yaml:"fuzzy_compare"` // numbers may differ in their last bit
	Tests              []test         `yaml:"tests"`
}

type test struct {
	Name            string            `yaml:"name"`
	Interval        model.Duration    `yaml:"interval"` // of the input's samples; the evaluation interval
	StartTimestamp  timestamp         `yaml:"start_timestamp"`
	InputSeries     []inputSeries     `yaml:"input_series"`
	AlertRuleTests  []alertTest       `yaml:"alert_rule_test"`
	PromQLExprTests []exprTest        `yaml:"promql_expr_test"`
	ExternalLabels  map[string]string `yaml:"external_labels"`
	ExternalURL     string            `yaml:"external_url"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	EvalTime  model.Duration  `yaml:"eval_time"`
	Alertname string          `yaml:"alertname"`
	ExpAlerts []expectedAlert `yaml:"exp_alerts"`
}

type expectedAlert struct {
	ExpLabels      map[string]string `yaml:"exp_labels"`
	ExpAnnotations map[string]string `yaml:"exp_annotations"`
}

type exprTest struct {
	Expr       string           `yaml:"expr"`
	EvalTime   model.Duration   `yaml:"eval_time"`
	ExpSamples []expectedSample `yaml:"exp_samples"`
}

type expectedSample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"`
}

// timestamp is a moment in RFC 3339 or in unix seconds; zero is 1970.
type timestamp struct{ time.Time }

// UnmarshalYAML is yaml's.
func (t *timestamp) UnmarshalYAML(n *yaml.Node) error {
	if seconds, err := strconv.ParseFloat(n.Value, 64); err == nil && math.Abs(seconds) < 1e11 {
		whole, part := math.Modf(seconds)
		t.Time = time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC()
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return fmt.Errorf("line %d: cannot parse %q to a valid timestamp", n.Line, n.Value)
	}
	t.Time = at
	return nil
}

// start is when the test begins.
func (t *test) start() time.Time {
	if t.StartTimestamp.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.StartTimestamp.Time
}

// length is how long the test lasts: until the last moment that it looks at.
func (t *test) length() time.Duration {
	last := model.Duration(0)
	for _, a := range t.AlertRuleTests {
		last = max(last, a.EvalTime)
	}
	for _, e := range t.PromQLExprTests {
		last = max(last, e.EvalTime)
	}
	return time.Duration(last)
}

// readFile reads a file of tests; unknown keys are errors. The names of the rule
// files are relative to it, and may be patterns; those that match nothing are
// returned as well.
func readFile(name string) (*testFile, []string, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("read test file: %w", err)
	}
	f := testFile{EvaluationInterval: model.Duration(time.Minute)}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.EvaluationInterval <= 0 {
		return nil, nil, fmt.Errorf("%s: evaluation_interval must be above 0", name)
	}
	var files, nothing []string
	for _, pattern := range f.RuleFiles {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(name), pattern)
		}
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: rule file %q: %w", name, pattern, err)
		}
		if len(found) == 0 {
			nothing = append(nothing, pattern)
		}
		files = append(files, found...)
	}
	f.RuleFiles = files
	return &f, nothing, nil
}
