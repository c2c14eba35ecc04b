package evaluate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

// hot is a rule file with one rule, which more is said of.
func hot(more ...string) string {
	return "groups:\n- name: g\n  rules:\n  - alert: Hot\n    expr: cpu > 80\n    " + strings.Join(more, "\n    ") + "\n"
}

// to is a routes file with receivers and what the root route says.
func to(receivers string, more ...string) string {
	text := "receivers:\n"
	for name := range strings.FieldsSeq(receivers) {
		text += "- name: " + name + "\n  webhook_configs: [{url: 'http://" + name + ".example'}]\n"
	}
	return text + "route:\n  receiver: " + strings.Fields(receivers)[0] + "\n  " + strings.Join(more, "\n  ") + "\n"
}

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
)

var byNode = []string{"group_by: [node]", "group_wait: 0s", "group_interval: 10s", "repeat_interval: 1h"}

func TestForHoldsBackAnAlert(t *testing.T) {
	inWorld(t, hot("for: 10s"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a", "b")
		w.at(5 * s)
		w.wantAlerts("a pending", "b pending")
		w.set(50, "b")
		w.at(8 * s)
		w.wantAlerts("a pending")
		w.at(20 * s)
		w.wantAlerts("a firing")
		w.set(50, "a")
		w.at(1 * m)
		w.wantAlerts()
		w.want("10s ops: new alerts +a", "20s ops: resolved -a")
	})
}

func TestForGoesOnThroughARestart(t *testing.T) {
	inWorld(t, hot("for: 30s"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(10 * s)
		w.end()
		w.at(25 * s)
		w.begin()
		w.at(28 * s)
		w.wantAlerts("a pending")
		w.at(40 * s)
		w.want("30s ops: new alerts +a")
	})
}

// Whoever is killed again and again fires all the same: at the first moment at
// which the condition is certain to be true.
func TestForGoesOnThroughKills(t *testing.T) {
	inWorld(t, hot("for: 1m"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		for _, at := range []time.Duration{7 * s, 20 * s, 31 * s, 52 * s} {
			w.at(at)
			w.kill()
			w.at(at + 6*s)
			w.begin()
		}
		w.at(2 * m)
		w.want("1m3s ops: new alerts +a")
	})
}

// Of an outage nobody knows that it was hot; what was before it is known until five
// seconds before a kill at the most, as nothing else is stored while an alert waits.
func TestForDoesNotCountAnOutage(t *testing.T) {
	inWorld(t, hot("for: 1m"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "short", "long", "brief")
		w.at(50 * s)
		w.kill()
		w.set(50, "brief")
		w.at(2 * m)
		w.begin()
		w.at(2*m + 4*s)
		w.wantAlerts("long pending", "short pending")
		w.set(50, "short")
		w.at(5 * m)
		w.want("2m14s ops: new alerts +long")
	})
}

// Hot for a moment before the outage, and for one after it.
func TestTwoHotMomentsAreNoHotMinute(t *testing.T) {
	inWorld(t, hot("for: 1m"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(1 * s)
		w.kill()
		w.ends("a")
		w.at(71 * s)
		w.begin()
		w.at(75 * s)
		w.wantAlerts("a pending no data")
		w.set(90, "a")
		w.at(2 * m)
		w.wantAlerts("a pending")
		w.set(50, "a")
		w.at(5 * m)
		w.want()
	})
}

// Series that are absent because weir was away do not end alerts by it, not even if
// the rules are read again meanwhile. Those that are not back in time do.
func TestAlertsThatResolveOnAbsenceOutlastAnOutage(t *testing.T) {
	inWorld(t, hot("resolve_on_absent: true"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "back", "gone", "again", "cool")
		w.at(20 * s)
		w.end()
		w.ends("back", "gone", "again", "cool")
		w.at(10 * m)
		w.begin()
		w.set(50, "cool")
		w.at(11 * m)
		w.wantAlerts("again firing no data", "back firing no data", "gone firing no data")
		w.set(90, "back", "again")
		w.at(12 * m)
		if err := w.evaluator.Set(w.t.Context(), w.parse(hot("resolve_on_absent: true", "annotations: {a: b}"))); err != nil {
			w.t.Fatal(err)
		}
		w.ends("again")
		w.at(30 * m)
		w.want("0s ops: new alerts +again", "0s ops: new alerts +back", "0s ops: new alerts +cool", "0s ops: new alerts +gone",
			"10m0s ops: resolved -cool", "12m0s ops: resolved -again", "15m0s ops: resolved -gone")
	})
}

// The alerter may run on while what sources say does not arrive. Rules that look at
// weir itself go on by then.
func TestAlertsThatResolveOnAbsenceOutlastAnOutageOfOthers(t *testing.T) {
	inWorld(t, hot("resolve_on_absent: true")+"  - {alert: Warm, expr: cpu == 70, for: 20s}\n", to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "back", "gone")
		w.at(10 * s)
		w.deaf.Store(true)
		w.ends("back", "gone")
		w.set(70, "weir")
		w.at(10 * m)
		w.deaf.Store(false)
		w.set(90, "back")
		w.at(12 * m)
		w.ends("back")
		w.at(30 * m)
		w.want("0s ops: new alerts +back", "0s ops: new alerts +gone", "30s ops: new alerts +weir",
			"12m0s ops: resolved -back", "15m0s ops: resolved -gone")
	})
}

func TestKeepFiringForHoldsOn(t *testing.T) {
	inWorld(t, hot("keep_firing_for: 30s"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(20 * s)
		w.set(50, "a")
		w.at(45 * s)
		w.wantAlerts("a firing")
		w.set(90, "a")
		w.at(60 * s)
		w.set(50, "a")
		w.at(85 * s)
		w.wantAlerts("a firing")
		w.at(2 * m)
		w.wantAlerts()
		w.want("0s ops: new alerts +a", "1m30s ops: resolved -a")
	})
}

func TestNoDataResolvesNothing(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a", "b")
		w.at(20 * s)
		w.silent("a")
		w.at(20*s + 6*m)
		w.wantAlerts("a firing no data", "b firing")
		w.set(50, "a", "b")
		w.at(10 * m)
		w.wantAlerts()
		w.want("0s ops: new alerts +a", "0s ops: new alerts +b", "6m20s ops: resolved -a", "6m20s ops: resolved -b")
	})
}

func TestResolveOnAbsent(t *testing.T) {
	inWorld(t, hot("resolve_on_absent: true"), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(20 * s)
		w.silent("a")
		w.at(10 * m)
		w.wantAlerts()
		w.want("0s ops: new alerts +a", "5m20s ops: resolved -a")
	})
}

func TestAFailedEvaluationChangesNothing(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(20 * s)
		groups := w.parse(hot())
		groups[0].Rules[0].Expr = `cpu / on (node) group_left () vector(0) * on () (cpu or cpu)[` // cannot be read
		w.rules = groups
		if err := w.evaluator.Set(w.t.Context(), groups); err != nil {
			w.t.Fatal(err)
		}
		w.at(30 * s)
		w.wantAlerts("a firing")
		status := w.evaluator.Status()
		if r := status[0].Rules[0]; r.Err == nil || r.Last.IsZero() {
			w.t.Errorf("status %+v", r)
		}
		w.want("0s ops: new alerts +a")
	})
}

func TestGroupsGatherAndWait(t *testing.T) {
	inWorld(t, hot(), to("ops", "group_wait: 30s", "group_interval: 2m", "repeat_interval: 1h"), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(10 * s)
		w.set(90, "b")
		w.at(40 * s)
		w.set(90, "c")
		w.at(50 * s)
		w.set(50, "a")
		w.at(5 * m)
		w.want("30s ops: new alerts +a +b", "2m30s ops: new alerts +b +c -a")
		w.at(65 * m)
		w.want("30s ops: new alerts +a +b", "2m30s ops: new alerts +b +c -a", "1h2m30s ops: repeat +b +c")
	})
}

func TestRepeatsGoOnThroughARestart(t *testing.T) {
	inWorld(t, hot(), to("ops", "group_wait: 0s", "repeat_interval: 1h"), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(10 * m)
		w.end()
		w.at(70 * m)
		w.begin()
		w.at(75 * m)
		w.want("0s ops: new alerts +a", "1h10m0s ops: repeat +a")
	})
}

func TestASilencedAlertIsToldWhenTheSilenceEnds(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.silence("a", 5*m)
		w.set(90, "a", "b")
		w.at(10 * m)
		w.want("0s ops: new alerts +b", "5m0s ops: unmuted +a")
	})
}

func TestAMuteTimeEndsInTheMiddleOfAnAlert(t *testing.T) {
	routes := to("ops", append(byNode, "routes:", "- matchers: [alertname=Hot]", "  mute_time_intervals: [night]")...) +
		"time_intervals:\n- name: night\n  time_intervals: [{times: [{start_time: '00:00', end_time: '00:10'}]}]\n"
	inWorld(t, hot(), routes, route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(20 * m)
		w.want("10m0s ops: unmuted +a")
	})
}

func TestAnInhibitedAlertIsToldWhenItsInhibitorEnds(t *testing.T) {
	routes := to("ops", byNode...) + "inhibit_rules:\n- source_matchers: [node=gateway]\n  target_matchers: ['node!=gateway']\n"
	inWorld(t, hot(), routes, route.Options{}, func(w *world) {
		w.set(90, "gateway")
		w.at(5 * s)
		w.set(90, "a")
		w.at(1 * m)
		w.set(50, "gateway")
		w.at(2 * m)
		w.want("0s ops: new alerts +gateway", "1m0s ops: unmuted +a", "1m0s ops: resolved -gateway")
	})
}

func TestAFailingReceiverIsTriedAgainEverLater(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.fail(func(string) *notice.Error { return &notice.Error{Retry: true, Code: 503, Err: errors.New("not now")} })
		w.set(90, "a")
		w.at(20 * s)
		w.fail(nil)
		w.at(1 * m)
		w.want("0s ops: new alerts +a !", "1s ops: new alerts +a !", "3s ops: new alerts +a !", "7s ops: new alerts +a !",
			"15s ops: new alerts +a !", "31s ops: new alerts +a")
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.fail(func(string) *notice.Error {
			return &notice.Error{Retry: true, Code: 429, After: 45 * s, Err: errors.New("slow down")}
		})
		w.set(90, "a")
		w.at(20 * s)
		w.fail(nil)
		w.at(1 * m)
		w.want("0s ops: new alerts +a !", "45s ops: new alerts +a")
	})
}

func TestAPermanentErrorIsTriedAgainWithTheGroupsInterval(t *testing.T) {
	inWorld(t, hot(), to("ops", "group_by: [node]", "group_wait: 0s", "group_interval: 3m"), route.Options{}, func(w *world) {
		w.fail(func(string) *notice.Error { return notice.Permanent("no such channel") })
		w.set(90, "a")
		w.at(5 * m)
		w.fail(nil)
		w.at(10 * m)
		w.want("0s ops: new alerts +a !", "3m0s ops: new alerts +a !", "6m0s ops: new alerts +a")
	})
}

func TestNoReceiverDelaysAnother(t *testing.T) {
	routes := to("ops boss", append(byNode, "routes:", "- receiver: ops", "  continue: true", "- receiver: boss")...)
	inWorld(t, hot(), routes, route.Options{}, func(w *world) {
		w.fail(func(receiver string) *notice.Error {
			if receiver == "ops" {
				w.mu.Unlock()
				time.Sleep(20 * s)
				w.mu.Lock()
			}
			return nil
		})
		w.set(90, "a")
		w.at(10 * s)
		w.want("0s boss: new alerts +a")
		w.at(30 * s)
		w.want("0s boss: new alerts +a", "0s ops: new alerts +a")
	})
}

func TestTheFallbackReceiverIsToldOfWhatAnotherCannotBe(t *testing.T) {
	inWorld(t, hot(), to("ops fallback", byNode...), route.Options{FallbackReceiver: "fallback", FallbackAfter: 5 * m}, func(w *world) {
		w.fail(func(receiver string) *notice.Error {
			if receiver == "ops" {
				return &notice.Error{Retry: true, Err: errors.New("connection refused")}
			}
			return nil
		})
		w.set(90, "a")
		w.at(6 * m)
		fallback := func() (lines []string) {
			for _, line := range w.log {
				if strings.Contains(line, "fallback") {
					lines = append(lines, line)
				}
			}
			return lines
		}
		if got := fmt.Sprint(fallback()); got != "[5m0s fallback: new alerts +a]" {
			w.t.Errorf("told %s", got)
		}
		w.set(50, "a")
		w.fail(nil)
		w.at(30 * m)
		if got := fmt.Sprint(fallback()); got != "[5m0s fallback: new alerts +a 6m0s fallback: resolved -a]" {
			w.t.Errorf("told %s", got)
		}
	})
}

func TestAReloadKeepsTheAlertsOfRulesThatStay(t *testing.T) {
	two := hot("for: 10s") + "  - alert: Warm\n    expr: cpu > 60\n"
	inWorld(t, two, to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(20 * s)
		w.wantAlerts("a firing", "a firing")
		if err := w.evaluator.Set(w.t.Context(), w.parse(strings.Replace(hot("for: 15s"), "80", "70", 1))); err != nil {
			w.t.Fatal(err)
		}
		w.at(30 * s)
		w.wantAlerts("a firing")
		var reasons []alert.Reason
		w.ledger.Read(func(st *alert.State) {
			for _, e := range st.Latest() {
				if e.Transition != nil && e.Transition.Alert.Status == alert.Resolved {
					reasons = append(reasons, e.Transition.Reason)
				}
			}
		})
		if fmt.Sprint(reasons) != "[rule_removed]" {
			w.t.Errorf("resolved for %v", reasons)
		}
	})
}

func TestNewRoutesHoldAtOnce(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(90, "a")
		w.at(10 * s)
		c, err := amconfig.Parse([]byte(to("boss", byNode...)), "")
		if err != nil {
			w.t.Fatal(err)
		}
		w.deliverer.Set(w.setup(c))
		w.at(20 * s)
		w.set(50, "a")
		w.at(30 * s)
		w.want("0s ops: new alerts +a", "10s boss: new alerts +a", "20s boss: resolved -a")
	})
}

func TestAlertsFromOutsideExpire(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.post("x", m)
		w.at(2 * m)
		w.want("0s ops: new alerts +x", "1m0s ops: resolved -x")
	})
}

// While the alerter was away nobody could post: what fired before goes on for
// resolve_timeout, five minutes, from when it is back.
func TestAlertsFromOutsideOutlastAnOutage(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.post("again", m)
		w.post("gone", m)
		w.post("long", 20*m)
		w.at(30 * s)
		w.end()
		w.at(10 * m)
		w.begin()
		w.post("short", m) // posted since: its end is its own
		w.at(11 * m)
		w.post("again", 8*m)
		w.at(30 * m)
		w.want("0s ops: new alerts +again", "0s ops: new alerts +gone", "0s ops: new alerts +long",
			"10m0s ops: new alerts +short", "11m0s ops: resolved -short", "15m0s ops: resolved -gone",
			"19m0s ops: resolved -again", "20m0s ops: resolved -long")
	})
}

// post posts an alert from outside, or posts it again.
func (w *world) post(name string, lasts time.Duration) {
	w.t.Helper()
	now := time.Now()
	a, from := alert.Alert{ID: alert.ID(name), Status: alert.Firing, FiredAt: now, ActiveAt: now}, alert.Inactive
	w.ledger.Read(func(s *alert.State) {
		if old := s.Alerts[a.ID]; old != nil {
			a, from = *old, old.Status
		}
	})
	a.EndsAt, a.PostedAt = now.Add(lasts), now
	a.Labels = map[labelName]labelValue{"alertname": "Outside", "node": labelValue(name)}
	if err := w.ledger.Append(w.t.Context(), alert.Event{At: now, Transition: &alert.Transition{From: from, Alert: a, Reason: alert.ReasonPosted}}); err != nil {
		w.t.Fatal(err)
	}
}

func TestRulesOfATenantSeeItsSeriesOnly(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		groups := w.parse(hot())
		groups[0].Tenant = &alert.Tenant{Service: "s", Subservice: "p"}
		if err := w.evaluator.Set(w.t.Context(), groups); err != nil {
			w.t.Fatal(err)
		}
		w.set(90, "a")
		w.at(10 * s)
		w.wantAlerts()
	})
}

func TestRecordedSeriesBeginAndEnd(t *testing.T) {
	rules := "groups:\n- name: g\n  rules:\n  - record: node:cpu\n    expr: cpu > 80\n    labels: {zone: z}\n"
	inWorld(t, rules, to("ops"), route.Options{}, func(w *world) {
		w.set(90, "a", "b")
		w.at(10*s + 500*time.Millisecond)
		w.set(50, "b")
		w.at(20*s + 500*time.Millisecond)
		if err := w.evaluator.Set(w.t.Context(), []rule.Group{}); err != nil {
			w.t.Fatal(err)
		}
		w.recorded.want(w.t, `{__name__="node:cpu", node="b", zone="z"}`, `{__name__="node:cpu", node="a", zone="z"}`)
	})
}
