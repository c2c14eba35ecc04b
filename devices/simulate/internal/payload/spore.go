// Package payload writes what devices send, byte for byte as their documents and
// their code have it. It is pure.
package payload

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"weir/devices/simulate/internal/model"
)

// Seconds is a time in unix seconds: whole ones, as devices write them, or with
// milliseconds, which only an accelerated fleet needs.
type Seconds struct {
	Time  time.Time
	Exact bool
}

// MarshalJSON writes a number.
func (s Seconds) MarshalJSON() ([]byte, error) {
	if !s.Exact {
		return strconv.AppendInt(nil, s.Time.Unix(), 10), nil
	}
	return strconv.AppendFloat(nil, float64(s.Time.UnixMilli())/1000, 'f', -1, 64), nil
}

// Node is a node in the gateway's document.
//
// Source: SPORE gateway, docs/monitoring-example.md.
type Node struct {
	Timestamp Seconds     `json:"timestamp"`
	NodeIP    string      `json:"node_ip"`
	Hostname  string      `json:"hostname"`
	CPU       NodeCPU     `json:"cpu"`
	Memory    NodeMemory  `json:"memory"`
	Network   NodeNetwork `json:"network"`
	Flash     NodeFlash   `json:"flash"`
	Labels    Labels      `json:"labels"`
}

// NodeCPU is a node's processor.
type NodeCPU struct {
	FrequencyMHz int      `json:"frequency_mhz"`
	UsagePercent float64  `json:"usage_percent"`
	TemperatureC *float64 `json:"temperature_c,omitempty"`
}

// NodeMemory is a node's memory.
type NodeMemory struct {
	TotalBytes   int     `json:"total_bytes"`
	FreeBytes    int     `json:"free_bytes"`
	UsedBytes    int     `json:"used_bytes"`
	UsagePercent float64 `json:"usage_percent"`
}

// NodeNetwork is what a node sent and received since boot, and its radio.
type NodeNetwork struct {
	BytesSent            uint64 `json:"bytes_sent"`
	BytesReceived        uint64 `json:"bytes_received"`
	PacketsSent          uint64 `json:"packets_sent"`
	PacketsReceived      uint64 `json:"packets_received"`
	RSSI                 int    `json:"rssi_dbm"`
	SignalQualityPercent int    `json:"signal_quality_percent"`
}

// NodeFlash is a node's flash.
type NodeFlash struct {
	TotalBytes   int     `json:"total_bytes"`
	UsedBytes    int     `json:"used_bytes"`
	FreeBytes    int     `json:"free_bytes"`
	UsagePercent float64 `json:"usage_percent"`
}

// Labels are a node's labels, those of its firmware in the registry and its own.
type Labels struct {
	Version string `json:"version"`
	Stable  string `json:"stable"`
	Env     string `json:"env"`
	Zone    string `json:"zone"`
	Type    string `json:"type"`
}

// NewNode writes a reading as the gateway does.
func NewNode(hostname, ip string, labels Labels, at Seconds, r *model.NodeReading) Node {
	n := Node{
		Timestamp: at, NodeIP: ip, Hostname: hostname, Labels: labels,
		CPU:     NodeCPU{FrequencyMHz: r.MHz, UsagePercent: r.CPU},
		Memory:  NodeMemory{r.MemoryBytes, r.Free, r.Used(), percent(r.Used(), r.MemoryBytes)},
		Network: NodeNetwork{r.Sent, r.Received, r.SentPackets, r.ReceivedPackets, r.RSSI, r.Signal()},
		Flash:   NodeFlash{r.FlashBytes, r.Flash, r.FlashBytes - r.Flash, percent(r.Flash, r.FlashBytes)},
	}
	if r.HasTemperature {
		n.CPU.TemperatureC = &r.Temperature
	}
	return n
}

// percent is a part of a whole in percent, to one decimal.
func percent(part, whole int) float64 { return math.Round(float64(part)/float64(whole)*1000) / 10 }

// Document is the gateway's answer with all its nodes.
type Document struct {
	Timestamp string  `json:"timestamp"`
	Nodes     []Node  `json:"nodes"`
	Summary   Summary `json:"summary"`
}

// Summary is over all nodes of a document: averages of their percentages, sums
// of what they count since boot, which fall when a node reboots.
type Summary struct {
	TotalNodes            int     `json:"total_nodes"`
	AvgCPUUsagePercent    float64 `json:"avg_cpu_usage_percent"`
	AvgMemoryUsagePercent float64 `json:"avg_memory_usage_percent"`
	AvgFlashUsagePercent  float64 `json:"avg_flash_usage_percent"`
	TotalBytesSent        uint64  `json:"total_bytes_sent"`
	TotalBytesReceived    uint64  `json:"total_bytes_received"`
}

// NewDocument makes the gateway's document. Without nodes the averages are 0.
func NewDocument(at time.Time, nodes []Node) Document {
	d := Document{Timestamp: at.UTC().Format(time.RFC3339), Nodes: nodes, Summary: Summary{TotalNodes: len(nodes)}}
	if len(nodes) == 0 {
		d.Nodes = []Node{}
		return d
	}
	s := &d.Summary
	for i := range nodes {
		s.AvgCPUUsagePercent += nodes[i].CPU.UsagePercent
		s.AvgMemoryUsagePercent += nodes[i].Memory.UsagePercent
		s.AvgFlashUsagePercent += nodes[i].Flash.UsagePercent
		s.TotalBytesSent += nodes[i].Network.BytesSent
		s.TotalBytesReceived += nodes[i].Network.BytesReceived
	}
	for _, average := range []*float64{&s.AvgCPUUsagePercent, &s.AvgMemoryUsagePercent, &s.AvgFlashUsagePercent} {
		*average = math.Round(*average/float64(len(nodes))*100) / 100
	}
	return d
}

// ESP8266 writes a reading as the ESP8266 node itself does: without a time,
// since it has no clock, and without network and labels.
func ESP8266(r *model.NodeReading) []byte {
	uptime := time.Duration(r.Uptime) * time.Second
	return marshal(ordered{
		{"cpu", ordered{
			{"current_usage", r.CPU}, {"average_usage", r.AverageCPU}, {"max_usage", r.MostCPU}, {"min_usage", r.LeastCPU},
			{"measurement_count", r.Measurements}, {"is_measuring", true},
		}},
		{"memory", ordered{
			{"free_heap", r.Free}, {"total_heap", r.MemoryBytes}, {"min_free_heap", r.LeastFree}, {"max_alloc_heap", r.MostAlloc},
			{"heap_fragmentation", r.Fragmentation}, {"heap_usage_percent", percent(r.Used(), r.MemoryBytes)},
		}},
		{"filesystem", ordered{
			{"total_bytes", r.FlashBytes}, {"used_bytes", r.Flash}, {"free_bytes", r.FlashBytes - r.Flash}, {"usage_percent", percent(r.Flash, r.FlashBytes)},
		}},
		{"system", ordered{
			{"uptime_ms", uptime.Milliseconds()}, {"uptime_seconds", r.Uptime},
			{"uptime_formatted", fmt.Sprintf("%dd %02d:%02d:%02d", r.Uptime/86400, r.Uptime/3600%24, r.Uptime/60%60, r.Uptime%60)},
		}},
	})
}

// ordered is a JSON object whose members stay in order.
type ordered []struct {
	Name  string
	Value any
}

// MarshalJSON writes the object.
func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, '"'), m.Name...), '"', ':')
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a payload cannot be written: " + err.Error())
	}
	return b
}

// JSON writes a node.
func (n *Node) JSON() []byte { return marshal(n) }
