// Package accounting writes the document that says what became of every event.
package accounting

import (
	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
)

// Append appends the answer of GET /api/accounting and a newline:
//
//	{"tenants": [{"service", "subservice", "received", "applied", "duplicate", "rejected", "pending"}, …],
//	 "sum": {"received", "applied", "duplicate", "rejected", "pending"}}
//
// received = applied + duplicate + rejected + pending in each of them. What has
// no tenant stands under empty names.
func Append(b []byte, a schema.Accounting) []byte {
	b = append(jsonappend.Key(append(b, '{'), "tenants"), '[')
	for i := range a.Tenants {
		t := &a.Tenants[i]
		b = jsonappend.Field(append(jsonappend.Comma(b), '{'), "service", t.Service)
		b = jsonappend.Field(b, "subservice", t.Subservice)
		b = append(appendNumbers(b, &t.AccountNumbers), '}')
	}
	b = append(jsonappend.Key(append(b, ']'), "sum"), '{')
	return append(appendNumbers(b, &a.Sum), "}}\n"...)
}

func appendNumbers(b []byte, n *schema.AccountNumbers) []byte {
	b = jsonappend.Uint(b, "received", n.Received)
	b = jsonappend.Uint(b, "applied", n.Applied)
	b = jsonappend.Uint(b, "duplicate", n.Duplicate)
	b = jsonappend.Uint(b, "rejected", n.Rejected)
	return jsonappend.Uint(b, "pending", n.Pending)
}
