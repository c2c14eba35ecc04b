package readport

import (
	"fmt"
	"runtime"
	"testing"

	"weir/pkg/schema"
)

// BenchmarkSelect asks over embedded NATS, decoding included, for what 10,000
// nodes of 17 fields have sent for 75 minutes, each every 15 s.
func BenchmarkSelect(b *testing.B) {
	const nodes, rows = 10_000, 300
	n := newBench(b, nil)
	for i := range rows {
		events := make([]schema.Event, 0, nodes)
		for host := range nodes {
			events = append(events, node(farm, fmt.Sprintf("n%05d", host), fmt.Sprintf("zone-%d", host/100), float64((host*7+i*13)%1000)/10, at(15*i)))
		}
		n.fold(events...)
		if i%20 == 0 {
			n.checkpoint(b)
		}
	}
	last := ms(15 * (rows - 1))
	for _, test := range []struct {
		name string
		q    schema.SelectRequest
	}{
		{"instant 10000 series", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: last - 300_000, To: last + 5_000, Latest: true}},
		{"instant 10000 series half an hour ago", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: last - 2_100_000, To: last - 1_800_000, Latest: true}},
		{"instant 100 series", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric), equal("zone", "zone-7")}, From: last - 300_000, To: last + 5_000, Latest: true}},
		{"hour of 1000 series", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric), {Type: "=~", Name: "zone", Value: "zone-[1-9]|zone-10"}}, From: last - 3_600_000, To: last}},
		{"hour of 1 series", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric), equal("node", "n00077")}, From: last - 3_600_000, To: last}},
		{"labels of 10000 series", schema.SelectRequest{Matchers: []schema.Matcher{name(cpuMetric)}, From: last - 300_000, To: last, LabelsOnly: true}},
	} {
		b.Run(test.name, func(b *testing.B) {
			runtime.GC()
			b.ReportAllocs()
			samples, found := 0, 0
			for b.Loop() {
				all := n.mustSelect(b, test.q)
				samples, found = 0, len(all)
				for _, s := range all {
					samples += len(s.T)
				}
			}
			b.ReportMetric(float64(found), "series")
			b.ReportMetric(float64(samples), "samples")
		})
	}
	b.Run("sources at a moment", func(b *testing.B) {
		for b.Loop() {
			n.sourcesAt(b, schema.SourcesRequest{At: at(1800)})
		}
	})
	b.Run("a page of rows", func(b *testing.B) {
		for b.Loop() {
			n.rowsOf(b, schema.RowsRequest{Kind: schema.KindSporeNode, ID: "n00077", Limit: 100})
		}
	})
	b.Run("label values", func(b *testing.B) {
		for b.Loop() {
			n.texts(b, schema.ReadLabelValues, schema.LabelValuesRequest{Name: "node", LabelNamesRequest: schema.LabelNamesRequest{From: last - 300_000, To: last}})
		}
	})
}
