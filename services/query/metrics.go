package query

import (
	"io"
	"strconv"
	"time"

	"weir/pkg/metrics"
)

// The service's own metrics.
const (
	httpRequests = "weir_query_http_requests_total"
	httpDuration = "weir_query_http_request_duration_seconds"
)

// ownMetrics are the numbers of this service itself.
type ownMetrics struct{ set *metrics.Set }

func newOwnMetrics() *ownMetrics {
	return &ownMetrics{metrics.NewSet(
		metrics.Desc{Name: httpRequests, Type: metrics.Counter, Help: "HTTP requests answered, by route and status code."},
		metrics.Desc{Name: httpDuration, Type: metrics.Summary, Help: "Time to answer an HTTP request, by route."},
	)}
}

func (m *ownMetrics) served(route string, code int, took time.Duration) {
	m.set.Counter(httpRequests, metrics.L("route", route), metrics.L("code", strconv.Itoa(code))).Inc()
	m.set.Summary(httpDuration, metrics.L("route", route)).Update(took.Seconds())
}

// WriteMetrics writes the service's own metrics in Prometheus' text format.
func (a *App) WriteMetrics(w io.Writer) { a.own.set.Write(w) }

// writeAllMetrics writes everything that the process knows of itself.
func (a *App) writeAllMetrics(w io.Writer) {
	for _, write := range a.config.Metrics {
		write(w)
	}
	a.WriteMetrics(w)
}
