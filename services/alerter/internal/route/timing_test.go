package route

import (
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
)

const simple = "route: {receiver: a, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}\n"

const (
	sec = time.Second
	min = time.Minute
)

func TestTiming(t *testing.T) {
	for _, row := range []struct {
		name string
		run  func(w *world)
	}{
		{"group_wait: how long to initially wait to send a notification for a group", func(w *world) {
			w.fire("X")
			w.due().next(30 * sec).why(GroupWait)
			w.at(30 * sec).due("a new alerts: X")
		}},
		{"group_wait: allows to collect more initial alerts for the same group", func(w *world) {
			w.fire("X instance=1")
			w.at(20 * sec).fire("X instance=2")
			w.at(30 * sec).due("a new alerts: X/1 X/2").due()
		}},
		{"an alert that ends within group_wait is not told of", func(w *world) {
			id := w.fire("X")
			w.at(29 * sec).resolve(id)
			w.at(30 * sec).due().next(never)
		}},
		{"group_interval: how long to wait before sending a notification about new alerts added to a group", func(w *world) {
			w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.at(60 * sec).fire("X instance=2")
			w.at(100 * sec).due().why(GroupInterval).next(330 * sec)
			w.at(330 * sec).due("a new alerts: X/1 X/2")
		}},
		{"a new alert in a group told of long ago waits for group_wait", func(w *world) {
			w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.at(10 * min).fire("X instance=2")
			w.due().why(GroupWait).next(10*min + 30*sec)
			w.at(10*min + 30*sec).due("a new alerts: X/1 X/2")
		}},
		{"group_interval: an alert that ends is told of after it", func(w *world) {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(40 * sec).resolve(id)
			w.at(329 * sec).due().next(330 * sec)
			w.at(330 * sec).due("a resolved:; resolved X").due()
		}},
		{"an alert that ends and fires again before group_interval is told of as both", func(w *world) {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(40 * sec).resolve(id)
			w.at(50 * sec).fire("X")
			w.at(330 * sec).due("a new alerts: X; resolved X")
		}},
		{"a group all of whose alerts have ended begins anew with group_wait", func(w *world) {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(40 * sec).resolve(id)
			w.at(330 * sec).due("a resolved:; resolved X")
			w.at(340 * sec).fire("X")
			w.at(370 * sec).due("a new alerts: X")
		}},
		{"repeat_interval: how long to wait before sending a notification again", func(w *world) {
			w.fire("X")
			w.at(30 * sec).due("a new alerts: X").next(4*time.Hour + 30*sec).why(NothingNew)
			w.at(4 * time.Hour).due()
			w.at(4*time.Hour + 30*sec).due("a repeat: X").due()
			w.at(8*time.Hour + 30*sec).due("a repeat: X")
		}},
		{"repeat_interval: nothing is repeated when nothing fires", func(w *world) {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(10 * min).resolve(id)
			w.at(11 * min).due("a resolved:; resolved X")
			w.at(24 * time.Hour).due()
		}},
		{"news in between puts off the repetition", func(w *world) {
			w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.at(2 * time.Hour).fire("X instance=2")
			w.at(2*time.Hour + 30*sec).due("a new alerts: X/1 X/2").next(6*time.Hour + 30*sec)
			w.at(4*time.Hour + 30*sec).due()
		}},
		{"an alert that fired and ended while nobody could send is told of at its end", func(w *world) {
			id := w.fire("X")
			w.at(31 * sec).resolve(id)
			w.at(40 * sec).due("a resolved:; resolved X").due()
		}},
		{"an alert that came and went between two notices of its group is told of at its end", func(w *world) {
			w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.at(40 * sec)
			id := w.fire("X instance=2")
			w.at(90 * sec).resolve(id)
			w.at(330 * sec).due("a resolved: X/1; resolved X/2").due()
		}},
		{"what may have arrived with a failed attempt is told of at its end, however short it was", func(w *world) {
			id := w.fire("X")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], sec)
			w.state.Alerts[id].FiredAt = noon.Add(10 * sec) // as if group_wait were longer now
			w.at(31 * sec).resolve(id)
			w.at(45 * sec).due("a resolved:; resolved X").due()
		}},
		{"a pending alert is told to nobody", func(w *world) {
			id := w.fire("X")
			w.state.Alerts[id].Status = "pending"
			w.at(time.Hour).due()
		}},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(newWorld(t, simple, Options{})) })
	}
}

func TestAttempts(t *testing.T) {
	for _, row := range []struct {
		name string
		run  func(w *world)
	}{
		{"an attempt that failed is made again when its time comes, as the same news", func(w *world) {
			w.fire("X")
			w.at(30 * sec)
			first := w.plan().Due[0]
			w.fail(first, 2*sec)
			w.at(31 * sec).due().why(Backoff).next(32 * sec)
			if p := w.plan(); p.Owed != 1 || len(p.Failing) != 1 {
				w.t.Errorf("%d owed, %v failing, expected 1", p.Owed, p.Failing)
			}
			w.at(32 * sec)
			if again := w.plan().Due[0]; again.ID != first.ID {
				w.t.Errorf("the same news is %s and then %s", first.ID, again.ID)
			}
			w.due("a new alerts: X").due()
		}},
		{"what a failed attempt told of and the next one did not, being silenced, is told of at its end", func(w *world) {
			one := w.fire("X instance=1")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], sec)
			w.apply(alert.Event{Silence: &alert.Silence{ID: "s", StartsAt: noon, EndsAt: noon.Add(time.Hour),
				Matchers: []alert.Matcher{{Name: "instance", Value: "1", IsEqual: true}}}})
			w.fire("X instance=2")
			w.at(min).due("a new alerts: X/2")
			w.at(10 * min).resolve(one)
			w.at(11 * min).due("a resolved: X/2; resolved X/1").due()
		}},
		{"a repetition is news of its own each time, and the same in each attempt", func(w *world) {
			w.fire("X")
			w.at(30 * sec)
			first := w.plan().Due[0].ID
			w.due("a new alerts: X").at(5 * time.Hour)
			repeat := w.plan().Due[0]
			w.fail(repeat, sec)
			w.at(5*time.Hour + sec)
			if again := w.plan().Due[0].ID; again != repeat.ID || again == first {
				w.t.Errorf("IDs %s, %s, %s", first, repeat.ID, again)
			}
			w.due("a repeat: X").at(10 * time.Hour)
			if next := w.plan().Due[0].ID; next == repeat.ID {
				w.t.Error("two repetitions have one ID")
			}
		}},
		{"no integration delays another", func(w *world) {
			w.configure("route: {receiver: two, group_wait: 0s}\n", Options{})
			w.fire("X")
			p := w.plan()
			if len(p.Due) != 2 || p.Due[0].Key.Integration != "webhook[0]" || p.Due[1].Index != 1 {
				w.t.Fatalf("due %+v", p.Due)
			}
			w.fail(p.Due[0], min)
			w.due("two new alerts: X")
			w.at(min).due("two new alerts: X").due()
		}},
		{"a receiver without integrations is owed nothing", func(w *world) {
			w.configure("route: {receiver: none}\n", Options{})
			w.fire("X")
			w.at(time.Hour).due()
		}},
		{"send_resolved false: an end is not told of, and the group closes when it would have been", func(w *world) {
			w.configure("route: {receiver: quiet, group_by: [alertname]}\n", Options{})
			id := w.fire("X")
			w.at(30 * sec).due("quiet new alerts: X")
			w.at(40 * sec).resolve(id)
			w.at(50 * sec).fire("X")
			w.at(2 * min).due() // it flaps: no new group yet
			w.at(330 * sec).due("quiet new alerts: X")
		}},
		{"a fallback receiver is told when a receiver has failed for long", func(w *world) {
			w.configure(simple, Options{FallbackReceiver: "fallback", FallbackAfter: 5 * min})
			id := w.fire("X")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], 10*min)
			w.next(330 * sec).at(329 * sec).due()
			w.at(330 * sec).due("fallback new alerts: X").due()
			w.at(630 * sec).due("a new alerts: X") // it is there again
			w.at(700 * sec).resolve(id)
			w.at(730 * sec).due("fallback resolved:; resolved X") // what it was told of, it is told the end of
			w.at(930 * sec).due("a resolved:; resolved X").due()
			w.fire("X")
			w.at(960 * sec).due("a new alerts: X").due()
		}},
		{"the fallback receiver is told of the end of what the receiver could be told of only before", func(w *world) {
			w.configure(simple, Options{FallbackReceiver: "fallback"})
			id, other := w.fire("X instance=1"), w.fire("X instance=2")
			w.at(30 * sec).due("a new alerts: X/1 X/2")
			w.at(10 * min).resolve(id)
			w.at(11 * min)
			w.fail(w.plan().Due[0], time.Hour)
			w.at(16 * min).due("fallback resolved: X/2; resolved X/1").due()
			w.at(71 * min).due("a resolved: X/2; resolved X/1").due()
			w.at(80 * min).resolve(other) // of which the fallback receiver was told by the way
			w.at(81*min).due("a resolved:; resolved X/2", "fallback resolved:; resolved X/2").due()
		}},
		{"the fallback receiver is not told of the end of what only the receiver was told of", func(w *world) {
			w.configure(simple, Options{FallbackReceiver: "fallback"})
			id := w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.at(10 * min).resolve(id)
			w.at(11 * min).due("a resolved:; resolved X/1").fire("X instance=2")
			w.at(12 * min)
			w.fail(w.plan().Due[0], time.Hour)
			w.at(17 * min).due("fallback new alerts: X/2").due()
		}},
		{"the fallback receiver gets no repetitions", func(w *world) {
			w.configure(simple, Options{FallbackReceiver: "fallback"})
			w.fire("X")
			w.at(30 * sec)
			w.fail(w.plan().Due[0], 100*time.Hour)
			w.at(6 * min).due("fallback new alerts: X")
			w.at(50 * time.Hour).due()
		}},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(newWorld(t, simple, Options{})) })
	}
}
