package promread_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
	"weir/pkg/read/promread/readtest"
	"weir/pkg/schema"
)

const at = 1767322800000 // unix milliseconds

// two returns a reader with a series of each of two tenants.
func two() *readtest.Memory {
	m := new(readtest.Memory)
	for i, service := range []string{"factory", "greenhouse"} {
		m.Append(labels.FromStrings("__name__", "a", "service", service, "subservice", "line1"), at, float64(i+1))
	}
	return m
}

// ask evaluates an expression as an alerter would.
func ask(t *testing.T, r promread.Reader, c promread.EngineConfig, text string) (string, error) {
	t.Helper()
	engine := promread.NewEngine(c)
	q := &promread.Queryable{Reader: r, Lookback: promread.DefaultEngine().LookbackDelta, MaxSamples: c.MaxSamples}
	query, err := engine.NewInstantQuery(context.Background(), q, nil, text, time.UnixMilli(at+1000))
	if err != nil {
		return "", err
	}
	defer query.Close()
	res := query.Exec(context.Background())
	if res.Err != nil {
		return "", res.Err
	}
	return res.Value.String(), nil
}

func TestATenantsQuerySeesOnlyItsSeries(t *testing.T) {
	r := promread.Restrict(two(), promread.TenantScope(schema.Tenant{Service: "factory", Subservice: "line1"})...)
	for text, want := range map[string]string{
		"sum(a)":                       "{} => 1 @[1767322801000]",
		`sum(a{service="greenhouse"})`: "",
		`count({__name__=~".+"})`:      "{} => 1 @[1767322801000]",
	} {
		if got, err := ask(t, r, promread.EngineConfig{}, text); err != nil || got != want {
			t.Errorf("%s gives %q, %v", text, got, err)
		}
	}
	if got, err := ask(t, two(), promread.EngineConfig{}, "sum(a)"); err != nil || got != "{} => 3 @[1767322801000]" {
		t.Errorf("everybody's sum is %q, %v", got, err)
	}
}

func TestTheEnginesLimits(t *testing.T) {
	var tooMany promql.ErrTooManySamples
	if _, err := ask(t, two(), promread.EngineConfig{MaxSamples: 1}, "a"); !errors.As(err, &tooMany) {
		t.Errorf("one sample too many: %v", err)
	}
	if _, err := ask(t, two(), promread.EngineConfig{}, `sort_by_label(a, "service")`); err == nil || !strings.Contains(err.Error(), "is not enabled") {
		t.Errorf("an experimental function: %v", err)
	}
	if _, err := ask(t, two(), promread.EngineConfig{ExperimentalFunctions: true}, `sort_by_label(a, "service")`); err != nil {
		t.Errorf("an experimental function that is allowed: %v", err)
	}
	late := two()
	late.Before = func(context.Context, promread.SelectRequest) error { return promread.ErrLate }
	var timeout promql.ErrQueryTimeout
	if _, err := ask(t, late, promread.EngineConfig{}, "a"); !errors.As(err, &timeout) || !errors.Is(err, promread.ErrLate) {
		t.Errorf("a late answer: %v", err)
	}
}

func TestQueriesThatAreTooLarge(t *testing.T) {
	if err := bounds.CheckText(strings.Repeat("1+", bounds.MaxTokens/2) + "1"); err == nil {
		t.Error("too many tokens are not found")
	}
	if err := bounds.CheckText(`a{node=~"` + strings.Repeat("n|", bounds.MaxTokens) + `"}`); err != nil {
		t.Errorf("a long string: %v", err)
	}
	engine := promread.NewEngine(promread.EngineConfig{})
	_, err := engine.NewInstantQuery(context.Background(), &promread.Queryable{Reader: two()}, nil, "max_over_time(a[1y:1ms])", time.UnixMilli(at))
	var steps *bounds.TooManySteps
	if !errors.As(err, &steps) || steps.Steps < 3e10 {
		t.Errorf("got %v", err)
	}
}

func TestScopesOfRequests(t *testing.T) {
	r := httptest.NewRequest("GET", "/?service=factory", nil)
	r.Header.Set("Fiware-ServicePath", "/")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	scope, err := promread.RequestScope(r)
	if err != nil || len(scope) != 2 || scope[0].String() != `service="factory"` || scope[1].String() != `subservice="root-subserv"` {
		t.Errorf("got %v, %v", scope, err)
	}
	r.Header.Set("Fiware-ServicePath", "/line1/cell2")
	if scope, err = promread.RequestScope(r); err != nil || scope[1].String() != `subservice="line1/cell2"` {
		t.Errorf("a path of two levels: %v, %v", scope, err)
	}
	r.Header.Set("Fiware-ServicePath", "/line1//cell2")
	if _, err := promread.RequestScope(r); err == nil {
		t.Error("a path with an empty level is taken")
	}
	r.Header.Set("Fiware-Service", "a/b")
	var bad *promread.BadScope
	if _, err := promread.RequestScope(r); !errors.As(err, &bad) || bad.Parameter != "Fiware-Service" {
		t.Errorf("got %v", err)
	}
}
