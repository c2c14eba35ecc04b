package aggregator

import (
	"fmt"
	"io"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/store"

	"weir/pkg/metrics"
)

// metricDescs declares the aggregator's own metrics.
var metricDescs = []metrics.Desc{
	{Name: "weir_aggregator_frames_total", Type: metrics.Counter, Help: "Frames folded, those stored twice included."},
	{Name: "weir_aggregator_frames_skipped_total", Type: metrics.Counter, Help: "Frames passed over because the journal holds them twice."},
	{Name: "weir_aggregator_events_total", Type: metrics.Counter, Help: "Events folded, by verdict."},
	{Name: "weir_aggregator_readings_total", Type: metrics.Counter, Help: "Readings with values that were applied."},
	{Name: "weir_aggregator_late_readings_total", Type: metrics.Counter, Help: "Readings older than the newest of their source."},
	{Name: "weir_aggregator_clock_skewed_events_total", Type: metrics.Counter, Help: "Events whose own time was not plausible."},
	{Name: "weir_aggregator_history_rows_total", Type: metrics.Counter, Help: "Rows entered into the history; the ends of series are rows too."},
	{Name: "weir_aggregator_history_samples_total", Type: metrics.Counter, Help: "Samples entered into the history."},
	{Name: "weir_aggregator_history_too_old_total", Type: metrics.Counter, Help: "Readings that were older than the history that is kept when they came; they go at its next turn."},
	{Name: "weir_aggregator_history_chunks_total", Type: metrics.Counter, Help: "Chunks of history sealed."},
	{Name: "weir_aggregator_history_chunk_bytes_total", Type: metrics.Counter, Help: "Bytes of the chunks sealed."},
	{Name: "weir_aggregator_history_expired_buckets_total", Type: metrics.Counter, Help: "Buckets of tenants' history that went by age or size, six hours each."},
	{Name: "weir_aggregator_series", Type: metrics.Gauge, Help: "Series that have history."},
	{Name: "weir_aggregator_names", Type: metrics.Gauge, Help: "Names that named values brought; there may be 60,000."},
	{Name: "weir_aggregator_resets_total", Type: metrics.Counter, Help: "Get-and-resets folded."},
	{Name: "weir_aggregator_journal_errors_total", Type: metrics.Counter, Help: "Failed tries to read the journal."},
	{Name: "weir_aggregator_checkpoint_duration_seconds", Type: metrics.Summary, Help: "Time from taking a checkpoint to having it on disk."},
	{Name: "weir_aggregator_checkpoint_keys_total", Type: metrics.Counter, Help: "Keys written or deleted by checkpoints."},
	{Name: "weir_aggregator_checkpoint_bytes_total", Type: metrics.Counter, Help: "Bytes written by checkpoints."},
	{Name: "weir_aggregator_checkpoint_position", Type: metrics.Gauge, Help: "Journal position up to which the store goes."},
	{Name: "weir_aggregator_cursor", Type: metrics.Gauge, Help: "Journal position up to which the state goes."},
	{Name: "weir_aggregator_sources", Type: metrics.Gauge, Help: "Sources known."},
	{Name: "weir_aggregator_store_bytes", Type: metrics.Gauge, Help: "Bytes that the store takes on disk."},
	{Name: "weir_aggregator_read_requests_total", Type: metrics.Counter, Help: "Requests answered at the read port, by endpoint and result."},
	{Name: "weir_aggregator_read_request_duration_seconds", Type: metrics.Summary, Help: "Time to answer a request at the read port, by endpoint."},
}

// tenantLimits declares the limits of tenants. What they use of them is among the
// numbers of tenants, which the query service shows. No limit is no line.
var tenantLimits = []struct {
	metrics.Desc
	value func(*fold.Usage) uint64
}{
	{metrics.Desc{Name: "weir_tenant_history_limit_bytes", Type: metrics.Gauge, Help: "Most bytes of sealed history that are kept of the tenant."},
		func(u *fold.Usage) uint64 { return u.BytesLimit }},
	{metrics.Desc{Name: "weir_tenant_series_limit", Type: metrics.Gauge, Help: "Most series that the tenant may have."},
		func(u *fold.Usage) uint64 { return u.SeriesLimit }},
	{metrics.Desc{Name: "weir_tenant_sources_limit", Type: metrics.Gauge, Help: "Most sources that the tenant may have."},
		func(u *fold.Usage) uint64 { return u.SourceLimit }},
}

// adder is a counter.
type adder interface {
	Inc()
	Add(int)
}

type appMetrics struct {
	set *metrics.Set
	app *App

	frames, skipped, applied, duplicate, rejected adder
	readings, late, skewed, resets, journalErrors adder
	checkpointKeys, checkpointBytes               adder
	rows, samples, tooOld                         adder
	chunks, chunkBytes, expired                   adder
}

func newMetrics(a *App) *appMetrics {
	set := metrics.NewSet(metricDescs...)
	verdict := func(v string) adder { return set.Counter("weir_aggregator_events_total", metrics.L("verdict", v)) }
	m := &appMetrics{
		set: set, app: a,
		frames:  set.Counter("weir_aggregator_frames_total"),
		skipped: set.Counter("weir_aggregator_frames_skipped_total"),
		applied: verdict("applied"), duplicate: verdict("duplicate"), rejected: verdict("rejected"),
		readings:        set.Counter("weir_aggregator_readings_total"),
		late:            set.Counter("weir_aggregator_late_readings_total"),
		skewed:          set.Counter("weir_aggregator_clock_skewed_events_total"),
		resets:          set.Counter("weir_aggregator_resets_total"),
		journalErrors:   set.Counter("weir_aggregator_journal_errors_total"),
		checkpointKeys:  set.Counter("weir_aggregator_checkpoint_keys_total"),
		checkpointBytes: set.Counter("weir_aggregator_checkpoint_bytes_total"),
	}
	m.history()
	set.Summary("weir_aggregator_checkpoint_duration_seconds")
	m.gauges(a)
	return m
}

func (m *appMetrics) history() {
	counter := func(name string) adder { return m.set.Counter("weir_aggregator_history_" + name + "_total") }
	m.rows, m.samples, m.tooOld = counter("rows"), counter("samples"), counter("too_old")
	m.chunks, m.chunkBytes, m.expired = counter("chunks"), counter("chunk_bytes"), counter("expired_buckets")
}

func (m *appMetrics) gauges(a *App) {
	fromState := func(f func(*fold.State) uint64) func() float64 {
		return func() (v float64) {
			a.read(func(s *fold.State) { v = float64(f(s)) })
			return v
		}
	}
	m.set.Gauge("weir_aggregator_cursor", fromState((*fold.State).Cursor))
	m.set.Gauge("weir_aggregator_sources", fromState((*fold.State).SourceCount))
	m.set.Gauge("weir_aggregator_series", fromState(func(s *fold.State) uint64 { return s.Index().Series() }))
	m.set.Gauge("weir_aggregator_names", fromState(func(s *fold.State) uint64 { n, _ := s.NameCount(); return n }))
	m.set.Gauge("weir_aggregator_checkpoint_position", func() float64 { return float64(a.checkpointPosition()) })
	m.set.Gauge("weir_aggregator_store_bytes", func() float64 { return float64(a.storeBytes()) })
}

func (m *appMetrics) write(w io.Writer) {
	m.set.Write(w)
	var usage []fold.Usage
	m.app.read(func(s *fold.State) { s.Usage(func(u fold.Usage) { usage = append(usage, u) }) })
	for _, limit := range tenantLimits {
		var lines []string
		for i := range usage {
			if v := limit.value(&usage[i]); v > 0 {
				t := usage[i].Tenant
				lines = append(lines, fmt.Sprintf("%s %d", metrics.Series(limit.Name, metrics.L("service", t.Service), metrics.L("subservice", t.Subservice)), v))
			}
		}
		if len(lines) > 0 {
			metrics.WriteFamily(w, limit.Desc, lines)
		}
	}
}

func (m *appMetrics) folded(out fold.Outcome) {
	m.frames.Inc()
	if out.Skipped {
		m.skipped.Inc()
		return
	}
	m.applied.Add(out.Applied)
	m.duplicate.Add(out.Duplicate)
	m.rejected.Add(out.Rejected)
	m.readings.Add(out.Readings)
	m.late.Add(out.Late)
	m.skewed.Add(out.ClockSkewed)
	h := &out.History
	m.rows.Add(h.Rows)
	m.samples.Add(h.Samples)
	m.tooOld.Add(h.TooOld)
	m.chunks.Add(h.Chunks)
	m.chunkBytes.Add(h.ChunkBytes)
	m.expired.Add(h.Expired)
	if out.Reset != nil {
		m.resets.Inc()
	}
}

func (m *appMetrics) checkpoint(c *store.Checkpoint, took time.Duration) {
	m.checkpointKeys.Add(c.Keys)
	m.checkpointBytes.Add(c.Bytes)
	m.set.Summary("weir_aggregator_checkpoint_duration_seconds").Update(took.Seconds())
}

func (m *appMetrics) request(endpoint string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.set.Counter("weir_aggregator_read_requests_total", metrics.L("endpoint", endpoint), metrics.L("result", result)).Inc()
	m.set.Summary("weir_aggregator_read_request_duration_seconds", metrics.L("endpoint", endpoint)).Update(took.Seconds())
}
