package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/ledger/ledgertest"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/route"
)

func TestVerdicts(t *testing.T) {
	refused := errors.New("no")
	for _, row := range []struct {
		name     string
		err      notice.Error
		attempt  int
		interval time.Duration
		outcome  alert.Outcome
		wait     time.Duration
	}{
		{"the first failure is tried again after a second", notice.Error{Retry: true}, 1, time.Hour, alert.Retrying, time.Second},
		{"each further one after twice the time", notice.Error{Retry: true}, 5, time.Hour, alert.Retrying, 16 * time.Second},
		{"but never later than after five minutes", notice.Error{Retry: true}, 500, time.Hour, alert.Retrying, 5 * time.Minute},
		{"a receiver may ask for more time", notice.Error{Retry: true, After: time.Minute}, 1, time.Hour, alert.Retrying, time.Minute},
		{"but not for less than the back-off", notice.Error{Retry: true, After: time.Second}, 5, time.Hour, alert.Retrying, 16 * time.Second},
		{"nor for a day", notice.Error{Retry: true, After: 24 * time.Hour}, 1, time.Hour, alert.Retrying, time.Hour},
		{"a permanent error waits for the group's interval", notice.Error{}, 1, 5 * time.Minute, alert.Failed, 5 * time.Minute},
		{"and for the back-off, if that is longer", notice.Error{}, 5, time.Second, alert.Failed, 16 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.err.Err = refused
			if outcome, wait := verdict(&row.err, row.attempt, row.interval, 0.5); outcome != row.outcome || wait != row.wait {
				t.Errorf("%s after %s", outcome, wait)
			}
		})
	}
	if low, high := backoff(1, 0), backoff(1, 1); low != 900*time.Millisecond || high != 1100*time.Millisecond {
		t.Errorf("between %s and %s", low, high)
	}
}

func TestNoticesOfVeryManyAlertsAreSeveralEvents(t *testing.T) {
	n := &alert.Notice{ID: "x", Outcome: alert.Sent}
	for i := range 3*idsInEvent - 1 {
		n.Firing = append(n.Firing, alert.ID(fmt.Sprintf("%08d", i)))
	}
	n.Resolved = []alert.ID{"r"}
	s := alert.NewState()
	all := events(time.Now(), n)
	for _, e := range all {
		s.Apply(e)
	}
	if got := s.Notices[alert.NoticeKey{}]; len(all) != 3 || len(got.Firing) != len(n.Firing) || len(got.Resolved) != 1 || got.SentID != "x" {
		t.Errorf("%d events, told of %d and %d", len(all), len(got.Firing), len(got.Resolved))
	}
	if all := events(time.Now(), &alert.Notice{}); len(all) != 1 {
		t.Errorf("%d events of a notice of nothing", len(all))
	}
}

func TestForgettingVeryMuchIsSeveralEvents(t *testing.T) {
	f := alert.Forgotten{Alerts: make([]alert.ID, idsInEvent+1), Notices: make([]alert.NoticeKey, 1), Silences: []string{"a"}, Actions: make([]alert.ActionKey, 1)}
	if n := len(forgotten(time.Now(), f)); n != 5 {
		t.Errorf("%d events", n)
	}
	if n := len(forgotten(time.Now(), alert.Forgotten{})); n != 0 {
		t.Errorf("%d events of nothing", n)
	}
}

// plan is a router whose plan is that each firing alert is due to ops by its
// integration 0 until it was told.
type plan struct{}

var key = alert.NoticeKey{Group: "g", Receiver: "ops", Integration: "fake[0]"}

func (plan) Plan(s *alert.State, now time.Time) route.Plan {
	n := s.Notices[key]
	var p route.Plan
	for _, a := range s.Alerts {
		switch {
		case n != nil && len(n.Firing) > 0:
		case n != nil && n.NextAttempt.After(now):
			p.Next = n.NextAttempt
		default:
			p.Due = append(p.Due, route.Due{Key: key, ID: "id", Receiver: "ops", Firing: []*alert.Alert{a}, GroupInterval: time.Minute})
		}
	}
	return p
}

func (plan) Forgettable(*alert.State, time.Time) alert.Forgotten {
	return alert.Forgotten{Silences: []string{"old"}}
}

// receiver is an integration made of a function.
type receiver func(ctx context.Context, m *notice.Message) error

func (receiver) Name() string       { return "fake" }
func (receiver) SendResolved() bool { return true }
func (r receiver) Send(ctx context.Context, m *notice.Message) error {
	return r(ctx, m)
}

var hot = alert.Alert{ID: "a", Status: alert.Firing, Labels: model.LabelSet{"alertname": "Hot"}}

func fired() alert.Event {
	return alert.Event{At: time.Now(), Transition: &alert.Transition{Alert: hot}}
}

// with runs f with a ledger that has a firing alert and a deliverer that tells r.
func with(t *testing.T, r receiver, f func(t *testing.T, l *ledger.Ledger, d *Deliverer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l, err := ledger.OpenStream(t.Context(), ledgertest.NewStream(), ledger.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(t.Context(), fired()); err != nil {
			t.Fatal(err)
		}
		d := New(Config{Ledger: l, Jitter: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler)},
			Setup{Router: plan{}, Integrations: map[string][]notice.Integration{"ops": {r}}})
		f(t, l, d)
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func noticeState(l *ledger.Ledger) (n alert.NoticeState) {
	l.Read(func(s *alert.State) {
		if s.Notices[key] != nil {
			n = *s.Notices[key]
		}
	})
	return n
}

func TestStopLetsAnAttemptEnd(t *testing.T) {
	slow := func(ctx context.Context, _ *notice.Message) error {
		select {
		case <-time.After(10 * time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, row := range []struct {
		name    string
		grace   time.Duration
		outcome alert.Outcome
	}{
		{"that ends in time", 20 * time.Second, alert.Sent},
		{"or breaks it off, and stores that", 2 * time.Second, alert.Retrying},
	} {
		t.Run(row.name, func(t *testing.T) {
			with(t, slow, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), row.grace)
				defer cancel()
				d.Stop(ctx)
				if n := noticeState(l); n.LastOutcome != row.outcome {
					t.Errorf("notice %+v", n)
				}
			})
		})
	}
}

func TestAnAttemptIsBounded(t *testing.T) {
	hangs := func(ctx context.Context, _ *notice.Message) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	with(t, hangs, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
		time.Sleep(DefaultTimeout + time.Millisecond)
		synctest.Wait()
		if n := noticeState(l); n.LastOutcome != alert.Retrying || n.Attempts != 1 {
			t.Errorf("notice %+v", n)
		}
		d.Stop(t.Context())
	})
}

func TestContentIsFreshAtEachAttempt(t *testing.T) {
	var mu sync.Mutex
	var values []float64
	fails := func(_ context.Context, m *notice.Message) error {
		mu.Lock()
		defer mu.Unlock()
		values = append(values, float64(m.Firing[0].Value))
		return notice.Temporary("not yet")
	}
	with(t, fails, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
		synctest.Wait()
		l.Refresh([]alert.Refresh{{ID: "a", Value: 7}})
		time.Sleep(1100 * time.Millisecond)
		d.Stop(t.Context())
		if fmt.Sprint(values) != "[0 7]" {
			t.Errorf("told of %v", values)
		}
	})
}

func TestWhatCannotBeStoredIsNotSentAgain(t *testing.T) {
	var mu sync.Mutex
	times := 0
	with(t, func(context.Context, *notice.Message) error {
		mu.Lock()
		defer mu.Unlock()
		times++
		return nil
	}, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
		// The deliverer has not run yet: the ledger is closed before it tells anybody.
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		d.Stop(t.Context())
		if times > 1 {
			t.Errorf("told %d times", times)
		}
	})
}

func TestHousekeeping(t *testing.T) {
	with(t, func(context.Context, *notice.Message) error { return nil }, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
		if err := l.Append(t.Context(), alert.Event{Silence: &alert.Silence{ID: "old"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(housekeeping + time.Millisecond)
		synctest.Wait()
		l.Read(func(s *alert.State) {
			if len(s.Silences) != 0 {
				t.Errorf("silences %v", s.Silences)
			}
		})
		d.Stop(t.Context())
	})
}

func TestAReceiverThatIsGoneIsToldNothing(t *testing.T) {
	times := 0
	with(t, func(context.Context, *notice.Message) error { times++; return notice.Temporary("no") }, func(t *testing.T, l *ledger.Ledger, d *Deliverer) {
		synctest.Wait()
		d.Set(Setup{Router: plan{}, Integrations: map[string][]notice.Integration{}})
		time.Sleep(time.Minute)
		d.Stop(t.Context())
		if times != 1 {
			t.Errorf("told %d times", times)
		}
	})
}

// A receiver that is away for an hour while it is owed the notices of a thousand
// groups: the log says so once a minute, and when it is over.
func TestALongOutageDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		d := &Deliverer{cfg: Config{Logger: slog.New(slog.NewTextHandler(&text, nil))}}
		n := alert.Notice{NoticeKey: key, Outcome: alert.Retrying, Error: "no"}
		for range 60 {
			for range 1000 {
				d.log(&n)
			}
			time.Sleep(time.Minute)
		}
		n.Outcome = alert.Sent
		for range 1000 {
			d.log(&n)
		}
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		if len(lines) != 61 || !strings.Contains(lines[1], "more_failures=999") || !strings.Contains(lines[60], "told again") {
			t.Errorf("%d lines: %s … %s", len(lines), lines[1], lines[len(lines)-1])
		}
	})
}
