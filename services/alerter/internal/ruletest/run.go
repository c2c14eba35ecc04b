package ruletest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"weir/services/alerter/internal/rule"
)

// Run runs the unit tests in files and prints how each file did, with what was
// expected of each test that failed and what came instead. It reports whether all
// succeeded. The error is the writer's.
//
// The format is promtool's, with these differences: samples are plain numbers, not
// native histograms; and an alert whose series vanishes keeps firing, as weir has
// it, unless its rule says resolve_on_absent.
func Run(files []string, out io.Writer) (bool, error) {
	all := true
	for _, file := range files {
		text := "Unit Testing:  " + file + "\n"
		warnings, err := runFile(file)
		for _, w := range warnings {
			text += "  WARNING: " + w + "\n"
		}
		if err != nil {
			all = false
			text += "  FAILED:\n" + indent(err.Error(), "    ") + "\n\n"
		} else {
			text += "  SUCCESS\n\n"
		}
		if _, err := io.WriteString(out, text); err != nil {
			return false, fmt.Errorf("print: %w", err)
		}
	}
	return all, nil
}

// runFile runs the tests of a file; its error has all that failed.
func runFile(name string) (warnings []string, err error) {
	f, nothing, err := readFile(name)
	if err != nil {
		return nil, err
	}
	for _, pattern := range nothing {
		warnings = append(warnings, "no file match pattern "+pattern)
	}
	groups, err := f.groups()
	if err != nil {
		return warnings, err
	}
	var failed []error
	for i := range f.Tests {
		t := &f.Tests[i]
		if t.Name == "" {
			t.Name = fmt.Sprintf("unnamed#%d", i)
		}
		if t.Interval == 0 {
			t.Interval = f.EvaluationInterval
		}
		w, err := newWorld(t)
		if err == nil {
			err = t.run(w, groups, time.Duration(f.EvaluationInterval), f.FuzzyCompare)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("test %s:\n%s", t.Name, indent(err.Error(), "  ")))
		}
	}
	return warnings, errors.Join(failed...)
}

// groups reads the rule files, the groups in the order in which they are evaluated.
func (f *testFile) groups() ([]rule.Group, error) {
	order := make(map[string]int, len(f.GroupEvalOrder))
	for i, name := range f.GroupEvalOrder {
		if _, twice := order[name]; twice {
			return nil, fmt.Errorf("group name repeated in evaluation order: %s", name)
		}
		order[name] = i
	}
	var all []rule.Group
	var failed []error
	for _, file := range f.RuleFiles {
		groups, err := load(file)
		all, failed = append(all, groups...), append(failed, err)
	}
	slices.SortStableFunc(all, func(a, b rule.Group) int { return order[a.Name] - order[b.Name] })
	return all, errors.Join(failed...)
}

// run evaluates the groups from the test's start to its end, and looks at what the
// test looks at.
func (t *test) run(w *world, groups []rule.Group, every time.Duration, fuzzy bool) error {
	for _, a := range t.AlertRuleTests {
		if a.Alertname == "" {
			return fmt.Errorf("an item under alert_rule_test misses required attribute alertname at eval_time %v", a.EvalTime)
		}
	}
	var failed []error
	for since := time.Duration(0); since <= t.length(); since += every {
		for i := range groups {
			if err := w.evaluate(&groups[i], t.start().Add(since)); err != nil {
				return fmt.Errorf("time: %s, %w", since, err)
			}
		}
		// A test between two evaluations sees the earlier one's alerts.
		for _, a := range t.AlertRuleTests {
			if at := time.Duration(a.EvalTime); since <= at && at < since+every {
				failed = append(failed, a.compare(w))
			}
		}
	}
	for _, e := range t.PromQLExprTests {
		failed = append(failed, e.compare(w, t.start().Add(time.Duration(e.EvalTime)), fuzzy))
	}
	return errors.Join(failed...)
}
