package aggregator

import "sync"

// consumerStatus is what others may know of the consumer.
type consumerStatus struct {
	mu           sync.Mutex
	checkpoint   uint64 // journal position on disk
	journalError string // "" while the journal can be read
	storeError   string
}

func (s *consumerStatus) get() (checkpoint uint64, journalError, storeError string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkpoint, s.journalError, s.storeError
}

func (s *consumerStatus) set(change func(*consumerStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}
