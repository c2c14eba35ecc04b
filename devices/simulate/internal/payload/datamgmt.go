package payload

import "weir/devices/simulate/internal/model"

// InternalHealth writes a DataMgmt node's health as its internal API does.
func InternalHealth(r *model.DataNodeReading) []byte {
	return marshal(ordered{
		{"status", status(r.Healthy())},
		{"components", ordered{
			{"blockchain", word(r.Blockchain, "connected", "disconnected")},
			{"p2p_network", word(r.Network, "running", "stopped")},
			{"encryption", "initialized"},
		}},
		{"version", "0.1.0"},
	})
}

// ExternalHealth writes a node's health as its external API does, which only
// looks at its peers' network.
func ExternalHealth(r *model.DataNodeReading) []byte {
	return marshal(ordered{
		{"status", status(r.Network)},
		{"p2p", ordered{{"running", r.Network}, {"peers", r.HealthyPeers}}},
	})
}

// Stats writes a node's network statistics: its document's fields and its
// code's, and with counts what its Prometheus names count.
func Stats(r *model.DataNodeReading, counts bool) []byte {
	m := ordered{
		{"total_peers", r.TotalPeers}, {"healthy_peers", r.HealthyPeers}, {"active_peers", r.Active}, {"bootstrap_nodes", r.Bootstrap},
		{"avg_latency_ms", r.Latency}, {"data_sent", r.Sent}, {"data_received", r.Received}, {"uptime", r.Uptime},
	}
	if counts {
		m = append(m, ordered{{"requests_total", r.Requests}, {"errors_total", r.Errors}, {"data_shares_total", r.Shares},
			{"data_retrievals_total", r.Retrievals}, {"data_verifications_total", r.Proofs}}...)
	}
	return marshal(m)
}

// Peer is a peer in a node's list.
type Peer struct {
	Host        string  `json:"host"`
	Port        int     `json:"port"`
	NodeID      string  `json:"node_id"`
	LastSeen    int64   `json:"last_seen"`
	LatencyMs   float64 `json:"latency_ms"`
	SuccessRate float64 `json:"success_rate"`
	Healthy     bool    `json:"healthy"`
}

// Peers writes a list of peers.
func Peers(peers []Peer) []byte {
	if peers == nil {
		peers = []Peer{}
	}
	return marshal(ordered{{"peers", peers}, {"count", len(peers)}})
}

func status(healthy bool) string { return word(healthy, "healthy", "degraded") }

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
