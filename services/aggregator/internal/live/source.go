package live

import (
	"time"

	"weir/pkg/schema"
)

// Source is what is known of a source at one moment. Times are unix nanoseconds.
type Source struct {
	Kind     schema.Kind
	Labels   []schema.Label // as Labels makes them
	LastSeen int64          // when it was last heard of
	Presence schema.Presence

	Readings    uint64
	ReadingTime int64 // event time of its newest reading
	ReadingSeen int64 // receive time of the same

	Limit Limit

	Missing []Missing
}

// Missing is a series of a source that the source's newest readings lack.
type Missing struct {
	Name   string
	Labels []schema.Label // as Labels makes them, of those of the series
	Since  int64          // event time of its last value
	Newest int64          // event time of the newest row that could have had one
	// Longest is the longest that it was missing before, nanoseconds, 0 for never.
	Longest int64
}

// state is whether a source is up, as far as that is known.
type state int

const (
	unknown state = iota
	isDown
	isUp
)

func (s *Source) state(m *Moment) state {
	most, least := m.silence(s.LastSeen)
	switch {
	case s.Presence == schema.PresenceOffline, s.Presence == schema.PresenceLeft, least > int64(s.Limit.Time):
		return isDown
	case most <= int64(s.Limit.Time):
		return isUp
	}
	return unknown
}

// canBeOffline reports whether sources of a kind say so when they go, or whoever
// fetches from them does.
func canBeOffline(k schema.Kind) bool { return k == schema.KindProplet || k == schema.KindTarget }

// canLeave reports whether sources of a kind say so themselves when they go in
// good order.
func canLeave(k schema.Kind) bool { return k == schema.KindProplet }

// missingFactor is how many times longer than ever before a series must be
// missing.
const missingFactor = 3

// MissingTooLong reports whether it is to be said that a series is missing, if its
// source is up.
func (s *Source) MissingTooLong(f *Missing, m *Moment) bool {
	_, tooLong := s.missing(f, m)
	return tooLong
}

// missing returns for how long a series of a source that is up is missing, in
// nanoseconds, and whether that is too long. The device's clock and ours are each
// compared with themselves only. Of rows that no longer come at all it is not
// said that they lack something.
func (s *Source) missing(f *Missing, m *Moment) (since int64, tooLong bool) {
	limit := int64(s.Limit.Time)
	if s.ReadingTime-f.Newest > limit {
		return 0, false
	}
	since = max(s.ReadingTime-f.Since, 0) + max(m.Now-s.ReadingSeen, 0)
	return since, since > limit && since/missingFactor > f.Longest
}

// Visit is given a series: its labels, ascending, __name__ among them, which are
// valid during the call, and its value. It returns false to be given no more.
type Visit func(labels []schema.Label, value float64) bool

// Source visits the selected series of a source of a tenant and a kind that may
// be selected. It returns false if visit did.
func (s *Selection) Source(src *Source, m *Moment, visit Visit) bool {
	if s.Fields() && !s.missing(src, m, visit) {
		return false
	}
	if !matchesAll(s.field, "") || !s.Labels(src.Labels) {
		return true
	}
	for _, series := range [...]int{up, offline, left, silence, lag, expectedInterval, readings} {
		if !s.names.has(series) {
			continue
		}
		if v, ok := src.value(series, m); ok && !visit(s.name(series, src.Labels), v) {
			return false
		}
	}
	return true
}

// value returns the value of a series; not ok, there is none.
func (s *Source) value(series int, m *Moment) (v float64, ok bool) {
	switch series {
	case up:
		state := s.state(m)
		return truth(state == isUp), state != unknown
	case offline:
		gone := s.Presence == schema.PresenceOffline
		return truth(gone), gone || canBeOffline(s.Kind)
	case left:
		gone := s.Presence == schema.PresenceLeft
		return truth(gone), gone || canLeave(s.Kind)
	case silence:
		most, _ := m.silence(s.LastSeen)
		return seconds(most), true
	case lag:
		return seconds(s.ReadingSeen - s.ReadingTime), s.Readings > 0
	case expectedInterval:
		return s.Limit.Time.Seconds(), s.Limit.Learned
	case readings:
		return float64(s.Readings), true
	}
	panic("BUG: no series of sources")
}

// missing visits the series that say what a source misses.
func (s *Selection) missing(src *Source, m *Moment, visit Visit) bool {
	if len(src.Missing) == 0 || src.state(m) != isUp {
		return true
	}
	for i := range src.Missing {
		f := &src.Missing[i]
		since, tooLong := src.missing(f, m)
		if !tooLong || !matchesAll(s.field, f.Name) || !s.Labels(f.Labels) {
			continue
		}
		s.all = insert(s.all[:0], f.Labels, schema.Label{Name: schema.LiveFieldLabel, Value: f.Name})
		if !visit(s.name(fieldSilence, s.all), seconds(since)) {
			return false
		}
	}
	return true
}

// name returns labels with the name of a series among them, until its next call.
func (s *Selection) name(series int, of []schema.Label) []schema.Label {
	s.named = insert(s.named[:0], of, schema.Label{Name: schema.MetricNameLabel, Value: schema.LiveSeries[series].Name})
	return s.named
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(ns int64) float64 { return float64(ns) / float64(time.Second) }
