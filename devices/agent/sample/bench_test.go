package sample

import (
	"os"
	"testing"
	"time"

	"weir/devices/agent/ring"
)

// BenchmarkTake measures one sample of a process.
func BenchmarkTake(b *testing.B) {
	for name, collect := range map[string]ring.Fields{"all": ring.All, "CPU and memory": ring.CPU | ring.Memory} {
		b.Run(name, func(b *testing.B) {
			s, err := NewProcess(b.Context(), int32(os.Getpid()), false, collect)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Take(b.Context(), time.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
