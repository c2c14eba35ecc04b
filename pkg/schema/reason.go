package schema

import "fmt"

// Reason names why an event was rejected. The set is closed.
type Reason uint8

// The reasons. Their numbers are part of the frame and state formats.
const (
	ReasonNone          Reason = 0
	ReasonNotJSON       Reason = 1 // the payload is not JSON
	ReasonNotAnObject   Reason = 2 // it is JSON, but not an object
	ReasonMissingSource Reason = 3 // no id says what the message is about
	ReasonBadNumber     Reason = 4 // a field that must be a number is not a finite one
	ReasonTooLarge      Reason = 5 // larger than the limit; the kept payload is its beginning
	ReasonBadTopic      Reason = 6 // the topic is nearly one of ours: a level is empty or has a bad character
	ReasonUnknownShape  Reason = 7 // an object of none of the known shapes
	ReasonBadSource     Reason = 8 // an id or a label that is too long or not valid UTF-8

	ReasonSeriesLimit Reason = 9  // it would give its tenant more series than the limit
	ReasonSourceLimit Reason = 10 // it would give its tenant more sources than the limit

	ReasonNameLimit Reason = 11 // it would bring more names of values than there may be

	NumReasons = 12 // how many there are, ReasonNone included; not one itself
)

var reasonNames = [NumReasons]string{
	ReasonNone:          "",
	ReasonNotJSON:       "not_json",
	ReasonNotAnObject:   "not_an_object",
	ReasonMissingSource: "missing_source",
	ReasonBadNumber:     "bad_number",
	ReasonTooLarge:      "too_large",
	ReasonBadTopic:      "bad_topic",
	ReasonUnknownShape:  "unknown_shape",
	ReasonBadSource:     "bad_source",
	ReasonSeriesLimit:   "series_limit",
	ReasonSourceLimit:   "source_limit",
	ReasonNameLimit:     "name_limit",
}

// Reasons lists every reason an event can be rejected for, in order.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonNames)-1)
	for r := ReasonNotJSON; int(r) < len(reasonNames); r++ {
		all = append(all, r)
	}
	return all
}

// String returns the reason's name as the APIs show it, such as "not_json".
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// ParseReason returns the reason with the given name.
func ParseReason(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name && r != 0 {
			return Reason(r), true
		}
	}
	return ReasonNone, false
}

// Rejection is the error of an event that cannot be applied.
type Rejection struct {
	Reason Reason
	Detail string // what was wrong and what was expected
	Offset int    // byte offset in the payload, -1 where there is none
}

// Error returns "reason: detail (at byte N)".
func (r *Rejection) Error() string {
	s := r.Reason.String()
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	if r.Offset >= 0 {
		s += fmt.Sprintf(" (at byte %d)", r.Offset)
	}
	return s
}
