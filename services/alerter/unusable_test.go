package alerter_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/ledger"
)

const heavy = `{"name":"heavy","text":"count_over_time(vector(1)[100000h:1ms])","action":[]}`

// A rule that an older version stored must keep nothing else from starting, and can
// be deleted.
func TestAStoredRuleThatCostsTooMuch(t *testing.T) {
	p := newPlace(t)
	l, err := ledger.Open(t.Context(), p.nc, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	change := alert.RuleChange{Tenant: alert.Tenant{Service: "spy", Subservice: "root-subserv"}, Name: "heavy", ID: "1", Body: json.RawMessage(heavy), UpdatedAt: time.Now()}
	if err := l.Append(t.Context(), alert.Event{At: time.Now(), Rule: &change}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	app := p.start()
	eventually(t, "the other rules are evaluated", func() bool { return p.sink.has("firing Hot") })
	eventually(t, "the rule says what is wrong with it", func() bool {
		body := call(app, "GET", "/api/v1/rules", "").Body.String()
		return strings.Contains(body, `"lastError":"text: the query's subqueries have 360000000000 steps`) || strings.Contains(body, `"lastError":"the query's subqueries have 360000000000 steps`)
	})
	eventually(t, "the log says it, too", func() bool {
		return strings.Contains(p.log.String(), "the query's subqueries have 360000000000 steps")
	})
	if w := call(app, "DELETE", "/rules/heavy", "", "Fiware-Service", "spy"); w.Code != 200 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
	eventually(t, "it is gone", func() bool {
		return !strings.Contains(call(app, "GET", "/api/v1/rules", "").Body.String(), "heavy")
	})
}

func TestARuleThatCostsTooMuchIsRefused(t *testing.T) {
	p := newPlace(t)
	app := p.start()
	w := call(app, "POST", "/rules", heavy, "Fiware-Service", "spy")
	if w.Code != 400 || !strings.Contains(w.Body.String(), "the query's subqueries have 360000000000 steps, more than 4500000") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
