package aggregator

import (
	"sync"

	"weir/services/aggregator/internal/fold"
)

// guard shares the state between the consumer, which changes it frame by frame,
// and the read port.
type guard struct {
	mu    sync.RWMutex
	state *fold.State
}

// Read calls f with the state, in order and unchanging until f returns.
func (g *guard) Read(f func(*fold.State)) {
	if g.readOrdered(f) {
		return
	}
	// New sources came. Ordering them changes the state; f then runs alone too,
	// because others might come before the lock is had again.
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Order()
	f(g.state)
}

func (g *guard) readOrdered(f func(*fold.State)) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.state.Ordered() {
		return false
	}
	f(g.state)
	return true
}

// Write calls f with the state, which nobody reads meanwhile.
func (g *guard) Write(f func(*fold.State)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g.state)
}

// Share calls f with the state, which others may read meanwhile: f may change
// only what no query looks at, as taking a checkpoint does.
func (g *guard) Share(f func(*fold.State)) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	f(g.state)
}
