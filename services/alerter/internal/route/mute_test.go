package route

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
)

// Noon is a Saturday: night is from 20:00 to 06:00, work from 08:00 to 17:00 UTC
// on each day.
const timed = simple + `
time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]}]
  - {name: work, time_intervals: [{times: [{start_time: '08:00', end_time: '17:00'}]}]}
  - {name: berlin, time_intervals: [{times: [{start_time: '20:00', end_time: '21:00'}], location: Europe/Berlin}]}
`

func timedRoute(more string) string {
	return strings.Replace(timed, "repeat_interval: 4h}", "repeat_interval: 4h, routes: [{matchers: ['alertname=~\".+\"'], "+more+"}]}", 1)
}

// A silence that was stored by an older version and is too large is not compiled.
func TestASilenceWhoseExpressionsAreTooLarge(t *testing.T) {
	s := newSilence(&alert.Silence{Matchers: []alert.Matcher{
		{Name: "a", Value: strings.Repeat("x{1000}", 11) + "|.*", IsRegex: true, IsEqual: true}, {Name: "b", Value: ".*", IsRegex: true, IsEqual: true}}})
	if len(s.matchers) > 0 || s.matches(model.LabelSet{"a": "x"}) {
		t.Errorf("it matches by %v", s.matchers)
	}
}

func TestMutes(t *testing.T) {
	for _, row := range []struct {
		name, file string
		run        func(w *world)
	}{
		{"a silence mutes what it matches, and what it muted is told of when it ends", simple, func(w *world) {
			w.silence("s", "X", 0, time.Hour)
			w.fire("X")
			w.at(30 * sec).due().why(MutedBySilence).next(time.Hour)
			w.at(time.Hour).due("a unmuted: X").due()
		}},
		{"a silence of another name mutes nothing", simple, func(w *world) {
			w.silence("s", "Y", 0, time.Hour)
			w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
		}},
		{"a silence that was ended early mutes no longer", simple, func(w *world) {
			w.silence("s", "X", 0, time.Hour)
			w.fire("X")
			w.at(10*min).silence("s", "X", 0, 10*min)
			w.due("a unmuted: X")
		}},
		{"a silence in the future mutes nothing yet", simple, func(w *world) {
			w.silence("s", "X", time.Hour, 2*time.Hour)
			w.fire("X")
			w.at(30 * sec).due("a new alerts: X").next(time.Hour)
		}},
		{"a silence over before group_wait is none that anybody noticed", simple, func(w *world) {
			w.silence("s", "X", 0, 20*sec)
			w.fire("X")
			w.at(20 * sec).due()
			w.at(30 * sec).due("a new alerts: X")
		}},
		{"what fired and ended in a silence is not told of", simple, func(w *world) {
			w.silence("s", "X", 0, time.Hour)
			id := w.fire("X")
			w.at(10 * min).resolve(id)
			w.at(2 * time.Hour).due()
		}},
		{"what was told of before a silence is told of at its end, in the silence", simple, func(w *world) {
			id := w.fire("X")
			w.at(30*sec).due("a new alerts: X").silence("s", "X", 0, 10*time.Hour)
			w.at(5 * time.Hour).due() // not repeated
			w.at(6 * time.Hour).resolve(id)
			w.at(6*time.Hour + 30*sec).due("a resolved:; resolved X").due()
		}},
		{"a silenced alert is left out of the notices of its group, and its end is told of all the same", simple, func(w *world) {
			one := w.fire("X instance=1")
			w.at(30 * sec).due("a new alerts: X/1")
			w.apply(alert.Event{Silence: &alert.Silence{ID: "s", StartsAt: noon, EndsAt: noon.Add(time.Hour),
				Matchers: []alert.Matcher{{Name: "instance", Value: "0|1", IsEqual: true, IsRegex: true}}}})
			w.at(10 * min).fire("X instance=2")
			w.at(11 * min).due("a new alerts: X/2")
			w.at(20 * min).resolve(one)
			w.at(21 * min).due("a resolved: X/2; resolved X/1").due()
		}},
		{"a repetition in a silence waits for its end", simple, func(w *world) {
			w.fire("X")
			w.at(30*sec).due("a new alerts: X").silence("s", "X", 0, 10*time.Hour)
			w.at(5 * time.Hour).due().next(10 * time.Hour).why(MutedBySilence)
			w.at(10 * time.Hour).due("a repeat: X")
		}},
		{"mute_time_intervals: a route is muted in them, and tells what is due when they end", timedRoute("mute_time_intervals: [night]"), func(w *world) {
			w.at(9 * time.Hour).fire("X") // 21:00
			w.at(9*time.Hour + 30*sec).due().why(MutedByInterval).next(18 * time.Hour)
			w.at(12 * time.Hour).due() // midnight ends one range and begins another: no edge
			w.at(18*time.Hour - sec).due()
			w.at(18 * time.Hour).due("a unmuted: X").due()
		}},
		{"mute_time_intervals: an end waits as well", timedRoute("mute_time_intervals: [night]"), func(w *world) {
			id := w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(9 * time.Hour).resolve(id)
			w.at(10 * time.Hour).due()
			w.at(18 * time.Hour).due("a resolved:; resolved X")
		}},
		{"mute_time_intervals: what came and went in them is not told of", timedRoute("mute_time_intervals: [night]"), func(w *world) {
			w.at(9 * time.Hour)
			id := w.fire("X")
			w.at(10 * time.Hour).resolve(id)
			w.at(18 * time.Hour).due()
		}},
		{"active_time_intervals: a route tells only in them", timedRoute("active_time_intervals: [work]"), func(w *world) {
			w.fire("X")
			w.at(30 * sec).due("a new alerts: X")
			w.at(5*time.Hour - sec).due("a repeat: X")
			w.at(5 * time.Hour).fire("X instance=1")
			w.at(6 * time.Hour).due().why(MutedByInterval).next(20 * time.Hour)
			w.at(20 * time.Hour).due("a unmuted: X X/1")
		}},
		{"a location of an interval counts", timedRoute("mute_time_intervals: [berlin]"), func(w *world) {
			w.at(7*time.Hour + 10*min).fire("X") // 20:10 in Berlin
			w.at(7*time.Hour + 11*min).due().next(8 * time.Hour)
			w.at(8 * time.Hour).due("a unmuted: X")
		}},
		{"time intervals are not inherited by the routes below",
			timedRoute("mute_time_intervals: [night], routes: [{matchers: [alertname=X]}]"), func(w *world) {
				w.at(9 * time.Hour).fire("X")
				w.at(9*time.Hour + 30*sec).due("a new alerts: X")
			}},
		{"two routes with the same matchers and receiver are one group that is told by whichever is due",
			strings.Replace(timed, "repeat_interval: 4h}", `repeat_interval: 4h, routes: [
  {matchers: [alertname=X], mute_time_intervals: [night], continue: true}, {matchers: [alertname=X], active_time_intervals: [night], repeat_interval: 1h}]}`, 1), func(w *world) {
				w.fire("X")
				w.at(30 * sec).due("a new alerts: X").due()
				w.at(4*time.Hour + 30*sec).due("a repeat: X").due()
				w.at(8*time.Hour + 30*sec).due("a repeat: X").due()
				w.at(9*time.Hour + 30*sec).due("a repeat: X").due()
			}},
		{"two routes with the same matchers and receiver tell of something once",
			strings.Replace(timed, "repeat_interval: 4h}", `repeat_interval: 4h, routes: [{matchers: [alertname=X], continue: true}, {matchers: [alertname=X]}]}`, 1), func(w *world) {
				w.fire("X")
				w.at(30 * sec)
				if p := w.plan(); p.Owed != 1 {
					w.t.Errorf("%d owed, expected 1", p.Owed)
				}
				w.due("a new alerts: X").due()
			}},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(newWorld(t, row.file, Options{})) })
	}
}

func TestEdges(t *testing.T) {
	w := newWorld(t, timedRoute("mute_time_intervals: [night]"), Options{})
	night := w.router.intervals["night"]
	for _, row := range []struct{ at, edge time.Duration }{
		{0, 8 * time.Hour}, {10 * time.Hour, 18 * time.Hour}, {30 * sec, 8 * time.Hour}, // the time may go back
		{8*time.Hour - time.Nanosecond, 8 * time.Hour}, {8 * time.Hour, 18 * time.Hour}, {18 * time.Hour, 32 * time.Hour},
	} {
		if got := night.nextEdge(noon.Add(row.at)).Sub(noon); got != row.edge {
			t.Errorf("at %s the next edge is at %s, expected %s", row.at, got, row.edge)
		}
	}
	never := schedule{}
	if got := never.nextEdge(noon).Sub(noon); got < horizon || got > horizon+min {
		t.Errorf("what never begins is looked at again after %s", got)
	}
}

func TestInhibition(t *testing.T) {
	const rule = simple + `
inhibit_rules:
  - {source_matchers: ['severity="critical"'], target_matchers: ['severity=~"warning|critical"'], equal: [zone, node]}
`
	for _, row := range []struct {
		name string
		run  func(w *world)
	}{
		{"a target is muted while a source fires that has the same values of equal", func(w *world) {
			source := w.fire("S severity=critical zone=1 node=a")
			w.fire("T severity=warning zone=1 node=a")
			w.at(30 * sec).due("a new alerts: S")
			w.at(min).resolve(source)
			w.at(90 * sec).due("a unmuted: T").at(330 * sec).due("a resolved:; resolved S")
		}},
		{"not by a source with other values of equal", func(w *world) {
			w.fire("S severity=critical zone=1 node=a")
			w.fire("T severity=warning zone=1 node=b")
			w.at(30*sec).due("a new alerts: S", "a new alerts: T")
		}},
		{"a label of equal that both lack is the same, and so is an empty one", func(w *world) {
			w.fire("S severity=critical zone=1")
			w.fire("T severity=warning zone=1 node=")
			w.at(30 * sec).due("a new alerts: S")
		}},
		{"not by an alert that is a target of the rule itself, if the alert is a source too", func(w *world) {
			w.fire("S severity=critical zone=1 node=a")
			w.fire("T severity=critical zone=1 node=a")
			w.at(30*sec).due("a new alerts: S", "a new alerts: T")
		}},
		{"a source that is silenced mutes all the same", func(w *world) {
			w.silence("s", "S", 0, time.Hour)
			w.fire("S severity=critical zone=1 node=a")
			w.fire("T severity=warning zone=1 node=a")
			w.at(30 * sec).due()
		}},
		{"a source that is pending mutes nothing", func(w *world) {
			id := w.fire("S severity=critical zone=1 node=a")
			w.state.Alerts[id].Status = alert.Pending
			w.fire("T severity=warning zone=1 node=a")
			w.at(30 * sec).due("a new alerts: T")
		}},
		{"what was muted until it ended is not told of, even if its source ended with it", func(w *world) {
			source := w.fire("S severity=critical zone=1 node=a")
			target := w.fire("T severity=warning zone=1 node=a")
			w.at(30 * sec).due("a new alerts: S")
			w.at(10 * min).resolve(source)
			w.resolve(target)
			w.at(20 * min).due("a resolved:; resolved S").due()
		}},
		{"what was told of before it was muted is told of at its end", func(w *world) {
			target := w.fire("T severity=warning zone=1 node=a")
			w.at(30 * sec).due("a new alerts: T")
			w.at(time.Hour).fire("S severity=critical zone=1 node=a")
			w.at(time.Hour + 30*sec).due("a new alerts: S")
			w.at(2 * time.Hour).resolve(target)
			w.at(3 * time.Hour).due("a resolved:; resolved T")
		}},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(newWorld(t, rule, Options{})) })
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t, timedRoute("active_time_intervals: [work]")+`
inhibit_rules: [{source_matchers: [alertname=S], target_matchers: [alertname=T]}]
`, Options{})
	check := func(id alert.ID, state State, silenced, inhibited, muted int) {
		t.Helper()
		s := w.router.Status(w.state.Alerts[id], w.state, w.now)
		if s.State != state || len(s.SilencedBy) != silenced || len(s.InhibitedBy) != inhibited || len(s.MutedBy) != muted || len(s.Receivers) != 1 {
			t.Errorf("at %s: %s: %+v", w.now.Sub(noon), id, s)
		}
	}
	source, target := w.fire("S"), w.fire("T")
	check(source, Active, 0, 0, 0)
	check(target, Suppressed, 0, 1, 0)
	w.silence("s", "S", 0, time.Hour)
	w.silence("t", "S", 0, time.Hour)
	check(source, Suppressed, 2, 0, 0)
	w.at(6 * time.Hour)
	check(source, Suppressed, 0, 0, 1)
	w.resolve(source)
	check(source, Unprocessed, 0, 0, 0)
	check(target, Suppressed, 0, 0, 1)
}

// A critical alert of one node says nothing of another's warning.
func TestTheExampleInhibitsTheWarningsOfTheSameSourceAlone(t *testing.T) {
	content, err := os.ReadFile("../../../../deployments/alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(content), "\ninhibit_rules:")
	rules, _, found := strings.Cut(rules, "\ntime_intervals:")
	if !found {
		t.Fatal("the example's inhibit_rules are not where they were")
	}
	labels := []string{"source", "instance", "job", "service", "subservice"}
	for _, kind := range schema.Kinds() {
		if label := kind.IDLabel(); label != "" {
			labels = append(labels, label)
		}
	}
	for _, label := range labels {
		w := newWorld(t, simple+"\ninhibit_rules:"+rules+"\n", Options{})
		w.fire("Hot severity=critical " + label + "=a")
		same, other := w.fire("Hot severity=warning "+label+"=a"), w.fire("Hot severity=warning "+label+"=b")
		if got := w.router.Status(w.state.Alerts[same], w.state, w.now).State; got != Suppressed {
			t.Errorf("the warning of the same %s is %s", label, got)
		}
		if got := w.router.Status(w.state.Alerts[other], w.state, w.now).State; got != Active {
			t.Errorf("the warning of another %s is %s", label, got)
		}
	}
}
