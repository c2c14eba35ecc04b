package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/simulate/internal/endpoint"
	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/gateway"
	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
)

// Addrs are the addresses on which a fleet listens, as host:port.
type Addrs struct {
	Gateway   string   // "" where there is none
	Boards    []string // in the boards' order; empty if they only publish
	DataNodes []string
}

// endpoints is what a fleet serves.
type endpoints struct {
	addrs          Addrs
	gatewayListens net.Listener
	boardsListen   []net.Listener
	dataListen     []net.Listener
	served         servings
	servers        []*http.Server
	closing        sync.Mutex
}

// servings counts what is answered, by kind.
type servings struct{ gateway, board, health, stats, peers atomic.Uint64 }

func (s *servings) counts() map[string]uint64 {
	counts := map[string]uint64{}
	for kind, n := range map[string]*atomic.Uint64{"gateway": &s.gateway, "board": &s.board, "health": &s.health, "stats": &s.stats, "peers": &s.peers} {
		if n.Load() > 0 {
			counts[kind] = n.Load()
		}
	}
	return counts
}

// Addrs returns where the fleet listens.
func (s *Simulation) Addrs() Addrs { return s.addrs }

// listen opens all addresses and writes the sources file.
func (s *Simulation) listen() error {
	if s.config.GatewayAddr != "" {
		l, err := net.Listen("tcp", s.config.GatewayAddr)
		if err != nil {
			return fmt.Errorf("open the gateway's address: %w", err)
		}
		s.gatewayListens, s.addrs.Gateway = l, l.Addr().String()
		s.gateway = gateway.New((*nodes)(s), time.Now)
	}
	open := func(n int, listeners *[]net.Listener, addrs *[]string) error {
		for range n {
			l, err := net.Listen("tcp", net.JoinHostPort(s.config.HTTPHost, "0"))
			if err != nil {
				return fmt.Errorf("open a device's address: %w", err)
			}
			*listeners, *addrs = append(*listeners, l), append(*addrs, l.Addr().String())
		}
		return nil
	}
	if s.config.BoardsBy.http() {
		if err := open(s.config.Boards, &s.boardsListen, &s.addrs.Boards); err != nil {
			return err
		}
	}
	if s.config.DataNodesBy.http() {
		if err := open(s.config.DataNodes, &s.dataListen, &s.addrs.DataNodes); err != nil {
			return err
		}
	}
	if s.config.SourcesFile == "" {
		return nil
	}
	if err := os.WriteFile(s.config.SourcesFile, s.sources(), 0o644); err != nil {
		return fmt.Errorf("write the sources file: %w", err)
	}
	return nil
}

// close closes all addresses. It may be called twice.
func (s *Simulation) close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.gatewayListens != nil {
		s.gatewayListens.Close()
		s.gateway.Close()
	}
	for _, l := range s.boardsListen {
		l.Close()
	}
	for _, l := range s.dataListen {
		l.Close()
	}
	for _, server := range s.servers {
		server.Close()
	}
}

// serve answers until ctx ends and close is called.
func (s *Simulation) serve(ctx context.Context) *sync.WaitGroup {
	var serving sync.WaitGroup
	run := func(l net.Listener, h http.Handler) {
		server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		s.closing.Lock()
		s.servers = append(s.servers, server)
		s.closing.Unlock()
		serving.Go(func() {
			if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.log.Error("an HTTP endpoint of the fleet ended", "error", err)
			}
		})
	}
	if s.gatewayListens != nil {
		run(s.gatewayListens, counted(&s.served.gateway, s.gateway.Handler()))
		serving.Go(func() { s.gateway.Watch(ctx) })
	}
	for i, l := range s.boardsListen {
		serving.Go(func() { endpoint.Board(ctx, l, s.board(i)) })
	}
	for i, l := range s.dataListen {
		run(l, endpoint.DataNode(s.dataNode(i)))
	}
	return &serving
}

func counted(n *atomic.Uint64, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h.ServeHTTP(w, r)
	})
}

// board returns how a board's text is asked for.
func (s *Simulation) board(i int) func() ([]byte, bool) {
	return func() ([]byte, bool) {
		s.boards[i].mu.Lock()
		defer s.boards[i].mu.Unlock()
		s.ledger.asked[s.fleet.Boards[i].Tenant].Add(1)
		text, ok := s.fleet.Boards[i].Peek(s.elapsed())
		if ok {
			s.served.board.Add(1)
		}
		return text, ok
	}
}

// dataNode returns how a data node is asked.
func (s *Simulation) dataNode(i int) endpoint.DataNodeSource {
	return endpoint.DataNodeSource{
		Read: func() model.DataNodeReading {
			s.data[i].mu.Lock()
			defer s.data[i].mu.Unlock()
			return s.fleet.DataNodes[i].Peek(s.elapsed())
		},
		External: s.fleet.DataNodes[i].External,
		Name:     s.fleet.DataNodes[i].Name,
		Asked:    s.ledger.asked[s.fleet.DataNodes[i].Tenant],
		Health:   &s.served.health, Stats: &s.served.stats, Peers: &s.served.peers,
	}
}

// nodes is the fleet's nodes as the gateway sees them.
type nodes Simulation

var _ gateway.Nodes = (*nodes)(nil)

// Nodes returns the nodes that can be reached.
func (n *nodes) Nodes() []payload.Node {
	elapsed := (*Simulation)(n).elapsed()
	var list []payload.Node
	for i, node := range n.fleet.Nodes {
		n.nodes[i].mu.Lock()
		document, ok := node.Peek(elapsed)
		n.nodes[i].mu.Unlock()
		if ok {
			list = append(list, document)
		}
	}
	return list
}

// Order rolls a firmware out to a node; false if there is none at the address.
func (n *nodes) Order(ip, version string) bool {
	i, ok := n.find(ip)
	if !ok {
		return false
	}
	n.nodes[i].mu.Lock()
	defer n.nodes[i].mu.Unlock()
	n.fleet.Nodes[i].Order(version)
	return true
}

// Reading returns what a node measures itself.
func (n *nodes) Reading(ip string) (model.NodeReading, bool) {
	i, ok := n.find(ip)
	if !ok {
		return model.NodeReading{}, false
	}
	n.nodes[i].mu.Lock()
	defer n.nodes[i].mu.Unlock()
	return n.fleet.Nodes[i].Reading((*Simulation)(n).elapsed()), true
}

func (n *nodes) find(ip string) (int, bool) {
	for i, node := range n.fleet.Nodes {
		if node.IP == ip {
			return i, true
		}
	}
	return 0, false
}

// sources writes what listens as weir's sources file.
func (s *Simulation) sources() []byte {
	var b strings.Builder
	b.WriteString("# The boards and DataMgmt nodes of a simulated fleet.\n")
	every := func(d time.Duration) time.Duration {
		return max(time.Duration(float64(d)/s.config.Speed).Round(time.Second), time.Second)
	}
	if len(s.addrs.Boards) > 0 {
		b.WriteString("scrape_configs:\n")
	}
	for _, t := range s.config.Tenants {
		var targets []string
		for i, addr := range s.addrs.Boards {
			if s.fleet.Boards[i].Tenant == t {
				targets = append(targets, strconv.Quote(addr))
			}
		}
		if len(targets) > 0 {
			fmt.Fprintf(&b, "  - {job_name: boards-%s-%s, service: %s, subservice: %s, scrape_interval: %s, static_configs: [{targets: [%s]}]}\n",
				t.Service, t.Subservice, t.Service, t.Subservice, every(fleet.BoardEvery), strings.Join(targets, ", "))
		}
	}
	if len(s.addrs.DataNodes) > 0 {
		b.WriteString("datamgmt_nodes:\n")
	}
	for i, addr := range s.addrs.DataNodes {
		d := s.fleet.DataNodes[i]
		fmt.Fprintf(&b, "  - {name: %s, url: %q, service: %s, subservice: %s, interval: %s}\n", d.Name, "http://"+addr, d.Tenant.Service, d.Tenant.Subservice, every(fleet.HealthEvery))
	}
	return []byte(b.String())
}
