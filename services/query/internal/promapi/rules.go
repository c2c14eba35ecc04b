package promapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/ruleview"
)

// Rules knows the rules and their alerts. Both methods may be called
// concurrently; their errors are those of Reader, or of OverAlerter.
type Rules interface {
	// RuleGroups returns the groups in order. A rule must be visible within the
	// scope: its own labels, or those of its alerts, do not contradict it.
	RuleGroups(ctx context.Context, scope []*labels.Matcher) ([]ruleview.RuleGroup, error)
	// Alerts returns the pending and firing alerts that match all of scope.
	Alerts(ctx context.Context, scope []*labels.Matcher) ([]ruleview.Alert, error)
}

func (a *API) alerts(w http.ResponseWriter, r *request) error {
	alerts := []ruleview.Alert{}
	if a.Rules != nil {
		some, err := a.Rules.Alerts(r.Context(), r.scope)
		if err != nil {
			return fmt.Errorf("read alerts: %w", err)
		}
		alerts = append(alerts, some...)
	}
	return respondJSON(w, map[string][]ruleview.Alert{"alerts": alerts})
}

// ruleFilter is which rules are asked for.
type ruleFilter struct {
	names, groups, files []string // none: all
	sets                 [][]*labels.Matcher
	typ                  string // ruleview.AlertingRule, ruleview.RecordingRule or ""
	withoutAlerts        bool
	limit                int // of groups; 0 for all
	after                string
}

func (a *API) ruleFilter(r *request) (f ruleFilter, err error) {
	f = ruleFilter{names: r.Form["rule_name[]"], groups: r.Form["rule_group[]"], files: r.Form["file[]"]}
	if f.sets, err = matcherSets(a.parser, r.Request); err != nil {
		return f, err
	}
	switch typ := strings.ToLower(r.FormValue("type")); typ {
	case "":
	case "alert":
		f.typ = ruleview.AlertingRule
	case "record":
		f.typ = ruleview.RecordingRule
	default:
		return f, invalid("type", fmt.Errorf("not supported value %q", typ))
	}
	if s := r.FormValue("exclude_alerts"); s != "" {
		if f.withoutAlerts, err = strconv.ParseBool(strings.ToLower(s)); err != nil {
			return f, invalid("exclude_alerts", fmt.Errorf("error converting exclude_alerts: %w", err))
		}
	}
	f.limit, f.after, err = groupPage(r)
	return f, err
}

func groupPage(r *request) (limit int, after string, err error) {
	s, after := r.FormValue("group_limit"), r.FormValue("group_next_token")
	if s == "" {
		if after != "" {
			return 0, "", invalid("group_next_token", errors.New("group_limit needs to be present in order to paginate over the groups"))
		}
		return 0, "", nil
	}
	if limit, err = strconv.Atoi(s); err != nil {
		return 0, "", invalid("group_limit", fmt.Errorf("group_limit needs to be a valid number: %w", err))
	}
	if limit <= 0 {
		return 0, "", invalid("group_limit", errors.New("group_limit needs to be greater than 0"))
	}
	return limit, after, nil
}

func (a *API) rules(w http.ResponseWriter, r *request) error {
	f, err := a.ruleFilter(r)
	if err != nil {
		return err
	}
	var all []ruleview.RuleGroup
	if a.Rules != nil {
		if all, err = a.Rules.RuleGroups(r.Context(), r.scope); err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
	}
	groups, next, err := f.page(all)
	if err != nil {
		return err
	}
	return respondJSON(w, struct {
		Groups []ruleview.RuleGroup `json:"groups"`
		Next   string               `json:"groupNextToken,omitempty"`
	}{groups, next})
}

// page returns the groups that the filter lets through, with those of their
// rules, and the token of the page after it, "" after the last.
func (f *ruleFilter) page(all []ruleview.RuleGroup) (groups []ruleview.RuleGroup, next string, err error) {
	if f.after != "" {
		i := slices.IndexFunc(all, func(g ruleview.RuleGroup) bool { return token(&g) == f.after })
		if i < 0 {
			return nil, "", invalid("group_next_token", fmt.Errorf("invalid group_next_token '%v'. were rule groups changed?", f.after))
		}
		all = all[i:]
	}
	groups = []ruleview.RuleGroup{}
	for _, g := range all {
		if !oneOf(f.groups, g.Name) || !oneOf(f.files, g.File) {
			continue
		}
		if g.Rules = f.rules(g.Rules); len(g.Rules) == 0 {
			continue
		}
		if f.limit > 0 && len(groups) == f.limit {
			return groups, token(&g), nil
		}
		groups = append(groups, g)
	}
	return groups, "", nil
}

// token names the group that a page begins with.
func token(g *ruleview.RuleGroup) string {
	sum := sha256.Sum256([]byte(g.File + ";" + g.Name))
	return hex.EncodeToString(sum[:])
}

func oneOf(wanted []string, name string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, name)
}

func (f *ruleFilter) rules(all []ruleview.Rule) []ruleview.Rule {
	var some []ruleview.Rule
	for _, rule := range all {
		if !oneOf(f.names, rule.Name) || f.typ != "" && f.typ != rule.Type || !f.matches(rule.Labels) {
			continue
		}
		if f.withoutAlerts && rule.Alerts != nil {
			rule.Alerts = nil
		}
		some = append(some, rule)
	}
	return some
}

// matches reports whether any of the sets of matchers matches.
func (f *ruleFilter) matches(l labels.Labels) bool {
	return len(f.sets) == 0 || slices.ContainsFunc(f.sets, func(set []*labels.Matcher) bool {
		return promread.Matches(set, l)
	})
}
