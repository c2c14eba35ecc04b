package alert_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/alert/alerttest"
)

var began = alerttest.Began

func hot(node string, status alert.Status) alert.Alert {
	labels := model.LabelSet{"alertname": "Hot", "node": model.LabelValue(node)}
	return alert.Alert{ID: alert.NewID("r", labels, began), Rule: "r", Labels: labels, Status: status, ActiveAt: began}
}

func became(s *alert.State, a alert.Alert, from alert.Status) {
	s.Apply(alert.Event{At: began, Transition: &alert.Transition{From: from, Alert: a}})
}

func TestActiveAlertsAreListedByTheirRule(t *testing.T) {
	for _, row := range []struct {
		name           string
		path           []alert.Status
		known, listed  bool
		firings        uint64
		rememberedLast alert.Status
	}{
		{"a pending alert is known and active", []alert.Status{alert.Pending}, true, true, 0, alert.Pending},
		{"an alert that never fired is forgotten at once", []alert.Status{alert.Pending, alert.Inactive}, false, false, 0, alert.Inactive},
		{"a firing alert counts as fired", []alert.Status{alert.Pending, alert.Firing}, true, true, 1, alert.Firing},
		{"news of a firing alert are no second firing", []alert.Status{alert.Firing, alert.Firing}, true, true, 1, alert.Firing},
		{"a resolved alert is known and not active", []alert.Status{alert.Firing, alert.Resolved}, true, false, 1, alert.Resolved},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, a, from := alert.NewState(), hot("a", ""), alert.Inactive
			for _, to := range row.path {
				a.Status = to
				became(s, a, from)
				from = to
			}
			if got := s.Alerts[a.ID] != nil; got != row.known {
				t.Errorf("known: %t", got)
			}
			if got := s.ByRule["r"][a.ID] != nil; got != row.listed {
				t.Errorf("listed: %t", got)
			}
			if got := s.Firings[a.Fingerprint()]; got != row.firings {
				t.Errorf("%d firings, expected %d", got, row.firings)
			}
			if last := s.Latest()[len(row.path)-1]; last.Transition.Alert.Status != row.rememberedLast || last.Number != uint64(len(row.path)) {
				t.Errorf("remembered %+v", last)
			}
		})
	}
}

func TestWhatIsHandedOutDoesNotChange(t *testing.T) {
	s, a := alert.NewState(), hot("a", alert.Firing)
	became(s, a, alert.Pending)
	held := s.Alerts[a.ID]
	s.Refresh(a.ID, 7, model.LabelSet{"summary": "seven"})
	a.Status = alert.Resolved
	became(s, a, alert.Firing)
	if held.Status != alert.Firing || held.Value != 0 {
		t.Errorf("the alert that was handed out is now %+v", held)
	}
}

func TestARefreshIsForActiveAlertsOnly(t *testing.T) {
	s := alert.NewState()
	firing, resolved := hot("a", alert.Firing), hot("b", alert.Resolved)
	became(s, firing, alert.Pending)
	became(s, resolved, alert.Firing)
	for _, id := range []alert.ID{firing.ID, resolved.ID, "unknown"} {
		s.Refresh(id, 7, model.LabelSet{"summary": "seven"})
	}
	if got := s.ByRule["r"][firing.ID]; got.Value != 7 || got.Annotations["summary"] != "seven" || got != s.Alerts[firing.ID] {
		t.Errorf("the firing alert is %+v", got)
	}
	if got := s.Alerts[resolved.ID]; got.Value != 0 || len(s.Alerts) != 2 || s.Number != 2 {
		t.Errorf("the resolved alert is %+v", got)
	}
}

func TestNotices(t *testing.T) {
	key := alert.NoticeKey{Group: "g", Receiver: "ops", Integration: "slack[0]"}
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	sent := func(firing, resolved []alert.ID) alert.Notice {
		return alert.Notice{NoticeKey: key, ID: "n", Firing: firing, Resolved: resolved, Outcome: alert.Sent}
	}
	failed := func(attempt int, firing ...alert.ID) alert.Notice {
		return alert.Notice{NoticeKey: key, ID: "n", Firing: firing, Attempt: attempt, Outcome: alert.Retrying, Error: "no", NextAttempt: at(90)}
	}
	ids := func(all ...alert.ID) []alert.ID { return all }
	for _, row := range []struct {
		name    string
		notices []alert.Notice // one a minute
		want    alert.NoticeState
	}{
		{"a notice that was acknowledged says what the receiver knows",
			[]alert.Notice{sent(ids("b", "a"), nil)},
			alert.NoticeState{SentAt: at(0), SentID: "n", Firing: ids("a", "b"), LastOutcome: alert.Sent}},
		{"an alert told to be resolved is not told to be firing any more",
			[]alert.Notice{sent(ids("a", "b"), nil), sent(ids("b"), ids("a"))},
			alert.NoticeState{SentAt: at(1), SentID: "n", Firing: ids("b"), Resolved: ids("a"), LastOutcome: alert.Sent}},
		{"an alert that a later notice leaves out is still known to the receiver",
			[]alert.Notice{sent(ids("a"), nil), sent(ids("b"), nil)},
			alert.NoticeState{SentAt: at(1), SentID: "n", Firing: ids("a", "b"), LastOutcome: alert.Sent}},
		{"failures add up since the first",
			[]alert.Notice{failed(1, "a"), failed(2, "b")},
			alert.NoticeState{Tried: ids("a", "b"), Attempts: 2, LastError: "no", FailingSince: at(0), NextAttempt: at(90), LastOutcome: alert.Retrying}},
		{"a failure forgets nothing of what the receiver knows",
			[]alert.Notice{sent(ids("a"), nil), failed(1, "b")},
			alert.NoticeState{SentAt: at(0), SentID: "n", Firing: ids("a"), Tried: ids("b"), Attempts: 1, LastError: "no",
				FailingSince: at(1), NextAttempt: at(90), LastOutcome: alert.Retrying}},
		{"one attempt in two events is one attempt",
			[]alert.Notice{failed(1, "a"), failed(1, "b")},
			alert.NoticeState{Tried: ids("a", "b"), Attempts: 1, LastError: "no", FailingSince: at(0), NextAttempt: at(90), LastOutcome: alert.Retrying}},
		{"a success ends the failures",
			[]alert.Notice{failed(1, "a"), sent(ids("a"), nil)},
			alert.NoticeState{SentAt: at(1), SentID: "n", Firing: ids("a"), LastOutcome: alert.Sent}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := alert.NewState()
			for i := range row.notices {
				s.Apply(alert.Event{At: at(i), Notice: &row.notices[i]})
			}
			row.want.Key = key
			if diff := cmp.Diff(&row.want, s.Notices[key]); diff != "" {
				t.Error(diff)
			}
			if got, want := s.Notices[key].Failing(), row.want.Attempts > 0; got != want {
				t.Errorf("failing: %t", got)
			}
		})
	}
}

func TestActionsRememberTheirLastSuccess(t *testing.T) {
	s, key := alert.NewState(), alert.ActionKey{RuleKey: "r", Entity: "e"}
	s.Apply(alert.Event{At: began, Action: &alert.Action{ActionKey: key, Outcome: alert.Sent, Alert: "a"}})
	s.Apply(alert.Event{At: began.Add(time.Minute), Action: &alert.Action{ActionKey: key, Outcome: alert.Failed, Alert: "b"}})
	want := &alert.ActionState{Last: alert.Action{ActionKey: key, Outcome: alert.Failed, Alert: "b"}, At: began.Add(time.Minute), Ok: began, Told: "a"}
	if diff := cmp.Diff(want, s.Actions[key]); diff != "" {
		t.Error(diff)
	}
}

func TestForgettingAnAlertForgetsItEverywhere(t *testing.T) {
	s := alert.NewState()
	gone, kept := hot("a", alert.Firing), hot("b", alert.Firing)
	for _, a := range []alert.Alert{gone, kept} {
		became(s, a, alert.Pending)
		a.Status = alert.Resolved
		became(s, a, alert.Firing)
	}
	key, dead := alert.NoticeKey{Group: "g"}, alert.NoticeKey{Group: "dead"}
	s.Apply(alert.Event{Notice: &alert.Notice{NoticeKey: key, Outcome: alert.Sent, Resolved: []alert.ID{gone.ID, kept.ID}}})
	s.Apply(alert.Event{Notice: &alert.Notice{NoticeKey: dead, Outcome: alert.Sent}})
	s.Apply(alert.Event{Silence: &alert.Silence{ID: "s"}})
	s.Apply(alert.Event{Action: &alert.Action{}})
	s.Apply(alert.Event{Forgotten: &alert.Forgotten{Alerts: []alert.ID{gone.ID, "unknown"}, Notices: []alert.NoticeKey{dead},
		Silences: []string{"s"}, Actions: []alert.ActionKey{{}}}})
	if len(s.Alerts) != 1 || len(s.Firings) != 1 || len(s.Silences) != 0 || len(s.Actions) != 0 || len(s.Notices) != 1 {
		t.Errorf("left: %+v", s)
	}
	if got := s.Notices[key].Resolved; !slices.Equal(got, []alert.ID{kept.ID}) {
		t.Errorf("the notice tells of %v", got)
	}
	if n := len(s.Latest()); n != 8 || s.Number != 9 {
		t.Errorf("history of %d events, number %d: housekeeping is none", n, s.Number)
	}
}

func TestAlertsAreOrderedByTheirLabels(t *testing.T) {
	a, b := hot("a", alert.Firing), hot("b", alert.Firing)
	later := a
	later.ActiveAt = began.Add(time.Second)
	all := []*alert.Alert{&b, &later, &a}
	alert.Sort(all)
	if all[0] != &a || all[1] != &later || all[2] != &b {
		t.Errorf("order %v", all)
	}
	if later.ID = alert.NewID("r", a.Labels, later.ActiveAt); later.ID == a.ID {
		t.Error("two occurrences have one ID")
	}
}

func ExampleNewID() {
	labels := model.LabelSet{"alertname": "Hot"}
	fmt.Println(alert.NewID("rules.yml;heat;Hot", labels, time.Unix(1, 0)))
	// Output: 592ecc9a3acefc0b-7bf39478f19b813f-gjdgxs
}

// A process that is killed cannot say when: the latest event tells until when it
// lived, at the least.
func TestTheStateKnowsUntilWhenTheAlerterLived(t *testing.T) {
	s := alert.NewState()
	for _, row := range []struct {
		at, want time.Duration
	}{{time.Minute, time.Minute}, {2 * time.Minute, 2 * time.Minute}, {0, 2 * time.Minute}} { // the clock was set back
		s.Apply(alert.Event{At: began.Add(row.at), Alive: &alert.Alive{}})
		if want := began.Add(row.want); !s.At.Equal(want) {
			t.Errorf("after an event at %s: %s, expected %s", row.at, s.At, want)
		}
	}
	if n := len(s.Latest()); n > 0 {
		t.Errorf("the history has %d events that say nothing", n)
	}
	if again := written(t, s, 10); !again.At.Equal(s.At) {
		t.Errorf("a snapshot has %s, expected %s", again.At, s.At)
	}
	older := alert.NewState() // of a version that did not say it
	older.Load(alert.Part{History: []alert.Numbered{{Number: 1, Event: alert.Event{At: began, Silence: &alert.Silence{ID: "s"}}}}})
	if !older.At.Equal(began) {
		t.Errorf("an older snapshot has %s", older.At)
	}
}
