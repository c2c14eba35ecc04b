package exposition_test

import (
	"bytes"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/exposition"
)

func numbers() exposition.Numbers {
	line1 := schema.Tenant{Service: "factory", Subservice: "line1"}
	t := schema.TenantState{Tenant: line1, ClockSkewed: 3, Late: 4, HistoryTooOld: 5, Sources: 6, Series: 70, HistoryBytes: 8192}
	for c := range schema.NumCounters {
		t.Counters[c] = 100 + uint64(c)
	}
	t.Rejected[schema.ReasonNotJSON] = 2
	t.ServiceTime.AddN(2_000_000, 3)
	nobody := schema.TenantState{}
	nobody.Rejected[schema.ReasonBadTopic] = 1
	return exposition.Numbers{
		Up:      true,
		Tenants: []schema.TenantState{nobody, t},
		Accounting: schema.Accounting{Tenants: []schema.TenantAccount{
			{AccountNumbers: schema.AccountNumbers{Received: 1, Rejected: 1}},
			{Tenant: line1, AccountNumbers: schema.AccountNumbers{Received: 15, Applied: 8, Duplicate: 1, Rejected: 2, Pending: 4}},
		}},
		Sources: map[schema.Kind]uint64{schema.KindSporeNode: 2, schema.KindTask: 7},
	}
}

func TestText(t *testing.T) {
	for file, n := range map[string]exposition.Numbers{
		"full.txt":  numbers(),
		"empty.txt": {Up: true},
		"down.txt":  {},
	} {
		var b bytes.Buffer
		exposition.Write(&b, n)
		golden.Check(t, file, b.Bytes())
	}
}

func TestTextPassesTheLinter(t *testing.T) {
	var b bytes.Buffer
	exposition.Write(&b, numbers())
	problems, err := promlint.New(&b).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
