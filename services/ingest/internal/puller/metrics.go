package puller

import (
	"weir/pkg/metrics"
	"weir/services/ingest/internal/pull"
)

// NewMetrics returns a meter's figures as metrics.
func NewMetrics(m *pull.Meter) *metrics.Set {
	set := metrics.NewSet(
		metrics.Desc{Name: "weir_pull_total", Type: metrics.Counter, Help: "Pulls made, by kind."},
		metrics.Desc{Name: "weir_pull_failures_total", Type: metrics.Counter, Help: "Pulls that failed, by kind."},
		metrics.Desc{Name: "weir_pull_rate_limited_total", Type: metrics.Counter, Help: "Pulls that the target refused with 429, by kind."},
		metrics.Desc{Name: "weir_pull_seconds_total", Type: metrics.Counter, Help: "Seconds that pulls took, by kind."},
		metrics.Desc{Name: "weir_pull_samples_total", Type: metrics.Counter, Help: "Samples of the exposition text that was scraped."},
		metrics.Desc{Name: "weir_pull_targets", Type: metrics.Gauge, Help: "Targets that were pulled at least once, by kind."},
		metrics.Desc{Name: "weir_pull_targets_down", Type: metrics.Gauge, Help: "Targets whose latest pull failed, by kind."},
		metrics.Desc{Name: "weir_pull_events_total", Type: metrics.Counter, Help: "Events of pulls that were stored."},
		metrics.Desc{Name: "weir_pull_payload_bytes_total", Type: metrics.Counter, Help: "Bytes of their payloads."},
		metrics.Desc{Name: "weir_pull_events_lost_total", Type: metrics.Counter, Help: "Events of pulls that could not be stored."},
		metrics.Desc{Name: "weir_sources_reloads_total", Type: metrics.Counter, Help: "Times that a sources file came into force."},
		metrics.Desc{Name: "weir_sources_reload_errors_total", Type: metrics.Counter, Help: "Times that a sources file was refused."},
		metrics.Desc{Name: "weir_sources_reload_failed", Type: metrics.Gauge, Help: "1 if the sources file as it is was refused."},
	)
	for _, kind := range pull.Kinds() {
		byKind(set, m, kind)
	}
	total := func(name string, f func(pull.Figures) uint64) {
		set.CounterFunc(name, func() float64 { return float64(f(m.Figures())) })
	}
	set.CounterFunc("weir_pull_samples_total", func() float64 { return float64(m.Figures().ByKind[pull.KindScrape].Samples) })
	total("weir_pull_events_total", func(f pull.Figures) uint64 { return f.Events })
	total("weir_pull_payload_bytes_total", func(f pull.Figures) uint64 { return f.Bytes })
	total("weir_pull_events_lost_total", func(f pull.Figures) uint64 { return f.SubmitErrors })
	total("weir_sources_reloads_total", func(f pull.Figures) uint64 { return f.Reloads })
	total("weir_sources_reload_errors_total", func(f pull.Figures) uint64 { return f.ReloadErrors })
	set.Gauge("weir_sources_reload_failed", func() float64 {
		if m.Figures().ReloadFailed {
			return 1
		}
		return 0
	})
	return set
}

func byKind(set *metrics.Set, m *pull.Meter, kind pull.Kind) {
	label := metrics.L("kind", string(kind))
	counter := func(name string, f func(pull.Counts) float64) {
		set.CounterFunc(name, func() float64 { return f(m.Figures().ByKind[kind]) }, label)
	}
	counter("weir_pull_total", func(c pull.Counts) float64 { return float64(c.Pulls) })
	counter("weir_pull_failures_total", func(c pull.Counts) float64 { return float64(c.Failures) })
	counter("weir_pull_rate_limited_total", func(c pull.Counts) float64 { return float64(c.Limited) })
	counter("weir_pull_seconds_total", func(c pull.Counts) float64 { return c.Seconds })
	set.Gauge("weir_pull_targets", func() float64 { return float64(m.Figures().ByKind[kind].Targets) }, label)
	set.Gauge("weir_pull_targets_down", func() float64 { return float64(m.Figures().ByKind[kind].Down) }, label)
}
