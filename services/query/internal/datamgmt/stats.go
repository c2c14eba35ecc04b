package datamgmt

import (
	"time"

	"weir/services/query/internal/jsonappend"
)

// AppendStats appends the answer of GET /network/stats and a newline, the union
// of the fields that DataMgmt's document and its code have. For weir they mean
//
//	total_peers      sources known
//	healthy_peers    sources heard of in the last 5 minutes and not offline
//	active_peers     MQTT clients connected now
//	bootstrap_nodes  brokers that take connections
//	avg_latency_ms   mean time to serve a transaction since the last reset
//	data_sent        bytes that the broker has sent since its start
//	data_received    bytes that the broker has received since its start
//	uptime           seconds since this service started
//
// What is not known, because the service that knows it does not answer, is
// absent: absent is not 0.
func AppendStats(b []byte, a Answers, uptime time.Duration) []byte {
	b = append(b, '{')
	if a.Aggregator != nil {
		b = jsonappend.Uint(b, "total_peers", a.Aggregator.Sources)
		b = jsonappend.Uint(b, "healthy_peers", a.Aggregator.HealthyPeers)
	}
	if a.Ingest != nil {
		b = jsonappend.Int(b, "active_peers", a.Ingest.ClientsConnected)
		b = jsonappend.Int(b, "bootstrap_nodes", brokers(a.Ingest.Broker))
	}
	if a.Aggregator != nil {
		b = jsonappend.Float(b, "avg_latency_ms", float64(a.Aggregator.ServiceTimeNS)/1e6)
	}
	if a.Ingest != nil {
		b = jsonappend.Int(b, "data_sent", a.Ingest.BytesSent)
		b = jsonappend.Int(b, "data_received", a.Ingest.BytesReceived)
	}
	b = jsonappend.Int(b, "uptime", int64(uptime/time.Second))
	return append(b, '}', '\n')
}

func brokers(state string) int64 {
	if state == "running" {
		return 1
	}
	return 0
}
