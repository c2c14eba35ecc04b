package fold

import (
	"fmt"
	"testing"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// BenchmarkFold folds task metrics, decoding and history included; an op is an
// event of ten values.
func BenchmarkFold(b *testing.B) {
	for _, tasks := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			fleet := foldtest.Fleet{Tasks: tasks, Clients: 50, Events: 1000}
			state, seq := New(DefaultSettings()), 0
			b.ReportAllocs()
			for n := 0; n < b.N; {
				b.StopTimer()
				frames := fleet.Frames(seq+1, 40)
				b.StartTimer()
				for i := 0; i < len(frames) && n < b.N; i++ {
					seq++
					if out := state.Apply(uint64(seq), frames[i]); out.Applied != fleet.Events {
						b.Fatalf("outcome %+v", out)
					}
					state.Committed(state.Meta())
					n += fleet.Events
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkFoldRecorded folds what rules record, 1,000 series an event; an op is
// a sample.
func BenchmarkFoldRecorded(b *testing.B) {
	state, samples := New(DefaultSettings()), []decode.RecordedSample{}
	for i := range 1000 {
		samples = append(samples, sample(float64(i)/10, "__name__", "job:x", "service", "s", "subservice", "u", "zone", fmt.Sprintf("zone-%d", i)))
	}
	b.ReportAllocs()
	n := 0
	for ; n < b.N; n += len(samples) {
		seq := n/len(samples) + 1
		f := schema.Frame{Writer: "w", Number: uint64(seq), Events: []schema.Event{recorded(int64(15*seq), nil, samples...)}}
		if out := state.Apply(uint64(seq), &f); out.Applied != 1 {
			b.Fatalf("outcome %+v", out)
		}
		state.Committed(state.Meta())
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "samples/s")
}
