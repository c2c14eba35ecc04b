// Package spore writes the document of SPORE's monitoring API out of the nodes
// that the fold knows.
package spore

import (
	"math"
	"slices"
	"strings"
	"time"

	"weir/pkg/schema"
	"weir/services/query/internal/fieldgroup"
	"weir/services/query/internal/jsonappend"
)

// groups are the objects of a node's document in their order.
var groups = []fieldgroup.Group{
	fieldgroup.New(schema.KindSporeNode, "cpu"),
	fieldgroup.New(schema.KindSporeNode, "memory"),
	fieldgroup.New(schema.KindSporeNode, "network"),
	fieldgroup.New(schema.KindSporeNode, "flash"),
}

// Append appends the answer of GET /api/monitoring/resources and a newline:
//
//	{"timestamp": RFC 3339, UTC, "nodes": [node…], "summary": {…}}
//
// Nodes are in ascending order of hostname, then tenant. A node has its
// timestamp in unix seconds (its own time, or that of receipt where it has
// none), node_ip if known, hostname, the groups cpu, memory, network and flash
// with the fields that its last reading had, and labels. A group without any
// field is absent: absent is not 0. What ESP8266 nodes measure beyond the
// gateway's fields stands behind those, under the node's own names; their
// uptime is in none of the four groups and not shown.
//
// The averages are unweighted over the nodes that have the value, 0 where none
// has it. The totals are sums of counters since boot: they fall when a node
// reboots.
//
// Source: SPORE gateway, docs/monitoring-example.md.
func Append(b []byte, now time.Time, nodes []*schema.Source) []byte {
	b = jsonappend.Field(append(b, '{'), "timestamp", now.UTC().Format(time.RFC3339))
	b = append(jsonappend.Key(b, "nodes"), '[')
	var sum summary
	for i, n := range ordered(nodes) {
		before := len(b)
		b = appendNode(jsonappend.Comma(b), n)
		sum.add(n)
		if i == 0 {
			// Nodes of a fleet are much alike: room for all of them at once
			// spares copying megabytes at each doubling.
			b = slices.Grow(b, len(nodes)*(len(b)-before)*9/8)
		}
	}
	b = append(b, ']')
	b = sum.append(jsonappend.Key(b, "summary"))
	return append(b, '}', '\n')
}

// ordered returns the nodes by hostname, then tenant. The read port sends them
// by tenant, then hostname: with one tenant there is nothing to sort.
func ordered(nodes []*schema.Source) []*schema.Source {
	if slices.IsSortedFunc(nodes, byHostname) {
		return nodes
	}
	return slices.SortedFunc(slices.Values(nodes), byHostname)
}

func byHostname(a, b *schema.Source) int {
	if c := strings.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return a.Tenant.Compare(b.Tenant)
}

func appendNode(b []byte, n *schema.Source) []byte {
	b = jsonappend.Int(append(b, '{'), "timestamp", seconds(n))
	if ip := n.Attribute(schema.NodeIPAttribute); ip != "" {
		b = jsonappend.Field(b, "node_ip", ip)
	}
	b = jsonappend.Field(b, "hostname", n.ID)
	for i := range groups {
		b = groups[i].Append(b, n.Fields)
	}
	b = append(jsonappend.Key(b, "labels"), '{')
	for _, l := range n.Labels {
		b = jsonappend.Field(b, l.Name, l.Value)
	}
	return append(b, '}', '}')
}

// seconds is the time of a node's last reading in unix seconds; a node that has
// sent none yet is as old as its last message.
func seconds(n *schema.Source) int64 {
	at := n.ReadingTime
	if at == 0 {
		at = n.LastSeen
	}
	return time.Unix(0, at).Unix()
}

// summary adds up what the whole fleet has in common.
type summary struct {
	nodes              uint64
	cpu, memory, flash average
	sent, received     float64
}

func (s *summary) add(n *schema.Source) {
	s.nodes++
	s.cpu.add(n, schema.SporeCPUUsagePercent)
	s.memory.add(n, schema.SporeMemoryUsagePercent)
	s.flash.add(n, schema.SporeFlashUsagePercent)
	sent, _ := n.Value(schema.SporeNetworkBytesSent)
	received, _ := n.Value(schema.SporeNetworkBytesReceived)
	s.sent = finite(s.sent + sent)
	s.received = finite(s.received + received)
}

func (s *summary) append(b []byte) []byte {
	b = jsonappend.Uint(append(b, '{'), "total_nodes", s.nodes)
	b = jsonappend.Float(b, "avg_cpu_usage_percent", s.cpu.value())
	b = jsonappend.Float(b, "avg_memory_usage_percent", s.memory.value())
	b = jsonappend.Float(b, "avg_flash_usage_percent", s.flash.value())
	b = jsonappend.Float(b, "total_bytes_sent", s.sent)
	b = jsonappend.Float(b, "total_bytes_received", s.received)
	return append(b, '}')
}

// average is an unweighted mean over the nodes that have a value.
type average struct {
	sum   float64
	nodes int
}

func (a *average) add(n *schema.Source, f schema.Field) {
	if v, ok := n.Value(f); ok {
		a.sum = finite(a.sum + v)
		a.nodes++
	}
}

func (a *average) value() float64 {
	if a.nodes == 0 {
		return 0
	}
	return a.sum / float64(a.nodes)
}

// finite keeps a sum of finite values finite: a document has no infinities.
func finite(v float64) float64 {
	return min(max(v, -math.MaxFloat64), math.MaxFloat64)
}
