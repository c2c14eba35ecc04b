// Package ledgertest has a stream in memory for ledgers, whose faults are made
// to order.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"weir/services/alerter/internal/ledger"
)

// ErrFault is what a made fault fails with.
var ErrFault = errors.New("made fault")

// Fault says what goes wrong with a message that is published.
type Fault int

// The faults.
const (
	None    Fault = iota
	Refuse        // it is not stored, and the error says so
	LoseAck       // it is stored, and the answer is lost
)

// Stream is a ledger.Stream in memory. Its ids are not remembered as a server
// does for a while: each answer that is lost costs a look at the stream.
type Stream struct {
	mu       sync.Mutex
	fault    func() Fault
	first    uint64 // position of messages[0]
	messages []Message
}

var _ ledger.Stream = (*Stream)(nil)

// Message is a message in a Stream.
type Message struct {
	ID   string
	Data []byte
}

// NewStream returns a stream that begins with messages.
func NewStream(all ...Message) *Stream { return &Stream{first: 1, messages: slices.Clone(all)} }

// SetFault lets f be asked of each message from now on, one at a time; nil: all
// goes well.
func (s *Stream) SetFault(f func() Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Break lets each message be refused from now on.
func (s *Stream) Break() { s.SetFault(func() Fault { return Refuse }) }

// Messages returns the messages that there are.
func (s *Stream) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Cut returns a stream of this one's first n messages, as a crash leaves it.
func (s *Stream) Cut(n int) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Stream{first: s.first, messages: slices.Clone(s.messages[:min(n, len(s.messages))])}
}

// Replace puts other data at a position, as a damage does.
func (s *Stream) Replace(seq uint64, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages[seq-s.first].Data = data
}

func (s *Stream) last() uint64 { return s.first + uint64(len(s.messages)) - 1 }

// Publish is ledger.Stream's.
func (s *Stream) Publish(ctx context.Context, id string, data []byte, last uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := None
	if s.fault != nil {
		fault = s.fault()
	}
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case fault == Refuse:
		return 0, ErrFault
	case s.last() != last:
		return 0, fmt.Errorf("%w: %d is, not %d", ledger.ErrWrongSequence, s.last(), last)
	}
	s.messages = append(s.messages, Message{id, slices.Clone(data)})
	if fault == LoseAck {
		return 0, ErrFault
	}
	return s.last(), nil
}

// ID is ledger.Stream's.
func (s *Stream) ID(_ context.Context, seq uint64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.first || seq > s.last() {
		return "", ledger.ErrNotFound
	}
	return s.messages[seq-s.first].ID, nil
}

// Bounds is ledger.Stream's.
func (s *Stream) Bounds(context.Context) (first, last uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, s.last(), nil
}

// Read is ledger.Stream's.
func (s *Stream) Read(_ context.Context, from, to uint64, visit func(uint64, []byte) error) error {
	for seq := from; seq <= to; seq++ {
		s.mu.Lock()
		data := s.messages[seq-s.first].Data
		s.mu.Unlock()
		if err := visit(seq, data); err != nil {
			return err
		}
	}
	return nil
}

// Purge is ledger.Stream's.
func (s *Stream) Purge(_ context.Context, before uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.Clone(s.messages[before-s.first:])
	s.first = before
	return nil
}
