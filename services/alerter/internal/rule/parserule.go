package rule

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// parseRule reads a rule, the i-th of its group from 0 on. What is wrong with one
// key keeps no other from being looked at. It returns nil if there are faults.
func (p *parsing) parseRule(i int, n *yaml.Node, g *Group) *Rule {
	p.rule = cmp.Or(scalar(n, "alert", "record"), "#"+strconv.Itoa(i+1))
	before := len(p.faults)
	var raw rulefmt.Rule
	var nodes rulefmt.RuleNode
	absent, bad := false, map[string]bool{}
	pairs := p.pairs(n, "a rule", ruleKeys)
	for _, pr := range pairs {
		if pr.key == absentKey {
			p.decodeAbsent(pr, &absent)
		} else if p.decode(pr, &raw) {
			p.decode(pr, &nodes)
		} else {
			bad[pr.key] = true
		}
	}
	if err := cmp.Or(checkSize(raw.Expr), checkTexts(merge(g.Labels, labelSet(raw.Labels)), labelSet(raw.Annotations))); err != nil {
		p.fault(keyLine(pairs, "expr", n.Line), "%v", err)
		return nil
	}
	if raw.Record != "" && absent {
		p.fault(keyLine(pairs, absentKey, n.Line), "invalid field '%s' in recording rule", absentKey)
	}
	for _, w := range raw.Validate(nodes, model.UTF8Validation, promQL) {
		if !(bad["expr"] && raw.Expr == "" && strings.Contains(w.Error(), "'expr' must be set")) {
			p.validation(w, n, pairs)
		}
	}
	if err := checkType(raw.Expr); err != nil {
		p.fault(keyLine(pairs, "expr", n.Line), "%v", err)
	}
	if len(p.faults) > before {
		return nil
	}
	r := &Rule{Name: raw.Alert, Expr: raw.Expr, For: time.Duration(raw.For), KeepFiringFor: time.Duration(raw.KeepFiringFor),
		Labels: merge(g.Labels, labelSet(raw.Labels)), Annotations: labelSet(raw.Annotations), ResolveOnAbsent: absent, Limit: g.Limit, Line: n.Line}
	if raw.Record != "" {
		r.Record, r.Name = true, raw.Record
	}
	expr, _ := promQL.ParseExpr(raw.Expr)
	if err := r.setData(expr); err != nil {
		p.fault(keyLine(pairs, "expr", n.Line), "%v", err)
		return nil
	}
	return r
}

func (p *parsing) decodeAbsent(pr pair, absent *bool) {
	if err := pr.value.Decode(absent); err != nil {
		p.fault(resolve(pr.value).Line, "%s: expected true or false", absentKey)
	}
}

var (
	position = regexp.MustCompile(`^(\d+):\d+: (?:\d+:\d+: )?`)
	aboutKey = regexp.MustCompile(`^(?:(label) "([^"]*)"|(annotation) "([^"]*)"|invalid (label|annotation) name: (.*))`)
)

// validation enters a fault that Prometheus finds, with the line that it is about.
func (p *parsing) validation(w rulefmt.WrappedError, n *yaml.Node, pairs []pair) {
	reason := errors.Unwrap(&w).Error()
	line := 0
	if m := position.FindStringSubmatch(w.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	} else if m := aboutKey.FindStringSubmatch(reason); m != nil {
		line = lineWithin(pairs, m[1]+m[3]+m[5]+"s", m[2]+m[4]+m[6])
	}
	if line == 0 {
		line = n.Line
	}
	p.fault(line, "%s", reason)
}

func lineWithin(pairs []pair, key, inner string) int {
	for _, pr := range pairs {
		if pr.key == key {
			return lineOf(pr.value, inner)
		}
	}
	return 0
}

func keyLine(pairs []pair, key string, otherwise int) int {
	for _, pr := range pairs {
		if pr.key == key {
			return pr.line
		}
	}
	return otherwise
}

// checkType reports whether the result of an expression has alerts' or series'
// shape. One that cannot be parsed is none of its business.
func checkType(expr string) error {
	e, err := promQL.ParseExpr(expr)
	if err != nil {
		return nil
	}
	switch e.Type() {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
		return nil
	}
	return fmt.Errorf("the expression's result is a %s: expected an instant vector or a scalar", parser.DocumentedType(e.Type()))
}

// merge returns both, b's where both have one.
func merge(a, b model.LabelSet) model.LabelSet {
	if len(a) == 0 {
		return b
	}
	all := a.Clone()
	for name, value := range b {
		all[name] = value
	}
	return all
}

// setKeys gives the group's rules their keys. Rules of the same name and labels
// are told apart by their order.
func setKeys(g *Group) {
	times := map[string]int{}
	for _, r := range g.Rules {
		of := r.Labels.Clone()
		if of == nil {
			of = model.LabelSet{}
		}
		if r.Record {
			of[model.MetricNameLabel] = "record"
		}
		r.Key = g.Key + ";" + r.Name + ";" + of.Fingerprint().String()
		if times[r.Key]++; times[r.Key] > 1 {
			r.Key += fmt.Sprintf("#%d", times[r.Key])
		}
	}
}
