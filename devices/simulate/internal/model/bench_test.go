package model

import "testing"

// BenchmarkTick is what a simulated second of each kind of device costs.
func BenchmarkTick(b *testing.B) {
	b.Run("node", func(b *testing.B) {
		n := NewNode(specs()[0], Noise(1), start)
		n.Advance(start+Tick(b.N), Calm)
	})
	b.Run("proplet with 4 tasks", func(b *testing.B) {
		p := NewProplet(4, Noise(1), start)
		p.Advance(start+Tick(b.N), Calm)
	})
	b.Run("board", func(b *testing.B) {
		d := NewBoard(Noise(1), start)
		d.Advance(start+Tick(b.N), Calm)
	})
}
