package fold

import (
	"fmt"
	"testing"

	"weir/services/aggregator/internal/foldtest"
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
