package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"weir/devices/simulate/internal/payload"
)

// envelope is what the WebSocket sends. data is a string, also where it is JSON.
type envelope struct {
	Topic     string `json:"topic"`
	Data      string `json:"data"`
	Timestamp string `json:"timestamp"`
}

// hub hands messages to the clients. One that does not read loses messages, not
// the others.
type hub struct {
	mu      sync.Mutex
	clients map[chan []byte]bool
	count   atomic.Int64
}

// backlog is how many messages wait for a client.
const backlog = 1024

func (h *hub) join() chan []byte {
	c := make(chan []byte, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients == nil {
		h.clients = map[chan []byte]bool{}
	}
	h.clients[c] = true
	h.count.Add(1)
	return c
}

func (h *hub) leave(c chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	h.count.Add(-1)
}

func (h *hub) send(message []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		select {
		case c <- message:
		default:
		}
	}
}

// Message passes on an MQTT message, as the gateway does that subscribes to all.
func (g *Gateway) Message(topic string, data []byte) {
	if g.hub.count.Load() == 0 {
		return
	}
	message, err := json.Marshal(envelope{topic, string(data), g.now().UTC().Format(time.RFC3339)})
	if err != nil {
		panic("BUG: an envelope cannot be written: " + err.Error())
	}
	g.hub.send(message)
}

// event tells the clients something of the gateway's own.
func (g *Gateway) event(topic string, data any) {
	if g.hub.count.Load() == 0 {
		return
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic("BUG: an event cannot be written: " + err.Error())
	}
	g.Message(topic, text)
}

// origins are those whose pages may connect: a user interface in development.
var origins = []string{"localhost:*", "127.0.0.1:*"}

func (g *Gateway) webSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: origins})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	messages := g.hub.join()
	defer g.hub.leave(messages)
	ctx := conn.CloseRead(r.Context())
	for {
		select {
		case <-g.life.Done():
			conn.Close(websocket.StatusGoingAway, "the gateway ends")
			return
		case <-ctx.Done():
			return
		case m := <-messages:
			write, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := conn.Write(write, websocket.MessageText, m)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// watchEvery is how often the gateway looks for what has changed.
const watchEvery = time.Second

// Watch tells the WebSocket's clients what changes about the nodes, until ctx
// ends: node/discovery when one comes or goes, node/status when its firmware
// changed, cluster/update when the number of members changed.
func (g *Gateway) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var before map[string]payload.Node
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.life.Done():
			return
		case <-tick.C:
			if g.hub.count.Load() == 0 {
				before = nil
				continue
			}
			before = g.compare(before, g.nodes.Nodes())
		}
	}
}

// compare tells what is new and returns the nodes by address.
func (g *Gateway) compare(before map[string]payload.Node, nodes []payload.Node) map[string]payload.Node {
	after := make(map[string]payload.Node, len(nodes))
	for _, n := range nodes {
		after[n.NodeIP] = n
		old, known := before[n.NodeIP]
		switch {
		case before == nil:
		case !known:
			g.event("node/discovery", change{"discovered", n.NodeIP, n.Hostname, n.Labels})
		case old.Labels != n.Labels:
			g.event("node/status", change{"updated", n.NodeIP, n.Hostname, n.Labels})
		}
	}
	for ip, n := range before {
		if _, there := after[ip]; !there {
			g.event("node/discovery", change{"stale", ip, n.Hostname, n.Labels})
		}
	}
	if before != nil && len(before) != len(after) {
		g.event("cluster/update", map[string]int{"total_nodes": len(after)})
	}
	return after
}

// change is what is told of a node.
type change struct {
	Action   string         `json:"action"`
	IP       string         `json:"ip"`
	Hostname string         `json:"hostname"`
	Labels   payload.Labels `json:"labels"`
}
