package fold

import (
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// transaction counts an event as a request: of a device to us, or of ours where
// ingest fetched it. What our own rules record is neither.
func (t *tenant) transaction(topic *cachedTopic, e *schema.Event) {
	switch e.Route {
	case schema.RouteRule:
	case schema.RoutePull:
		t.Counters[schema.OutgoingTransactions]++
		t.Counters[schema.OutgoingResponseSize] += uint64(len(e.Payload))
	default:
		t.Counters[schema.IncomingTransactions]++
		t.Counters[schema.IncomingRequestSize] += uint64(len(e.Payload))
	}
	if topic.Kind == decode.TopicNotice {
		t.Counters[schema.Notifications]++
	}
}

// succeeded counts an event that was applied.
func (t *tenant) succeeded(topic *cachedTopic) {
	if topic.Kind == decode.TopicNotice {
		t.Counters[schema.OkNotifications]++
	}
}

// failed counts an event that was rejected.
func (t *tenant) failed(topic *cachedTopic, e *schema.Event) {
	switch e.Route {
	case schema.RouteRule:
	case schema.RoutePull:
		t.Counters[schema.OutgoingErrors]++
	default:
		t.Counters[schema.IncomingErrors]++
	}
	if topic.Kind == decode.TopicNotice {
		t.Counters[schema.FailedNotifications]++
	}
}
