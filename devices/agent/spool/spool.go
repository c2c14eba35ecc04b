// Package spool keeps messages from when they are made until the broker has
// acknowledged them: in their order, within a bound, in memory or on disk.
package spool

import (
	"errors"
	"sync"

	"weir/devices/agent/dialect"
)

// ErrTooLarge is returned by Put for a message that is larger than the bound.
var ErrTooLarge = errors.New("the message is larger than the spool")

// Item is a message with its number. Numbers ascend by 1; those of messages
// that had to make room are never seen.
type Item struct {
	Number uint64
	dialect.Message
}

// Spool keeps messages in their order. It may be used by several goroutines.
type Spool interface {
	// Put adds a message at the end. Where the bound does not allow it, the oldest
	// messages make room. An error means that this message is not kept.
	Put(m dialect.Message) error

	// Peek returns up to n messages behind a number, in their order; 0 is before
	// all. They stay.
	Peek(after uint64, n int) ([]Item, error)

	// Drop forgets the messages up to a number, that one included.
	Drop(through uint64) error

	// State says how many messages there are, and how many had to make room.
	State() State

	// Changed is sent to after a Put, unless something waits there already.
	Changed() <-chan struct{}

	// Close keeps what there is, if it is on disk.
	Close() error
}

// State is how a spool is.
type State struct {
	Messages int
	Bytes    int64
	Lost     uint64 // messages that had to make room, or that were damaged
}

// overhead is what a message takes in memory besides its bytes.
const overhead = 96

// Memory is a Spool in memory.
type Memory struct {
	mu      sync.Mutex
	items   []Item // items[0] is the oldest
	bytes   int64
	bound   int64
	last    uint64
	lost    uint64
	changed chan struct{}
}

var _ Spool = (*Memory)(nil)

// NewMemory returns an empty spool that takes at most so many bytes.
func NewMemory(bound int64) *Memory { return &Memory{bound: bound, changed: make(chan struct{}, 1)} }

func size(m dialect.Message) int64 { return int64(len(m.Topic) + len(m.Payload) + overhead) }

// Put adds a message.
func (s *Memory) Put(m dialect.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size(m) > s.bound {
		return ErrTooLarge
	}
	for s.bytes+size(m) > s.bound {
		s.removeFirst()
		s.lost++
	}
	s.last++
	s.items = append(s.items, Item{s.last, m})
	s.bytes += size(m)
	announce(s.changed)
	return nil
}

func (s *Memory) removeFirst() {
	s.bytes -= size(s.items[0].Message)
	s.items[0] = Item{} // its bytes are free though the array stays
	s.items = s.items[1:]
	if len(s.items) == 0 {
		s.items = nil
	}
}

// Peek returns messages behind a number.
func (s *Memory) Peek(after uint64, n int) ([]Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.behind(after)
	return append([]Item(nil), s.items[from:min(from+n, len(s.items))]...), nil
}

// behind returns the place of the first message behind a number.
func (s *Memory) behind(after uint64) int {
	if len(s.items) == 0 || after < s.items[0].Number {
		return 0
	}
	return int(min(after-s.items[0].Number+1, uint64(len(s.items))))
}

// Drop forgets messages.
func (s *Memory) Drop(through uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.items) > 0 && s.items[0].Number <= through {
		s.removeFirst()
	}
	return nil
}

// State says how many messages there are.
func (s *Memory) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{len(s.items), s.bytes, s.lost}
}

// Changed is sent to after a Put.
func (s *Memory) Changed() <-chan struct{} { return s.changed }

// Close does nothing.
func (s *Memory) Close() error { return nil }

func announce(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
