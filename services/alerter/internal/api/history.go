package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// The kinds of events in the history.
const (
	kindTransition = "transition"
	kindNotice     = "notice"
	kindAction     = "action"
	kindSilence    = "silence"
	kindRule       = "rule"
)

var historyKinds = []string{kindTransition, kindNotice, kindAction, kindSilence, kindRule}

// What an answer holds at the most. A page that ends before its limit, because it
// has so many bytes, is followed by the one at its offset and its number of events.
const (
	historyLimit = 1000
	historyBytes = 4 << 20
)

// historyDocument is the answer: a page of the events asked for, newest first.
type historyDocument struct {
	Events []json.RawMessage `json:"events"` // each a historyEvent
	Total  int               `json:"total"`  // of those asked for, on all pages
	Limit  int               `json:"limit"`
	Offset int               `json:"offset"`

	bytes int  // of the events
	full  bool // no more are added
}

// add adds an event that was asked for to the page, if it is on it.
func (d *historyDocument) add(event func() historyEvent) {
	d.Total++
	if d.Total <= d.Offset || d.full {
		return
	}
	data := encode(event())
	if d.full = len(d.Events) == d.Limit || len(d.Events) > 0 && d.bytes+len(data) > historyBytes; !d.full {
		d.Events, d.bytes = append(d.Events, data), d.bytes+len(data)
	}
}

// historyEvent is an event. Which keys it has depends on its kind.
type historyEvent struct {
	Number uint64 `json:"number"` // 1, 2, 3 …
	At     stamp  `json:"at"`
	Kind   string `json:"kind"`

	Alerts []historyAlert `json:"alerts,omitempty"`     // that it is about
	More   int            `json:"moreAlerts,omitempty"` // that it is about, and which are not remembered
	From   alert.Status   `json:"from,omitempty"`
	To     alert.Status   `json:"to,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Value  *alert.Value   `json:"value,omitempty"`
	Ack    *alert.Ack     `json:"acknowledged,omitempty"`

	Receiver    string         `json:"receiver,omitempty"`
	Integration string         `json:"integration,omitempty"`
	GroupLabels model.LabelSet `json:"groupLabels,omitempty"`
	Fallback    bool           `json:"fallback,omitempty"`

	Rule   string        `json:"rule,omitempty"`
	Tenant *alert.Tenant `json:"tenant,omitempty"`
	Action string        `json:"action,omitempty"` // email, sms, post, update, twitter
	Entity string        `json:"entity,omitempty"`

	Outcome     alert.Outcome `json:"outcome,omitempty"`
	Error       string        `json:"error,omitempty"`
	Code        int           `json:"code,omitempty"`
	Attempt     int           `json:"attempt,omitempty"`
	TookMS      float64       `json:"tookMs,omitempty"`
	NextAttempt *stamp        `json:"nextAttempt,omitempty"`

	Silence *silenceDocument `json:"silence,omitempty"`
	Deleted bool             `json:"deleted,omitempty"`
}

// historyAlert is an alert that an event is about. Of one that is forgotten only
// ID and fingerprint are known.
type historyAlert struct {
	ID          alert.ID       `json:"id"`
	Fingerprint string         `json:"fingerprint"`
	Status      alert.Status   `json:"status,omitempty"` // as the event has it
	Labels      model.LabelSet `json:"labels,omitempty"`
	StartsAt    *stamp         `json:"startsAt,omitempty"` // when it fired
	EndsAt      *stamp         `json:"endsAt,omitempty"`   // when it was resolved
}

// describe fills in what is known of the alert.
func (h *historyAlert) describe(a *alert.Alert) {
	h.Fingerprint, h.Labels = a.Fingerprint().String(), a.Labels
	if !a.FiredAt.IsZero() {
		h.StartsAt = new(stamp(a.FiredAt))
	}
	if !a.ResolvedAt.IsZero() {
		h.EndsAt = new(stamp(a.ResolvedAt))
	}
}

// history serves GET /api/alerts/history.
func (a *api) history(w http.ResponseWriter, r *http.Request) {
	filter, err := newHistoryFilter(r.URL.Query())
	page := historyDocument{Events: []json.RawMessage{}}
	if err == nil {
		page.Limit, err = uintParameter(r, "limit", 100)
		page.Limit = min(page.Limit, historyLimit)
	}
	if err == nil {
		page.Offset, err = uintParameter(r, "offset", 0)
	}
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	events, known := a.remembered()
	filter.labels = labelsOf(filter.fingerprint, known)
	now := a.Now()
	for i := range slices.Backward(events) {
		e := &events[i]
		if !filter.inTime(e.At) {
			continue
		}
		h := historyOf(e, now)
		if !filter.wantsEvent(&h) {
			continue
		}
		all := func() historyEvent {
			h.Alerts = alertsOf(e, known)
			return h
		}
		if filter.ofAlerts() && !filter.wants(all()) {
			continue
		}
		page.add(all)
	}
	respond(w, http.StatusOK, page)
}

// remembered returns the events, oldest first, and the alerts that they speak
// of.
func (a *api) remembered() (events []alert.Numbered, known map[alert.ID]*alert.Alert) {
	a.Ledger.Read(func(s *alert.State) {
		events, known = s.Latest(), maps.Clone(s.Alerts)
	})
	for i := range events {
		if t := events[i].Transition; t != nil && known[t.Alert.ID] == nil {
			known[t.Alert.ID] = &t.Alert
		}
	}
	return events, known
}

// historyOf returns an event without its alerts.
func historyOf(e *alert.Numbered, now time.Time) historyEvent {
	h := historyEvent{Number: e.Number, At: stamp(e.At)}
	switch {
	case e.Transition != nil:
		t := e.Transition
		h.Kind, h.From, h.To, h.Reason, h.Value = kindTransition, t.From, t.Alert.Status, string(t.Reason), &t.Alert.Value
		if t.Reason == alert.ReasonAcknowledged {
			h.Ack = t.Alert.Acknowledged
		}
	case e.Notice != nil:
		n := e.Notice
		h.Kind, h.Receiver, h.Integration, h.GroupLabels = kindNotice, n.Receiver, n.Integration, n.GroupLabels
		h.Reason, h.Fallback, h.TookMS = n.Reason, n.Fallback, float64(n.Took.Microseconds())/1000
		h.outcome(n.Outcome, n.Error, n.Code, n.Attempt, n.NextAttempt)
		h.More = n.MoreFiring + n.MoreResolved
	case e.Action != nil:
		x := e.Action
		h.Kind, h.Rule, h.Tenant, h.Action, h.Entity = kindAction, x.Rule, &x.Tenant, x.Type, x.Entity
		h.outcome(x.Outcome, x.Error, x.Code, x.Attempt, x.NextAttempt)
	case e.Silence != nil:
		d := silenceDocumentOf(e.Silence, now)
		h.Kind, h.Silence = kindSilence, &d
	case e.Rule != nil:
		h.Kind, h.Rule, h.Tenant, h.Deleted = kindRule, e.Rule.Name, &e.Rule.Tenant, e.Rule.Deleted
	}
	return h
}

// alertsOf returns the alerts that an event is about.
func alertsOf(e *alert.Numbered, known map[alert.ID]*alert.Alert) []historyAlert {
	switch {
	case e.Transition != nil:
		a := &e.Transition.Alert
		h := historyAlert{ID: a.ID, Status: a.Status}
		h.describe(a)
		return []historyAlert{h}
	case e.Notice != nil:
		return append(historyAlerts(e.Notice.Firing, alert.Firing, known), historyAlerts(e.Notice.Resolved, alert.Resolved, known)...)
	case e.Action != nil && e.Action.Alert != "":
		return historyAlerts([]alert.ID{e.Action.Alert}, alert.Firing, known)
	}
	return nil
}

func (h *historyEvent) outcome(o alert.Outcome, err string, code, attempt int, next time.Time) {
	h.Outcome, h.Error, h.Code, h.Attempt = o, err, code, attempt
	if !next.IsZero() {
		at := stamp(next)
		h.NextAttempt = &at
	}
}

func historyAlerts(ids []alert.ID, status alert.Status, known map[alert.ID]*alert.Alert) []historyAlert {
	all := make([]historyAlert, 0, len(ids))
	for _, id := range ids {
		h := historyAlert{ID: id, Status: status}
		if a := known[id]; a != nil {
			h.describe(a)
		} else {
			h.Fingerprint, _, _ = strings.Cut(string(id), "-") // as alert.NewID puts it together
		}
		all = append(all, h)
	}
	return all
}

// historyFilter is which events are asked for; "" for any.
type historyFilter struct {
	kind, receiver, alertname, fingerprint, service, subservice string
	from, to                                                    time.Time // zero for open

	labels model.LabelSet // of the alert with the fingerprint; nil if it is not known
}

func newHistoryFilter(query url.Values) (f historyFilter, err error) {
	f = historyFilter{
		kind: query.Get("kind"), receiver: query.Get("receiver"), alertname: query.Get("alertname"),
		fingerprint: query.Get("fingerprint"), service: query.Get("service"), subservice: query.Get("subservice"),
	}
	if f.kind != "" && !slices.Contains(historyKinds, f.kind) {
		return f, fmt.Errorf("parameter kind: %q is none of %s", f.kind, strings.Join(historyKinds, ", "))
	}
	if f.from, err = parseTime("from", query.Get("from")); err != nil {
		return f, err
	}
	f.to, err = parseTime("to", query.Get("to"))
	return f, err
}

// parseTime reads RFC 3339 or unix seconds; "" is the zero time.
func parseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	// Seconds beyond the year 9999 cannot be shown.
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > -1e11 && s < 2.5e11 {
		return time.UnixMilli(int64(s * 1000)), nil
	}
	return time.Time{}, fmt.Errorf("parameter %s: %q is neither a time of RFC 3339 nor unix seconds", name, text)
}

// labelsOf returns the labels of the alert with a fingerprint; nil if it is not
// known.
func labelsOf(fingerprint string, known map[alert.ID]*alert.Alert) model.LabelSet {
	if fingerprint == "" {
		return nil
	}
	for id, a := range known {
		if strings.HasPrefix(string(id), fingerprint+"-") { // as alert.NewID puts it together
			return a.Labels
		}
	}
	return nil
}

func (f *historyFilter) inTime(at time.Time) bool {
	return (f.from.IsZero() || !at.Before(f.from)) && (f.to.IsZero() || !at.After(f.to))
}

// wantsEvent says whether an event is asked for, but for its alerts.
func (f *historyFilter) wantsEvent(h *historyEvent) bool {
	return (f.kind == "" || f.kind == h.Kind) && (f.receiver == "" || f.receiver == h.Receiver)
}

// ofAlerts reports whether events are asked for by what their alerts are.
func (f *historyFilter) ofAlerts() bool {
	return f.fingerprint != "" || f.alertname != "" || f.service != "" || f.subservice != ""
}

// wants says whether an event is asked for by what its alerts are.
func (f *historyFilter) wants(h historyEvent) bool {
	if f.fingerprint == "" && f.alertname == "" && h.Tenant != nil {
		return f.wantsTenant(model.LabelValue(h.Tenant.Service), model.LabelValue(h.Tenant.Subservice))
	}
	return f.mayHave(&h) || slices.ContainsFunc(h.Alerts, func(a historyAlert) bool {
		return (f.fingerprint == "" || f.fingerprint == a.Fingerprint) &&
			(f.alertname == "" || f.alertname == string(a.Labels[model.AlertNameLabel])) &&
			f.wantsTenant(a.Labels["service"], a.Labels["subservice"])
	})
}

// mayHave reports whether an alert that is asked for may be one of those of which
// is not remembered that the event is about them: it is of the event's group.
func (f *historyFilter) mayHave(h *historyEvent) bool {
	if h.More == 0 || f.fingerprint != "" && f.labels == nil {
		return false
	}
	want := model.LabelSet{}
	for name, value := range map[model.LabelName]string{model.AlertNameLabel: f.alertname, "service": f.service, "subservice": f.subservice} {
		if value != "" {
			want[name] = model.LabelValue(value)
		}
	}
	for name, value := range h.GroupLabels {
		if of, ok := want[name]; ok && of != value || f.labels != nil && f.labels[name] != value {
			return false
		}
		delete(want, name)
	}
	for name, value := range want {
		if f.labels[name] != value {
			return false // other alerts of the group may have it: those that are remembered say so
		}
	}
	return true
}

func (f *historyFilter) wantsTenant(service, subservice model.LabelValue) bool {
	return (f.service == "" || f.service == string(service)) && (f.subservice == "" || f.subservice == string(subservice))
}
