package api

import (
	"cmp"
	"errors"
	"io"
	"net/http"

	"weir/services/alerter/internal/actions"
)

// do serves POST /actions/do: somebody else's rule engine says that a rule
// fired. The answer comes at once and is empty; the rule's actions follow. It
// counts as no incoming transaction.
func (a *api) do(w http.ResponseWriter, r *http.Request) {
	correlator := a.correlator(r)
	w.Header().Set(correlatorHeader, correlator)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		send(w, answer{code: http.StatusBadRequest, err: "read the body: " + err.Error()})
		return
	}
	event, err := actions.ParseEvent(body)
	if err != nil {
		send(w, answer{code: http.StatusBadRequest, err: err.Error()})
		return
	}
	tenant, err := parseTenant(
		cmp.Or(event.Text("service"), r.Header.Get(serviceHeader)),
		cmp.Or(event.Text("subservice"), r.Header.Get(servicePathHeader)))
	if err != nil {
		send(w, answer{code: http.StatusBadRequest, err: err.Error()})
		return
	}
	err = a.Actions.Do(correlator, tenant, event)
	switch {
	case errors.Is(err, actions.ErrNoRuleName):
		send(w, answer{code: http.StatusBadRequest, err: err.Error()})
	case err != nil:
		send(w, answer{code: http.StatusInternalServerError, err: err.Error()})
	}
}
