package evaluate_test

import (
	"context"
	"fmt"
	"strings"
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
	"weir/services/alerter/internal/rule"
)

const heavy = `count_over_time(vector(1)[100000h:1ms])`

// Whatever a rule says that reached the evaluator: it must cost no more than an error.
func TestExpressionsThatCostTooMuchAreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []rule.Group{{Key: "g", Name: "g", Rules: []*rule.Rule{
			{Key: "a", Name: "A", Expr: heavy}, {Key: "b", Name: "B", Expr: strings.Repeat("up+", 8000) + "up"},
			{Key: "c", Name: "C", Record: true, Expr: heavy}, {Key: "d", Name: "D", Fault: "it was refused"}, {Key: "e", Name: "E", Expr: "vector(1)"},
		}}}
		_, status := evaluations(t, all, readtest.New(), 3*time.Second)
		for i, want := range []string{"the query's subqueries have 360000000000 steps", "more than 10000 names", "the query's subqueries have", "it was refused", ""} {
			r := status[0].Rules[i]
			if want == "" && r.Err != nil || want != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), want)) {
				t.Errorf("%s: %.200v, want %q", r.Name, r.Err, want)
			}
			if r.Err != nil && len(r.Err.Error()) > 2000 {
				t.Errorf("%s: an error of %d bytes", r.Name, len(r.Err.Error()))
			}
		}
	})
}

// An alert's chart and the queries of its annotations are asked for by the same way.
func TestChartsAndTemplatesThatCostTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := ledger.OpenStream(t.Context(), ledgertest.NewStream(), ledger.Config{})
		if err != nil {
			t.Fatal(err)
		}
		e := evaluate.New(evaluate.Config{Ledger: l, Reader: readtest.New(), Logger: discard})
		groups, err := rule.Parse("f.yml", []byte("groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: vector(1) > 0 and on () max_over_time(vector(1)[20m:1ms])\n"+
			"    annotations: {a: '{{ query \""+heavy+"\" }}'}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Set(t.Context(), groups); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		var active *alert.Alert
		l.Read(func(s *alert.State) {
			for _, a := range s.Alerts {
				active = a
			}
		})
		if active == nil || !strings.Contains(string(active.Annotations["a"]), "the query's subqueries have 360000000000 steps") {
			t.Fatalf("got %+v", active)
		}
		if _, err := e.Chart(t.Context(), active); err == nil || !strings.Contains(err.Error(), "the query's subqueries have 4800000 steps") {
			t.Errorf("the chart: %v", err)
		}
		e.Stop(t.Context())
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A tenant's rule that takes longer than its interval rests for as long as it took.
func TestATenantsRuleThatTakesLongRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began []time.Time
		reader := readtest.New()
		reader.Before = func(context.Context, promread.SelectRequest) error {
			began = append(began, time.Now())
			time.Sleep(5 * time.Second)
			return nil
		}
		all := []rule.Group{{Key: "g", Tenant: &alert.Tenant{Service: "a", Subservice: "/"}, Rules: []*rule.Rule{{Key: "g", Name: "A", Expr: "up"}}}}
		_, status := evaluations(t, all, reader, time.Minute)
		if len(began) < 6 || status[0].Missed < 40 {
			t.Errorf("%d evaluations, %d missed", len(began), status[0].Missed)
		}
		for i := 1; i < len(began); i++ {
			if between := began[i].Sub(began[i-1]); between < 10*time.Second || between > 11*time.Second {
				t.Errorf("evaluation %d after %s", i+1, between)
			}
		}
	})
}

// Many rules of a tenant whose queries hang let others' go on.
func TestATenantsQueriesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := map[string]int{}, map[string]int{}
		reader := readtest.New()
		reader.Before = func(ctx context.Context, req promread.SelectRequest) error {
			who := ""
			for _, m := range req.Matchers {
				if m.Name == "service" {
					who = m.Value
				}
			}
			mu.Lock()
			running[who]++
			most[who] = max(most[who], running[who])
			mu.Unlock()
			var err error
			if who == "greedy" {
				<-ctx.Done()
				err = ctx.Err()
			}
			mu.Lock()
			running[who]--
			mu.Unlock()
			return err
		}
		var all []rule.Group
		for i := range 30 {
			for _, service := range []string{"greedy", "modest"} {
				all = append(all, rule.Group{Key: fmt.Sprint(service, i), Tenant: &alert.Tenant{Service: service, Subservice: "a"},
					Rules: []*rule.Rule{{Key: fmt.Sprint(service, i), Name: "A", Expr: "up"}}})
			}
		}
		_, status := evaluations(t, all, reader, 30*time.Second)
		if most["greedy"] != 2 {
			t.Errorf("%d queries of a tenant ran at a time", most["greedy"])
		}
		for _, s := range status {
			if s.Tenant.Service == "modest" && (s.Missed > 0 || s.Rules[0].Err != nil || s.Last.IsZero()) {
				t.Errorf("another tenant: %d missed, %v", s.Missed, s.Rules[0].Err)
			}
		}
	})
}

// The shipped rules say how weir does: they do not wait for queries that hang.
func TestShippedRulesWaitForNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := readtest.New()
		reader.Before = func(ctx context.Context, _ promread.SelectRequest) error {
			<-ctx.Done()
			return ctx.Err()
		}
		all := []rule.Group{{Key: "own", File: rule.DefaultsFile, Rules: []*rule.Rule{{Key: "own", Name: "A", Expr: "vector(1)"}}}}
		for i := range 30 {
			all = append(all, rule.Group{Key: fmt.Sprint(i), File: "f.yml", Rules: []*rule.Rule{{Key: fmt.Sprint(i), Name: "A", Expr: "up"}}})
		}
		_, status := evaluations(t, all, reader, time.Minute)
		if s := status[0]; s.Missed > 0 || s.Rules[0].Err != nil || s.Last.IsZero() {
			t.Errorf("%d missed, %v", s.Missed, s.Rules[0].Err)
		}
	})
}
