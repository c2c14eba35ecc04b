package gateway

import (
	"net/http"
	"slices"

	"weir/devices/simulate/internal/payload"
)

// discoveredNode is a node in the list of discovery, a member in that of the
// cluster.
type discoveredNode struct {
	IP       string         `json:"ip"`
	Hostname string         `json:"hostname"`
	Status   string         `json:"status"`
	LastSeen int64          `json:"last_seen"` // unix seconds
	Primary  bool           `json:"primary"`
	Labels   payload.Labels `json:"labels"`
}

func (g *Gateway) list() (nodes []discoveredNode, primary string) {
	g.mu.Lock()
	primary = g.primary
	g.mu.Unlock()
	found := g.nodes.Nodes()
	if !slices.ContainsFunc(found, func(n payload.Node) bool { return n.NodeIP == primary }) {
		primary = ""
		if len(found) > 0 {
			primary = found[0].NodeIP
		}
	}
	nodes = []discoveredNode{}
	for _, n := range found {
		nodes = append(nodes, discoveredNode{n.NodeIP, n.Hostname, "active", g.now().Unix(), n.NodeIP == primary, n.Labels})
	}
	return nodes, primary
}

func (g *Gateway) discovered(w http.ResponseWriter, _ *http.Request) {
	nodes, primary := g.list()
	reply(w, http.StatusOK, map[string]any{"primary_node": primary, "total_nodes": len(nodes), "nodes": nodes})
}

func (g *Gateway) choosePrimary(w http.ResponseWriter, r *http.Request) {
	ip := r.PathValue("ip")
	nodes, primary := g.list()
	if ip == "" && len(nodes) > 0 { // a random one: the one behind the present one
		at := slices.IndexFunc(nodes, func(n discoveredNode) bool { return n.IP == primary })
		ip = nodes[(at+1)%len(nodes)].IP
	}
	if !slices.ContainsFunc(nodes, func(n discoveredNode) bool { return n.IP == ip }) {
		refuse(w, http.StatusNotFound, "there is no node "+ip)
		return
	}
	g.mu.Lock()
	g.primary = ip
	g.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{"success": true, "primary_node": ip})
}

func (g *Gateway) members(w http.ResponseWriter, _ *http.Request) {
	nodes, _ := g.list()
	reply(w, http.StatusOK, map[string]any{"members": nodes})
}

// version is a node with its firmware, as rollouts name it.
type version struct {
	IP      string            `json:"ip"`
	Version string            `json:"version"`
	Labels  map[string]string `json:"labels"`
}

func (g *Gateway) versions(w http.ResponseWriter, _ *http.Request) {
	members := []version{}
	for _, n := range g.nodes.Nodes() {
		members = append(members, version{n.NodeIP, n.Labels.Version, map[string]string{"zone": n.Labels.Zone}})
	}
	reply(w, http.StatusOK, map[string]any{"members": members})
}

// nodeStatus is what a node says of itself.
type nodeStatus struct {
	FreeHeap      int            `json:"freeHeap"`
	ChipID        int            `json:"chipId"`
	SDKVersion    string         `json:"sdkVersion"`
	CPUFreqMHz    int            `json:"cpuFreqMHz"`
	FlashChipSize int            `json:"flashChipSize"`
	Labels        payload.Labels `json:"labels"`
}

func (g *Gateway) status(w http.ResponseWriter, r *http.Request) {
	ip := r.PathValue("ip")
	nodes := g.nodes.Nodes()
	at := slices.IndexFunc(nodes, func(n payload.Node) bool { return n.NodeIP == ip || ip == "" })
	if at < 0 {
		refuse(w, http.StatusNotFound, "there is no node "+ip)
		return
	}
	n := nodes[at]
	reply(w, http.StatusOK, nodeStatus{
		n.Memory.FreeBytes, 0x5a0000 + at, "3.1.2", n.CPU.FrequencyMHz, n.Flash.TotalBytes, n.Labels,
	})
}

// endpoint is a route of a node.
type endpoint struct {
	URI    string `json:"uri"`
	Method string `json:"method"`
}

func (g *Gateway) endpoints(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"endpoints": []endpoint{
		{"/api/node/status", "GET"}, {"/api/monitoring/resources", "GET"}, {"/api/tasks/status", "GET"}, {"/api/cluster/members", "GET"},
	}})
}

// task is one of the tasks of a node's firmware.
type task struct {
	Name      string `json:"name"`
	Interval  int    `json:"interval"` // ms
	Enabled   bool   `json:"enabled"`
	Running   bool   `json:"running"`
	AutoStart bool   `json:"autoStart"`
}

var nodeTasks = []task{
	{"discovery_send", 1000, true, true, true}, {"heartbeat", 5000, true, true, true}, {"status_update", 10000, true, true, true},
	{"cluster_listen", 10, true, true, true}, {"print_members", 5000, false, false, false},
}

func (g *Gateway) tasks(w http.ResponseWriter, _ *http.Request) {
	system := map[string]int{"freeHeap": 0, "uptime": 0}
	if nodes := g.nodes.Nodes(); len(nodes) > 0 {
		if r, ok := g.nodes.Reading(nodes[0].NodeIP); ok {
			system = map[string]int{"freeHeap": r.Free, "uptime": r.Uptime}
		}
	}
	reply(w, http.StatusOK, map[string]any{
		"summary": map[string]int{"totalTasks": len(nodeTasks), "activeTasks": len(nodeTasks) - 1}, "tasks": nodeTasks, "system": system,
	})
}
