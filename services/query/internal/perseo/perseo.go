// Package perseo writes the metrics document of Perseo's administration API.
package perseo

import (
	"cmp"
	"slices"
	"strings"

	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
)

// Format is one of the two forms of the document.
type Format struct {
	subservices string // the key of a service's subservices
	subservice  func(string) string
	name        func(*schema.CounterInfo) string // "" for what the format does not show
}

var (
	// Document is the form that Perseo's document gives: "subservs", keys
	// without a slash, "/" being "root-subserv" as in Orion's metrics.
	Document = &Format{
		subservices: "subservs",
		subservice:  func(s string) string { return s },
		name:        func(c *schema.CounterInfo) string { return c.Name },
	}
	// Code is the form that Perseo itself gives: "subservices", keys with the
	// slash, and metrics that the document does not mention.
	Code = &Format{
		subservices: "subservices",
		subservice:  func(s string) string { return "/" + strings.TrimPrefix(s, schema.RootSubservice) },
		name:        func(c *schema.CounterInfo) string { return c.PerseoName },
	}
)

// Append appends the answer of GET /admin/metrics and a newline:
//
//	{"services": {service: {"subservs": {subservice: {metric: n, …}, …}, "sum": {…}}, …}, "sum": {…}}
//
// Every metric of the format is there, 0 or not, except for serviceTime, the
// mean time of a transaction in milliseconds: where nothing was measured it is
// absent. At the sums it is the total time over the total number of
// measurements, not a mean of means.
//
// A tenant without any count is not shown: Perseo forgets its tenants with a
// reset, and with zeros they would stand there for ever. Nor is what has no
// service shown: what could not be attributed is in no tenant's numbers.
func Append(b []byte, f *Format, tenants []schema.TenantState) []byte {
	var all totals
	b = append(jsonappend.Key(append(b, '{'), "services"), '{')
	for rest := shown(tenants); len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].service == rest[0].service {
			n++
		}
		var sum totals
		b, sum = f.appendService(b, rest[:n])
		all.add(&sum)
		rest = rest[n:]
	}
	b = f.appendTotals(jsonappend.Key(append(b, '}'), "sum"), &all)
	return append(b, '}', '\n')
}

// appendService appends a service with its subservices, which are sorted.
func (f *Format) appendService(b []byte, tenants []tenant) ([]byte, totals) {
	var sum totals
	b = append(jsonappend.Key(b, tenants[0].service), '{')
	b = append(jsonappend.Key(b, f.subservices), '{')
	for i := range tenants {
		sum.add(&tenants[i].totals)
		b = f.appendTotals(jsonappend.Key(b, f.subservice(tenants[i].subservice)), &tenants[i].totals)
	}
	b = f.appendTotals(jsonappend.Key(append(b, '}'), "sum"), &sum)
	return append(b, '}'), sum
}

func (f *Format) appendTotals(b []byte, t *totals) []byte {
	b = append(b, '{')
	for i := range schema.Counters {
		c := &schema.Counters[i]
		if name := f.name(c); name != "" {
			b = jsonappend.Uint(b, name, t.counters[c.Counter])
		}
		if c.Counter == schema.IncomingErrors && t.measured > 0 {
			b = jsonappend.Float(b, "serviceTime", t.milliseconds())
		}
	}
	return append(b, '}')
}

// tenant is what is shown of a tenant.
type tenant struct {
	service, subservice string
	totals
}

// shown returns the tenants that the document has, by service and subservice,
// each once.
func shown(tenants []schema.TenantState) []tenant {
	var all []tenant
	for i := range tenants {
		t := &tenants[i]
		v := tenant{t.Tenant.Service, cmp.Or(t.Tenant.Subservice, schema.RootSubservice),
			totals{t.Counters, t.ServiceTime.Sum, t.ServiceTime.Count}}
		if v.service != "" && v.totals != (totals{}) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b tenant) int {
		return cmp.Or(strings.Compare(a.service, b.service), strings.Compare(a.subservice, b.subservice))
	})
	return merged(all)
}

// merged adds up neighbours with the same key: "" and "root-subserv" are both
// the subservice "/", and an object must not have a key twice.
func merged(sorted []tenant) []tenant {
	var out []tenant
	for i := range sorted {
		t := &sorted[i]
		if n := len(out); n > 0 && out[n-1].service == t.service && out[n-1].subservice == t.subservice {
			out[n-1].add(&t.totals)
			continue
		}
		out = append(out, *t)
	}
	return out
}

// totals are the numbers of one level of the document.
type totals struct {
	counters [schema.NumCounters]uint64
	time     uint64 // nanoseconds
	measured uint64 // how many transactions took that time
}

func (t *totals) add(o *totals) {
	for i, n := range o.counters {
		t.counters[i] += n
	}
	t.time += o.time
	t.measured += o.measured
}

func (t *totals) milliseconds() float64 {
	return float64(t.time) / float64(t.measured) / 1e6
}
