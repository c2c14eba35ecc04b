package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
)

// DataNodeSource is the node that a handler answers for.
type DataNodeSource struct {
	Read                 func() model.DataNodeReading
	External             bool // its health is that of its external API
	Name                 string
	Asked                *atomic.Uint64 // counts the requests for health and statistics
	Health, Stats, Peers *atomic.Uint64 // count the answers
}

// The token bucket of the node's external API, for each client. Health is exempt.
const (
	perSecond = 10
	burst     = 20
)

// DataNode answers what a DataMgmt node's API does of its monitoring: /health,
// which says degraded with status 200, /network/stats and /network/peers, which
// answer 429 when they are asked too often.
func DataNode(s DataNodeSource) http.Handler {
	mux := http.NewServeMux()
	limit := &bucket{tokens: burst, at: time.Now()}
	health := func(w http.ResponseWriter, _ *http.Request) {
		s.Asked.Add(1)
		s.Health.Add(1)
		r := s.Read()
		if s.External {
			reply(w, http.StatusOK, payload.ExternalHealth(&r))
		} else {
			reply(w, http.StatusOK, payload.InternalHealth(&r))
		}
	}
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /healthz", health)
	stats := limit.guard(func(w http.ResponseWriter, _ *http.Request) {
		s.Stats.Add(1)
		r := s.Read()
		reply(w, http.StatusOK, payload.Stats(&r, false))
	})
	mux.HandleFunc("GET /network/stats", func(w http.ResponseWriter, q *http.Request) {
		s.Asked.Add(1)
		stats(w, q)
	})
	mux.HandleFunc("GET /network/peers", limit.guard(func(w http.ResponseWriter, q *http.Request) {
		s.Peers.Add(1)
		reply(w, http.StatusOK, payload.Peers(s.peers(q.URL.Query().Get("healthy") == "true")))
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusNotFound, []byte(`{"error":"Not found"}`))
	})
	return mux
}

// peers makes up a list that agrees with the node's statistics.
func (s *DataNodeSource) peers(healthy bool) []payload.Peer {
	r := s.Read()
	var list []payload.Peer
	for i := range r.TotalPeers {
		p := payload.Peer{
			Host: fmt.Sprintf("192.168.7.%d", i+1), Port: 8000, NodeID: fmt.Sprintf("%s-peer-%d", s.Name, i+1), LastSeen: time.Now().Unix(),
			LatencyMs: r.Latency, SuccessRate: 0.99, Healthy: i < r.HealthyPeers,
		}
		if !p.Healthy {
			p.LastSeen, p.SuccessRate = p.LastSeen-600, 0.3
		}
		if p.Healthy || !healthy {
			list = append(list, p)
		}
	}
	return list
}

// bucket is a token bucket. There is one for all clients: on one machine they
// have one address.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+perSecond*now.Sub(b.at).Seconds(), burst)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !b.take(time.Now()) {
			w.Header().Set("Retry-After", "1")
			reply(w, http.StatusTooManyRequests, []byte(`{"error":"Rate limit exceeded","retry_after":1}`))
			return
		}
		next(w, r)
	}
}

func reply(w http.ResponseWriter, status int, body json.RawMessage) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body)
}
