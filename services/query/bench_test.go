package query_test

import (
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"weir/pkg/schema"
	"weir/services/query"
	"weir/services/query/internal/natstest"
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
