package fold

import (
	"fmt"
	"testing"

	"weir/services/aggregator/internal/foldtest"
)

// BenchmarkFold folds task metrics, decoding included; an op is an event.
func BenchmarkFold(b *testing.B) {
	for _, tasks := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			fleet := foldtest.Fleet{Tasks: tasks, Clients: 50, Events: 1000}
			frames := fleet.Frames(1, 40)
			state, seq := New(DefaultSettings()), uint64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += fleet.Events {
				f := *frames[int(seq)%len(frames)]
				seq++
				f.Number = seq
				if out := state.Apply(seq, &f); out.Applied != fleet.Events {
					b.Fatalf("outcome %+v", out)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
