// Package alerttest makes up what could happen to alerts, for tests.
package alerttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// Began is when the events of a Source begin.
var Began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Source makes up events, each of which could follow from the state that those
// before it made. It is not for concurrent use.
type Source struct {
	State *alert.State // what follows from the events so far
	rand  *rand.Rand
	now   time.Time
}

// NewSource returns a source of events that are the same for the same seed.
func NewSource(seed uint64) *Source {
	return &Source{State: alert.NewState(), rand: rand.New(rand.NewPCG(seed, 0)), now: Began}
}

// Next returns an event and applies it to the source's own state.
func (s *Source) Next() alert.Event {
	s.now = s.now.Add(time.Duration(s.rand.IntN(5e9)))
	e := alert.Event{At: s.now}
	switch n := s.rand.IntN(100); {
	case n < 50:
		e.Transition = s.transition()
	case n < 80:
		e.Notice = s.notice()
	case n < 85:
		e.Action = s.action()
	case n < 90:
		e.Silence = s.silence()
	case n < 95:
		e.Rule = s.rule()
	case n < 97:
		e.Alive = &alert.Alive{}
	default:
		e.Forgotten = s.forgotten()
	}
	s.State.Apply(e)
	return e
}

// Events returns the next n events.
func (s *Source) Events(n int) []alert.Event {
	all := make([]alert.Event, n)
	for i := range all {
		all[i] = s.Next()
	}
	return all
}

// next is what an alert of some status may become.
var next = map[alert.Status][]alert.Status{
	alert.Inactive: {alert.Pending, alert.Firing},
	alert.Pending:  {alert.Inactive, alert.Firing, alert.Pending},
	alert.Firing:   {alert.Firing, alert.Resolved},
	alert.Resolved: {alert.Resolved},
}

func (s *Source) transition() *alert.Transition {
	a := s.new()
	if old := s.some(); old != nil && s.rand.IntN(3) > 0 {
		a = *old
	}
	from := a.Status
	all := next[from]
	a.Status = all[s.rand.IntN(len(all))]
	a.Value = []alert.Value{alert.Value(s.rand.Float64()), alert.Value(math.NaN()), alert.Value(math.Inf(-1)), 1e300}[s.rand.IntN(4)]
	switch {
	case a.Status == alert.Firing && from != alert.Firing:
		a.FiredAt, a.Firings = s.now, s.State.Firings[a.Fingerprint()]+1
	case a.Status == alert.Firing && s.rand.IntN(2) == 0:
		a.NoDataSince = s.now
	case a.Status == alert.Firing:
		a.Acknowledged = &alert.Ack{By: "somebody", At: s.now}
	case a.Status == alert.Resolved:
		a.ResolvedAt = s.now
	}
	return &alert.Transition{From: from, Reason: alert.ReasonCondition, Alert: a}
}

func (s *Source) new() alert.Alert {
	labels := model.LabelSet{"alertname": "Hot", "node": model.LabelValue(fmt.Sprint("n", s.rand.IntN(20))), "note": "a \"quoted\"\nlïne"}
	rule := fmt.Sprint("rules.yml;", s.rand.IntN(3))
	return alert.Alert{ID: alert.NewID(rule, labels, s.now), Rule: rule, Labels: labels, Series: labels.Clone(), Status: alert.Inactive,
		Annotations: model.LabelSet{"summary": "it is hot"}, ActiveAt: s.now}
}

// some returns an alert that the state knows, nil if it knows none.
func (s *Source) some() *alert.Alert {
	ids := slices.Sorted(maps.Keys(s.State.Alerts))
	if len(ids) == 0 {
		return nil
	}
	return s.State.Alerts[ids[s.rand.IntN(len(ids))]]
}

func (s *Source) ids(status alert.Status) []alert.ID {
	var ids []alert.ID
	for _, id := range slices.Sorted(maps.Keys(s.State.Alerts)) {
		if s.State.Alerts[id].Status == status && s.rand.IntN(2) == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Source) key() alert.NoticeKey {
	return alert.NoticeKey{Group: fmt.Sprint("{}:", s.rand.IntN(5)), Receiver: "ops", Integration: fmt.Sprintf("slack[%d]", s.rand.IntN(2))}
}

func (s *Source) notice() *alert.Notice {
	n := &alert.Notice{NoticeKey: s.key(), ID: fmt.Sprint(s.rand.Uint64()), Reason: "new", Attempt: 1, Took: time.Millisecond,
		GroupLabels: model.LabelSet{"alertname": "Hot"}, Firing: s.ids(alert.Firing), Resolved: s.ids(alert.Resolved), Outcome: alert.Sent}
	if s.rand.IntN(3) == 0 {
		n.Outcome, n.Error, n.Code, n.NextAttempt = alert.Retrying, "503 Service Unavailable", 503, s.now.Add(time.Second)
	}
	n.Fallback = s.rand.IntN(10) == 0
	return n
}

func (s *Source) action() *alert.Action {
	a := &alert.Action{ActionKey: alert.ActionKey{RuleKey: "api;s/p;r", Entity: fmt.Sprint(s.rand.IntN(3))}, Type: "email",
		Tenant: alert.Tenant{Service: "s", Subservice: "p"}, Rule: "r", Outcome: alert.Sent, Attempt: 1}
	if s.rand.IntN(2) == 0 {
		a.Outcome, a.Error = alert.Failed, "no such mailbox"
	}
	return a
}

func (s *Source) silence() *alert.Silence {
	return &alert.Silence{ID: fmt.Sprint(s.rand.IntN(5)), StartsAt: s.now, EndsAt: s.now.Add(time.Hour), UpdatedAt: s.now,
		Matchers: []alert.Matcher{{Name: "node", Value: "n.*", IsRegex: true, IsEqual: true}}, CreatedBy: "somebody", Comment: "maintenance"}
}

func (s *Source) rule() *alert.RuleChange {
	r := &alert.RuleChange{Tenant: alert.Tenant{Service: "s", Subservice: "p"}, Name: fmt.Sprint("r", s.rand.IntN(5))}
	if r.Deleted = s.rand.IntN(3) == 0; !r.Deleted {
		r.ID, r.Body = fmt.Sprint(s.rand.Uint64()), json.RawMessage(`{"text":"up == 0"}`)
	}
	return r
}

func (s *Source) forgotten() *alert.Forgotten {
	f := &alert.Forgotten{Alerts: s.ids(alert.Resolved)}
	if s.rand.IntN(2) == 0 {
		f.Notices = []alert.NoticeKey{s.key()}
	}
	if s.rand.IntN(2) == 0 {
		f.Silences = []string{fmt.Sprint(s.rand.IntN(5))}
	}
	return f
}
