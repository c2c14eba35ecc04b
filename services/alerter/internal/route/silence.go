package route

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"weir/pkg/read/promread/bounds"
	"weir/services/alerter/internal/alert"
)

// silence is a silence ready to match. It is made once; a silence that changes is
// another one.
type silence struct {
	of       *alert.Silence
	matchers labels.Matchers
	invalid  bool // a regular expression cannot be compiled, or is too large: it matches nothing
	gone     bool // the state does not have it any more
}

func newSilence(of *alert.Silence) *silence {
	s := &silence{of: of}
	if bounds.CheckPatterns(of.Patterns()...) != nil {
		s.invalid = true // an older version of us took it
		return s
	}
	for _, m := range of.Matchers {
		matcher, err := labels.NewMatcher(matchType(m), m.Name, m.Value)
		s.matchers = append(s.matchers, matcher)
		s.invalid = s.invalid || err != nil
	}
	return s
}

func matchType(m alert.Matcher) labels.MatchType {
	switch {
	case m.IsRegex && m.IsEqual:
		return labels.MatchRegexp
	case m.IsRegex:
		return labels.MatchNotRegexp
	case m.IsEqual:
		return labels.MatchEqual
	}
	return labels.MatchNotEqual
}

func (s *silence) matches(set model.LabelSet) bool {
	return !s.invalid && len(s.matchers) > 0 && s.matchers.Matches(set)
}

// activeAt reports whether the silence mutes at a moment.
func (s *silence) activeAt(at time.Time) bool {
	return !s.gone && !at.Before(s.of.StartsAt) && at.Before(s.of.EndsAt)
}

// silences are those of a state, in the order in which they were seen first.
type silences struct {
	list []*silence
	byID map[string]*silence
}

// sync takes over the state's silences. Those that are gone stay in the list,
// marked, until they are many: then the list begins anew, which sync reports.
func (s *silences) sync(of map[string]*alert.Silence) (anew bool) {
	gone := 0
	for id, known := range s.byID {
		if of[id] != known.of {
			known.gone = true
			delete(s.byID, id)
		}
	}
	if gone = len(s.list) - len(s.byID); gone > 64 && gone > len(s.byID) {
		*s, anew = silences{byID: map[string]*silence{}}, true
	}
	for id, of := range of {
		if s.byID[id] == nil {
			s.byID[id] = newSilence(of)
			s.list = append(s.list, s.byID[id])
		}
	}
	return anew
}

// nextEdge returns when the next silence begins or ends.
func (s *silences) nextEdge(now time.Time) time.Time {
	var next time.Time
	for _, known := range s.byID {
		for _, edge := range []time.Time{known.of.StartsAt, known.of.EndsAt} {
			if edge.After(now) {
				next = earliest(next, edge)
			}
		}
	}
	return next
}

// silencesAt returns the silences that mute the alert at a moment, by ID.
func (m *member) silencesAt(at time.Time) []string {
	var ids []string
	for _, s := range m.silences {
		if s.activeAt(at) {
			ids = append(ids, s.of.ID)
		}
	}
	slices.SortFunc(ids, cmp.Compare[string])
	return ids
}

func (m *member) silencedAt(at time.Time) bool {
	return slices.ContainsFunc(m.silences, func(s *silence) bool { return s.activeAt(at) })
}
