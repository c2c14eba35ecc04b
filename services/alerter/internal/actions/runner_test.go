package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/rule"
)

// mails is an action that does not need the network, so that time may be
// simulated.
func mails(interval string) string {
	return `[{"type":"email","template":"${t}","parameters":{"to":"a@example.org"},"interval":"` + interval + `"}]`
}

// simulate runs f with a bench and a clock that only moves when everybody waits.
func simulate(t *testing.T, actions string, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newBenchWith(t, nil, time.Now, actions)) })
}

func TestAnActionIsDoneOnceForAFiring(t *testing.T) {
	b := newBench(t, time.Now, `[{"type":"post","template":"${t}","parameters":{"url":"SINK/a"}},{"type":"sms","template":"${t}","parameters":{"to":"1"}}]`)
	stop := b.run()
	b.fire(time.Now())
	eventually(t, "both actions", func() bool { return len(b.outcomes()) == 2 })
	stop()
	stop = b.restart()
	b.move(alert.Firing, b.fireAgain(), time.Now()) // a change that is no firing
	stop()
	if got := b.sink.got(); len(got) != 2 {
		t.Errorf("got %d requests: %v", len(got), got)
	}
	want := "outgoingTransactions=2 outgoingTransactionsRequestSize=56 outgoingTransactionsResponseSize=12 firedRules=1 actionSMS=1 okActionSMS=1 actionHttpPost=1 okActionHttpPost=1"
	if got := b.counted.String(); got != want {
		t.Errorf("counted\ngot  %s\nwant %s", got, want)
	}
}

// restart runs another runner over the same ledger.
func (b *bench) restart() (stop func()) {
	b.Runner = New(b.Config)
	return b.run()
}

// fireAgain returns the alert that fires, changed a little.
func (b *bench) fireAgain() (a alert.Alert) {
	b.Read(func(s *alert.State) {
		for _, x := range s.Alerts {
			a = *x
		}
	})
	a.Value++
	return a
}

func TestAnActionThatFailsIsTriedAgainUntilItHasFailed(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		b.post.err = notice.Temporary("busy")
		stop := b.run()
		b.fire(time.Now())
		time.Sleep(time.Hour)
		stop()
		var want []string
		for i := 1; i < MaxAttempts; i++ {
			want = append(want, fmt.Sprintf("email#%d retrying: busy", i))
		}
		want = append(want, fmt.Sprintf("email#%d failed: busy", MaxAttempts))
		if diff := cmp.Diff(want, b.outcomes()); diff != "" {
			t.Error(diff)
		}
		if got := b.counted.String(); got != "outgoingTransactions=8 outgoingTransactionsErrors=8 firedRules=1 actionEmail=8 failedActionEmail=8" {
			t.Errorf("counted %s", got)
		}
		if log := b.log.String(); strings.Count(log, "ALARM-ON [EMAIL]") != 1 {
			t.Errorf("the log has %s", log)
		}
	})
}

func TestARetryGoesOnAfterARestart(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		b.post.err = notice.Temporary("busy")
		stop := b.run()
		fired := b.fire(time.Now())
		time.Sleep(4 * time.Second) // tried at 0, 1 and 3 s
		stop()
		b.post.err = nil
		b.resolve(fired, time.Now())
		stop = b.restart()
		time.Sleep(time.Minute)
		stop()
		want := []string{"email#1 retrying: busy", "email#2 retrying: busy", "email#3 retrying: busy", "email#4 sent"}
		if diff := cmp.Diff(want, b.outcomes()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPermanentFailureIsNotTriedAgain(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		b.post.err = notice.Permanent("no such user")
		stop := b.run()
		b.fire(time.Now())
		time.Sleep(time.Hour)
		stop()
		if diff := cmp.Diff([]string{"email#1 failed: no such user"}, b.outcomes()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhileAnAlertGoesOnItsActionIsRepeatedEachInterval(t *testing.T) {
	simulate(t, mails("30e3"), func(t *testing.T, b *bench) {
		stop := b.run()
		defer stop()
		a := b.fire(time.Now())
		time.Sleep(65 * time.Second) // at 0, 30 and 60 s
		if n := len(b.outcomes()); n != 3 {
			t.Errorf("after 65 s: %d", n)
		}
		a.NoDataSince = time.Now()
		b.move(alert.Firing, a, time.Now())
		time.Sleep(time.Minute)
		if n := len(b.outcomes()); n != 3 {
			t.Errorf("without data: %d", n)
		}
		a.NoDataSince = time.Time{}
		b.move(alert.Firing, a, time.Now())
		time.Sleep(time.Second)
		b.resolve(a, time.Now())
		time.Sleep(time.Hour)
		if n := len(b.outcomes()); n != 4 {
			t.Errorf("with data again, and resolved: %d", n)
		}
		if got := b.counted.all["firedRules"]; got != 4 {
			t.Errorf("fired rules: %d", got)
		}
	})
}

func TestAnIntervalThrottlesTheNextFiring(t *testing.T) {
	for _, c := range []struct {
		name       string
		from, to   time.Duration // of the second firing
		want       int
		wantSecond time.Duration // when it was told, if it was
	}{
		{"over before the interval is", 10 * time.Second, 20 * time.Second, 1, 0},
		{"going on when the interval is over", 10 * time.Second, 50 * time.Second, 2, 30 * time.Second},
		{"after the interval", 40 * time.Second, 50 * time.Second, 2, 40 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			simulate(t, mails("30e3"), func(t *testing.T, b *bench) {
				began := time.Now()
				stop := b.run()
				defer stop()
				first := b.fire(began)
				time.Sleep(5 * time.Second)
				b.resolve(first, time.Now())
				time.Sleep(c.from - 5*time.Second)
				second := b.fire(time.Now())
				time.Sleep(c.to - c.from)
				b.resolve(second, time.Now())
				time.Sleep(time.Hour)
				b.Read(func(s *alert.State) {
					var at []time.Duration
					for _, e := range s.Latest() {
						if e.Action != nil {
							at = append(at, e.At.Sub(began))
						}
					}
					if len(at) != c.want || c.want == 2 && at[1] != c.wantSecond {
						t.Errorf("told at %v", at)
					}
				})
			})
		})
	}
}

func TestAlertsOfBeforeARuleWasChangedAreNotTold(t *testing.T) {
	simulate(t, "[]", func(t *testing.T, b *bench) {
		stop := b.run()
		defer stop()
		b.resolve(b.fire(time.Now()), time.Now().Add(time.Second))
		time.Sleep(time.Minute)
		b.setRule(time.Now(), mails("0"))
		time.Sleep(time.Minute)
		if got := b.outcomes(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		if got := b.counted.all["firedRules"]; got != 1 {
			t.Errorf("a rule without actions fires too: %d", got)
		}
		b.fire(time.Now())
		time.Sleep(time.Minute)
		if got := b.outcomes(); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestAnOutcomeThatCannotBeStoredIsNotTakenForDone(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		stop := b.run()
		defer stop()
		b.fire(time.Now())
		b.breakLedger(true)
		time.Sleep(2500 * time.Millisecond)
		b.breakLedger(false)
		time.Sleep(time.Hour)
		if got := b.outcomes(); len(got) != 1 {
			t.Errorf("got %v", got)
		}
		if n := len(b.post.mail); n < 2 || n > 5 {
			t.Errorf("sent %d times", n)
		}
	})
}

func (b *bench) breakLedger(broken bool) {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	b.memory.broken = broken
}

func TestOldActionsAreForgotten(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		stop := b.run()
		defer stop()
		a := b.fire(time.Now())
		time.Sleep(time.Minute)
		b.resolve(a, time.Now())
		time.Sleep(2 * time.Hour)
		b.Read(func(s *alert.State) {
			if len(s.Actions) != 1 {
				t.Errorf("an action of a known alert must be known: %v", s.Actions)
			}
		})
		if err := b.Append(t.Context(), alert.Event{At: time.Now(), Forgotten: &alert.Forgotten{Alerts: []alert.ID{a.ID}}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		b.Read(func(s *alert.State) {
			if len(s.Actions) != 0 {
				t.Errorf("still known: %v", s.Actions)
			}
		})
	})
}

func TestOthersFiringsAreActedOn(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"${id} ${t}","parameters":{"url":"SINK/"},"interval":60000}`)
	event := Event{"ruleName": "too_hot", "id": "sensor:7", "temperature": "40"}
	for range 3 {
		if err := b.Do("c-9", line1, event); err != nil {
			t.Fatal(err)
		}
		b.work.Wait()
	}
	if err := b.Do("c-9", line1, Event{"ruleName": "too_hot", "id": "sensor:8", "t": "41"}); err != nil {
		t.Fatal(err)
	}
	b.work.Wait()
	got := strings.Join(b.sink.got(), "|")
	if want := "POST / Fiware-Correlator=c-9 Fiware-Service=factory Fiware-Servicepath=/line1\nsensor:7 40|POST / Fiware-Correlator=c-9 Fiware-Service=factory Fiware-Servicepath=/line1\nsensor:8 41"; got != want {
		t.Errorf("got %s", got)
	}
	if got := b.counted.String(); !strings.Contains(got, "firedRules=4 ") || !strings.Contains(got, "okActionHttpPost=2") {
		t.Errorf("counted %s", got)
	}
}

func TestWhatCannotBeDoneForOthersIsTold(t *testing.T) {
	b := newBench(t, time.Now, `[]`)
	err := b.Do("c", line1, Event{"id": "a"})
	if !errors.Is(err, ErrNoRuleName) || err.Error() != `missing rule name for action {"id":"a"}` {
		t.Errorf("got %v", err)
	}
	if err := b.Do("c", line1, Event{"ruleName": "other"}); err != nil {
		t.Error(err)
	}
	b.work.Wait()
	if got := b.counted.String(); got != "errAction=1" {
		t.Errorf("a rule that there is not: %s", got)
	}
}

func TestATransactionThatFiresTooManyRulesIsStopped(t *testing.T) {
	now := noon
	b := newBench(t, func() time.Time { return now }, `[]`)
	do := func(correlator string) error { return b.Do(correlator, line1, Event{"ruleName": "too_hot"}) }
	for i := range loopRules {
		if err := do("c"); err != nil {
			t.Fatalf("rule %d: %v", i+1, err)
		}
	}
	b.work.Wait()
	if err := do("c"); !errors.Is(err, ErrLoop) {
		t.Errorf("the rule after the last allowed: %v", err)
	}
	if err := do("d"); err != nil {
		t.Errorf("another transaction: %v", err)
	}
	b.work.Wait()
	now = now.Add(loopWindow)
	if err := do("c"); err != nil {
		t.Errorf("when the window is over: %v", err)
	}
	b.work.Wait()
	if got := b.counted.String(); got != "firedRules=22 errAction=1" {
		t.Errorf("counted %s", got)
	}
}

func TestATaskKeepsItsIDUntilItIsDone(t *testing.T) {
	key, a := alert.ActionKey{RuleKey: "r", Entity: "e"}, &alert.Alert{ID: "a"}
	first := taskID(key, a, nil)
	if again := taskID(key, a, &alert.ActionState{At: noon}); again != first {
		t.Errorf("another attempt: %s, not %s", again, first)
	}
	if next := taskID(key, a, &alert.ActionState{At: noon, Ok: noon}); next == first {
		t.Error("a repetition has the same ID")
	}
}

func TestOthersFiringsAreTriedAFewTimes(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		b.post.err = notice.Temporary("busy")
		stop := b.run()
		if err := b.Do("c", line1, Event{"ruleName": "too_hot", "id": "a"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"email#1 retrying: busy", "email#2 retrying: busy", "email#3 failed: busy"}, b.outcomes()); diff != "" {
			t.Error(diff)
		}
		if err := b.Do("c", line1, Event{"ruleName": "too_hot", "id": "b"}); err != nil {
			t.Fatal(err)
		}
		stop() // breaks off what waits
		if err := b.Do("c", line1, Event{"ruleName": "too_hot"}); err == nil {
			t.Error("a runner that has ended took something")
		}
	})
}

func TestWhatIsUnderWayMayEndWhenTheRunnerStops(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"x","parameters":{"url":"SINK/"}}`)
	b.sink.mu.Lock()
	b.sink.hang = make(chan struct{})
	b.sink.mu.Unlock()
	stop := b.run()
	b.fire(time.Now())
	eventually(t, "the request", func() bool { return len(b.sink.got()) == 1 })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	eventually(t, "the runner takes nothing more", func() bool {
		b.Runner.mu.Lock()
		defer b.Runner.mu.Unlock()
		return b.closed
	})
	close(b.sink.hang)
	<-stopped
	if diff := cmp.Diff([]string{"post#1 sent"}, b.outcomes()); diff != "" {
		t.Error(diff)
	}
}

func TestTheLastAttemptIsMadeAgainIfTheEndBrokeItOff(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"x","parameters":{"url":"SINK/"}}`)
	action := rule.Action{Type: "post", Template: "x", Parameters: map[string]any{"url": b.sink.URL}}
	ended, end := context.WithCancel(t.Context())
	end()
	e := b.try(ended, &job{&action, Event{}, line1, "c", "id"}, alert.Action{Attempt: MaxAttempts})
	if a := e.Action; a.Outcome != alert.Retrying || a.NextAttempt.IsZero() {
		t.Errorf("%s, again at %s", a.Outcome, a.NextAttempt)
	}
}
