package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/ledger/ledgertest"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

// evaluations runs rules over a reader for a while and returns what was told of
// each evaluation, and the evaluator's status at the end.
func evaluations(t *testing.T, groups []rule.Group, r promread.Reader, d time.Duration) (all []evaluate.Evaluation, status []evaluate.Status) {
	t.Helper()
	l, err := ledger.OpenStream(t.Context(), ledgertest.NewStream(), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	e := evaluate.New(evaluate.Config{Ledger: l, Reader: r, Logger: discard, Evaluated: func(one evaluate.Evaluation) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, one)
	}})
	if err := e.Set(t.Context(), groups); err != nil {
		t.Fatal(err)
	}
	time.Sleep(d)
	status = e.Status()
	e.Stop(t.Context())
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return all, status
}

func groups(t *testing.T, n int, interval string) []rule.Group {
	t.Helper()
	text := "groups:\n"
	for i := range n {
		text += fmt.Sprintf("- name: g%d\n  interval: %s\n  rules: [{alert: Hot, expr: cpu > 80}]\n", i, interval)
	}
	all, err := rule.Parse("rules.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestGroupsAreSpreadOverTheirInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, status := evaluations(t, groups(t, 60, "1m"), readtest.New(), time.Minute)
		if len(all) < 59 || len(all) > 61 {
			t.Errorf("%d evaluations of 60 groups", len(all))
		}
		quarter := map[int]int{}
		for _, s := range status {
			quarter[s.Last.Second()/15]++
		}
		for q := range 4 {
			if quarter[q] < 5 {
				t.Errorf("by quarter of the minute: %v", quarter)
			}
		}
	})
}

func TestEvaluationsThatTakeTooLongMissOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readtest.New()
		r.Before = func(context.Context, promread.SelectRequest) error {
			time.Sleep(3500 * time.Millisecond)
			return nil
		}
		all, status := evaluations(t, groups(t, 1, "1s"), r, 30*time.Second)
		missed := 0
		for _, e := range all {
			missed += e.Missed
		}
		// One begins each 3.5 s on average, at moments of the schedule.
		if len(all) < 7 || len(all) > 10 || missed < 16 || missed > 24 {
			t.Errorf("%d evaluations, %d missed", len(all), missed)
		}
		if s := status[0]; s.Took < 3*time.Second || s.Interval != time.Second || s.Missed == 0 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAReaderThatFailsFailsTheRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readtest.New()
		r.Before = func(context.Context, promread.SelectRequest) error { return promread.ErrUnavailable }
		all, status := evaluations(t, groups(t, 1, "1s"), r, 5*time.Second)
		if len(all) < 4 || all[0].Failed != 1 || all[0].Rules != 1 {
			t.Errorf("evaluations %+v", all)
		}
		if s := status[0].Rules[0]; !errors.Is(s.Err, promread.ErrUnavailable) || s.Last.IsZero() {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAnOutageOfTheReaderKeepsAlertsAsTheyAre(t *testing.T) {
	inWorld(t, hot("for: 5s"), to("ops", byNode...), route.Options{}, func(w *world) {
		var mu sync.Mutex
		down := false
		w.series.Before = func(context.Context, promread.SelectRequest) error {
			mu.Lock()
			defer mu.Unlock()
			if down {
				return promread.ErrUnavailable
			}
			return nil
		}
		w.set(90, "a")
		w.at(10 * s)
		mu.Lock()
		down = true
		mu.Unlock()
		w.set(50, "a")
		w.at(1 * m)
		w.wantAlerts("a firing")
		mu.Lock()
		down = false
		mu.Unlock()
		w.at(2 * m)
		w.wantAlerts()
		w.want("5s ops: new alerts +a", "1m0s ops: resolved -a")
	})
}

func TestCharts(t *testing.T) {
	inWorld(t, hot(), to("ops", byNode...), route.Options{}, func(w *world) {
		w.set(60, "a")
		w.at(2 * m)
		w.set(90, "a")
		w.at(4 * m)
		var a *alert.Alert
		w.ledger.Read(func(st *alert.State) {
			for _, a = range st.Alerts {
			}
		})
		chart, err := w.evaluator.Chart(w.t.Context(), a)
		if err != nil {
			w.t.Fatal(err)
		}
		if n := len(chart.Values); n < 8 || chart.Values[0] != 60 || chart.Values[n-1] != 90 || chart.Name != `cpu {node="a"}` {
			w.t.Errorf("chart %+v", chart)
		}
		other := *a
		other.Rule = "gone"
		if _, err := w.evaluator.Chart(w.t.Context(), &other); err == nil {
			w.t.Error("a chart of a rule that is not there")
		}
	})
}
