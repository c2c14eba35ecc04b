package route

import (
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// horizon is how far ahead the beginnings and ends of a time interval are looked
// for. One that is farther away is looked for again then.
const horizon = 8 * 24 * time.Hour

// schedule is a named list of time intervals.
type schedule struct {
	name      string
	intervals []timeinterval.TimeInterval

	from, edge time.Time // from the one until the other nothing begins or ends
}

func schedules(of map[string][]timeinterval.TimeInterval) map[string]*schedule {
	all := make(map[string]*schedule, len(of))
	for name, intervals := range of {
		all[name] = &schedule{name: name, intervals: intervals}
	}
	return all
}

// contains reports whether a moment is within one of the intervals. Those that
// name no location are in UTC.
func (s *schedule) contains(at time.Time) bool {
	at = at.UTC()
	for _, i := range s.intervals {
		if i.ContainsTime(at) {
			return true
		}
	}
	return false
}

// nextEdge returns when the schedule begins or ends after a moment. It goes from
// minute to minute, which is what intervals are made of, and remembers what it
// found.
func (s *schedule) nextEdge(now time.Time) time.Time {
	if !now.Before(s.from) && now.Before(s.edge) {
		return s.edge
	}
	in := s.contains(now)
	edge := now.Truncate(time.Minute).Add(time.Minute)
	for end := now.Add(horizon); edge.Before(end) && s.contains(edge) == in; {
		edge = edge.Add(time.Minute)
	}
	s.from, s.edge = now, edge
	return edge
}
