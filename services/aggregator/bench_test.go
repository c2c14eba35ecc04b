package aggregator

import (
	"fmt"
	"testing"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

// BenchmarkSources asks the read port for 10,000 nodes; an op is an answer, all
// of it received and none of it decoded.
func BenchmarkSources(b *testing.B) {
	c := newCluster(b)
	tenant := schema.Tenant{Service: "farm", Subservice: "yard"}
	f := &schema.Frame{Writer: "w"}
	for i := range 10_000 {
		host := fmt.Sprintf("node-%05d", i)
		f.Events = append(f.Events, schema.Event{Topic: foldtest.SporeTopic(tenant, host), Received: foldtest.Start, Payload: foldtest.SporeNode(host, "z", 1, foldtest.Start)})
		if len(f.Events) == 1000 {
			f.Number++
			put(b, c.journal, f)
			f.Events = nil
		}
	}
	c.start(b)
	for h := c.health(b); h.Cursor < 10; h = c.health(b) {
	}
	bytes, messages := 0, 0
	for b.Loop() {
		answer, n := c.ask(b, schema.ReadSources, schema.SourcesRequest{})
		bytes, messages = len(answer), n
	}
	b.ReportMetric(float64(bytes), "bytes")
	b.ReportMetric(float64(messages), "messages")
}

// BenchmarkRebuild rebuilds a store from a journal in JetStream; an op is an
// event.
func BenchmarkRebuild(b *testing.B) {
	c := newCluster(b)
	fleet := foldtest.Fleet{Tasks: 2_000, Clients: 50, Events: 1000}
	const frames = 1000
	for n := range frames {
		put(b, c.journal, fleet.Frames(n+1, 1)...)
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += frames * fleet.Events {
		if err := Rebuild(b.Context(), RebuildConfig{NATS: c.conn, Dir: c.dir}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
