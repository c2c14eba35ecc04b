package fleet

import "testing"

// BenchmarkMessage is what it costs to bring about a message of each kind of
// device, the simulated seconds before it included.
func BenchmarkMessage(b *testing.B) {
	f := New(config())
	for name, d := range map[string]*Device{"node": &f.Nodes[0].Device, "proplet with 4 tasks": &f.Proplets[0].Device, "board": &f.Boards[0].Device, "data node": &f.DataNodes[0].Device} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Act()
			}
		})
	}
}
