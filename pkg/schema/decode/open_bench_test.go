package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// BenchmarkScrape decodes a scraped page of 1,000 samples.
func BenchmarkScrape(b *testing.B) {
	var page strings.Builder
	page.WriteString(upLine)
	for family := range 50 {
		fmt.Fprintf(&page, "# HELP metric_%d Some help.\n# TYPE metric_%d gauge\n", family, family)
		for core := range 20 {
			fmt.Fprintf(&page, "metric_%d{core=\"%d\",mode=\"user\"} %d.25\n", family, core, family*core)
		}
	}
	payload := []byte(page.String())
	topic, _ := decode.ParseEvent(schema.RoutePull, scrapeTopic)
	d := decode.New()
	b.ReportAllocs()
	for b.Loop() {
		if _, rejection := d.Decode(topic, payload); rejection != nil {
			b.Fatal(rejection)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sample")
}
