package route

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
)

// world is a state that things happen to, and a router that looks at it.
type world struct {
	t      testing.TB
	router *Router
	state  *alert.State
	now    time.Time
	events []alert.Event
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) // a Saturday

// newWorld makes a world whose routes are those of a file with the receivers a,
// b and fallback, each with one webhook, two with two, and quiet, which takes no
// resolved notices.
func newWorld(t testing.TB, file string, o Options) *world {
	t.Helper()
	w := &world{t: t, state: alert.NewState(), now: noon}
	w.configure(file, o)
	return w
}

const receivers = `
receivers:
  - {name: a, webhook_configs: [{url: 'http://a'}]}
  - {name: b, webhook_configs: [{url: 'http://b'}]}
  - {name: two, webhook_configs: [{url: 'http://1'}, {url: 'http://2'}]}
  - {name: quiet, webhook_configs: [{url: 'http://q', send_resolved: false}]}
  - {name: fallback, webhook_configs: [{url: 'http://f'}]}
  - {name: none}
`

func (w *world) configure(file string, o Options) {
	w.t.Helper()
	c, err := amconfig.Parse([]byte(file+receivers), "")
	if err != nil {
		w.t.Fatal(err)
	}
	if w.router, err = New(c, o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(e alert.Event) {
	e.At = w.now
	w.events = append(w.events, e)
	w.state.Apply(e)
}

// set makes labels of "alertname k=v k=v".
func set(text string) model.LabelSet {
	words := strings.Fields(text)
	labels := model.LabelSet{model.AlertNameLabel: model.LabelValue(words[0])}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		labels[model.LabelName(name)] = model.LabelValue(value)
	}
	return labels
}

// fire makes an alert fire now.
func (w *world) fire(text string) alert.ID {
	labels := set(text)
	a := alert.Alert{ID: alert.NewID("r", labels, w.now), Rule: "r", Labels: labels, Status: alert.Firing, ActiveAt: w.now, FiredAt: w.now}
	w.apply(alert.Event{Transition: &alert.Transition{From: alert.Inactive, Alert: a}})
	return a.ID
}

func (w *world) resolve(id alert.ID) {
	a := *w.state.Alerts[id]
	a.Status, a.ResolvedAt = alert.Resolved, w.now
	w.apply(alert.Event{Transition: &alert.Transition{From: alert.Firing, Alert: a}})
}

// silence silences the alerts of a name for a time.
func (w *world) silence(id, name string, from, until time.Duration) {
	w.apply(alert.Event{Silence: &alert.Silence{ID: id, StartsAt: noon.Add(from), EndsAt: noon.Add(until),
		Matchers: []alert.Matcher{{Name: "alertname", Value: name, IsEqual: true}}}})
}

// at moves the time to an offset from noon.
func (w *world) at(offset time.Duration) *world {
	w.now = noon.Add(offset)
	return w
}

func (w *world) plan() Plan { return w.router.Plan(w.state, w.now) }

func idsOf(alerts []*alert.Alert) (ids []alert.ID) {
	for _, a := range alerts {
		ids = append(ids, a.ID)
	}
	return ids
}

func notice(d Due, outcome alert.Outcome) *alert.Notice {
	return &alert.Notice{NoticeKey: d.Key, ID: d.ID, GroupLabels: d.GroupLabels, Reason: string(d.Reason), Fallback: d.Fallback,
		Firing: idsOf(d.Firing), Resolved: idsOf(d.Resolved), Outcome: outcome}
}

// send enters a notice as sent.
func (w *world) send(d Due) { w.apply(alert.Event{Notice: notice(d, alert.Sent)}) }

// fail enters a notice as failed, the next attempt being in a while.
func (w *world) fail(d Due, pause time.Duration) {
	n := notice(d, alert.Retrying)
	n.NextAttempt = w.now.Add(pause)
	w.apply(alert.Event{Notice: n})
}

// short writes a due notice as "a new alerts: X Y; resolved Z".
func short(d Due) string {
	names := func(alerts []*alert.Alert) string {
		var words []string
		for _, a := range alerts {
			word := a.Name()
			if i := a.Labels["instance"]; i != "" {
				word += "/" + string(i)
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	text := fmt.Sprintf("%s %s:", d.Receiver, d.Reason)
	if d.Fallback {
		text = "fallback " + string(d.Reason) + ":"
	}
	if len(d.Firing) > 0 {
		text += " " + names(d.Firing)
	}
	if len(d.Resolved) > 0 {
		text += "; resolved " + names(d.Resolved)
	}
	return text
}

// due checks what is due now, and sends it.
func (w *world) due(want ...string) *world {
	w.t.Helper()
	p := w.plan()
	var got []string
	for _, d := range p.Due {
		got = append(got, short(d))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("at %s: due:\n%s\nexpected:\n%s", w.now.Sub(noon), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, d := range p.Due {
		w.send(d)
	}
	return w
}

const never = time.Duration(-1)

// next checks when the plan is to be looked at again.
func (w *world) next(want time.Duration) *world {
	w.t.Helper()
	next := w.plan().Next
	if got := next.Sub(noon); next.IsZero() != (want == never) || want != never && got != want {
		w.t.Errorf("at %s: next at %s, expected %s", w.now.Sub(noon), got, want)
	}
	return w
}

// why checks why nothing is due for the only integration of the only group.
func (w *world) why(want Reason) *world {
	w.t.Helper()
	groups := w.router.Groups(w.state, w.now)
	if len(groups) != 1 || len(groups[0].Notices) != 1 || groups[0].Notices[0].Reason != want {
		w.t.Errorf("at %s: groups %+v, expected one for the reason %q", w.now.Sub(noon), groups, want)
	}
	return w
}
