package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// acknowledge serves POST /api/alerts/{fingerprint}/ack with
//
//	{"by": "ada", "comment": "on my way"}
//
// and answers with the alerts that were acknowledged, as they are now:
//
//	{"alerts": [{…}]}
func (a *api) acknowledge(w http.ResponseWriter, r *http.Request) {
	fail := func(code int, err error) { respond(w, code, map[string]string{"error": err.Error()}) }
	fp, err := model.ParseFingerprint(r.PathValue("fingerprint"))
	if err != nil {
		fail(http.StatusBadRequest, fmt.Errorf("fingerprint %q: expected 16 hex digits", r.PathValue("fingerprint")))
		return
	}
	var body struct {
		By      string `json:"by"`
		Comment string `json:"comment"`
	}
	if err := readJSON(r, &body); err != nil {
		fail(http.StatusBadRequest, err)
		return
	}
	if body.By == "" {
		fail(http.StatusBadRequest, errors.New("by: expected the name of who acknowledges the alert"))
		return
	}
	if n := len(body.By) + len(body.Comment); n > alert.MaxComment {
		fail(http.StatusBadRequest, fmt.Errorf("by and comment have %d bytes: expected %d or less", n, alert.MaxComment))
		return
	}
	known, err := a.acknowledgeAll(r, fp, alert.Ack{By: body.By, Comment: body.Comment, At: a.Now()})
	switch {
	case err != nil:
		fail(http.StatusInternalServerError, err)
	case len(known) == 0:
		fail(http.StatusNotFound, fmt.Errorf("no active alert has the fingerprint %s", fp))
	default:
		respond(w, http.StatusOK, map[string][]alert.Alert{"alerts": known})
	}
}

// acknowledgeAll acknowledges each active alert of a fingerprint: two rules may
// have raised the same labels.
func (a *api) acknowledgeAll(r *http.Request, fp model.Fingerprint, ack alert.Ack) (known []alert.Alert, err error) {
	err = a.change(r.Context(), func(s *alert.State) (events []alert.Event) {
		known = nil
		for _, al := range active(s, fp) {
			t := a.Acknowledge(al, ack)
			events, known = append(events, alert.Event{At: ack.At, Transition: &t}), append(known, t.Alert)
		}
		return events
	})
	if err != nil {
		return nil, fmt.Errorf("store the acknowledgement: %w", err)
	}
	return known, nil
}

// active returns the active alerts of a fingerprint.
func active(s *alert.State, fp model.Fingerprint) (all []*alert.Alert) {
	for _, alerts := range s.ByRule {
		for _, al := range alerts {
			if al.Fingerprint() == fp {
				all = append(all, al)
			}
		}
	}
	alert.Sort(all)
	return all
}
