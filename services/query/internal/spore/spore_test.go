package spore_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/wire"
	"weir/services/query/internal/spore"
)

var now = time.Date(2026, 1, 2, 4, 4, 5, 999_999_999, time.FixedZone("CET", 3600))

// contractNode is the node of the contract's example.
func contractNode() *schema.Source {
	return &schema.Source{
		Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}, Kind: schema.KindSporeNode, ID: "spore-a",
		ReadingTime: 1767323045_900000000, LastSeen: 1767323046_000000000, Readings: 1,
		Fields: []schema.FieldValue{
			{Field: schema.SporeCPUFrequencyMHz, Value: 160}, {Field: schema.SporeCPUUsagePercent, Value: 20},
			{Field: schema.SporeCPUTemperatureC, Value: 50.5},
			{Field: schema.SporeMemoryTotalBytes, Value: 98304}, {Field: schema.SporeMemoryFreeBytes, Value: 49152},
			{Field: schema.SporeMemoryUsedBytes, Value: 49152}, {Field: schema.SporeMemoryUsagePercent, Value: 50},
			{Field: schema.SporeNetworkBytesSent, Value: 100}, {Field: schema.SporeNetworkBytesReceived, Value: 200},
			{Field: schema.SporeNetworkPacketsSent, Value: 1}, {Field: schema.SporeNetworkPacketsReceived, Value: 2},
			{Field: schema.SporeNetworkRSSI, Value: -60}, {Field: schema.SporeNetworkSignalPercent, Value: 80},
			{Field: schema.SporeFlashTotalBytes, Value: 4194304}, {Field: schema.SporeFlashUsedBytes, Value: 1048576},
			{Field: schema.SporeFlashFreeBytes, Value: 3145728}, {Field: schema.SporeFlashUsagePercent, Value: 25},
		},
		Labels: []schema.Label{{Name: "env", Value: "production"}, {Name: "stable", Value: "true"},
			{Name: "type", Value: "spore-node"}, {Name: "version", Value: "1.0.0"}, {Name: "zone", Value: "zone-1"}},
		Attributes: []schema.Label{{Name: "node_ip", Value: "10.0.0.5"}},
	}
}

// esp8266Node has no network and no labels, and measures more of its CPU.
func esp8266Node() *schema.Source {
	return &schema.Source{
		Tenant: schema.Tenant{Service: "factory", Subservice: "line0"}, Kind: schema.KindSporeNode, ID: "spore-b",
		ReadingTime: 1767323045_000000000,
		Fields: []schema.FieldValue{
			{Field: schema.SporeCPUUsagePercent, Value: 30.25}, {Field: schema.SporeCPUAveragePercent, Value: 28},
			{Field: schema.SporeCPUMaxPercent, Value: 99.5}, {Field: schema.SporeCPUMinPercent, Value: 0},
			{Field: schema.SporeCPUMeasurements, Value: 1234},
			{Field: schema.SporeMemoryTotalBytes, Value: 81920}, {Field: schema.SporeMemoryFreeBytes, Value: 40960},
			{Field: schema.SporeMemoryFragmentationPercent, Value: 3},
			{Field: schema.SporeUptimeSeconds, Value: 3600},
		},
	}
}

func TestDocumentMatchesTheContract(t *testing.T) {
	sameNameElsewhere := &schema.Source{Tenant: schema.Tenant{Service: "garden", Subservice: "bed"},
		Kind: schema.KindSporeNode, ID: "spore-a", LastSeen: 1767323000_000000000}
	for name, row := range map[string]struct {
		file  string
		nodes []*schema.Source
	}{
		"no node at all":                                    {"empty.json", nil},
		"the node of the contract":                          {"contract.json", []*schema.Source{contractNode()}},
		"nodes of several shapes are sorted and averaged":   {"mixed.json", []*schema.Source{esp8266Node(), sameNameElsewhere, contractNode()}},
		"names that need escaping, and numbers of any size": {"odd.json", []*schema.Source{oddNode()}},
	} {
		t.Run(name, func(t *testing.T) {
			golden.JSON(t, row.file, spore.Append(nil, now, row.nodes))
		})
	}
}

func oddNode() *schema.Source {
	return &schema.Source{
		Kind: schema.KindSporeNode, ID: "a \"node\"\\ü", ReadingTime: 1767323045_000000000,
		Fields: []schema.FieldValue{
			{Field: schema.SporeCPUUsagePercent, Value: 1e-7},
			{Field: schema.SporeNetworkBytesSent, Value: 1e21},
			{Field: schema.SporeNetworkBytesReceived, Value: 7340032},
		},
		Labels: []schema.Label{{Name: "a\nb", Value: "\x01"}},
	}
}

func TestAveragesStayFinite(t *testing.T) {
	huge := func(id string) *schema.Source {
		return &schema.Source{ID: id, Fields: []schema.FieldValue{{Field: schema.SporeCPUUsagePercent, Value: math.MaxFloat64},
			{Field: schema.SporeNetworkBytesSent, Value: math.MaxFloat64}}}
	}
	var doc struct {
		Summary map[string]*float64 `json:"summary"`
	}
	if err := json.Unmarshal(spore.Append(nil, now, []*schema.Source{huge("a"), huge("b")}), &doc); err != nil {
		t.Fatal(err)
	}
	for name, v := range doc.Summary {
		if v == nil {
			t.Errorf("%s is null", name)
		}
	}
}

// BenchmarkDecodeAndRender is what GET /api/monitoring/resources costs the query
// service beside the transport: 10,000 nodes from the wire to the document.
func BenchmarkDecodeAndRender(b *testing.B) {
	var wireNodes []byte
	for i := range 10_000 {
		n := contractNode()
		n.ID = fmt.Sprintf("spore-node-%05d", i)
		n.Client = n.ID
		for j := range n.Fields {
			n.Fields[j].Value += float64(i%977) / 8
		}
		wireNodes = n.AppendBinary(wireNodes)
	}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		var nodes []*schema.Source
		r := wire.NewReader(wireNodes)
		for len(r.Rest()) > 0 {
			nodes = append(nodes, new(schema.Source))
			nodes[len(nodes)-1].ReadBinary(r)
		}
		if r.Err() != nil || len(nodes) != 10_000 {
			b.Fatal(r.Err(), len(nodes))
		}
		out = spore.Append(out[:0], now, nodes)
	}
	b.SetBytes(int64(len(out)))
	b.ReportMetric(float64(len(wireNodes))/1e6, "wire_MB")
}
