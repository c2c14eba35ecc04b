package query_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"weir/pkg/journal/natstest"
	"weir/pkg/schema"
	"weir/services/query"
)

// BenchmarkResources is GET /api/monitoring/resources with 10,000 nodes as a
// client sees it: read port over NATS, decoding, document, HTTP. The aggregator
// in it encodes each source anew for every request, as the real one does; server,
// aggregator and client share the machine's cores.
func BenchmarkResources(b *testing.B) {
	s := natstest.Run(b)
	var fleet []*schema.Source
	for i := range 10_000 {
		fleet = append(fleet, node(i))
	}
	natstest.Answer(b, natstest.Connect(b, s), schema.ReadPortSubject(0, schema.ReadSources), func([]byte) [][]byte {
		chunks := [][]byte{nil}
		for _, n := range fleet {
			last := &chunks[len(chunks)-1]
			if *last = n.AppendBinary(*last); len(*last) > schema.ReadPortChunk-4096 {
				chunks = append(chunks, nil)
			}
		}
		return chunks
	})
	app := start(b, query.Config{NATS: natstest.Connect(b, s)})
	url := "http://" + app.ExternalAddr() + "/api/monitoring/resources"
	defer http.DefaultClient.CloseIdleConnections()

	var took []time.Duration
	size := int64(0)
	cpu := cpuTime(b)
	for b.Loop() {
		begin := time.Now()
		resp, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		size, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || size < 1<<20 {
			b.Fatal(resp.Status, size, err)
		}
		took = append(took, time.Since(begin))
	}
	b.ReportMetric(float64(cpuTime(b)-cpu)/1e6/float64(len(took)), "cpu_ms/op")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50_ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99_ms")
	b.ReportMetric(float64(size)/1e6, "MB")
}

// cpuTime is what the process has used. Judge by it: the times of a machine that
// others use too say little.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// node returns the i-th node of a fleet: the contract's node, each with numbers
// of its own.
func node(i int) *schema.Source {
	s := &schema.Source{
		Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}, Kind: schema.KindSporeNode,
		ID: fmt.Sprintf("spore-node-%05d", i), Client: fmt.Sprintf("spore-node-%05d", i),
		ReadingTime: 1767323045_000000000, LastSeen: 1767323045_000000000,
		Labels: []schema.Label{{Name: "env", Value: "production"}, {Name: "stable", Value: "true"},
			{Name: "type", Value: "spore-node"}, {Name: "version", Value: "1.0.0"}, {Name: "zone", Value: "zone-1"}},
		Attributes: []schema.Label{{Name: "node_ip", Value: fmt.Sprintf("10.0.%d.%d", i/250, i%250)}},
	}
	percent, count := float64(i%1000)/10, float64(1000*i)
	s.Fields = []schema.FieldValue{
		{Field: schema.SporeCPUFrequencyMHz, Value: 160}, {Field: schema.SporeCPUUsagePercent, Value: percent},
		{Field: schema.SporeCPUTemperatureC, Value: 40 + percent/4},
		{Field: schema.SporeMemoryTotalBytes, Value: 98304}, {Field: schema.SporeMemoryFreeBytes, Value: float64(98304 - i)},
		{Field: schema.SporeMemoryUsedBytes, Value: float64(i)}, {Field: schema.SporeMemoryUsagePercent, Value: float64(i) / 983.04},
		{Field: schema.SporeNetworkBytesSent, Value: count}, {Field: schema.SporeNetworkBytesReceived, Value: 2 * count},
		{Field: schema.SporeNetworkPacketsSent, Value: float64(i)}, {Field: schema.SporeNetworkPacketsReceived, Value: float64(2 * i)},
		{Field: schema.SporeNetworkRSSI, Value: -60}, {Field: schema.SporeNetworkSignalPercent, Value: percent},
		{Field: schema.SporeFlashTotalBytes, Value: 4194304}, {Field: schema.SporeFlashUsedBytes, Value: 1048576},
		{Field: schema.SporeFlashFreeBytes, Value: 3145728}, {Field: schema.SporeFlashUsagePercent, Value: 25},
	}
	return s
}
