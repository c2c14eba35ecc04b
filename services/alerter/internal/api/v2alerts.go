package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/route"
)

type alertDocument struct {
	Annotations  model.LabelSet      `json:"annotations"`
	EndsAt       stamp               `json:"endsAt"`
	Fingerprint  string              `json:"fingerprint"`
	Receivers    []receiverDocument  `json:"receivers"`
	StartsAt     stamp               `json:"startsAt"`
	Status       alertStatusDocument `json:"status"`
	UpdatedAt    stamp               `json:"updatedAt"`
	GeneratorURL string              `json:"generatorURL,omitempty"`
	Labels       model.LabelSet      `json:"labels"`
}

type alertStatusDocument struct {
	InhibitedBy []string    `json:"inhibitedBy"`
	MutedBy     []string    `json:"mutedBy"`
	SilencedBy  []string    `json:"silencedBy"`
	State       route.State `json:"state"`
}

// alerts serves GET /api/v2/alerts: the firing alerts, by fingerprint.
// Alertmanager is not told of pending ones either.
func (a *api) alerts(w http.ResponseWriter, r *http.Request) {
	filter, err := newAlertFilter(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	view := a.view()
	found := []alertDocument{}
	a.look(func(s *alert.State) {
		for _, al := range s.Alerts {
			if al.Status != alert.Firing || !matchesLabels(filter.matchers, al.Labels) {
				continue
			}
			status := view.Router.Status(al, s, view.now)
			if filter.receives(status.Receivers) && filter.wants(status) {
				found = append(found, view.document(al, status))
			}
		}
	})
	slices.SortFunc(found, func(a, b alertDocument) int {
		return cmp.Or(cmp.Compare(a.Fingerprint, b.Fingerprint), time.Time(a.StartsAt).Compare(time.Time(b.StartsAt)))
	})
	respond(w, http.StatusOK, found)
}

// look reads the state while nobody else uses the router.
func (a *api) look(f func(*alert.State)) {
	a.routing.Lock()
	defer a.routing.Unlock()
	a.Ledger.Read(f)
}

// view is what alerts are shown with.
type view struct {
	Routing
	now time.Time
}

func (a *api) view() view { return view{a.Routing(), a.Now()} }

func (v *view) document(a *alert.Alert, s route.Status) alertDocument {
	ends := a.EndsAt
	if !ends.After(v.now) { // it goes on until we say otherwise: what Prometheus says then
		ends = v.now.Add(v.ResolveTimeout)
	}
	return alertDocument{
		Annotations: notNil(a.Annotations), EndsAt: stamp(ends), Fingerprint: a.Fingerprint().String(),
		Receivers: receiverDocuments(s.Receivers), StartsAt: stamp(a.FiredAt), UpdatedAt: stamp(changedAt(a)),
		GeneratorURL: a.GeneratorURL, Labels: notNil(a.Labels),
		Status: alertStatusDocument{
			InhibitedBy: texts(s.InhibitedBy), MutedBy: notNilList(s.MutedBy),
			SilencedBy: notNilList(s.SilencedBy), State: s.State,
		},
	}
}

// changedAt is when something last became different about a firing alert.
func changedAt(a *alert.Alert) time.Time {
	last := a.FiredAt
	for _, t := range []time.Time{a.KeepFiringSince, a.NoDataSince} {
		if t.After(last) {
			last = t
		}
	}
	if a.Acknowledged != nil && a.Acknowledged.At.After(last) {
		last = a.Acknowledged.At
	}
	return last
}

func notNil(ls model.LabelSet) model.LabelSet {
	if ls == nil {
		return model.LabelSet{}
	}
	return ls
}

func notNilList(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func texts(fps []model.Fingerprint) []string {
	all := make([]string, len(fps))
	for i, fp := range fps {
		all[i] = fp.String()
	}
	return all
}

type groupDocument struct {
	Alerts      []alertDocument  `json:"alerts"`
	Labels      model.LabelSet   `json:"labels"`
	Receiver    receiverDocument `json:"receiver"`
	RouteLabels model.LabelSet   `json:"routeLabels"`
}

// groups serves GET /api/v2/alerts/groups: the groups in which an alert fires,
// by labels and then receivers.
func (a *api) groups(w http.ResponseWriter, r *http.Request) {
	filter, err := newAlertFilter(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	view := a.view()
	found := []groupDocument{}
	a.look(func(s *alert.State) {
		for _, g := range view.Router.Groups(s, view.now) {
			if !filter.receives([]string{g.Receiver}) {
				continue
			}
			if alerts, muted := view.members(s, g, &filter); len(alerts) > 0 && (filter.muted || !muted) {
				found = append(found, groupDocument{alerts, notNil(g.Labels), receiverDocument{g.Receiver}, model.LabelSet{}})
			}
		}
	})
	slices.SortStableFunc(found, func(a, b groupDocument) int {
		return cmp.Or(strings.Compare(a.Labels.String(), b.Labels.String()), strings.Compare(a.Receiver.Name, b.Receiver.Name))
	})
	respond(w, http.StatusOK, found)
}

// members returns the alerts of a group that the filter wants, and whether all
// of these are muted.
func (v *view) members(s *alert.State, g route.Group, filter *alertFilter) (alerts []alertDocument, muted bool) {
	muted = true
	for _, al := range g.Alerts {
		if al.Status != alert.Firing || !matchesLabels(filter.matchers, al.Labels) {
			continue
		}
		status := v.Router.Status(al, s, v.now)
		if filter.wants(status) {
			muted = muted && status.State == route.Suppressed
			alerts = append(alerts, v.document(al, status))
		}
	}
	return alerts, muted
}
