package schema

// Live series are computed from the aggregator's state at the moment of asking.
// They have no history: one sample, of that moment. Selections see them by
// matchers of __name__ that let their names pass, and not just any name.
//
// Those of sources have the labels service, subservice, kind (as Kind.String),
// source (its ID) and all labels that the source's series have, its Kind's
// IDLabel among them; a label of the source's own that is called kind, source or
// field is prefixed "exported_". Those of tenants have service and subservice.
// What KindRecorded names is no source here.
const (
	LiveSourceUp               = "weir_source_up"
	LiveSourceOffline          = "weir_source_offline"
	LiveSourceLeft             = "weir_source_left"
	LiveSourceSilence          = "weir_source_silence_seconds"
	LiveSourceLag              = "weir_source_lag_seconds"
	LiveSourceExpectedInterval = "weir_source_expected_interval_seconds"
	LiveSourceFieldSilence     = "weir_source_field_silence_seconds"
	LiveSourceReadings         = "weir_source_readings_total"

	LiveTenantLastDeadLetter = "weir_tenant_last_dead_letter_timestamp_seconds"
	LiveTenantDeadLetters    = "weir_tenant_dead_letters_total"
	LiveTenantReceived       = "weir_tenant_events_received_total"
	LiveTenantApplied        = "weir_tenant_events_applied_total"
	LiveTenantDuplicate      = "weir_tenant_events_duplicate_total"
	LiveTenantRejected       = "weir_tenant_events_rejected_total"
	LiveTenantClockSkewed    = "weir_tenant_clock_skewed_events_total"
	LiveTenantLate           = "weir_tenant_late_readings_total"
	LiveTenantTooOld         = "weir_tenant_too_old_readings_total"
	LiveTenantSources        = "weir_tenant_sources"
	LiveTenantSeries         = "weir_tenant_series"
	LiveTenantHistoryBytes   = "weir_tenant_history_bytes"
)

// The labels of live series that are not those of the source's series.
const (
	LiveKindLabel   = "kind"
	LiveSourceLabel = "source"
	LiveFieldLabel  = "field"  // of LiveSourceFieldSilence: the name of the series that is missing
	LiveReasonLabel = "reason" // of LiveTenantDeadLetters
)

// LiveInfo describes a live series.
type LiveInfo struct {
	Name string
	Type SeriesType
	Unit string // "" for counts
	Help string
}

// LiveSeries is the table of all live series: those of sources, those of tenants,
// and Counters.
var LiveSeries = func() []LiveInfo {
	all := []LiveInfo{
		{LiveSourceUp, Gauge, "", "1 if the source was heard of within its expected interval, is not offline and has not left, else 0; absent while that cannot be told, after a restart of weir."},
		{LiveSourceOffline, Gauge, "", "1 if the source's will says that it is offline, or it does not answer when it is asked, else 0; only of sources of which that can be said."},
		{LiveSourceLeft, Gauge, "", "1 if the source's own last word is that it goes, else 0; only of sources that say so."},
		{LiveSourceSilence, Gauge, "seconds", "Time since the source was last heard of."},
		{LiveSourceLag, Gauge, "seconds", "How late the source's newest reading came, by the source's own clock: what it had to wait for, or how slow the clock is; below 0 for one that is ahead."},
		{LiveSourceExpectedInterval, Gauge, "seconds", "Time after which the source counts as silent, learned from its latest readings; absent while these are too few."},
		{LiveSourceFieldSilence, Gauge, "seconds", "Time since the last value of a series that is missing while its source is up, and for longer than it ever usually is."},
		{LiveSourceReadings, Cumulative, "", "Readings of the source that were applied."},
		{LiveTenantLastDeadLetter, Gauge, "seconds", "When the newest dead letter was received, in seconds since 1970; absent if there is none."},
		{LiveTenantDeadLetters, Cumulative, "", "Events rejected and kept as dead letters, by reason."},
		{LiveTenantReceived, Cumulative, "", "Events stored in the journal."},
		{LiveTenantApplied, Cumulative, "", "Events folded into the numbers."},
		{LiveTenantDuplicate, Cumulative, "", "Events that were retransmissions of what was stored before."},
		{LiveTenantRejected, Cumulative, "", "Events that became dead letters."},
		{LiveTenantClockSkewed, Cumulative, "", "Events whose own time was not plausible, so that the time of receipt stands in."},
		{LiveTenantLate, Cumulative, "", "Readings older than the newest of their source."},
		{LiveTenantTooOld, Cumulative, "", "Readings that were older than the history that is kept when they came; they go at its next turn."},
		{LiveTenantSources, Gauge, "", "Sources known."},
		{LiveTenantSeries, Gauge, "", "Series that have history."},
		{LiveTenantHistoryBytes, Gauge, "bytes", "Size of the sealed chunks of history."},
	}
	for i := range Counters {
		all = append(all, LiveInfo{Counters[i].Series, Cumulative, "", Counters[i].Help})
	}
	return all
}()
