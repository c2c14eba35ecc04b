package live

import (
	"weir/pkg/schema"
)

// tenantValues are the series of tenants that have one value each; Counters come
// besides.
var tenantValues = []struct {
	series int
	of     func(*schema.TenantState) float64
}{
	{placeOf(schema.LiveTenantReceived), func(t *schema.TenantState) float64 { return float64(t.Received) }},
	{placeOf(schema.LiveTenantApplied), func(t *schema.TenantState) float64 { return float64(t.Applied) }},
	{placeOf(schema.LiveTenantDuplicate), func(t *schema.TenantState) float64 { return float64(t.Duplicate) }},
	{placeOf(schema.LiveTenantRejected), func(t *schema.TenantState) float64 { return float64(t.RejectedTotal()) }},
	{placeOf(schema.LiveTenantClockSkewed), func(t *schema.TenantState) float64 { return float64(t.ClockSkewed) }},
	{placeOf(schema.LiveTenantLate), func(t *schema.TenantState) float64 { return float64(t.Late) }},
	{placeOf(schema.LiveTenantTooOld), func(t *schema.TenantState) float64 { return float64(t.HistoryTooOld) }},
	{placeOf(schema.LiveTenantSources), func(t *schema.TenantState) float64 { return float64(t.Sources) }},
	{placeOf(schema.LiveTenantSeries), func(t *schema.TenantState) float64 { return float64(t.Series) }},
	{placeOf(schema.LiveTenantHistoryBytes), func(t *schema.TenantState) float64 { return float64(t.HistoryBytes) }},
}

var (
	deadLetters    = placeOf(schema.LiveTenantDeadLetters)
	lastDeadLetter = placeOf(schema.LiveTenantLastDeadLetter)
	firstCounter   = placeOf(schema.Counters[0].Series)
)

// Of visits the selected series of a tenant that may be selected. It returns
// false if visit did.
func (s *Selection) Of(t *schema.TenantState, visit Visit) bool {
	of := tenantLabels(t.Tenant)
	if s.names.has(deadLetters) && !s.deadLetters(t, of, visit) {
		return false
	}
	if !matchesAll(s.reason, "") {
		return true
	}
	if s.names.has(lastDeadLetter) && t.LastRejected != 0 && !visit(s.name(lastDeadLetter, of), seconds(t.LastRejected)) {
		return false
	}
	for i := range tenantValues {
		if v := &tenantValues[i]; s.names.has(v.series) && !visit(s.name(v.series, of), v.of(t)) {
			return false
		}
	}
	for i := range schema.Counters {
		series := firstCounter + i
		if s.names.has(series) && !visit(s.name(series, of), float64(t.Counters[schema.Counters[i].Counter])) {
			return false
		}
	}
	return true
}

func (s *Selection) deadLetters(t *schema.TenantState, of []schema.Label, visit Visit) bool {
	for _, r := range schema.Reasons() {
		if !matchesAll(s.reason, r.String()) {
			continue
		}
		s.all = insert(s.all[:0], of, schema.Label{Name: schema.LiveReasonLabel, Value: r.String()})
		if !visit(s.name(deadLetters, s.all), float64(t.Rejected[r])) {
			return false
		}
	}
	return true
}

// tenantLabels returns a tenant's labels; those that are empty are none.
func tenantLabels(t schema.Tenant) (of []schema.Label) {
	if t.Service != "" {
		of = append(of, schema.Label{Name: "service", Value: t.Service})
	}
	if t.Subservice != "" {
		of = append(of, schema.Label{Name: "subservice", Value: t.Subservice})
	}
	return of
}
