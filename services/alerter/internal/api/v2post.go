package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// postedAlert is an alert that somebody outside has.
type postedAlert struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations"`
	StartsAt     stamp          `json:"startsAt"`
	EndsAt       stamp          `json:"endsAt"`
	GeneratorURL string         `json:"generatorURL"`
}

// postAlerts serves POST /api/v2/alerts. As in Alertmanager those that are in
// order are taken when others of the same request are not.
func (a *api) postAlerts(w http.ResponseWriter, r *http.Request) {
	var posted []postedAlert
	if err := readJSON(r, &posted); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	now, timeout := a.Now(), a.Routing().ResolveTimeout
	var good []model.Alert
	var bad error
	for i, p := range posted {
		m := p.alert(now, timeout)
		if err := cmp.Or(m.Validate(), tooLong(&m)); err != nil {
			bad = errors.Join(bad, fmt.Errorf("alert %d of the request: %w", i+1, err))
			continue
		}
		good = append(good, m)
	}
	if err := a.takeAlerts(r, good, now); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if bad != nil {
		refuse(w, http.StatusBadRequest, bad)
	}
}

// tooLong is the error of an alert that could not be stored. What it says about
// itself is shortened instead.
func tooLong(m *model.Alert) error {
	if n := alert.Bytes(m.Labels); n > alert.MaxLabels {
		return fmt.Errorf("its labels have %d bytes: expected %d or less", n, alert.MaxLabels)
	}
	return nil
}

// alert fills in what was left out, as Alertmanager does.
func (p *postedAlert) alert(now time.Time, timeout time.Duration) model.Alert {
	m := model.Alert{
		Labels: p.Labels, Annotations: p.Annotations, GeneratorURL: p.GeneratorURL,
		StartsAt: time.Time(p.StartsAt), EndsAt: time.Time(p.EndsAt),
	}
	for name, value := range m.Labels {
		if value == "" {
			delete(m.Labels, name)
		}
	}
	if m.StartsAt.IsZero() {
		if m.StartsAt = now; !m.EndsAt.IsZero() {
			m.StartsAt = m.EndsAt
		}
	}
	if m.EndsAt.IsZero() {
		m.EndsAt = now.Add(timeout)
	}
	return m
}

// takeAlerts stores what posted alerts change.
func (a *api) takeAlerts(r *http.Request, posted []model.Alert, now time.Time) error {
	latest := map[model.Fingerprint]int{} // of alerts given twice the last holds
	for i := range posted {
		latest[posted[i].Labels.Fingerprint()] = i
	}
	err := a.change(r.Context(), func(s *alert.State) (events []alert.Event) {
		firing := map[model.Fingerprint]*alert.Alert{}
		for _, al := range s.ByRule[""] {
			firing[al.Fingerprint()] = al
		}
		for i := range posted {
			fp := posted[i].Labels.Fingerprint()
			if latest[fp] != i {
				continue
			}
			if t, changed := taken(firing[fp], posted[i], now); changed {
				events = append(events, alert.Event{At: now, Transition: &t})
			}
		}
		return events
	})
	if err != nil {
		return fmt.Errorf("store the alerts: %w", err)
	}
	return nil
}

// taken returns what a posted alert makes of the one that fires with its labels,
// nil for none, and whether that is any change. One that is over and was never
// known is none.
func taken(firing *alert.Alert, p model.Alert, now time.Time) (t alert.Transition, changed bool) {
	over := !p.EndsAt.After(now)
	// A start that lies ahead (that of an alert given with its end alone, or by a
	// sender whose clock is ahead) holds no notice back, as in Alertmanager: it
	// fires now.
	began := p.StartsAt
	if began.After(now) {
		began = now
	}
	t = alert.Transition{From: alert.Inactive, Reason: alert.ReasonPosted}
	switch {
	case firing == nil && over:
		return t, false
	case firing == nil:
		t.Alert = alert.Alert{
			// Not from when it says it began: one that was resolved may come again
			// with the same start, and is another occurrence then.
			ID:     alert.NewID("", p.Labels, now),
			Labels: p.Labels, ActiveAt: began, FiredAt: began, Value: 1,
		}
	default:
		t.From, t.Alert = firing.Status, *firing
		if began.Before(firing.ActiveAt) {
			t.Alert.ActiveAt = began
		}
	}
	before := t.Alert
	t.Alert.Annotations, t.Alert.GeneratorURL, t.Alert.EndsAt, t.Alert.PostedAt = p.Annotations, p.GeneratorURL, p.EndsAt, now
	t.Alert = t.Alert.Bounded() // as it is stored, to be compared
	t.Alert.Status = alert.Firing
	if over {
		t.Alert.Status, t.Alert.ResolvedAt = alert.Resolved, p.EndsAt
	}
	same := before.Status == t.Alert.Status && before.EndsAt.Equal(p.EndsAt) && before.GeneratorURL == t.Alert.GeneratorURL &&
		before.ActiveAt.Equal(t.Alert.ActiveAt) && before.Annotations.Equal(t.Alert.Annotations)
	return t, !same
}
