package alert

import (
	"slices"

	"github.com/prometheus/common/model"
)

// A State remembers the latest events for people to look at. What that takes is
// bounded, whatever the events are: their number, the alerts that one tells of,
// and the bytes of all.
const (
	// HistorySize is how many events are remembered.
	HistorySize = 10_000
	// HistoryAlerts is of how many alerts that fire, and of how many that were
	// resolved, the history knows that a notice told of them. NoticeState has all.
	HistoryAlerts = 100
	// MaxHistoryBytes bounds the memory of all events that are remembered, about.
	MaxHistoryBytes = 32 << 20
)

// Numbered is an event with its number.
type Numbered struct {
	Number uint64 `json:"number"`
	Event
}

// Latest returns the events that are remembered, oldest first: HistorySize, or as
// many of the latest as keep to MaxHistoryBytes.
//
// Which these are follows from the events alone, not from when a snapshot was
// written: what was dropped for its bytes would be dropped today as well.
func (s *State) Latest() []Numbered {
	return s.History[max(0, len(s.History)-HistorySize):]
}

// remember adds an event to the history.
func (s *State) remember(e Numbered) {
	e.Notice = e.Notice.shortened()
	s.History = append(s.History, e)
	s.HistoryBytes += e.bytes()
	drop := 0
	for left := s.HistoryBytes; left > MaxHistoryBytes; drop++ {
		left -= s.History[drop].bytes()
	}
	if len(s.History) > 2*HistorySize {
		drop = max(drop, len(s.History)-HistorySize)
	}
	for i := range drop {
		s.HistoryBytes -= s.History[i].bytes()
	}
	s.History = s.History[drop:] // the others go when it grows
}

// shortened returns the notice with no more alerts than the history keeps.
func (n *Notice) shortened() *Notice {
	if n == nil || len(n.Firing) <= HistoryAlerts && len(n.Resolved) <= HistoryAlerts {
		return n
	}
	short := *n
	short.Firing, short.MoreFiring = first(n.Firing, n.MoreFiring)
	short.Resolved, short.MoreResolved = first(n.Resolved, n.MoreResolved)
	return &short
}

// first returns the first alerts in a list of their own, so that the others can
// go, and how many more there are.
func first(all []ID, more int) ([]ID, int) {
	n := min(len(all), HistoryAlerts)
	return slices.Clone(all[:n]), more + len(all) - n
}

// saidAgain reports whether a transition only says that somebody outside posted
// an alert once more, as Prometheus does each minute.
func (t *Transition) saidAgain() bool {
	return t != nil && t.Reason == ReasonPosted && t.From == t.Alert.Status
}

// What things take in memory beside their texts, about.
const (
	eventBytes = 400
	entryBytes = 48 // of a map, or a text in a list
)

// bytes is what an event takes in memory, about. It depends on what is stored
// alone.
func (e *Event) bytes() int {
	n := eventBytes
	switch {
	case e.Transition != nil:
		a := &e.Transition.Alert
		n += len(a.ID) + len(a.Rule) + len(a.GeneratorURL) + bytesOf(a.Labels) + bytesOf(a.Annotations) + bytesOf(a.Series)
		if a.Acknowledged != nil {
			n += len(a.Acknowledged.By) + len(a.Acknowledged.Comment)
		}
	case e.Notice != nil:
		n += len(e.Notice.Group) + bytesOf(e.Notice.GroupLabels) + len(e.Notice.Error)
		for _, ids := range [][]ID{e.Notice.Firing, e.Notice.Resolved} {
			for _, id := range ids {
				n += len(id) + entryBytes
			}
		}
	case e.Action != nil:
		n += len(e.Action.RuleKey) + len(e.Action.Entity) + len(e.Action.Error)
	case e.Silence != nil:
		n += len(e.Silence.Comment) + len(e.Silence.CreatedBy)
		for _, m := range e.Silence.Matchers {
			n += len(m.Name) + len(m.Value) + entryBytes
		}
		for name, value := range e.Silence.Annotations {
			n += len(name) + len(value) + entryBytes
		}
	case e.Rule != nil:
		n += len(e.Rule.Name) + len(e.Rule.Body)
	}
	return n
}

func bytesOf(ls model.LabelSet) int {
	n := 0
	for name, value := range ls {
		n += len(name) + len(value) + entryBytes
	}
	return n
}
