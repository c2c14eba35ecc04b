package sample

import "sync"

// Orphans are the processes whose parents have ended and which this process then
// became the parent of. Where a command is measured with its descendants, they are
// of its family, although nobody could tell from whom they descend.
//
// What they used is not lost when they end: they are waited for here, and what the
// kernel then adds to this process is kept for the family.
type Orphans struct {
	mu      sync.Mutex // held while a sample is taken, so that nothing is in it twice
	adopter int32      // this process
	cpu     float64    // seconds, of those that were waited for
	disk    totals
}

// hold lets no process be waited for until what it returns is called.
func (o *Orphans) hold() (release func()) {
	if o == nil {
		return func() {}
	}
	o.mu.Lock()
	return o.mu.Unlock
}
