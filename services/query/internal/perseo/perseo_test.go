package perseo_test

import (
	"bytes"
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/perseo"
)

func tenant(service, subservice string, counts map[schema.Counter]uint64, times ...time.Duration) schema.TenantState {
	t := schema.TenantState{Tenant: schema.Tenant{Service: service, Subservice: subservice}}
	for c, n := range counts {
		t.Counters[c] = n
	}
	for _, d := range times {
		t.ServiceTime.Add(uint64(d))
	}
	return t
}

// worked is the worked example of the contract: A served two transactions in 10
// and 20 ms, B one in 60 ms.
func worked() []schema.TenantState {
	return []schema.TenantState{
		tenant("factory", "line2", map[schema.Counter]uint64{
			schema.IncomingTransactions: 1, schema.Notifications: 1, schema.FailedNotifications: 1}, 60*time.Millisecond),
		tenant("factory", "line1", map[schema.Counter]uint64{
			schema.IncomingTransactions: 2, schema.IncomingRequestSize: 310, schema.IncomingResponseSize: 80,
			schema.Notifications: 2, schema.OkNotifications: 2, schema.FiredRules: 1, schema.OkActionEmail: 1},
			10*time.Millisecond, 20*time.Millisecond),
	}
}

// odd holds what must be left out, and what has no measurement.
func odd() []schema.TenantState {
	forgotten := tenant("factory", "line1", nil)
	forgotten.Received, forgotten.Applied = 5, 5 // accounting is not reset
	return []schema.TenantState{
		tenant("", "", map[schema.Counter]uint64{schema.IncomingTransactions: 9}, time.Second), // a bad topic
		forgotten,
		tenant("garden", "", map[schema.Counter]uint64{schema.IncomingTransactions: 1}, 500*time.Microsecond),
		tenant("garden", "bed", map[schema.Counter]uint64{schema.FiredRules: 3, schema.RuleDeletion: 2, schema.OkActionSMS: 1, schema.ErrAction: 4}),
		tenant("garden", schema.RootSubservice, map[schema.Counter]uint64{schema.IncomingTransactions: 1}, 1500*time.Microsecond),
		tenant("house", "hall", map[schema.Counter]uint64{schema.IncomingTransactions: 1, schema.IncomingErrors: 1}, 6*time.Millisecond),
	}
}

func TestDocumentMatchesTheContract(t *testing.T) {
	for name, row := range map[string]struct {
		file    string
		format  *perseo.Format
		tenants []schema.TenantState
	}{
		"nothing counted yet":                                     {"empty.json", perseo.Document, nil},
		"nothing counted yet, the code's names":                   {"empty-code.json", perseo.Code, nil},
		"the worked example: times are weighted":                  {"worked.json", perseo.Document, worked()},
		"the worked example, the code's names":                    {"worked-code.json", perseo.Code, worked()},
		"forgotten and invalid tenants, the root, no measurement": {"odd.json", perseo.Document, odd()},
		"the same with the code's names":                          {"odd-code.json", perseo.Code, odd()},
	} {
		t.Run(name, func(t *testing.T) {
			golden.JSON(t, row.file, perseo.Append(nil, row.format, row.tenants))
		})
	}
}

func TestRenderingChangesNothing(t *testing.T) {
	tenants := worked()
	first := perseo.Append(nil, perseo.Document, tenants)
	if second := perseo.Append(nil, perseo.Document, tenants); !bytes.Equal(first, second) {
		t.Errorf("the second time it gives\n%s\nafter\n%s", second, first)
	}
}
