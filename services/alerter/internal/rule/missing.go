package rule

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// missing takes care of the alerts that are not in the result: their condition
// is false, or nothing is known of it.
func (e *evaluation) missing(found []identity) error {
	gone := e.gone(found)
	if len(gone) == 0 {
		return nil
	}
	series := make(map[model.Fingerprint]bool, len(e.Result))
	for _, s := range e.Result {
		series[SeriesOf(s.Labels).Fingerprint()] = true
	}
	var data map[model.Fingerprint]bool
	var failed error
	for _, a := range gone {
		print := a.Series.Fingerprint()
		known := e.rule.Data == "" || series[print] || !a.KeepFiringSince.IsZero()
		if !known && data == nil && failed == nil {
			data, failed = e.data()
		}
		switch {
		case known || data[print]:
			e.untrue(a, alert.ReasonCondition)
		case e.awaited(a):
			e.unknown(a)
		case e.rule.ResolveOnAbsent:
			e.untrue(a, alert.ReasonAbsent)
		case failed != nil:
			e.count++
		case e.goesOn(a, data):
			e.untrue(a, ReasonReplaced)
		default:
			e.unknown(a)
		}
	}
	return errors.Join(failed, e.unsaid)
}

// goesOn reports whether an alert's source is there under other labels: among the
// data, or where the rule's selectors do not look. Where that cannot be told, it is
// not known to be.
func (e *evaluation) goesOn(a *alert.Alert, data map[model.Fingerprint]bool) bool {
	source, ok := sourceOf(a.Series)
	return ok && (data[source] || e.sourcesThere()[source])
}

// sourcesThere returns what Input.Sources says, which is asked once.
func (e *evaluation) sourcesThere() map[model.Fingerprint]bool {
	if e.rule.Sources == "" || e.Sources == nil || e.asked {
		return e.there
	}
	e.asked = true
	there, err := e.Sources()
	if err != nil {
		e.unsaid = fmt.Errorf("%w %q: %w", ErrData, e.rule.Sources, err)
	}
	e.there = there
	return there
}

// gone returns the active alerts that are not in the result.
func (e *evaluation) gone(found []identity) []*alert.Alert {
	there := make(map[identity]bool, len(found))
	for _, id := range found {
		there[id] = true
	}
	var gone []*alert.Alert
	for id, a := range e.active {
		if !there[id] {
			gone = append(gone, a)
		}
	}
	return gone
}

func (e *evaluation) data() (map[model.Fingerprint]bool, error) {
	if e.Data == nil {
		return nil, fmt.Errorf("%w: nobody evaluates it", ErrData)
	}
	data, err := e.Input.Data()
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrData, e.rule.Data, err)
	}
	if data == nil {
		data = map[model.Fingerprint]bool{}
	}
	return data, nil
}

// untrue takes care of an alert whose condition is false. One that is kept
// firing is so from the first moment at which it was: what happens to its data
// afterwards changes nothing.
func (e *evaluation) untrue(old *alert.Alert, why alert.Reason) {
	a := *old
	a.NoDataSince = time.Time{}
	if a.Status == alert.Firing && e.rule.KeepFiringFor > 0 {
		began := a.KeepFiringSince.IsZero()
		if began {
			a.KeepFiringSince = e.At
		}
		if e.At.Sub(a.KeepFiringSince) < e.rule.KeepFiringFor {
			e.count++
			if began {
				e.transition(a.Status, dataAgain(old, why), a)
			}
			return
		}
	}
	e.out.Transitions = append(e.out.Transitions, end(&a, why, e.At))
}

// dataAgain is the reason of an alert of which something is known again.
func dataAgain(old *alert.Alert, why alert.Reason) alert.Reason {
	if old.NoData() && why == alert.ReasonCondition {
		return alert.ReasonData
	}
	return why
}

// unknown takes care of an alert of which nothing is known: it stays what it is.
func (e *evaluation) unknown(old *alert.Alert) {
	a := *old
	e.seenStill(old)
	if a.NoDataSince.IsZero() {
		a.NoDataSince = e.At
		e.transition(a.Status, alert.ReasonNoData, a)
	}
	if a.Status == alert.Pending && e.At.Sub(a.NoDataSince) >= PendingWithoutData {
		e.out.Transitions = append(e.out.Transitions, end(&a, alert.ReasonNoData, e.At))
		return
	}
	e.count++
}
