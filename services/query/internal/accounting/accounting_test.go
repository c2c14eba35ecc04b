package accounting_test

import (
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/accounting"
)

func TestDocument(t *testing.T) {
	full := schema.Accounting{
		Tenants: []schema.TenantAccount{
			{AccountNumbers: schema.AccountNumbers{Received: 2, Rejected: 2}},
			{Tenant: schema.Tenant{Service: "factory", Subservice: "line1"},
				AccountNumbers: schema.AccountNumbers{Received: 1<<64 - 1, Applied: 1<<64 - 11, Duplicate: 1, Rejected: 2, Pending: 7}},
		},
		Sum: schema.AccountNumbers{Received: 20, Applied: 8, Duplicate: 1, Rejected: 4, Pending: 7},
	}
	golden.JSON(t, "full.json", accounting.Append(nil, full))
	golden.JSON(t, "empty.json", accounting.Append(nil, schema.Accounting{}))
}
