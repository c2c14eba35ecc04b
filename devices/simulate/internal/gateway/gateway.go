// Package gateway plays a SPORE gateway: the documents that it makes of its
// nodes, the registry of firmwares with rollouts, and its WebSocket, so that a
// client can be tried without hardware.
//
// Where the real one's form could not be had the form is chosen here: the lists
// of discovery and of members, the registry's list, and the WebSocket's messages
// about nodes, members and rollouts, which have the same envelope as those that
// pass on MQTT, with a topic of their own.
package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
)

// Nodes is the nodes that a gateway speaks for.
type Nodes interface {
	// Nodes returns those that can be reached.
	Nodes() []payload.Node
	// Reading returns what a node measures itself; false for an unknown address.
	Reading(ip string) (model.NodeReading, bool)
	// Order has a node boot with another firmware; false for an unknown address.
	Order(ip, version string) bool
}

// Gateway is the gateway. Close ends what it has begun.
type Gateway struct {
	nodes Nodes
	now   func() time.Time
	hub   hub
	life  context.Context
	end   context.CancelFunc
	work  sync.WaitGroup

	mu        sync.Mutex
	primary   string
	firmwares []firmware
}

// firmware is an entry of the registry.
type firmware struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Size    int               `json:"size"`
	Labels  map[string]string `json:"labels"`
	content []byte            // nil: made up when asked for
}

// New returns a gateway of the nodes, by a clock.
func New(nodes Nodes, now func() time.Time) *Gateway {
	g := &Gateway{nodes: nodes, now: now}
	g.life, g.end = context.WithCancel(context.Background())
	for _, f := range fleet.Registry {
		g.firmwares = append(g.firmwares, firmware{
			Name: f.Name, Version: f.Version, Size: f.Size, Labels: map[string]string{"stable": f.Stable, "env": f.Env},
		})
	}
	return g
}

// Close ends the rollouts and the WebSockets.
func (g *Gateway) Close() {
	g.end()
	g.work.Wait()
}

// Handler answers the gateway's routes.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/monitoring/resources", g.resources)
	mux.HandleFunc("GET /api/discovery/nodes", g.discovered)
	mux.HandleFunc("POST /api/discovery/refresh", g.discovered)
	mux.HandleFunc("POST /api/discovery/random-primary", g.choosePrimary)
	mux.HandleFunc("POST /api/discovery/primary/{ip}", g.choosePrimary)
	mux.HandleFunc("GET /api/cluster/members", g.members)
	mux.HandleFunc("POST /api/cluster/refresh", g.members)
	mux.HandleFunc("GET /api/cluster/node/versions", g.versions)
	mux.HandleFunc("GET /api/node/status", g.status)
	mux.HandleFunc("GET /api/node/status/{ip}", g.status)
	mux.HandleFunc("GET /api/node/endpoints", g.endpoints)
	mux.HandleFunc("GET /api/tasks/status", g.tasks)
	mux.HandleFunc("GET /api/health", g.health)
	mux.HandleFunc("POST /api/rollout", g.rollout)
	mux.HandleFunc("GET /firmware", g.listFirmware)
	mux.HandleFunc("GET /firmware/{name}/{version}", g.fetchFirmware)
	mux.HandleFunc("POST /firmware", g.addFirmware)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "healthy"})
	})
	mux.HandleFunc("GET /ws", g.webSocket)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path)
	})
	return mux
}

func (g *Gateway) resources(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, payload.NewDocument(g.now(), g.nodes.Nodes()))
}

// health is 503 where there are no nodes.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	status, word := http.StatusOK, "healthy"
	n := len(g.nodes.Nodes())
	if n == 0 {
		status, word = http.StatusServiceUnavailable, "unhealthy"
	}
	reply(w, status, map[string]any{"status": word, "nodes": n})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an answer cannot be written: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

func refuse(w http.ResponseWriter, status int, why string) {
	reply(w, status, map[string]string{"error": why})
}
