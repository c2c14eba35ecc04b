package readport

import (
	"fmt"
	"testing"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
)

// BenchmarkLive asks over embedded NATS, decoding included, for live series of
// 10,000 nodes that send every ten seconds, once a second.
func BenchmarkLive(b *testing.B) {
	const nodes, rows = 10_000, 18
	var inside time.Duration
	n := newLiveBench(b, func(c *Config) { c.Observe = func(_ string, took time.Duration, _ error) { inside += took } })
	events := make([]schema.Event, 0, nodes)
	const every = 7 // of so many readings of a node, one has its temperature
	sendSome := func(from, to, second int) {
		events = events[:0]
		for host := from; host < to; host++ {
			e := node(farm, fmt.Sprintf("n%05d", host), fmt.Sprintf("zone-%d", host/100), 1, at(second))
			if second/10%every != 0 {
				e = without(e, temperature)
			}
			events = append(events, e)
		}
		n.fold(events...)
	}
	for i := range 10 * rows {
		sendSome(i%10*nodes/10, (i%10+1)*nodes/10, i)
	}
	n.now = 10 * rows
	ask := func(ms ...schema.Matcher) int {
		return len(n.mustSelect(b, schema.SelectRequest{Matchers: ms, From: lms(n.now - 300), To: lms(n.now), Latest: true}))
	}
	for _, test := range []struct {
		name string
		ms   []schema.Matcher
	}{
		{"up", []schema.Matcher{name("weir_source_up")}},
		{"up in a zone", []schema.Matcher{name("weir_source_up"), equal("zone", "zone-7")}},
		{"missing fields", []schema.Matcher{name("weir_source_field_silence_seconds")}},
		{"dead letters", []schema.Matcher{name("weir_tenant_last_dead_letter_timestamp_seconds")}},
	} {
		b.Run(test.name, func(b *testing.B) {
			ask(test.ms...)
			b.ReportAllocs()
			found, before := 0, inside
			for b.Loop() {
				b.StopTimer()
				n.now++
				sendSome(n.now%10*nodes/10, (n.now%10+1)*nodes/10, n.now)
				b.StartTimer()
				found = ask(test.ms...)
			}
			b.ReportMetric(float64(found), "series")
			b.ReportMetric(float64((inside-before).Nanoseconds())/float64(b.N), "server-ns/op")
		})
	}
	b.Run("capture", func(b *testing.B) { // what the fold waits for
		ms, _ := matchers([]schema.Matcher{name("weir_source_up")})
		ask(name("weir_source_up"))
		b.ReportAllocs()
		for b.Loop() {
			l := n.port.living(live.Select(ms), lms(n.now-300), lms(n.now))
			n.Read(func(s *fold.State) { l.capture(s) })
		}
	})
	b.Run("first time", func(b *testing.B) {
		for b.Loop() {
			n.port.live.memory = live.NewMemory(n.port.Staleness)
			ask(name("weir_source_up"))
		}
	})
}
