package route

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
)

func TestForgettable(t *testing.T) {
	key := alert.NoticeKey{Group: `{}:{alertname="X"}`, Receiver: "a", Integration: "webhook[0]"}
	for _, row := range []struct {
		name string
		run  func(w *world) alert.Forgotten
	}{
		{"a resolved alert, and what was told of its group, after a while", func(w *world) alert.Forgotten {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(10 * min).resolve(id)
			w.at(11 * min).due("a resolved:; resolved X")
			w.at(25*min - sec).keepsAll()
			w.at(25 * min)
			return alert.Forgotten{Alerts: []alert.ID{id}, Notices: []alert.NoticeKey{key}}
		}},
		{"not while somebody is owed a notice of its end, until the retention is over", func(w *world) alert.Forgotten {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(10 * min).resolve(id)
			w.at(12 * min)
			w.fail(w.plan().Due[0], min)
			w.at(10*min + Retention - sec).keepsAll()
			w.at(10*min + Retention)
			return alert.Forgotten{Alerts: []alert.ID{id}, Notices: []alert.NoticeKey{key}}
		}},
		{"not while an attempt may have told somebody of it", func(w *world) alert.Forgotten {
			id := w.fire("X")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], min)
			w.at(10 * min).resolve(id)
			w.at(time.Hour).keepsAll()
			w.due("a resolved:; resolved X")
			return alert.Forgotten{Alerts: []alert.ID{id}, Notices: []alert.NoticeKey{key}}
		}},
		{"at once after a while if the receiver takes no ends", func(w *world) alert.Forgotten {
			w.configure("route: {receiver: quiet}\n", Options{})
			id := w.fire("X")
			w.at(30 * sec).due("quiet new alerts: X")
			w.at(min).resolve(id)
			w.at(16 * min)
			return alert.Forgotten{Alerts: []alert.ID{id}, Notices: []alert.NoticeKey{{Group: "{}:{}", Receiver: "quiet", Integration: "webhook[0]"}}}
		}},
		{"what was told of an alert that fires is kept, even of a receiver that is gone", func(w *world) alert.Forgotten {
			w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.configure("route: {receiver: b}\n", Options{})
			w.at(1000 * time.Hour)
			return alert.Forgotten{}
		}},
		{"a resolved alert that muted another is kept as long as that one", func(w *world) alert.Forgotten {
			w.configure("route: {receiver: a, group_by: [alertname], routes: [{receiver: b, matchers: [alertname=T], continue: true}, {receiver: two, matchers: [alertname=T]}]}\n"+
				"inhibit_rules: [{source_matchers: [alertname=S], target_matchers: [alertname=T]}]\n", Options{})
			target := w.fire("T")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], 100*time.Hour) // b may have been told, two was not
			source := w.fire("S")
			w.at(10 * min).resolve(source)
			w.resolve(target)
			for _, d := range w.plan().Due {
				w.send(d)
			}
			w.at(time.Hour).keepsAll()
			w.at(99 * time.Hour).due()
			w.at(101 * time.Hour).due("b resolved:; resolved T")
			f := w.router.Forgettable(w.state, w.now)
			if len(f.Alerts) != 2 {
				w.t.Errorf("forgettable %v, expected %s and %s", f.Alerts, source, target)
			}
			return f
		}},
		{"a silence that ended long ago, if no alert is known that ended before", func(w *world) alert.Forgotten {
			w.silence("s", "X", 0, time.Hour)
			w.at(time.Hour + Retention - sec).keepsAll()
			w.at(time.Hour + Retention)
			return alert.Forgotten{Silences: []string{"s"}}
		}},
		{"an action that was done long ago, unless its alert is known", func(w *world) alert.Forgotten {
			key, id := alert.ActionKey{RuleKey: "r"}, w.fire("X")
			w.apply(alert.Event{Action: &alert.Action{ActionKey: key, Alert: "gone"}})
			w.apply(alert.Event{Action: &alert.Action{ActionKey: alert.ActionKey{RuleKey: "q"}, Alert: id}})
			w.at(Retention)
			return alert.Forgotten{Actions: []alert.ActionKey{key}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, simple, Options{})
			want := row.run(w)
			if diff := cmp.Diff(want, w.router.Forgettable(w.state, w.now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (w *world) keepsAll() {
	w.t.Helper()
	if diff := cmp.Diff(alert.Forgotten{}, w.router.Forgettable(w.state, w.now)); diff != "" {
		w.t.Errorf("at %s: %s", w.now.Sub(noon), diff)
	}
}
