package loadgen

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRun is the generator's own ceiling: what it reaches, closed loop,
// against a sink in the same process that acknowledges everything.
func BenchmarkRun(b *testing.B) {
	for _, qos := range []byte{0, 1, 2} {
		for _, clients := range []int{50, 1000} {
			window := 64
			if clients == 1000 {
				window = 1
			}
			b.Run(fmt.Sprintf("qos=%d/clients=%d/window=%d", qos, clients, window), func(b *testing.B) {
				s := startSink(b)
				config := Config{Addr: s.addr(), Clients: clients, Window: window, QoS: qos, Events: uint64(b.N), Sources: 1000}
				b.ReportAllocs()
				b.ResetTimer()
				before := processorTime(b)
				result, err := Run(context.Background(), config, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(result.Rate, "events/s")
				b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// BenchmarkStream is the cost of making one packet.
func BenchmarkStream(b *testing.B) {
	for _, kind := range []Kind{Task, Proplet, Spore, Bad} {
		b.Run(string(kind), func(b *testing.B) {
			config, err := Config{Addr: "-", Events: 1, QoS: 1, Payload: kind, Sources: 1000}.complete()
			if err != nil {
				b.Fatal(err)
			}
			s := newStream(config, 0)
			out := make([]byte, 0, s.largest())
			b.ReportAllocs()
			for b.Loop() {
				out = s.append(out[:0], 1, 1767323045_000006000)
			}
			b.SetBytes(int64(len(out)))
		})
	}
}

func processorTime(tb testing.TB) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
