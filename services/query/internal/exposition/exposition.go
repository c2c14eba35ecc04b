// Package exposition writes the tenants' numbers in Prometheus' text format.
package exposition

import (
	"io"
	"strconv"

	"weir/pkg/metrics"
	"weir/pkg/schema"
)

// Numbers is what an aggregator knows at one moment.
type Numbers struct {
	Up         bool // the aggregator answered; otherwise the rest is not written
	Tenants    []schema.TenantState
	Accounting schema.Accounting
	Sources    map[schema.Kind]uint64 // how many sources there are of each kind
}

// Write writes the numbers, each family with HELP and TYPE:
//
//   - weir_query_aggregator_up, 1 or 0;
//   - by service and subservice: schema.Counters and the service time, which
//     begin at 0 again after a get-and-reset, as counters may; the accounting
//     numbers, which nothing resets; dead letters by reason; implausible clocks
//     and late readings; the sources, the series, the bytes of history, and the
//     readings that came too late for it;
//   - weir_sources by kind.
//
// What has no tenant has empty labels, which is to say none.
func Write(w io.Writer, n Numbers) {
	up := uint64(0)
	if n.Up {
		up = 1
	}
	family(w, metrics.Desc{Name: "weir_query_aggregator_up", Type: metrics.Gauge, Help: "Whether the aggregator answered this scrape."}).uint(up)
	if !n.Up {
		return
	}
	writeOperations(w, n.Tenants)
	writeEvents(w, n.Tenants)
	writeHistory(w, n.Tenants)
	writeAccounting(w, n.Accounting.Tenants)
	writeSources(w, n.Sources)
}

func writeOperations(w io.Writer, tenants []schema.TenantState) {
	for i := range schema.Counters {
		c := &schema.Counters[i]
		f := family(w, metrics.Desc{Name: c.Series, Type: metrics.Counter, Help: c.Help})
		for j := range tenants {
			f.uint(tenants[j].Counters[c.Counter], tenantLabels(tenants[j].Tenant)...)
		}
	}
	writeServiceTime(w, tenants)
}

// quantiles are the ones shown of the service time.
var quantiles = []float64{0.5, 0.9, 0.99}

func writeServiceTime(w io.Writer, tenants []schema.TenantState) {
	f := family(w, metrics.Desc{Name: "weir_tenant_service_time_seconds", Type: metrics.Summary, Help: "Time to serve a transaction, from receipt to the answer's last byte."})
	for i := range tenants {
		t := &tenants[i]
		labels := tenantLabels(t.Tenant)
		for _, q := range measuredQuantiles(&t.ServiceTime) {
			quantile := metrics.L("quantile", strconv.FormatFloat(q, 'g', -1, 64))
			f.seconds("", t.ServiceTime.Quantile(q), append(labels, quantile)...)
		}
		f.seconds("_sum", t.ServiceTime.Sum, labels...)
		f.line("_count", strconv.FormatUint(t.ServiceTime.Count, 10), labels)
	}
}

// measuredQuantiles returns none where nothing was measured: 0 would be a lie.
func measuredQuantiles(s *schema.Summary) []float64 {
	if s.Count == 0 {
		return nil
	}
	return quantiles
}

func writeEvents(w io.Writer, tenants []schema.TenantState) {
	letters := family(w, metrics.Desc{Name: "weir_tenant_dead_letters_total", Type: metrics.Counter, Help: "Events rejected and kept as dead letters, by reason."})
	for i := range tenants {
		t := &tenants[i]
		for _, r := range schema.Reasons() {
			letters.uint(t.Rejected[r], append(tenantLabels(t.Tenant), metrics.L("reason", r.String()))...)
		}
	}
	each(w, "weir_tenant_clock_skewed_events_total", metrics.Counter, "Events whose own time was not plausible, so that the time of receipt stands in.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.ClockSkewed })
	each(w, "weir_tenant_late_readings_total", metrics.Counter, "Readings older than the newest of their source.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.Late })
}

func writeHistory(w io.Writer, tenants []schema.TenantState) {
	each(w, "weir_tenant_sources", metrics.Gauge, "Sources known.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.Sources })
	each(w, "weir_tenant_series", metrics.Gauge, "Series that have history.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.Series })
	each(w, "weir_tenant_history_bytes", metrics.Gauge, "Size of the sealed chunks of history.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.HistoryBytes })
	each(w, "weir_tenant_too_old_readings_total", metrics.Counter, "Readings that were older than the history that is kept when they came; they go at its next turn.",
		tenants, func(t *schema.TenantState) (schema.Tenant, uint64) { return t.Tenant, t.HistoryTooOld })
}

func writeAccounting(w io.Writer, tenants []schema.TenantAccount) {
	for _, number := range []struct {
		name string
		typ  metrics.Type
		help string
		of   func(*schema.AccountNumbers) uint64
	}{
		{"weir_tenant_events_received_total", metrics.Counter, "Events stored in the journal.", func(a *schema.AccountNumbers) uint64 { return a.Received }},
		{"weir_tenant_events_applied_total", metrics.Counter, "Events folded into the numbers.", func(a *schema.AccountNumbers) uint64 { return a.Applied }},
		{"weir_tenant_events_duplicate_total", metrics.Counter, "Events that were retransmissions of what was stored before.", func(a *schema.AccountNumbers) uint64 { return a.Duplicate }},
		{"weir_tenant_events_rejected_total", metrics.Counter, "Events that became dead letters.", func(a *schema.AccountNumbers) uint64 { return a.Rejected }},
		{"weir_tenant_events_pending", metrics.Gauge, "Events stored and not folded yet.", func(a *schema.AccountNumbers) uint64 { return a.Pending }},
	} {
		each(w, number.name, number.typ, number.help, tenants, func(t *schema.TenantAccount) (schema.Tenant, uint64) {
			return t.Tenant, number.of(&t.AccountNumbers)
		})
	}
}

func writeSources(w io.Writer, sources map[schema.Kind]uint64) {
	f := family(w, metrics.Desc{Name: "weir_sources", Type: metrics.Gauge, Help: "Sources known, by kind."})
	for _, k := range schema.Kinds() {
		f.uint(sources[k], metrics.L("kind", k.String()))
	}
}
