package readport

import (
	"fmt"
	"testing"

	"weir/pkg/schema"
)

// wide returns a bench with one source that sends many names, a part of them at
// a time.
func wide(t testing.TB, names int) (b *bench, fields int) {
	t.Helper()
	b = newBench(t, nil)
	for i := range 3 * names / 100 {
		payload := []byte("{")
		for k := range 100 {
			payload = fmt.Appendf(payload, `"k%d":%d,`, (100*i+k)%names, i)
		}
		payload[len(payload)-1] = '}'
		b.fold(schema.Event{Topic: "j/factory/line/dev/x", Client: "dev", Received: at(i), Payload: payload})
	}
	return b, names
}

// BenchmarkManyNames asks for what one source has sent, whose messages have a
// part of its names each.
func BenchmarkManyNames(b *testing.B) {
	for _, names := range []int{1000, 5000, 15_000} {
		n, fields := wide(b, names)
		last := ms(3*names/100 - 1)
		for _, test := range []struct {
			name string
			q    schema.SelectRequest
		}{
			{"instant", schema.SelectRequest{From: last - 300_000, To: last + 1000, Latest: true}},
			{"instant some minutes later", schema.SelectRequest{From: last - 120_000, To: last + 180_000, Latest: true}},
			{"range", schema.SelectRequest{From: ms(0), To: last}},
		} {
			b.Run(fmt.Sprint(test.name, " of ", names), func(b *testing.B) {
				for b.Loop() {
					if got := len(n.mustSelect(b, test.q)); test.name != "instant some minutes later" && got < fields {
						b.Fatalf("%d series", got)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*fields), "ns/series")
			})
		}
	}
}

// BenchmarkManyTracks asks for what one source has sent, with a label that
// changes all the time, or with as many dimensions.
func BenchmarkManyTracks(b *testing.B) {
	for _, tracks := range []int{2000, 8000, 16_000} {
		labels, dims := newBench(b, nil), newBench(b, nil)
		var events []schema.Event
		text := []byte{}
		for i := range tracks {
			events = append(events, node(farm, "n", fmt.Sprint("z", i), 1, at(i)))
			text = fmt.Appendf(text, "temp{probe=\"p%d\"} %d\n", i, i)
		}
		labels.fold(events...)
		for i := range 3 {
			for part := 0; part < len(text); {
				end := min(part+60_000, len(text))
				for text[end-1] != '\n' {
					end--
				}
				dims.fold(schema.Event{Topic: "expo/farm/yard/board/metrics", Client: "c", Received: at(10 * i), Payload: text[part:end]})
				part = end
			}
		}
		for name, n := range map[string]*bench{"labels": labels, "dimensions": dims} {
			for _, latest := range []bool{false, true} {
				q := schema.SelectRequest{Matchers: []schema.Matcher{{Type: "=~", Name: "__name__", Value: cpuMetric + "|temp"}}, From: ms(0), To: ms(tracks), Latest: latest}
				b.Run(fmt.Sprintf("%d %s, latest %v", tracks, name, latest), func(b *testing.B) {
					found := 0
					for b.Loop() {
						found = len(n.mustSelect(b, q))
					}
					b.ReportMetric(float64(found), "series")
				})
			}
		}
	}
}
