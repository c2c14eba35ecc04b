package ingest

import (
	"strconv"
	"sync/atomic"
	"time"

	"weir/pkg/metrics"
	"weir/pkg/schema"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/intake"
)

// meter counts what the ingest does: its own metrics, and the operations of
// each tenant that travel in the frames.
type meter struct {
	set    *metrics.Set
	now    func() time.Time
	events [3]*metrics.CounterSeries // by QoS
	others *metrics.CounterSeries    // events that did not come over MQTT
	bytes  *metrics.CounterSeries
	frames *metrics.CounterSeries
	sizes  *metrics.SummarySeries
	errors *metrics.CounterSeries

	journalError atomic.Pointer[string] // of the last append, nil after a success

	// Owned by the committer's goroutine.
	operations map[schema.Tenant]*schema.Operations
	last       *schema.Operations // the latest one asked for: events come in runs
	instant    int64              // of the frame being answered, unix nanoseconds
}

// The metrics of the HTTP intake.
const (
	httpRequests = "weir_ingest_http_requests_total"
	httpDuration = "weir_ingest_http_request_duration_seconds"
	httpBytes    = "weir_ingest_http_body_bytes"
	httpComing   = "weir_ingest_http_bodies_coming"
	httpRefused  = "weir_ingest_http_bodies_refused_total"
)

func newMeter(now func() time.Time) *meter {
	set := metrics.NewSet(
		metrics.Desc{Name: "weir_ingest_events_total", Type: metrics.Counter, Help: "Events taken for the journal, by MQTT QoS; none: they came by another way."},
		metrics.Desc{Name: "weir_ingest_payload_bytes_total", Type: metrics.Counter, Help: "Bytes of the payloads taken for the journal."},
		metrics.Desc{Name: "weir_ingest_frames_total", Type: metrics.Counter, Help: "Frames of events stored in the journal."},
		metrics.Desc{Name: "weir_ingest_frame_events", Type: metrics.Summary, Help: "Events of a frame."},
		metrics.Desc{Name: "weir_ingest_append_errors_total", Type: metrics.Counter, Help: "Tries to append a frame that failed."},
		metrics.Desc{Name: "weir_ingest_queue_bytes", Type: metrics.Gauge, Help: "Bytes that wait for the journal."},
		metrics.Desc{Name: httpRequests, Type: metrics.Counter, Help: "Requests of the HTTP intake answered, by route and status code."},
		metrics.Desc{Name: httpDuration, Type: metrics.Summary, Help: "Time to answer a request of the HTTP intake, the journal's sync included, by route."},
		metrics.Desc{Name: httpBytes, Type: metrics.Gauge, Help: "Bytes of the bodies that come to the HTTP intake or wait for the journal. There is room for 67108864."},
		metrics.Desc{Name: httpComing, Type: metrics.Gauge, Help: "Requests of the HTTP intake whose body has not come whole."},
		metrics.Desc{Name: httpRefused, Type: metrics.Counter, Help: "Requests of the HTTP intake answered with 503 for want of room, by reason: patience, they waited too long; slowest, their body came the slowest."},
		metrics.Desc{Name: "weir_mqtt_clients", Type: metrics.Gauge, Help: "MQTT clients that are connected."},
		metrics.Desc{Name: "weir_mqtt_subscriptions", Type: metrics.Gauge, Help: "MQTT subscriptions that exist."},
		metrics.Desc{Name: "weir_mqtt_retained_messages", Type: metrics.Gauge, Help: "MQTT messages that are retained."},
		metrics.Desc{Name: "weir_mqtt_received_bytes_total", Type: metrics.Counter, Help: "Bytes received from MQTT clients."},
		metrics.Desc{Name: "weir_mqtt_sent_bytes_total", Type: metrics.Counter, Help: "Bytes sent to MQTT clients, acknowledgements of events excepted."},
		metrics.Desc{Name: "weir_mqtt_dropped_messages_total", Type: metrics.Counter, Help: "Messages that a subscriber did not get since it read too slowly."},
	)
	m := &meter{set: set, now: now, operations: map[schema.Tenant]*schema.Operations{},
		bytes: set.Counter("weir_ingest_payload_bytes_total"), frames: set.Counter("weir_ingest_frames_total"),
		sizes: set.Summary("weir_ingest_frame_events"), errors: set.Counter("weir_ingest_append_errors_total")}
	for qos := range m.events {
		m.events[qos] = set.Counter("weir_ingest_events_total", metrics.L("qos", string(rune('0'+qos))))
	}
	m.others = set.Counter("weir_ingest_events_total", metrics.L("qos", "none"))
	return m
}

// served notes an answered request of the HTTP intake.
func (m *meter) served(route string, code int, took time.Duration) {
	m.set.Counter(httpRequests, metrics.L("route", route), metrics.L("code", strconv.Itoa(code))).Inc()
	m.set.Summary(httpDuration, metrics.L("route", route)).Update(took.Seconds())
}

// watchBodies declares how the bodies of the HTTP intake's requests do.
func (m *meter) watchBodies(bodies func() intake.BodyFigures) {
	m.set.Gauge(httpBytes, func() float64 { return float64(bodies().Bytes) })
	m.set.Gauge(httpComing, func() float64 { return float64(bodies().Coming) })
	m.set.CounterFunc(httpRefused, func() float64 { return float64(bodies().Refused) }, metrics.L("reason", "patience"))
	m.set.CounterFunc(httpRefused, func() float64 { return float64(bodies().Slowest) }, metrics.L("reason", "slowest"))
}

// watch declares what is read off the broker and the committer.
func (m *meter) watch(stats func() broker.Stats, queued func() int) {
	gauge := func(name string, f func(broker.Stats) int64) {
		m.set.Gauge(name, func() float64 { return float64(f(stats())) })
	}
	gauge("weir_mqtt_clients", func(s broker.Stats) int64 { return s.Clients })
	gauge("weir_mqtt_subscriptions", func(s broker.Stats) int64 { return s.Subscriptions })
	gauge("weir_mqtt_retained_messages", func(s broker.Stats) int64 { return s.Retained })
	m.set.CounterFunc("weir_mqtt_received_bytes_total", func() float64 { return float64(stats().BytesReceived) })
	m.set.CounterFunc("weir_mqtt_sent_bytes_total", func() float64 { return float64(stats().BytesSent) })
	m.set.CounterFunc("weir_mqtt_dropped_messages_total", func() float64 { return float64(stats().Dropped) })
	m.set.Gauge("weir_ingest_queue_bytes", func() float64 { return float64(queued()) })
}

func (m *meter) received(e *schema.Event) {
	if e.Route == schema.RouteHTTP || e.Route == schema.RoutePull {
		m.others.Inc()
	} else {
		m.events[min(e.QoS, 2)].Inc()
	}
	m.bytes.Add(len(e.Payload))
}

// failed notes an append's error and reports whether it is news.
func (m *meter) failed(err error) bool {
	m.errors.Inc()
	text := err.Error()
	return m.journalError.Swap(&text) == nil
}

// frame notes that a frame was stored: its events are being answered.
func (m *meter) frame(events int) {
	m.journalError.Store(nil)
	m.frames.Inc()
	m.sizes.Update(float64(events))
	m.instant = m.now().UnixNano()
}

// answered notes that an event's answer, of some bytes, was handed to its
// connection.
func (m *meter) answered(t schema.Tenant, received int64, size int) {
	if m.last == nil || m.last.Tenant != t {
		m.last = m.operations[t]
		if m.last == nil {
			m.last = &schema.Operations{Tenant: t, Counters: []schema.CounterDelta{{Counter: schema.IncomingResponseSize}}}
			m.operations[t] = m.last
		}
	}
	m.last.Counters[0].Delta += uint64(size)
	m.last.ServiceTime.Add(uint64(max(m.instant-received, 0)))
}

// drain returns what was counted since the last call, ascending by tenant. The
// committer's goroutine calls it, as it does answered.
func (m *meter) drain() []schema.Operations {
	all := make([]schema.Operations, 0, len(m.operations))
	for _, o := range m.operations {
		all = append(all, *o)
	}
	clear(m.operations)
	m.last = nil
	sortOperations(all)
	return all
}
