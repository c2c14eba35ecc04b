package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"weir/pkg/read/promread/bounds"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/route"
)

// parseMatcher reads one matcher: `severity="page"`, `node=~a.*`. What the
// present grammar does not understand is read by the older one, which knows no
// quotes, as Alertmanager does it.
func parseMatcher(text string) (*labels.Matcher, error) {
	if strings.HasPrefix(text, "{") || strings.HasSuffix(text, "}") {
		return nil, fmt.Errorf("unexpected open or close brace: %s", text)
	}
	m, err := parse.Matcher(text)
	old, oldErr := labels.ParseMatcher(text)
	switch {
	case err != nil && oldErr != nil:
		return nil, fmt.Errorf("matcher %q: %w", text, oldErr)
	case oldErr == nil:
		return old, nil // the same, or what its user has meant so far
	}
	return m, nil
}

func parseMatchers(texts []string) (labels.Matchers, error) {
	var all labels.Matchers
	var patterns []string
	for _, text := range texts {
		if _, pattern, regex := strings.Cut(text, "=~"); regex {
			patterns = append(patterns, pattern)
		} else if _, pattern, regex := strings.Cut(text, "!~"); regex {
			patterns = append(patterns, pattern)
		}
	}
	if err := bounds.CheckPatterns(patterns...); err != nil {
		return nil, err
	}
	for _, text := range texts {
		m, err := parseMatcher(text)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// matchesLabels reports whether labels meet every matcher. A matcher with an
// empty value is about whether the label is there.
func matchesLabels(ms labels.Matchers, ls model.LabelSet) bool {
	for _, m := range ms {
		v, there := ls[model.LabelName(m.Name)]
		negative := m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp
		if m.Value == "" && there == negative {
			continue
		}
		if !m.Matches(string(v)) {
			return false
		}
	}
	return true
}

// alertFilter is which alerts are asked for.
type alertFilter struct {
	matchers                                        labels.Matchers
	receiver                                        *regexp.Regexp // nil for all
	active, silenced, inhibited, muted, unprocessed bool
}

func newAlertFilter(r *http.Request) (f alertFilter, err error) {
	query := r.URL.Query()
	if f.matchers, err = parseMatchers(query["filter"]); err != nil {
		return f, err
	}
	if len(query["receiver_matchers"]) > 0 {
		return f, errors.New("parameter receiver_matchers is not supported: receivers have no labels here")
	}
	if s := query.Get("receiver"); s != "" {
		if err := bounds.CheckPatterns(s); err != nil {
			return f, fmt.Errorf("failed to parse receiver param: %w", err)
		}
		if f.receiver, err = regexp.Compile("^(?:" + s + ")$"); err != nil {
			return f, fmt.Errorf("failed to parse receiver param: %w", err)
		}
	}
	for name, v := range map[string]*bool{
		"active": &f.active, "silenced": &f.silenced, "inhibited": &f.inhibited,
		"muted": &f.muted, "unprocessed": &f.unprocessed,
	} {
		var bad error
		if *v, bad = boolParameter(r, name); bad != nil {
			err = errors.Join(err, bad)
		}
	}
	return f, err
}

func (f *alertFilter) receives(receivers []string) bool {
	return f.receiver == nil || slices.ContainsFunc(receivers, f.receiver.MatchString)
}

func (f *alertFilter) wants(s route.Status) bool {
	return (f.active || s.State != route.Active) && (f.unprocessed || s.State != route.Unprocessed) &&
		(f.silenced || len(s.SilencedBy) == 0) && (f.inhibited || len(s.InhibitedBy) == 0)
}

// silenceHas reports whether for each matcher asked for the silence has the
// same one.
func silenceHas(s *alert.Silence, asked labels.Matchers) bool {
	for _, m := range asked {
		if !slices.Contains(s.Matchers, ownMatcher(m)) {
			return false
		}
	}
	return true
}

func ownMatcher(m *labels.Matcher) alert.Matcher {
	return alert.Matcher{
		Name: m.Name, Value: m.Value,
		IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
		IsEqual: m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp,
	}
}

// compile returns Alertmanager's matcher of ours.
func compile(m alert.Matcher) (*labels.Matcher, error) {
	t := labels.MatchNotEqual
	switch {
	case m.IsEqual && m.IsRegex:
		t = labels.MatchRegexp
	case m.IsEqual:
		t = labels.MatchEqual
	case m.IsRegex:
		t = labels.MatchNotRegexp
	}
	if m.IsRegex {
		if err := bounds.CheckPatterns(m.Value); err != nil {
			return nil, err
		}
	}
	return labels.NewMatcher(t, m.Name, m.Value)
}
